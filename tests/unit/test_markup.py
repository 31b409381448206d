"""Blocks of HTML: everything escaped, tables and checks readable without seeing them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from page_checks import faults

from ennakointi.errors import EnnakointiError
from ennakointi.report import markup
from ennakointi.report.markup import Column, KeyFigure
from ennakointi.text import Catalogue

FI, EN = Catalogue("fi"), Catalogue("en")
EVIL = '<script>alert("1")</script>'
DRAWING = SimpleNamespace(svg="<svg></svg>", narrow="<svg></svg>", alt="", caption="A & B")


def page(block: markup.Block) -> str:
    return f'<html lang="fi"><h1>x</h1>{block}</html>'


def test_every_text_is_escaped() -> None:
    frame = pd.DataFrame({"name": [EVIL], "n": [1.0]})
    blocks = [
        markup.paragraph(EVIL, markup.strong(EVIL), markup.link(EVIL, EVIL)),
        markup.headline(EVIL, lead=EVIL),
        markup.section(EVIL, markup.note(EVIL)),
        markup.key_figures(KeyFigure(EVIL, EVIL, EVIL, EVIL, "good", href=EVIL)),
        markup.answers(markup.Answer(EVIL, EVIL, "bad", (EVIL,))),
        markup.cards(markup.Card(EVIL, EVIL, (EVIL,))),
        markup.figure(DRAWING, markup.note(EVIL), EVIL, name=EVIL, results=(EVIL,), failed=(EVIL,), catalogue=FI),
        markup.callout(EVIL, EVIL, tone="warning"),
        markup.bullets(EVIL),
        markup.definitions((EVIL, EVIL)),
        markup.table(frame, [Column("name", EVIL), Column("n", EVIL, "number")], EVIL, FI, note=EVIL),
        markup.details(EVIL, markup.paragraph(EVIL)),
        markup.checks([(True, EVIL)], FI),
        markup.verdict(EVIL, "bad"),
    ]
    everything = markup.stack(*blocks).html
    assert "<script" not in everything
    assert everything.count("&lt;script") > 20
    assert markup.faults(everything) == []


def test_blocks_stand_well_on_a_page() -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "n": [1.0, np.nan]})
    body = markup.stack(
        markup.section("Otsikko", markup.table(frame, [Column("name", "A"), Column("n", "N", "number")], "T", FI)),
        None,
        markup.figure(DRAWING),
        markup.key_figures(KeyFigure("a", "1", spark=DRAWING), KeyFigure("b", "2", status="ok", tone="good")),
        markup.checks([(None, "x")], FI),
    )
    assert [f for f in faults(page(body)) if f != "picture without words"] == []


def table(frame: pd.DataFrame, *columns: Column) -> str:
    return markup.table(frame, [Column("name", "Name"), *columns], "Caption", EN).html


def test_hidden_and_missing_cells_read_differently() -> None:
    frame = pd.DataFrame({"name": ["a", "b"], "n": [np.nan, np.nan], "suppressed": ["m;n", ""]})
    html = table(frame, Column("n", "N", "number"))
    assert '<td role="cell" class="hidden" data-label="N">not shown (privacy)</td>' in html
    assert '<td role="cell" class="number" data-label="N">–</td>' in html
    assert "*" not in html


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        (Column("n", "N", "number"), "1,235"),
        (Column("n", "N", "signed", 1), "+1,234.6"),
        (Column("n", "N", "euros"), "€1,235"),
        (Column("n", "N", "significant"), "1,230"),
        (Column("n", "N", "percent"), "123,456%"),
        (Column("n", "N", format=lambda value: f"<{value:.0f}>"), "&lt;1235&gt;"),
    ],
)
def test_cells_are_formatted_by_the_kind_of_their_column(column: Column, shown: str) -> None:
    assert f">{shown}</td>" in table(pd.DataFrame({"name": ["a"], "n": [1234.56]}), column)


def test_columns_and_rows_have_their_headers() -> None:
    html = table(pd.DataFrame({"name": ["a"], "n": [1.0]}), Column("n", "N", "number"))
    assert '<th scope="col" role="columnheader">Name</th>' in html
    assert '<th scope="col" role="columnheader" class="number">N</th>' in html
    assert '<th scope="row" role="rowheader">a</th><td role="cell" class="number" data-label="N">1</td>' in html
    assert "<caption>Caption</caption>" in html


def test_a_column_without_a_title_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="no title"):
        markup.table(pd.DataFrame({"name": ["a"]}), [Column("name", " ")], "Caption", EN)


def test_tables_and_figures_say_where_their_numbers_come_from() -> None:
    columns = [Column("name", "Name")]
    made = markup.table(
        pd.DataFrame({"name": ["a"]}), columns, "C", EN, name="Target groups", results=("debt_summary", "service_debt")
    )
    assert '<table id="table-target-groups" data-result="debt_summary service_debt"' in made.html
    assert (
        '<figure id="figure-fate" data-result="debt_parts">'
        in markup.figure(DRAWING, name="fate", results=("debt_parts",)).html
    )
    assert "<figure><div" in markup.figure(DRAWING).html


def test_a_figure_shows_the_checks_that_it_depends_on_and_that_failed() -> None:
    made = markup.figure(DRAWING, failed=("The series breaks in 2023.",), catalogue=EN).html
    before_the_picture = made[: made.index("<svg")]
    assert "✗" in before_the_picture
    assert "Check not met:</span> The series breaks in 2023." in before_the_picture
    with pytest.raises(ValueError, match="catalogue"):
        markup.figure(DRAWING, failed=("x",))


def test_folded_numbers_are_told_apart_by_the_caption_of_their_figure() -> None:
    made = markup.figure(DRAWING, markup.note("1"), "Numbers as a table").html
    assert '<summary>Numbers as a table<span class="visually-hidden">: A &amp; B</span></summary>' in made


def test_an_interval_never_breaks_at_its_dash() -> None:
    html = table(pd.DataFrame({"name": ["a"], "n": ["27 (14–37)"]}), Column("n", "N", "number", format=str))
    assert '27 <span class="interval">(14–37)</span>' in html
    assert "2017–\u20602019" in markup.paragraph("the level of 2017–2019").html
    assert "\u2060" not in markup.paragraph("a sentence – with a dash").html


def test_things_to_decide_are_a_list_with_what_they_are_worth() -> None:
    html = markup.cards(markup.Card("Add?", "1.2 person-years", ("Why.", markup.link("More", "a.html")))).html
    assert html.startswith('<ol class="cards"><li><p class="question">Add?</p><p class="amount">1.2 person-years</p>')
    assert '<p>Why. <a href="a.html">More</a></p>' in html


def test_failed_checks_come_first_and_say_so_in_words() -> None:
    html = markup.checks([(True, "fine"), (None, "unknown"), (False, "broken")], EN).html
    assert html.index("broken") < html.index("unknown") < html.index("fine")
    assert [w in html for w in ("not in order", "could not be checked", "in order:")] == [True] * 3


def test_a_verdict_has_a_shape_and_words_besides_its_colour() -> None:
    good, bad = markup.verdict("works", "good").html, markup.verdict("harms", "bad").html
    assert "●" in good
    assert "▲" in bad
    assert "works" in good


@pytest.mark.parametrize("make", [lambda: markup.verdict("x", "red"), lambda: markup.callout("x", tone="red")])
def test_an_unknown_tone_is_our_own_mistake(make: object) -> None:
    with pytest.raises(ValueError, match="'red'"):
        make()  # type: ignore[operator]


def test_a_displayed_block_gives_back_its_content() -> None:
    block = markup.paragraph("a") + markup.paragraph("b")
    assert markup.content(block._repr_html_()) == block.html
    assert repr(block) == "<Block of 16 characters>"


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        '<p style="color:red">x</p>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" java\nscript:alert(1)">x</a>',
        '<img src="https://example.org/a.png">',
        '<img src="//example.org/a.png">',
        '<p onclick="x()">x</p>',
        '<svg><use href="https://example.org/a.svg#b"/></svg>',
        '<rect fill="url(https://example.org/a)"/>',
        "<style>p{}</style>",
        "<iframe></iframe>",
    ],
)
def test_what_the_content_policy_refuses_is_found_before(html: str) -> None:
    with pytest.raises(EnnakointiError, match="must not hold"):
        markup.content(markup.Block(html)._repr_html_())


def test_links_embedded_pictures_and_references_inside_are_allowed() -> None:
    html = '<a href="b.html#c">x</a><a href="https://example.fi">y</a><rect fill="url(#f1)"/><use href="#f2"/>'
    assert markup.faults(html + '<img src="data:image/png;base64,AA==">') == []


def test_a_text_that_is_no_block_is_refused() -> None:
    with pytest.raises(EnnakointiError, match="not a block"):
        markup.content("<table><tr><td>a data frame</td></tr></table>")
