"""Names that are programs: whatever a municipality or a service is called, a page, a picture and a file only say it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path

import pandas as pd
import pytest
from demand_tables import demand_tables
from page_checks import faults
from page_tables import LABELS, THL5, context, deviation_tables, everything, released

from ennakointi import disclosure
from ennakointi.disclosure import check_outputs
from ennakointi.pages.debt import DebtPage
from ennakointi.pages.demand import DemandPage
from ennakointi.pages.deviation import DeviationPage
from ennakointi.pages.effects import EffectsPage
from ennakointi.pages.quality import QualityPage
from ennakointi.pages.summary import SummaryPage
from ennakointi.report import exporter, markup, table_files, workbook_files
from ennakointi.report.exporter import Page
from ennakointi.report.markup import Block

SCRIPT = "<script>alert(1)</script>"
QUOTES = """"Suu" 'n' <b onclick=x> & ]]> --> {{ 7*7 }}"""
FORMULA = '=HYPERLINK("https://example.fi","x")'
EVIL = {kind: dict.fromkeys(codes, QUOTES) for kind, codes in LABELS["fi"].items()}
EVIL["area"] |= dict.fromkeys(("398", "576"), SCRIPT)
EVIL["service"] |= {"primary_care": SCRIPT}


def around(title: str = QUOTES) -> Page:
    at = context()
    return Page(
        title=title,
        language="fi",
        quarter=at.quarter,
        as_of=at.as_of,
        county=SCRIPT,
        contact=QUOTES,
        synthetic=True,
        made_on=at.as_of,
        source=SCRIPT,
        nav=((QUOTES, "index.html"),),
    )


def blocks(page: object) -> Iterator[Block]:
    """Every block that the page can show."""
    for name, member in vars(type(page)).items():
        if not name.startswith("_") and getattr(member, "__annotations__", {}).get("return") == "Block":
            yield getattr(page, name)()


@pytest.mark.parametrize(
    "kind",
    [
        QualityPage,
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in (DebtPage, DemandPage, DeviationPage, EffectsPage)),
        pytest.param(SummaryPage, marks=pytest.mark.slow),
    ],
)
def test_pages_say_such_names_and_do_not_run_them(kind: type) -> None:
    tables = {**everything(), **released(demand_tables(), deviation_tables())}
    group = () if kind in (QualityPage, SummaryPage) else ("all",)
    page = kind(tables, *group, context(labels=EVIL))
    shown = list(blocks(page))
    assert len(shown) >= 4
    body = markup.stack(markup.heading(QUOTES), *shown)
    html = exporter.block_page(body, around())
    assert faults(html) == []
    assert "<script" not in html
    assert "<b onclick" not in html
    assert max(body.html.count(said) for said in ("onclick=x&gt;", escape(SCRIPT))) > 2
    assert "49" not in html.split("<title>")[1].split("</title>")[0]


def test_files_hold_such_names_as_texts(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"service": [FORMULA, SCRIPT, "-3", "+a", "@b", "'c", "\td"], "year": 2024, "contacts": -0.0, "n_persons": 99.0}
    ).assign(cost_eur=-12_345.0, covered_share=1.0)
    released = disclosure.release({"volumes": rows}, THL5)
    table_files.write_tables(tmp_path, released, THL5, synthetic=False)
    read = pd.read_csv(tmp_path / "tables" / "volumes.csv", dtype={"service": str})
    assert read["service"].tolist() == ["'" + FORMULA, SCRIPT, "-3", "'+a", "'@b", "''c", "'\td"]
    assert set(read["cost_eur"]) == {-12_000}
    assert [name[1:] if name[0] == "'" else name for name in read["service"]] == rows["service"].tolist()
    report = workbook_files.Report(around(), "volumes", ("volumes",), labels={"service": {"+a": SCRIPT}})
    workbook_files.write(tmp_path, released, [report], THL5)
    check_outputs(tmp_path)
    with zipfile.ZipFile(io.BytesIO((tmp_path / "tables" / "volumes.xlsx").read_bytes())) as packed:
        texts = {name: packed.read(name).decode() for name in packed.namelist()}
    assert SCRIPT not in "".join(texts.values())
    assert FORMULA in unescape(texts["xl/sharedStrings.xml"])
    assert not any("<f>" in text for text in texts.values())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Kunta;=1+1", "Kunta;'=1+1"),  # a Finnish spreadsheet splits at ;
        (" =1+1", "' =1+1"),
        ("\u00a0=1+1", "'\u00a0=1+1"),
        ("x\n=1+1", "x\n'=1+1"),
        ("a-b = c", "a-b = c"),
        ("-5,2", "-5,2"),
    ],
)
def test_a_formula_is_neutralised_wherever_a_spreadsheet_begins_a_cell(text: str, told: str) -> None:
    assert table_files.neutral(text) == told


def test_a_link_of_another_kind_than_a_page_is_an_error() -> None:
    with pytest.raises(ValueError, match="JavaScript"):
        markup.link("x", " JavaScript:alert(1)")
    assert "mailto:" in markup.link("x", "mailto:info@example.fi").html
