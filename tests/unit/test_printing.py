"""Printed pages: tagged, with bookmarks, language and page numbers, the folded content open, nothing of the machine."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pypdf
import pytest
import release_facts

from ennakointi import cli
from ennakointi.errors import ParameterError, RunError
from ennakointi.periods import Quarter
from ennakointi.report import exporter, markup
from ennakointi.report.markup import Column
from ennakointi.run import printing, provenance
from ennakointi.text import Catalogue

CHROMIUM = any(shutil.which(name) for name in printing.BROWSERS)
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs chromium (Debian package `chromium`)")
HIDDEN = "ei näytetä (tietosuoja)"


def page() -> str:
    catalogue = Catalogue("fi")
    frame = pd.DataFrame({"label": ["Suu", "Koti"], "value": [20.0, None], "suppressed": ["", "value"]})
    columns = [Column("label", "Palvelu"), Column("value", "Käyntejä", "number")]
    block = markup.stack(
        markup.heading("Velka palveluittain", 2),
        markup.table(frame, columns, "Velka", catalogue),
        markup.details("Menetelmä", markup.paragraph("Odotettu luku on mallin arvio.")),
        markup.bullets(markup.link("Toinen sivu", "other.html#a"), markup.link("Luvut", "tables/own (1).csv")),
        markup.bullets(markup.link("Valvoja", "https://example.fi/ohje"), markup.link("Neljännekset", "../index.html")),
    )
    about = exporter.Page(
        title="Kooste",
        language="fi",
        quarter=Quarter(2025, 3),
        as_of=date(2025, 9, 30),
        county="Päijät-Häme",
        contact="info@example.fi",
        synthetic=True,
        made_on=date(2025, 10, 12),
        source="synthetic county",
    )
    return exporter.block_page(block, about)


def released(folder: Path) -> Path:
    """A release of two pages in a folder with a space and a letter of Finnish in its name."""
    release = folder / "oma työ" / "2025Q3"
    (release / "tables").mkdir(parents=True)
    for name in ("index.html", "other.html"):
        (release / name).write_text(page(), encoding="utf-8")
    (release / "tables" / "own (1).csv").write_text("a\n", encoding="utf-8")
    facts = release_facts.facts()
    facts["settings"]["languages"] = ["fi"]
    provenance.write(release, facts)
    return release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    release = released(tmp_path_factory.mktemp("printed"))
    assert cli.main(["pdf", "--quarter", "2025Q3", "--output", str(release.parent), "--jobs", "2"]) == 0
    return release


@pytest.mark.browser
@needs_chromium
def test_a_printed_page_is_tagged_titled_and_in_its_language(release: Path) -> None:
    opened = pypdf.PdfReader(release / "pdf" / "index.pdf", strict=True)
    root = opened.trailer["/Root"]
    assert "/StructTreeRoot" in root
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "fi"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert opened.metadata.title.startswith("Kooste")
    bookmarks = [one for one in opened.outline if not isinstance(one, list)]
    assert bookmarks[0].title == "Kooste"
    assert "Velka palveluittain" in str(opened.outline)


@pytest.mark.browser
@needs_chromium
def test_what_is_folded_hidden_or_synthetic_is_printed_in_words(release: Path) -> None:
    pages = pypdf.PdfReader(release / "pdf" / "index.pdf").pages
    text = " ".join(page.extract_text() for page in pages)
    assert HIDDEN in text
    assert "Odotettu luku on mallin arvio." in text
    assert Catalogue("fi").synthetic in text
    assert all(f"{number} / {len(pages)}" in page.extract_text() for number, page in enumerate(pages, start=1))


@pytest.mark.browser
@needs_chromium
def test_links_lead_to_what_lies_beside_the_pdf(release: Path) -> None:
    addresses = [
        note.get_object()["/A"]["/URI"]
        for page in pypdf.PdfReader(release / "pdf" / "index.pdf").pages
        for note in page.get("/Annots", ())
        if "/A" in note.get_object()
    ]
    assert "other.pdf#a" in addresses
    assert "../tables/own%20%281%29.csv" in addresses
    assert "https://example.fi/ohje" in addresses
    assert "../../index.html" in addresses
    assert not [address for address in addresses if address.startswith("file")]


@pytest.mark.browser
@needs_chromium
def test_nothing_of_the_machine_or_the_clock_is_in_the_file_and_it_is_made_alike(release: Path) -> None:
    first = (release / "pdf" / "index.pdf").read_bytes()
    assert str(release.parent.parent).encode() not in first
    assert pypdf.PdfReader(release / "pdf" / "index.pdf").metadata["/CreationDate"] == "D:20251012000000Z"
    assert printing.run(printing.Request(release), lambda _: None) == 0
    assert (release / "pdf" / "index.pdf").read_bytes() == first
    assert provenance.verify(release, lambda _: None) == 0


def test_a_wrong_language_page_or_quarter_is_named(tmp_path: Path) -> None:
    release = released(tmp_path)
    with pytest.raises(ParameterError, match="--language sv: the release is in fi"):
        printing.run(printing.Request(release, languages=("sv",)), print)
    with pytest.raises(ParameterError, match="--page none"):
        printing.run(printing.Request(release, pages=("none.html",)), print)
    with pytest.raises(ParameterError, match="holds no release"):
        printing.run(printing.Request(tmp_path), print)


def test_without_chromium_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = released(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="Debian package `chromium`"):
        printing.run(printing.Request(release), print)
    assert not (release / "pdf").exists()


@pytest.mark.parametrize("body", ["exit 3", "exit 0"])
def test_a_browser_that_fails_leaves_the_earlier_pdf(body: str, tmp_path: Path, monkeypatch) -> None:
    release = released(tmp_path)
    (release / "pdf").mkdir()
    (release / "pdf" / "index.pdf").write_bytes(b"earlier")
    browser = tmp_path / "chromium"
    browser.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RunError, match=r"index.html: Chromium could not print it"):
        printing.run(printing.Request(release), print)
    assert (release / "pdf" / "index.pdf").read_bytes() == b"earlier"


def test_a_link_out_of_the_releases_is_not_printed(tmp_path: Path) -> None:
    printer = printing._Printer(tmp_path / "2025Q3", "chromium", tmp_path, tmp_path / "pdf", frozenset({"index.html"}))
    assert printer._address("sv/index.html", (tmp_path / "2025Q3" / "index.html").as_uri()) == "../index.pdf"
    with pytest.raises(RunError, match=r"index\.html: a link leads out of the releases"):
        printer._address("index.html", "file:///srv/export/persons.csv")


def test_what_is_put_in_is_as_long_as_what_it_replaces() -> None:
    given = rb"x /URI (file:///srv/a\(b\)/2025Q3/tables/a.csv) y /CreationDate (D:20261122111750+00'00') z"
    made = printing.tidy(given, date(2025, 10, 12), lambda address: address.rpartition("2025Q3")[2])
    assert len(made) == len(given)
    assert b"/URI (/tables/a.csv)   " in made
    assert b"(D:20251012000000Z)" in made
    with pytest.raises(RunError, match="names a folder of this machine"):
        printing.tidy(b"/Title (file:///srv/2025Q3)", date(2025, 10, 12), str)
    with pytest.raises(RunError, match="longer than it was"):
        printing.tidy(b"/URI (file:///a)", date(2025, 10, 12), lambda _: "../../../../../../a.csv")
