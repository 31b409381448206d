"""The list of quarters is made from what lies beside it, in each language, and a reader never sees half of it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from page_checks import faults

from ennakointi import parameters
from ennakointi.disclosure import DisclosureError
from ennakointi.errors import RunError
from ennakointi.periods import Quarter
from ennakointi.run import quarter_list
from ennakointi.run.frames import Release
from ennakointi.run.notebook_runs import Job, Outcome
from ennakointi.text import Catalogue

FACTS = {"as_of": "2025-09-30", "synthetic": False, "source": "register", "missing": []}
MANIFEST = {
    "version": "0",
    "mode": "fast",
    "as_of": "2025-09-30",
    "made_on": "2025-10-12",
    "source": {"read": 10, "quarantined": 0},
}


loaded = cache(parameters.load)


def release(*languages: str, forbidden: tuple[str, ...] = ()) -> Release:
    outcomes = [
        Outcome(Job("summary", Path("summary.ipynb"), {"language": code}, Path("x"), "Kooste", 1), "", 0.0)
        for code in languages
    ]
    return Release(loaded(), Quarter(2025, 3), FACTS, outcomes, {}, MANIFEST, forbidden)


def publish(folder: Path, lead: str, more: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(f'<p class="lead">{lead}</p>{more}', encoding="utf-8")


def listed(page: Path) -> list[str]:
    html = page.read_text(encoding="utf-8")
    assert faults(html) == []
    return [href for href in re.findall(r'<a href="([^"]+)"', html) if re.fullmatch(r"\d{4}Q\d/.*index\.html", href)]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Two quarters, the older one in Finnish alone and synthetic, and what a stopped run leaves."""
    publish(tmp_path / "2025Q3", "Noin 110 000 k&auml;yntiä &lt;20 viikossa.")
    publish(tmp_path / "2025Q3" / "sv", "Cirka 110 000 besök.")
    publish(tmp_path / "2024Q4", "Vanha.", Catalogue("fi").synthetic)
    (tmp_path / ".2025Q2.new").mkdir()
    (tmp_path / "2025Q2").mkdir()
    (tmp_path / "index.en.html").write_text("stale", encoding="utf-8")
    return tmp_path


def test_quarters_stand_newest_first_with_their_opening_line(outputs: Path) -> None:
    quarter_list.write(outputs, release("fi", "sv"))
    assert listed(outputs / "index.html") == ["2025Q3/index.html", "2024Q4/index.html"]
    assert listed(outputs / "index.sv.html") == ["2025Q3/sv/index.html", "2024Q4/index.html"]
    finnish = (outputs / "index.html").read_text(encoding="utf-8")
    assert "Noin 110 000 käyntiä &lt;20 viikossa." in finnish
    assert "Cirka 110 000 besök." in (outputs / "index.sv.html").read_text(encoding="utf-8")
    assert 'href="2025Q3/accessibility.html"' in finnish


def test_a_synthetic_quarter_is_marked_among_real_ones(outputs: Path) -> None:
    quarter_list.write(outputs, release("fi"))
    page = (outputs / "index.html").read_text(encoding="utf-8")
    assert page.count(Catalogue("fi").synthetic) == 1
    assert page.index("Vanha.") < page.index(Catalogue("fi").synthetic)


def test_only_the_languages_of_the_release_stay_and_no_scraps(outputs: Path) -> None:
    quarter_list.write(outputs, release("sv", "fi"))
    assert sorted(path.name for path in outputs.glob("*index*")) == ["index.fi.html", "index.html"]
    assert not list(outputs.glob(".quarters*"))
    assert '<html lang="sv">' in (outputs / "index.html").read_text(encoding="utf-8")


def test_a_line_that_must_not_leave_keeps_the_old_list(outputs: Path) -> None:
    quarter_list.write(outputs, release("fi"))
    before = (outputs / "index.html").read_bytes()
    publish(outputs / "2025Q3", "Made in secret-folder.")
    with pytest.raises(DisclosureError):
        quarter_list.write(outputs, release("fi", forbidden=("secret-folder",)))
    assert (outputs / "index.html").read_bytes() == before
    assert not list(outputs.glob(".quarters*"))


def test_a_list_that_cannot_be_written_says_so(outputs: Path) -> None:
    (outputs / "index.html").mkdir()
    with pytest.raises(RunError, match="the list of quarters could not be written"):
        quarter_list.write(outputs, release("fi"))
