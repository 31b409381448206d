"""The summary: what a reader with three minutes reads, and at most three things to decide."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import need_tables
import pandas as pd
import pytest
import segment_tables
from page_tables import context, debt_row, deviation_tables, everything, frame, released
from page_words import alternatives, unfilled, words
from quality_tables import of

from ennakointi import disclosure
from ennakointi.pages import decisions, summary_groups
from ennakointi.pages.summary import SummaryPage
from ennakointi.parameters.documents import Preset
from ennakointi.report import markup

METHODS = ("first_screen", "decisions", "groups", "changes", "effects", "production", "limits")


@cache
def _everything() -> dict[str, pd.DataFrame]:
    return everything()


def tables() -> dict[str, pd.DataFrame]:
    return dict(_everything())


def told(card: markup.Card) -> str:
    return words(markup.cards(card))


def page(language: str = "fi", **changes: object) -> SummaryPage:
    return SummaryPage(tables(), context(language, **changes))


def test_the_answer_reads_as_the_outline() -> None:
    said = words(page().answer())
    assert "noin 110 000 käyntiä odotettua vähemmän (80 %:n epävarmuusväli 77 000–144 000)" in said
    assert "Muutos edellisestä neljänneksestä (−2 %) mahtuu epävarmuuteen." in said
    assert "Se vastaa noin 7,4 viikon tavanomaisia palveluja." in said
    assert "Seurattuja kehittämistoimia: 6." in said


def test_headline_figures_are_at_most_four_with_status_in_words() -> None:
    block = page().headline_figures()
    assert block.html.count("<dt>") == 4
    assert "palveluja odotettua vähemmän" in words(block)
    assert "muutos mahtuu epävarmuuteen" in words(block)
    assert "<svg" in block.html


def test_at_most_three_decisions_each_with_a_number_and_a_link() -> None:
    found = decisions.decisions(tables(), context())
    assert 1 <= len(found) <= 3
    for one in found:
        assert "<a href=" in markup.cards(one).html
        assert re.search("euroa|€", told(one))
        assert re.search("euroa|Henkilötyövuosia", one.amount) or "kehittämistoimi" in one.title


def without(*names: str) -> dict[str, pd.DataFrame]:
    return {name: table for name, table in tables().items() if name not in names}


def test_the_first_decision_is_what_clearing_takes_by_hand() -> None:
    """Half of the need returns: 25,000 / 15 months = 1,667 contacts a month, by 4.348 weeks 383 a week; at 0.004 each
    6.7 person-years and at 960 € each 1.6 million. Mental health: 20,000 · 0.5 / 15 · 0.004 = 2.7 person-years.
    """
    card = decisions.decisions(tables(), context())[0]
    said = told(card)
    assert words(markup.paragraph(card.amount)) == "Henkilötyövuosia: 6,7 · noin 1 600 000 € vuodessa\n"
    assert "Päätettävä: lisätäänkö kapasiteettia jonojen ja palaavan tarpeen purkamiseen?" in said
    assert "jos joka viikko annetaan 380 käyntiä enemmän (6,7 henkilötyövuotta, noin 1 600 000 € vuodessa)" in said
    assert "Mielenterveyspalvelut (2,7 henkilötyövuotta)" in said
    assert '<a href="service_debt-all.html">' in markup.cards(card).html


@pytest.mark.parametrize("status", ["cleared", "unclear"])
def test_nothing_is_asked_for_a_debt_that_clears_or_cannot_be_told(status: str) -> None:
    changed = {"status": status, "capacity_for_80pct": 0.0, "probability_cleared": 0.95}
    clears = {**tables(), "debt_clearance": tables()["debt_clearance"].assign(**changed)}
    assert "palveluvelan purkamiseen" not in told(decisions.decisions(clears, context())[0])


def test_without_a_projection_the_largest_remaining_need_is_told_by_hand() -> None:
    """Mental health: 24,000 contacts left × 50 min / 60 / 1,600 h = 12.5 person-years, of which 30–80 % is
    3.75–10; at 120 € a contact 864,000–2,304,000 €. Primary care: 48,000 × 20 min = 10 person-years is less.
    """
    said = told(decisions.decisions(without("debt_clearance"), context())[0])
    assert "Mielenterveyspalvelut" in said
    assert "3,8–10,0 henkilötyövuotta" in said
    assert "900 000–2 300 000 euroa" in said


def test_the_group_that_lost_more_than_everybody_is_asked_about() -> None:
    said = told(decisions.decisions(tables(), context())[1])
    assert "Ikääntyneet" in said
    assert "puuttui 10,0 %, koko väestön käynneistä 4,0 %" in said
    assert "noin 2 000 000 euroa" in said


def test_harm_comes_before_benefit() -> None:
    found = [told(one) for one in decisions.decisions(without("debt_summary", "debt_clearance"), context())]
    assert "Päätettävä: lopetetaanko" in found[0]
    assert "Päätettävä: laajennetaanko" in found[1]
    assert "Jos parannuksen (yksi vältetty käynti) arvo on 120 €" in found[1]


def test_without_costs_an_effect_is_valued_as_working_time() -> None:
    left = without("debt_summary", "debt_clearance", "cost_effectiveness")
    found = [told(one) for one in decisions.decisions(left, context())]
    assert "Päätettävä: laajennetaanko" in found[1]
    assert "ei säästynyttä rahaa" in found[1]


def test_an_effect_without_a_unit_cost_gives_no_decision() -> None:
    known = {"effects": tables()["effects"]}
    assert decisions.decisions(known, context(unit_cost_eur={})) == []


def test_the_largest_debt_is_a_certain_one() -> None:
    summary = [
        debt_row("all", "oral_health", 10, debt_weeks=9.0, debt_lo80=-5),
        debt_row("all", "primary_care", 500, debt_weeks=2.0),
        debt_row("all", "all", 510, debt_weeks=20.0),
        debt_row("all", "kind:care", 510, debt_weeks=20.0),
    ]
    largest = decisions.largest_debt(released({"debt_summary": frame("debt_summary", summary)}))
    assert largest["service"] == "primary_care"


def test_groups_link_to_their_pages_and_must_not_be_added_up() -> None:
    block = page().groups()
    assert '<a href="service_debt-older_people.html">Ikääntyneet</a>' in block.html
    assert "rivejä ei saa laskea yhteen" in words(block)
    assert "heavy_users: Palvelujen käyttö ratkaisee" in words(block)
    assert "Pieni ryhmä\nei näytetä (tietosuoja)" in words(block)


def test_effects_have_a_verdict_in_words_and_one_sentence() -> None:
    said = words(page().effects())
    assert "Moniammatillinen tiimimalli\n● vaikuttaa todennäköisesti\nPäivystyskäynnit: noin 12 vähemmän" in said


def test_an_aggregate_source_is_summed_up_as_deviation() -> None:
    made = SummaryPage(released(deviation_tables()), context())
    said = words(made.answer()) + words(made.headline_figures())
    assert "viikko 12/2020, +47 %." in said
    assert "Viimeinen vuosi vertailutasosta\n+1 %" in said
    assert "velka" not in said.lower()


def test_the_data_in_one_line_with_a_link() -> None:
    block = page(missing=frozenset({"referrals", "panel"}), synthetic=True).data()
    assert "panel" not in words(block)
    assert "Aineisto puuttuu: lähetteet (referrals)." in words(block)
    assert '<a href="data_quality.html">' in block.html


def test_the_quality_of_the_data_in_one_answer_and_the_totals_that_differ() -> None:
    said = words(page().data())
    assert "Voiko lukuihin luottaa? Kyllä, kahta lukua lukuun ottamatta. Ei voi käyttää: hoitoonpääsy." in said
    assert "Käytä varauksin: palveluvelka." in said
    assert "julkaistu luku 500 000 (ero −5,0 %)" in said


def test_a_result_that_cannot_be_used_is_said_beside_it() -> None:
    refused = released({"trust": of("trust", ("service_debt", "refused", "contacts.volume_break"))})
    said = words(SummaryPage({**tables(), **refused}, context()).answer())
    assert "Palveluvelka: ei voi käyttää" in said
    assert "ei voi käyttää" not in words(page().answer())


def test_the_first_screen_is_a_lead_and_at_most_four_sentences_and_figures() -> None:
    html = page().first_screen().html
    assert html.count('<p class="lead">') == 1
    assert html[: html.index("</div>")].count("<p>") <= 4
    assert html.count("<dt>") == 4
    assert "3/2020–12/2021: alussa" in "".join(alternatives(markup.Block(html))).replace("\u2060", "")


def changed(**settings: object) -> SummaryPage:
    """The summary with a change of the difference, and without the account's own intervals."""
    series = tables()["service_debt"].assign(debt_lo80=None, debt_hi80=None)
    row = {"indicator": "debt_now", "target_group": "all", "since": "2025Q2", "total": 900.0, "suppressed": ""}
    return SummaryPage({**tables(), "service_debt": series, "changes": pd.DataFrame([{**row, **settings}])}, context())


