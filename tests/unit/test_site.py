"""The tables other programs read, their description, and the list of pages."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_notebook, new_output
from page_checks import faults

from ennakointi import disclosure
from ennakointi.periods import Quarter
from ennakointi.report import exporter, markup, site, table_files
from ennakointi.report.site import TableFile
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import Catalogue

THL5 = SimpleNamespace(name="thl5", threshold=5, base=10)
ROWS = pd.DataFrame(
    {
        "service": ["oral_health", "home_care"],
        "year": [2024, 2024],
        "contacts": [12_345.0, 7.0],
        "cost_eur": [1_234_567.0, 300.0],
        "covered_share": [0.98765, 1.0],
        "n_persons": [999.0, 3.0],
    }
)
RELEASED = disclosure.release({"volumes": ROWS}, THL5)


def test_tables_are_written_as_plain_csv(tmp_path: Path) -> None:
    files = table_files.write_tables(tmp_path, RELEASED, THL5, synthetic=False)
    assert files == [TableFile("volumes", "tables/volumes.csv", 2)]
    assert (tmp_path / "tables" / "volumes.csv").read_text(encoding="utf-8") == (
        "service,year,contacts,cost_eur,covered_share,n_persons,suppressed\n"
        "oral_health,2024,12350,1235000,0.98765,1000,\n"
        "home_care,2024,,,1,,contacts;cost_eur;n_persons\n"
    )


def test_synthetic_rows_say_so(tmp_path: Path) -> None:
    table_files.write_tables(tmp_path, RELEASED, THL5, synthetic=True)
    read = pd.read_csv(tmp_path / "tables" / "volumes.csv")
    assert set(read["note"]) == {Catalogue("fi").synthetic}
    assert json.loads((tmp_path / "tables" / "tables.json").read_text(encoding="utf-8"))["synthetic"] is True


def test_a_table_reads_back_as_it_was_released() -> None:
    read = pd.read_csv(io.StringIO(table_files.csv("volumes", RELEASED["volumes"], False)))
    pd.testing.assert_frame_equal(read.fillna({"suppressed": ""}), RELEASED["volumes"], check_dtype=False)


def test_every_column_is_described_with_its_rule(tmp_path: Path) -> None:
    table_files.write_tables(tmp_path, RELEASED, THL5, synthetic=False)
    described = json.loads((tmp_path / "tables" / "tables.json").read_text(encoding="utf-8"))
    columns = {c["name"]: c for c in described["tables"]["volumes"]["columns"]}
    assert set(columns) == {*RELEASED["volumes"].columns}
    assert columns["contacts"]["disclosure"] == "hidden with its row, rounded to 10"
    assert columns["cost_eur"]["disclosure"] == "hidden with its row, rounded to 1000"
    assert columns["cost_eur"]["unit"] == "euros"
    assert described["disclosure"] == {"preset": "thl5", "threshold_persons": 5, "base": 10}


def test_every_declared_table_has_a_name_for_readers() -> None:
    assert set(table_files.TABLE_NAMES) == set(RESULT_TABLES)


def test_whole_and_broken_numbers() -> None:
    frame = RELEASED["volumes"].assign(covered_share=[0.123456789, np.nan])
    assert ",0.123457," in table_files.csv("volumes", frame, False)


def test_the_list_leads_to_all_pages_and_tables() -> None:
    topics = [("Service debt", [("All <b>", "debt-all.html")]), ("Nothing", [])]
    html = site.listing(Catalogue("en"), topics, [TableFile("volumes", "tables/volumes.csv", 2)]).html
    assert '<a href="debt-all.html">All &lt;b&gt;</a>' in html
    assert '<a href="tables/volumes.csv">Contacts by service and year</a>' in html
    assert 'href="tables/tables.json"' in html
    assert "Nothing" not in html


def test_a_list_without_tables_has_no_downloads() -> None:
    assert "CSV" not in site.listing(Catalogue("en"), [("A", [("b", "c.html")])], []).html


def test_the_manifest_is_sorted_and_readable(tmp_path: Path) -> None:
    site.write_manifest(tmp_path, {"b": 1, "a": "ä"})
    assert (tmp_path / "manifest.json").read_text(encoding="utf-8") == '{\n "a": "ä",\n "b": 1\n}\n'


def test_the_first_page_holds_the_summary_then_all_pages() -> None:
    page = exporter.Page(
        title="Päijät-Häme",
        language="en",
        quarter=Quarter(2025, 3),
        as_of=date(2025, 9, 30),
        county="Päijät-Häme",
        contact="info@example.fi",
        synthetic=False,
        made_on=date(2025, 10, 12),
        source="register",
    )
    summary = markup.headline("About 110,000 contacts.")
    cell = new_code_cell(outputs=[new_output("display_data", data={"text/html": summary._repr_html_()})])
    from_block, from_notebook = (
        site.index(page, content, [("Service debt", [("All", "debt.html")])], [])
        for content in (summary, new_notebook(cells=[cell]))
    )
    for html in (from_block, from_notebook):
        assert faults(html) == []
        assert html.index("About 110,000") < html.index("All pages") < html.index("debt.html")
