"""The tables other programs read, their description, and the table of all pages."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
from page_checks import Reader

from ennakointi import disclosure
from ennakointi.parameters.documents import Preset
from ennakointi.report import site, table_files
from ennakointi.report.table_files import TableFile
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import Catalogue

THL5 = Preset(name="thl5", threshold=5, base=10)
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


GROUPS = [
    site.GroupLinks("All <b>", {"Service debt": "debt-all.html", "Effects": "effects-all.html"}),
    site.GroupLinks("Older people", {"Service debt": "debt-older.html"}),
]


def test_one_table_of_groups_and_topics_leads_to_every_page() -> None:
    html = site.contents(Catalogue("en"), GROUPS, [("Data quality", "data_quality.html")]).html
    page = Reader(html)
    assert page.faults == []
    assert [a["href"] for a in page.tags("a")] == [
        "debt-all.html",
        "effects-all.html",
        "debt-older.html",
        "data_quality.html",
        "downloads.html",
    ]
    assert html.count('scope="row"') == len(GROUPS)
    assert "All &lt;b&gt;" in html
    assert "<b>" not in html


def test_a_link_says_alone_where_it_leads() -> None:
    """A screen reader lists links without the table around them."""
    html = site.contents(Catalogue("en"), GROUPS, []).html
    texts = [re.sub("<[^>]+>", "", text) for text in re.findall(r"<a [^>]*>(.*?)</a>", html)]
    assert texts[0] == "Open: Service debt, All &lt;b&gt;"
    assert len(set(texts)) == len(texts)


def test_a_quarter_without_groups_lists_its_pages() -> None:
    html = site.contents(Catalogue("en"), [], [("Data quality", "data_quality.html")]).html
    assert "<table" not in html
    assert 'href="data_quality.html"' in html
