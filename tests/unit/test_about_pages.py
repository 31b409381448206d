"""The pages about the report: methods, glossary, files, dictionary, provenance, accessibility, quarters, notices."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from functools import cache
from html import unescape
from typing import Any

import pytest
from demand_tables import demand_tables
from effect_tables import effect_tables
from page_checks import Reader, faults
from page_tables import context as page_context_of
from page_tables import debt_tables, released

from ennakointi import parameters as documents
from ennakointi.pages import accessibility, computed, downloads, glossary, methods, notices, quarters
from ennakointi.pages.context import Correction, PageContext
from ennakointi.pages.quarters import Published
from ennakointi.pages.settings import page_context
from ennakointi.parameters import Parameters
from ennakointi.parameters.reporting_documents import Accessibility
from ennakointi.periods import Quarter
from ennakointi.report import exporter
from ennakointi.report.exporter import Page
from ennakointi.report.markup import Block
from ennakointi.report.table_files import TableFile
from ennakointi.report.workbook_files import WorkbookFile
from ennakointi.result_tables import KEY, RESULT_TABLES
from ennakointi.text import Catalogue

LANGUAGES = ("fi", "sv", "en")
ENGLISH_WORDS = r"\b(the|which|months|does|is)\b"
MANIFEST: dict[str, Any] = {
    "version": "0.5.0",
    "mode": "full",
    "as_of": "2025-09-30",
    "parameters": {"debt.yml": "ab" * 32},
    "notebooks": {"summary.ipynb": "cd" * 32},
    "seeds": {"debt.all": 1, "volumes": 2},
    "software": {"python": "3.11.7", "platform": "Linux x86_64", "packages": {"pandas": "2.3.0"}},
    "source": {
        "tables": {
            "contacts": {"read": 1_430_520, "quarantined": None, "stored": 1_430_520},
            "persons": {"read": 28_680, "quarantined": 0, "stored": 28_680},
        },
        "files": [{"file": "contacts.csv", "table": "contacts", "sha256": "ef" * 32}],
    },
}
TABLES = [TableFile("service_debt", "tables/service_debt.csv", 41_230), TableFile("trust", "tables/trust.csv", 12)]
WORKBOOKS = [WorkbookFile("debt-all", "Service debt: <all>", "tables/debt-all.xlsx", 3294, ("service_debt",))]
SIZES = {"tables/service_debt.csv": 5_230_669, "tables/trust.csv": 90, "tables/debt-all.xlsx": 171_000}


@cache
def loaded() -> Parameters:
    return documents.load()


@cache
def context(language: str) -> PageContext:
    facts = {"as_of": "2025-09-30", "synthetic": True, "source": "s", "missing": []}
    return page_context(loaded(), Catalogue(language), Quarter(2025, 3), facts)


@cache
def tables() -> dict[str, Any]:
    return released(debt_tables(), effect_tables(), demand_tables())


def made(kind: str, language: str) -> Block:
    here, preset = context(language), loaded().disclosure.current
    match kind:
        case "methods":
            return methods.methods(loaded(), tables(), here, MANIFEST)
        case "glossary":
            return glossary.glossary(loaded().glossary, here)
        case "downloads":
            licence = loaded().reporting.licence
            return downloads.downloads(TABLES, WORKBOOKS, SIZES, "../", licence, here)
        case "dictionary":
            return downloads.dictionary(TABLES, preset, here)
        case "computed":
            return computed.computed(MANIFEST, preset, "../", here)
        case _:
            facts = loaded().reporting.accessibility
            return accessibility.statement(facts, here, "info@example.fi", date(2025, 10, 12))


def words(html: str) -> str:
    """The visible words of a page, without the marks that only keep lines together."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))).replace("\u2060", "")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["methods", "glossary", "downloads", "dictionary", "computed", "accessibility"])
def test_every_page_is_whole_in_every_language(kind: str, language: str) -> None:
    block = made(kind, language)
    html = exporter.block_page(
        block,
        Page(
            title=kind,
            language=language,
            quarter=Quarter(2025, 3),
            as_of=date(2025, 9, 30),
            county="Päijät-Häme",
            contact="info@example.fi",
            synthetic=True,
            made_on=date(2025, 10, 12),
            source="s",
        ),
    )
    assert faults(html) == []
    assert len(html.encode()) < 1_500_000
    assert "{" not in words(block.html)
    if language != "en":
        own = re.sub(r'<span lang="en">.*?</span>', "", block.html)
        assert not re.search(ENGLISH_WORDS, words(own)), re.search(f".{{40}}{ENGLISH_WORDS}.{{40}}", words(own))


def test_the_methods_page_tells_the_settings_of_the_parameters() -> None:
    said = words(made("methods", "en").html)
    debt = loaded().debt
    for told in ("1/2017–12/2019", "3/2020–12/2021", f"{debt.n_paths:,}", "30%, 50% and 80%", "thl5", "0.5.0"):
        assert told in said
    for intervention in loaded().interventions.values():
        assert intervention.registered in said
    for code in loaded().report_groups:
        assert loaded().target_groups[code].label.en in said


def test_a_topic_that_was_not_computed_has_no_methods() -> None:
    html = methods.methods(loaded(), {"effects": tables()["effects"]}, context("en"), MANIFEST).html
    assert 'id="effectiveness"' in html
    assert 'id="service-debt"' not in html


def test_the_glossary_is_in_the_order_of_the_alphabet() -> None:
    terms = re.findall(r"<dt>(.*?)</dt>", made("glossary", "sv").html)
    assert len(terms) == len(loaded().glossary) > 30
    lower = [term.casefold().replace("å", "{").replace("ä", "|").replace("ö", "}") for term in terms]
    assert lower == sorted(lower)


