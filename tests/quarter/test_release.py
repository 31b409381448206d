"""What a reader, a program and an auditor find in a finished release."""

from __future__ import annotations

import json
import re

import nbformat
import pandas as pd
import pytest
from quarter_pages import headings, links, text, written

from ennakointi.result_tables import COUNT, ESTIMATE, PERSONS, RESULT_TABLES

pytestmark = pytest.mark.xdist_group("quarter")


def test_the_run_ends_well_and_leaves_the_pages(quarter) -> None:
    assert quarter.code == 0
    names = {path.name for path in quarter.release.glob("*.html")}
    assert {"index.html", "service_debt-all.html", "service_debt-older_people.html", "data_quality.html"} <= names
    assert {"demand-all.html", "demand-older_people.html"} <= names
    assert {path.name for path in (quarter.release / "sv").glob("*.html")} == names


def test_the_first_page_answers_in_finnish(quarter) -> None:
    page = (quarter.release / "index.html").read_text(encoding="utf-8")
    assert '<html lang="fi">' in page
    assert len(headings(page, 1)) == 1
    assert re.search(r"[\d\u00a0]+ käyntiä odotettua vähemmän \(80\s%:n epävarmuusväli", text(page))


def test_the_swedish_pages_are_swedish(quarter) -> None:
    page = (quarter.release / "sv" / "service_debt-all.html").read_text(encoding="utf-8")
    assert '<html lang="sv">' in page
    assert "osäkerhetsintervall" in text(page)
    assert not re.search(r"palveluvelka|käyntiä|epävarmuusväli", text(page), re.I)


def test_every_link_of_every_page_leads_somewhere(quarter) -> None:
    followed = 0
    for path in quarter.release.rglob("*.html"):
        for href in links(path.read_text(encoding="utf-8")):
            if href.startswith("https://"):  # the authority of the accessibility statement, the licence
                assert path.name in ("accessibility.html", "downloads.html")
                continue
            place, _, anchor = href.partition("#")
            target = (path.parent / place).resolve() if place else path
            assert target.exists(), f"{path.name}: {href}"
            if anchor:
                assert f'id="{anchor}"' in target.read_text(encoding="utf-8"), f"{path.name}: {href}"
            followed += 1
    assert followed > 100


def test_every_page_figure_and_file_says_that_the_data_are_synthetic(quarter) -> None:
    for path in quarter.release.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        marks = len(re.findall("SYNTEETTINEN|SYNTETISK", page))
        assert marks > page.count("<svg") / 2, path.name  # each figure has a wide and a narrow picture
    for path in quarter.release.glob("tables/*.csv"):
        assert "SYNTEETTINEN AINEISTO" in path.read_text(encoding="utf-8"), path.name
    assert json.loads((quarter.release / "tables" / "tables.json").read_text(encoding="utf-8"))["synthetic"]


def test_tables_are_as_declared_rounded_and_protected(quarter) -> None:
    written = sorted(quarter.release.glob("tables/*.csv"))
    assert len(written) >= 9
    for path in written:
        table, declared = pd.read_csv(path), RESULT_TABLES[path.stem]
        assert list(table.columns) == [*declared.names, "suppressed", "note"]
        if declared.persons:
            persons = table[declared.persons].dropna()
            assert not persons.between(1, 4).any()
        for column in declared.of_kind(COUNT, ESTIMATE, PERSONS):
            exempt = path.stem == "effects" and column in ("n_treated", "n_comparison")
            assert exempt or (table[column].dropna() % 10 == 0).all(), f"{path.stem}.{column}"


def test_published_numbers_come_from_the_unrounded_ones(quarter) -> None:
    keys = ["target_group", "service", "month"]
    raw = pd.read_parquet(quarter.work / "results" / "service_debt.parquet").set_index(keys)
    released = pd.read_csv(quarter.release / "tables" / "service_debt.csv").set_index(keys)
    both = released.join(raw[["observed"]], rsuffix="_raw").dropna(subset=["observed"])
    assert len(both) > 100
    assert ((both["observed"] - both["observed_raw"]).abs() <= 5).all()


def test_nothing_of_persons_or_the_machine_leaves(quarter) -> None:
    ids = set(pd.read_parquet(quarter.folder / "data" / "persons.parquet")["person_id"].astype(str))
    files = [path for path in quarter.release.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        content = written(path)
        if "data_fields" not in path.name and "data_quality" not in path.name:  # they name the contract's columns
            assert "person_id" not in content, path.name
        assert str(quarter.folder) not in content, path.name
        if path.name != "data_quality.csv" and path.suffix != ".json":  # they count rows and bytes, unrounded
            whole = set(re.findall(r"(?<![\d.,])\d{6}(?![\d.,])", content))
            assert not {number for number in whole & ids if not number.endswith("0")}, path.name


def test_the_work_folder_is_for_this_user_only(quarter) -> None:
    for path in (quarter.work, *quarter.work.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path.name
    assert (quarter.release / "index.html").stat().st_mode & 0o044


def test_published_notebooks_hold_blocks_only(quarter) -> None:
    notebooks = sorted(quarter.release.rglob("*.ipynb"))
    assert len(notebooks) >= 10
    for path in notebooks:
        notebook = nbformat.read(path, as_version=4)
        assert set(notebook.metadata) == {"kernelspec"}
        kinds = {o.output_type for cell in notebook.cells for o in cell.get("outputs", [])}
        assert kinds <= {"display_data", "execute_result"}
        assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