@pytest.mark.parametrize(
    ("within", "total", "sentence", "status"),
    [
        ("yes", 900.0, "Muutos edellisestä neljänneksestä mahtuu epävarmuuteen.", "◆ muutos mahtuu epävarmuuteen"),
        ("no", 900.0, "Ero kasvoi edellisestä neljänneksestä.", "▲ kasvaa"),
        ("no", -900.0, "Ero pieneni edellisestä neljänneksestä.", "● pienenee"),
        ("unknown", 900.0, "Suuntaa edellisestä neljänneksestä ei voi vielä sanoa.", "■ muutosta ei voi arvioida"),
    ],
)
def test_better_or_worse_is_said_in_words_with_a_shape(within: str, total: float, sentence: str, status: str) -> None:
    made = changed(within_uncertainty=within, total=total)
    assert sentence in words(made.answer())
    assert status in words(made.headline_figures())
    assert "Koko väestö\n" in words(made.groups())
    assert status in words(made.groups())


def test_the_mean_wait_of_a_group_by_hand() -> None:
    """Two queues: 90 referrals wait 10 weeks and 30 wait 2: (900 + 60) / 120 = 8; a hidden one counts for nothing."""
    keys = {"target_group": "all", "status": "measured"}
    queues = pd.DataFrame(
        [
            {**keys, "service": "a", "received": 90.0, "mean_wait_weeks": 10.0},
            {**keys, "service": "b", "received": 30.0, "mean_wait_weeks": 2.0},
            {**keys, "service": "c", "received": None, "mean_wait_weeks": None},
        ]
    )
    table = summary_groups.GroupsTable({**tables(), "queue_pressure": queues}, context())
    assert 'data-label="Odotus keskimäärin, viikkoa">8</td>' in table.block().html


