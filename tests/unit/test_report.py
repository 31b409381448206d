"""Pages from executed notebooks: only our blocks get through, and the page is readable without seeing it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from page_checks import Reader, faults

from ennakointi import disclosure
from ennakointi.periods import Quarter
from ennakointi.report import exporter, figures, markup
from ennakointi.report.exporter import Page, ReportError
from ennakointi.report.markup import Block, Column
from ennakointi.text import Catalogue

EN = Catalogue("en")
PAGE = Page(
    title="Service debt <all>",
    language="en",
    quarter=Quarter(2025, 3),
    as_of=date(2025, 9, 30),
    county="Päijät-Häme",
    contact="info@example.fi",
    synthetic=True,
    made_on=date(2025, 10, 12),
    source="synthetic county",
    nav=(("Summary", "index.html"), ("Service debt", "debt.html")),
    current="debt.html",
    languages=(("fi", "fi/debt.html"), ("en", "debt.html")),
    provenance=(("Seed", "42"),),
    more=(("Accessibility statement", "accessibility.html"),),
)


def shown(block: Block) -> nbformat.NotebookNode:
    data = {"text/html": block._repr_html_(), "text/plain": repr(block)}
    return new_code_cell("secret = study.call()", outputs=[new_output("execute_result", data=data)])


def notebook(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    end = new_output("display_data", data={disclosure.END_MARKER: {"whole": True}})
    return new_notebook(cells=[*cells, new_code_cell("study.end()", outputs=[end])])


CHART = figures.bars(
    pd.DataFrame({"label": ["Oral health"], "value": [2.0]}),
    catalogue=EN,
    unit="weeks",
    alt="Two weeks.",
    caption="Weeks",
)


def full() -> nbformat.NotebookNode:
    table = markup.table(
        pd.DataFrame({"a": ["x"], "n": [1.0]}), [Column("a", "A"), Column("n", "N", "number")], "T", EN
    )
    return notebook(
        new_markdown_cell("# Notebook title\n\nWhat is **shown** here <b>raw</b>."),
        shown(markup.headline("About 110,000 contacts.", lead="The debt is falling.")),
        new_markdown_cell("## Over time"),
        shown(markup.figure(CHART, table, "Numbers")),
        shown(markup.section("Over time", markup.figure(CHART), markup.details("Method", markup.paragraph("x")))),
        shown(markup.section("How sure", markup.checks([(True, "fine")], EN))),
    )


def test_a_page_is_readable_without_seeing_it() -> None:
    html = exporter.page(full(), PAGE)
    assert faults(html) == []
    page = Reader(html)
    assert page.tags("html")[0]["lang"] == "en"
    assert page.tags("a")[0] == {"class": "skip", "href": "#main"}
    assert page.tags("main")[0]["id"] == "main"
    assert {nav["aria-label"] for nav in page.tags("nav")} == {
        "Pages",
        "Languages",
        "On this page",
        "About this report",
    }
    assert [a["href"] for a in page.tags("a") if "aria-current" in a] == ["debt.html", "debt.html"]


def test_code_and_the_notebook_s_own_title_are_left_out() -> None:
    html = exporter.page(full(), PAGE)
    assert "secret" not in html
    assert "Notebook title" not in html
    assert "<strong>shown</strong>" in html
    assert "<b>raw</b>" not in html
    assert "<h1>Service debt &lt;all&gt;</h1>" in html


def test_a_heading_goes_where_all_under_it_is_empty() -> None:
    under = ([markup.stack()], [markup.paragraph("Noin 10."), markup.stack()], [])
    parts = [
        (new_markdown_cell(f"## Otsikko {n}\n\nJohdanto {n}."), *map(shown, blocks)) for n, blocks in enumerate(under)
    ]
    html = exporter.page(notebook(*(cell for part in parts for cell in part)), PAGE)
    assert "Otsikko 0" not in html
    assert "Johdanto 0" not in html
    assert "Otsikko 1" in html
    assert "Otsikko 2" in html  # a paragraph without blocks is the writer's own


def test_the_contents_list_the_sections_and_repeated_names_stay_apart() -> None:
    html = exporter.page(full(), PAGE)
    contents = html[html.index('class="contents"') : html.index('class="content"')]
    assert re.findall(r'href="#([^"]+)"', contents) == ["over-time", "over-time-2", "how-sure"]


def test_figures_and_tables_have_ids_that_occur_once() -> None:
    ids = re.findall(r'<(?:figure|table) id="([^"]+)"', exporter.page(full(), PAGE))
    assert ids == ["figure-1", "table-1", "figure-2"]
    named = markup.figure(CHART, name="fate")
    html = exporter.block_page(named + named, PAGE)
    assert re.findall(r'<figure id="([^"]+)"', html) == ["figure-fate", "figure-fate-2"]


def test_the_words_at_the_edges_of_paper_cannot_end_the_style() -> None:
    evil = replace(PAGE, title='</style><b>"; } * { x', county="A · B", colours=(("main", "#123456"),))
    html = exporter.page(full(), evil)
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]
    assert html.count("</style>") == 1
    own = style[style.rindex(":root {") :]
    assert "--main: #123456;" in own
    assert own.count('"') == 4
    assert "A\\20 \\b7 \\20 B" in own
    assert "<" not in own


SHEET = (exporter.TEMPLATES / "ennakointi" / "page.css").read_text(encoding="utf-8")


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_ink_can_be_read_on_every_paper() -> None:
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", SHEET[: SHEET.index("}")]))
    inks = {name: colours[name] for name in ("ink", "quiet", "main", "good", "bad", "unsure")}
    for paper in ("paper", "soft"):
        assert {name: c for name, c in inks.items() if contrast(c, colours[paper]) < 4.5} == {}
    assert contrast(colours["ink"], colours["mark"]) > 7


def test_the_style_sheet_says_nothing_twice_and_leaves_colours_to_variables() -> None:
    plain = re.sub(r"/\*.*?\*/", "", SHEET[: SHEET.index("@container")], flags=re.DOTALL)
    unconditional = re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", plain)
    rules = [rule.strip() for rule in re.findall(r"([^{}]+)\{", unconditional)]
    assert [rule for rule in set(rules) if rules.count(rule) > 1] == []
    assert re.findall(r"#[0-9a-f]{3,6}\b", unconditional[unconditional.index("}") :]) == []
    assert SHEET.count("{") == SHEET.count("}")


def test_the_title_names_the_county_and_the_quarter_in_words() -> None:
    html = exporter.page(full(), PAGE)
    assert "<title>Service debt &lt;all&gt; – Päijät-Häme, Quarter 3 of 2025 (July–September)</title>" in html


def test_the_page_says_what_it_rests_on() -> None:
    html = exporter.page(full(), PAGE)
    for words in (
        "Quarter 3 of 2025 (July–September)",
        "Data complete to 30 September 2025",
        "Made on 12 October 2025",
        "Source: synthetic county",
        "How these figures were computed",
        'href="accessibility.html"',
        'href="mailto:info@example.fi"',
    ):
        assert words in html


def test_synthetic_data_are_marked_on_the_page_and_on_each_figure() -> None:
    assert exporter.page(full(), PAGE).count(EN.synthetic) == 4
    assert EN.synthetic not in exporter.page(full(), replace(PAGE, synthetic=False))


def test_the_content_policy_allows_the_page_s_one_style_and_nothing_else() -> None:
    html = exporter.page(full(), PAGE)
    styles = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert len(styles) == 1
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    policy = next(a["content"] for a in Reader(html).tags("meta") if a.get("http-equiv"))
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;")
    assert "unsafe" not in policy


def test_the_same_notebook_gives_the_same_bytes() -> None:
    assert exporter.page(full(), PAGE) == exporter.page(full(), PAGE)


def test_an_executed_file_is_read(tmp_path: Path) -> None:
    nbformat.write(full(), tmp_path / "a.ipynb")
    assert exporter.page(tmp_path / "a.ipynb", PAGE) == exporter.page(full(), PAGE)


def test_content_can_follow_the_notebook() -> None:
    html = exporter.page(full(), PAGE, after=markup.section("All pages", markup.paragraph("x")))
    assert html.index("How sure") < html.index("All pages")


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (new_output("stream", name="stderr", text="row 17 of 010101-123A"), "is a stream"),
        (new_output("error", ename="KeyError", evalue="010101-123A", traceback=[]), "is a error"),
        (new_output("execute_result", data={"text/plain": "010101-123A"}), "text/plain; end the cell"),
        (new_output("display_data", data={"text/html": "<table>010101-123A</table>"}), "not a block"),
        (
            new_output("display_data", data={"text/html": f"{markup.WRAPPER}<script>1</script></div>"}),
            "must not hold",
        ),
        (
            new_output("display_data", data={"text/html": f"{markup.WRAPPER}</div>", "application/json": {"a": 1}}),
            "application/json",
        ),
    ],
)
def test_nothing_but_our_blocks_gets_through(output: Any, message: str) -> None:
    cell = new_code_cell("x", outputs=[output])
    with pytest.raises(ReportError, match=message) as caught:
        exporter.page(notebook(new_markdown_cell("a"), cell), PAGE)
    assert "cell 2" in str(caught.value)
    assert "010101" not in str(caught.value)


def test_a_failed_part_is_named_without_details() -> None:
    html = exporter.failure(PAGE, "service_debt, all")
    assert faults(html) == []
    assert "The part that failed: service_debt, all." in html
    assert "Traceback" not in html


def test_a_page_without_navigation_and_provenance_stands() -> None:
    bare = replace(PAGE, nav=(), languages=(), provenance=(), more=(), contact="Town hall, 1st floor")
    html = exporter.block_page(markup.paragraph("x"), bare)
    assert faults(html) == []
    assert "mailto" not in html
