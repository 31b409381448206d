"""The page of service debt: every status has its own honest sentence, in every language."""

from __future__ import annotations

import re

import numpy as np
import pytest
from page_tables import context, debt_row, debt_series, debt_tables, frame, group_tables, released
from page_words import significant_digits, unfilled, words
from quality_tables import quality_tables

from ennakointi.pages import debt_words
from ennakointi.pages.context import record
from ennakointi.pages.debt import DebtPage
from ennakointi.report import markup

METHODS = ("answer", "fate", "over_time", "by_service", "certainty", "definitions")
GROUPS = ("all", "older_people", "small", "heavy_users", "unknown", "never_heard_of")


def tables() -> dict:
    return released(debt_tables(), group_tables())


def page(group: str = "all", language: str = "fi", **changes: object) -> DebtPage:
    return DebtPage(tables(), group, context(language, **changes))


def one(**changes: object) -> DebtPage:
    """A page of one group whose total is a normal debt but for the changes."""
    summary = {"debt_summary": frame("debt_summary", [debt_row("all", "all", 1_000, **changes)])}
    return DebtPage(released(summary), "all", context())


def test_answer_in_finnish() -> None:
    said = words(page().answer())
    assert (
        "Jaksolla 3/2020–12/2021 toteutui noin 110 000 käyntiä odotettua vähemmän "
        "(80 %:n epävarmuusväli 77 000–144 000)." in said
    )
    assert "Puuttuvista käynneistä jonossa odottaa noin 33 000. Loput noin 77 000 eivät näy jonoissa." in said
    assert "Kertynyt ero vuosien 2017–2019 tasoon, 9/2025: käyntejä puuttuu noin 90 000" in said
    assert "Jos puuttuvista käynneistä palaa 30–80 %, niiden hoitaminen vaatii 7–18 henkilötyövuotta." in said


def test_answer_in_swedish_and_english() -> None:
    assert "cirka 110 000 färre besök än förväntat (80 % osäkerhetsintervall" in words(page("all", "sv").answer())
    assert "about 110,000 fewer contacts took place than expected" in words(page("all", "en").answer())


def test_person_years_by_hand() -> None:
    """now = 48,000 × 20 min + 24,000 × 50 min = 36,000 h; at 1,600 h a year 22.5, of which 30–80 %."""
    summary = debt_tables()["debt_summary"]
    services = summary[(summary["target_group"] == "all") & summary["service"].isin(["primary_care", "mental_health"])]
    low, high = debt_words.person_years(services, context())
    assert (low, high) == pytest.approx((0.3 * 22.5, 0.8 * 22.5))


def test_a_change_inside_its_uncertainty_is_not_called_a_trend() -> None:
    """A quarter's change of −1,650 against √(49,680² − …) of increasing width."""
    assert "mahtuu epävarmuuteen" in words(page().answer())


@pytest.mark.parametrize(("last", "expected"), [(700.0, "pieneni"), (1300.0, "kasvoi")])
def test_a_change_beyond_its_uncertainty_is_said(last: float, expected: str) -> None:
    """Earlier half-width 300, later 301: the increment's half-width is √(301² − 300²) = 24.5 < 300."""
    series = debt_series("all", 1_000).tail(4).assign(debt_lo80=700.0, debt_hi80=1300.0, debt=1000.0)
    series.iloc[-1, series.columns.get_indexer(["debt", "debt_lo80", "debt_hi80"])] = (
        last,
        last - 301,
        last + 301,
    )
    assert expected in debt_words.change_sentence(series, context())
    assert debt_words.change_since_last_quarter(series).share == pytest.approx(last / 1000 - 1)


def test_no_percentage_of_a_debt_that_may_be_zero() -> None:
    series = debt_series("all", 1_000).tail(4).assign(debt_lo80=-10.0)
    assert debt_words.change_since_last_quarter(series) is None


def test_hidden_is_said_with_one_label_everywhere() -> None:
    small = page("small")
    for method in ("answer", "fate", "over_time"):
        assert words(getattr(small, method)()).count("ei näytetä (tietosuoja)") == 1, method
    assert not re.search(r"\b40\b", words(small.answer()))


def test_a_group_defined_by_use_gets_no_debt() -> None:
    said = words(page("heavy_users").answer())
    assert "palveluvelkaa ei lasketa" in said
    assert "käyntiä" not in said


def test_a_group_that_cannot_be_told_says_why() -> None:
    said = words(page("unknown").answer())
    assert "Ryhmää ei voi muodostaa näistä tiedoista." in said
    assert "Vertailujakson pituus kuukausina: 2." in said


def test_a_short_baseline_is_a_deviation_and_no_debt() -> None:
    said = words(one(status="deviation").answer())
    assert "Tämä on poikkeama, ei palveluvelka" in said
    assert "odotettua vähemmän" not in said