def test_own_and_purchased_production_stand_side_by_side_without_a_verdict() -> None:
    made = page().production()
    assert "paremmuuteen" in words(made)
    assert 'class="verdict' not in made.html


def test_the_end_tells_the_limits_the_comment_and_the_approver() -> None:
    settings = {
        "not_for": ("Ei yksittäisen ihmisen hoitoon.",),
        "comment": {"summary": "Luvut ovat <hyviä>."},
        "comment_author": "Analyytikko",
        "approver": "Hallintoylilääkäri",
    }
    made = page(**settings).limits()
    assert "Ei yksittäisen ihmisen hoitoon." in words(made)
    assert "Luvut ovat &lt;hyviä&gt;." in made.html
    assert "Hallintoylilääkäri." in words(made)
    assert "Hallintoylilääkäri" not in words(page().limits())


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_part_is_readable_in_every_language(language: str) -> None:
    for known in (tables(), released(deviation_tables()), dict[str, pd.DataFrame]()):
        made = SummaryPage(known, context(language))
        for method in METHODS:
            block = getattr(made, method)()
            assert words(block).strip(), method
            assert not unfilled(words(block)), method
            assert not markup.faults(block.html), method


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_segments_and_need_to_come_are_told_in_brief_with_links(language: str) -> None:
    preset = Preset(name="thl5", threshold=5, base=10, everyone="shown")
    made = disclosure.release({**segment_tables.segment_tables(), **need_tables.need_tables()}, preset)
    links = {("segments", ""): "segments.html", ("need", ""): "need.html"}
    told_too = context(language, links=links)
    labels = {**told_too.labels, **segment_tables.LABELS, **need_tables.LABELS}
    block = SummaryPage({**tables(), **made}, replace(told_too, labels=labels)).groups()
    assert '<a href="segments.html">' in block.html
    assert '<a href="need.html">' in block.html
    assert not unfilled(words(block))
    alone = SummaryPage({**tables(), **made}, context(language)).groups()
    assert "segments.html" not in alone.html