def test_every_file_stands_with_rows_size_and_what_a_row_is() -> None:
    html = made("downloads", "fi").html
    page = Reader(html)
    assert page.faults == []
    targets = [a["href"] for a in page.tags("a")]
    assert {"../tables/service_debt.csv", "../tables/trust.csv", "tables/debt-all.xlsx"} <= set(targets)
    assert {"../tables/tables.json", "data_dictionary.html"} <= set(targets)
    said = words(html).replace("\u00a0", " ")
    assert "kohderyhmä × palvelu × kuukausi" in said
    assert "41 230" in said
    assert "5 231" in said
    assert "Service debt: <all>" in said


def test_every_key_of_every_table_has_the_reader_s_word() -> None:
    keys = {key for table in RESULT_TABLES.values() for key in table.of_kind(KEY)}
    assert keys == set(downloads.ROW_WORDS)


def test_the_dictionary_tells_every_column_in_marked_english() -> None:
    html = made("dictionary", "fi").html
    for column in RESULT_TABLES["service_debt"].columns:
        assert f'<span lang="en">{column.name}</span>' in html
    assert 'lang="en"' not in made("dictionary", "en").html


def test_provenance_tells_rows_files_settings_and_versions() -> None:
    html = made("computed", "en").html
    said = words(html)
    for told in ("1,430,520", "contacts.csv", "efefefefefef", "debt.yml", "summary.ipynb", "pandas 2.3.0", "3.11.7"):
        assert told in said
    assert 'href="../manifest.json"' in html
    assert said.count("not shown (privacy)") == 1


def test_the_statement_names_what_the_law_asks_for() -> None:
    said = words(made("accessibility", "fi").html)
    for told in ("306/2019", "osittain", "Traficom", "14 päivän", "12.10.2025", "info@example.fi", "luonnos"):
        assert told in said
    facts = loaded().reporting.accessibility
    given = {
        "conformance": "full",
        "shortcomings": (),
        "assessed_by": "expert",
        "assessed_on": date(2025, 10, 1),
        "feedback": {"fi": "https://hva.example/palaute", "sv": "b", "en": "c"},
    }
    whole = Accessibility.model_validate({**facts.model_dump(), **given})
    html = accessibility.statement(whole, context("fi"), "info@example.fi", date(2025, 10, 12)).html
    assert "luonnos" not in html
    assert "1.10.2025" in html
    assert 'href="https://hva.example/palaute"' in html
    assert "info@example.fi" not in html


def test_quarters_come_newest_first_and_say_when_they_are_made_up() -> None:
    found = [
        Published(Quarter(2025, 1), "2025Q1/index.html", "First."),
        Published(Quarter(2025, 3), "2025Q3/index.html", "Third.", synthetic=True),
        Published(Quarter(2024, 4), "2024Q4/sv/index.html"),
    ]
    html = quarters.quarters(found, Catalogue("en")).html
    assert re.findall(r'href="(.*?)"', html) == ["2025Q3/index.html", "2025Q1/index.html", "2024Q4/sv/index.html"]
    assert html.count(Catalogue("en").synthetic) == 1
    assert html.index("Third.") < html.index(Catalogue("en").synthetic) < html.index("First.")


def spoken(**changes: Any) -> PageContext:
    return replace(page_context_of("fi"), **changes)


def test_a_comment_stands_on_its_page_with_the_role_of_its_author() -> None:
    here = spoken(comment={"service_debt.all": "Uusi <b>järjestelmä</b>."}, comment_author="Analyytikko")
    html = notices.comment(here, "service_debt.all").html  # type: ignore[union-attr]
    assert "Uusi &lt;b&gt;järjestelmä&lt;/b&gt;." in html
    assert "Kirjoittaja: Analyytikko" in html
    assert notices.comment(here, "service_debt.older_people") is None


def test_a_correction_stands_on_the_pages_it_names_or_on_all() -> None:
    named = Correction(date(2025, 11, 12), frozenset({"summary"}), "Velka.", "Yksikkö puuttui.")
    everywhere = replace(named, day=date(2025, 12, 1), pages=frozenset(), what="Kaikki.")
    here = spoken(corrections=(named, everywhere))
    said = words(notices.corrections(here, "summary").html)  # type: ignore[union-attr]
    assert "Korjattu 12.11.2025 Velka. Miksi: Yksikkö puuttui." in said
    assert "Korjattu 1.12.2025" in said
    assert "Velka." not in notices.corrections(here, "data_quality").html  # type: ignore[union-attr]
    assert notices.corrections(spoken(), "summary") is None


def test_nobody_approves_unless_the_parameters_say_so() -> None:
    assert notices.approval(spoken()) is None
    assert "Hyväksyjä: Johtaja." in notices.approval(spoken(approver="Johtaja")).html  # type: ignore[union-attr]


def test_what_the_report_is_not_for_is_folded_under_a_page() -> None:
    html = notices.below(spoken(not_for=("Ei hoitoon.",)), "data_quality").html  # type: ignore[union-attr]
    assert re.search(r"<details>.*<li>Ei hoitoon\.</li>.*</details>", html, re.DOTALL)
    assert notices.below(spoken(), "data_quality") is None


def test_the_comment_stands_under_the_page_s_own_answer() -> None:
    here = spoken(comment={"data_quality": "Huomaa."}, not_for=("Ei hoitoon.",))
    html = notices.below(here, "data_quality", Block("<p>links</p>")).html  # type: ignore[union-attr]
    assert html.index("Huomaa.") < html.index("links") < html.index("Ei hoitoon.")
