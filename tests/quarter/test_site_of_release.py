"""The site of a finished release as a reader of the file share meets it: every page, every link, both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from quarter_pages import headings, links, text

from ennakointi.text import Catalogue

pytestmark = pytest.mark.xdist_group("quarter")

ABOUT = ("methods", "glossary", "downloads", "data_dictionary", "provenance", "accessibility")
PAGE_LIMIT_BYTES = 1_500_000


def pages(folder: Path) -> list[Path]:
    found = sorted(folder.rglob("*.html"))
    assert len(found) > 20
    return found


def test_every_language_has_every_page_about_the_report(quarter) -> None:
    for folder, words in ((quarter.release, "Sanasto"), (quarter.release / "sv", "Ordlista")):
        for name in ABOUT:
            page = (folder / f"{name}.html").read_text(encoding="utf-8")
            assert len(headings(page, 1)) == 1, name
        assert headings((folder / "glossary.html").read_text(encoding="utf-8"), 1) == [words]


def test_every_page_stays_under_its_size(quarter) -> None:
    for path in pages(quarter.release):
        assert path.stat().st_size <= PAGE_LIMIT_BYTES, path.name


def test_every_address_is_relative_and_leads_somewhere(quarter) -> None:
    """Opened from a file share there is no server: an address with a scheme leads outside, all others to a file."""
    followed = 0
    for path in [*pages(quarter.release), *quarter.release.parent.glob("index*.html")]:
        for href in links(path.read_text(encoding="utf-8")):
            if re.match(r"(https?|mailto):", href):
                continue
            place, _, anchor = href.partition("#")
            assert not place.startswith("/"), f"{path.name}: {href}"
            target = (path.parent / place).resolve() if place else path
            assert target.is_file(), f"{path.name}: {href}"
            assert not anchor or f'id="{anchor}"' in target.read_text(encoding="utf-8"), f"{path.name}: {href}"
            followed += 1
    assert followed > 300


def test_every_page_leads_to_the_pages_about_the_report_and_to_the_quarters(quarter) -> None:
    for path in pages(quarter.release):
        found = set(links(path.read_text(encoding="utf-8")))
        assert {f"{name}.html" for name in ABOUT} <= found, path.name
        listed = "../index.html" if path.parent == quarter.release else "../../index.sv.html"
        assert listed in found, path.name


def test_the_first_page_has_one_table_of_all_pages(quarter) -> None:
    page = (quarter.release / "index.html").read_text(encoding="utf-8")
    table = re.search(r'<table[^>]*id="table-pages".*?</table>', page, re.DOTALL)
    assert table is not None
    own = {path.name for path in quarter.release.glob("*-*.html")}
    assert set(links(table[0])) == own
    assert len(own) >= 4


def test_every_table_and_workbook_can_be_downloaded(quarter) -> None:
    for folder in (quarter.release, quarter.release / "sv"):
        page = folder / "downloads.html"
        found = {(folder / href).resolve() for href in links(page.read_text(encoding="utf-8"))}
        assert set(quarter.release.resolve().glob("tables/*.csv")) <= found
        assert (quarter.release / "tables" / "tables.json").resolve() in found
        books = set(folder.resolve().glob("tables/*.xlsx"))
        assert len(books) >= 5
        assert books <= found


def test_the_example_comment_stands_on_its_pages_and_on_no_other(quarter) -> None:
    said = "Esimerkki yhden sivun kommentista."
    holding = {path.name for path in quarter.release.glob("*.html") if said in text(path.read_text(encoding="utf-8"))}
    assert holding == {"service_debt-older_people.html"}


def test_what_the_report_is_not_for_stands_on_every_page_of_results(quarter) -> None:
    found = list(quarter.release.glob("*-*.html"))
    assert len(found) >= 4
    for path in found:
        assert "Mihin tätä raporttia ei ole tarkoitettu" in text(path.read_text(encoding="utf-8")), path.name


def test_the_provenance_page_tells_what_was_read(quarter) -> None:
    page = text((quarter.release / "provenance.html").read_text(encoding="utf-8"))
    for told in ("persons.parquet", "debt.yml", "summary.ipynb", "pandas"):
        assert told in page


def test_the_quarters_are_listed_beside_them_in_every_language(quarter) -> None:
    outputs = quarter.release.parent
    finnish, swedish = ((outputs / name).read_text(encoding="utf-8") for name in ("index.html", "index.sv.html"))
    assert "3. neljännes 2025" in text(finnish)
    assert "2025Q3/index.html" in links(finnish)
    assert "2025Q3/sv/index.html" in links(swedish)
    lead = re.search(r'<p class="lead">(.*?)</p>', (quarter.release / "index.html").read_text(encoding="utf-8"))
    assert lead is not None
    assert text(lead[1]) in text(finnish)
    assert Catalogue("fi").synthetic in text(finnish)
    assert (outputs / "index.html").stat().st_mode & 0o044