def test_more_service_than_expected_is_no_debt() -> None:
    changes = {"observed": 27_000, "debt": -2_000, "debt_lo80": -3_000, "debt_hi80": -1_000}
    said = words(one(**changes, substituted=0.0, expected=25_000).answer())
    assert "2 000 käyntiä odotettua enemmän" in said
    assert "palveluvelkaa ei ole" in said
    assert "jonossa" not in said


def test_a_debt_inside_its_uncertainty_is_said_to_be_that() -> None:
    said = words(one(debt_lo80=-200, debt_hi80=2_200).answer())
    assert "suunnilleen odotetusti" in said
    assert "Se on" not in said


def test_a_debt_without_interval_says_so_and_shows_fewer_digits() -> None:
    said = words(one(debt_lo80=np.nan, debt_hi80=np.nan, now_lo80=np.nan, now_hi80=np.nan).answer())
    assert "Luvun epävarmuutta ei tunneta." in said
    assert "Näin kaukana vertailujaksosta epävarmuutta ei tunneta." in said


def test_a_missing_source_names_what_is_needed() -> None:
    said = words(page(missing=frozenset({"referrals"})).answer())
    assert "Aineisto puuttuu: lähetteet (referrals)." in said
    assert "Tarvitaan: jonoon tulon ja jonosta poistumisen päivät." in said


def test_a_queue_that_shrank_holds_none_of_the_debt() -> None:
    assert "Jonot eivät kasvaneet" in words(one(visible=-50.0, not_in_queue=1_050.0).answer())


def test_after_the_window_it_is_a_difference_not_a_debt() -> None:
    said = words(page().over_time())
    assert "ero vuosien 2017–2019 tasoon" in said
    assert "joten sitä ei kutsuta koronavelaksi" in said


def test_parts_of_the_figure_add_up_to_the_expected() -> None:
    total = debt_words.summary_row(tables(), "all")
    parts = page()._parts(total)
    whole = debt_words.rounded_like_debt(total["expected"], total)
    assert parts["value"].sum() == pytest.approx(whole, rel=0.005)


def test_services_are_in_order_of_weeks_and_refusals_say_why() -> None:
    said = words(page().by_service())
    assert said.index("Mielenterveyspalvelut") < said.index("Avosairaanhoito")
    assert "outreach: Vertailujaksolla on alle 12 käyntiä." in said


def test_breaks_concern_their_own_groups() -> None:
    assert "Iitti" in words(page("older_people").certainty())
    assert "Iitti" not in words(page().certainty())


def test_failed_and_unmade_checks_come_before_the_passed() -> None:
    said = words(page().certainty())
    assert said.index("ei voitu tarkistaa") < said.index("kunnossa")


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("group", GROUPS)
def test_every_part_is_readable_in_every_language(group: str, language: str) -> None:
    made = page(group, language)
    for method in METHODS:
        block = getattr(made, method)()
        assert words(block).strip(), method
        assert not unfilled(words(block)), method
        assert not markup.faults(block.html), method


def test_modelled_numbers_have_at_most_three_digits_that_mean_something() -> None:
    for method in METHODS:
        for number in re.findall(r"\d{1,3}(?: \d{3})+", words(getattr(page(), method)())):
            assert significant_digits(number) <= 3, (method, number)


def test_the_same_number_reads_the_same_in_sentence_and_table() -> None:
    said, table = words(page("older_people").answer()), words(page("older_people").fate())
    assert "jonossa odottaa noin 8 000" in said
    assert "Odottaa jonossa\n8 000" in table


def test_hidden_rows_are_read_as_hidden_not_as_zero() -> None:
    hidden = record(tables()["debt_summary"].query("target_group == 'small'"))
    assert debt_words.weeks(hidden, context()) == "ei näytetä (tietosuoja)"
    assert debt_words.share_of_expected(hidden, context()) == "ei näytetä (tietosuoja)"


def test_shortcomings_of_the_data_stand_beside_the_debt() -> None:
    doubted = released(debt_tables(), group_tables(), quality_tables())
    said = words(DebtPage(doubted, "all", context()).answer())
    assert "Palveluvelka: käytä varauksin\nJoidenkin yksiköiden kirjaukset katkeavat (1,2 %)." in said
    assert "käytä varauksin" not in words(page().answer())


def test_a_group_formed_without_a_table_says_so() -> None:
    released = tables()
    groups = released["target_groups"].astype({"incomplete": object})
    groups.loc[groups["target_group"] == "all", "incomplete"] = "diagnoses;medicines"
    said = words(DebtPage({**released, "target_groups": groups}, "all", context("fi")).answer())
    assert "Aineisto puuttuu: diagnoosit (diagnoses) ja lääkeostot (medicines). Ryhmä on muodostettu ilman sitä" in said
