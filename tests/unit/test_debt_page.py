"""The page of service debt: every status has its own honest sentence, in every language."""

from __future__ import annotations

import re

import numpy as np
import pytest
from debt_part_tables import equity, hidden_persons, production, queue_pressure, sensitivity
from page_tables import context, debt_row, debt_series, debt_tables, frame, group_tables, released
from page_words import significant_digits, unfilled, words
from quality_tables import quality_tables

from ennakointi.pages import debt_words
from ennakointi.pages.context import record
from ennakointi.pages.debt import DebtPage
from ennakointi.report import markup
from ennakointi.text import message_json

METHODS = ("answer", "fate", "over_time", "by_service", "clearing", "equity", "certainty")
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
    assert (
        "Jonossa odotti jakson lopussa noin 33 000. Noin 40 000 ei näy missään jonossa: piilossa oleva palveluvelka."
        in said
    )
    assert "Kertynyt ero vuosien 2017–2019 tasoon, 9/2025: käyntejä puuttuu noin 90 000" in said
    assert "Jonot ja palaava tarve saadaan puretuksi vuoden 2026 loppuun mennessä 80 %:n todennäköisyydellä" in said


def test_answer_in_swedish_and_english() -> None:
    assert "cirka 110 000 färre besök än förväntat (80 % osäkerhetsintervall" in words(page("all", "sv").answer())
    assert "about 110,000 fewer contacts took place than expected" in words(page("all", "en").answer())


def test_person_years_by_hand() -> None:
    """now = 48,000 × 20 min + 24,000 × 50 min = 36,000 h; at 1,600 h a year 22.5, of which 30–80 %."""
    summary = debt_tables()["debt_summary"]
    services = summary[(summary["target_group"] == "all") & summary["service"].isin(["primary_care", "mental_health"])]
    low, high = debt_words.person_years(services, context())
    assert (low, high) == pytest.approx((0.3 * 22.5, 0.8 * 22.5))


def test_without_a_projection_the_work_of_the_returning_need_is_told() -> None:
    known = {name: table for name, table in tables().items() if name not in ("debt_clearance", "clearance_curve")}
    said = words(DebtPage(known, "all", context()).answer())
    assert "Jos puuttuvista käynneistä palaa 30–80 %, niiden hoitaminen vaatii 7–18 henkilötyövuotta." in said
    assert "todennäköisyydellä" not in said


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


def test_after_the_window_it_is_a_difference_not_a_debt() -> None:
    said = words(page().over_time())
    assert "ero vuosien 2017–2019 tasoon" in said
    assert "joten sitä ei kutsuta koronavelaksi" in said


def test_services_are_in_order_of_weeks_and_refusals_say_why() -> None:
    said = words(page().by_service())
    assert said.index("Mielenterveyspalvelut") < said.index("Avosairaanhoito")
    assert "outreach: Vertailujaksolla on alle 12 käyntiä." in said


def test_the_share_not_seen_is_what_neither_waits_nor_ended() -> None:
    """(77,300 − 20,000) / 110,400 = 0.519; without ended needs 0.700; nothing is told of a surplus."""
    total = debt_words.summary_row(tables(), "all")
    assert debt_words.unseen_share(total, context()) == "50\u00a0%"
    assert debt_words.unseen_share({**total, "lost": np.nan}, context()) == "70\u00a0%"
    surplus = {**total, "debt": -5.0, "debt_lo80": -9.0, "debt_hi80": -1.0}
    assert debt_words.unseen_share(surplus, context()) == "–"


def test_kinds_of_debt_stand_apart_and_are_no_services() -> None:
    said = words(page().by_service())
    assert "Hoitovelka\n90 000 (63 000–117 000)\n3,8\n4,0 %\n30\n7 200 000" in said
    assert said.index("Palveluvelka lajeittain") < said.index("Sosiaalipalvelujen velka") < said.index("Yhteensä")
    assert "kind:" not in said


def test_queues_that_were_too_long_before_are_no_part_of_the_debt() -> None:
    assert "jo ennen vuotta 2020: ylitys oli noin 6 000 käyntiä. Se on rakenteellista velkaa" in words(
        page().by_service()
    )
    known = tables()
    nothing = known["debt_summary"].assign(structural=0.0)
    said = words(DebtPage({**known, "debt_summary": nothing}, "all", context()).by_service())
    assert "rakenteellista" not in said


def test_production_stands_side_by_side_without_a_verdict() -> None:
    said = words(page().by_service())
    assert "Oma tuotanto\n110 000\n112 000\n100 000\n12 200\n104 000" in said
    assert "Ostopalvelut\n14 100\n14 300\n15 900\n−1 600\n17 800" in said
    assert "Rivejä ei voi verrata paremmuuteen" in said
    assert "Avosairaanhoito: Vertailujakson pituus kuukausina: 36." in said
    assert "jos tuottajia on vähän" not in said


def test_purchased_services_of_few_suppliers_are_not_shown() -> None:
    known = production()
    few = known.assign(suppliers=known["suppliers"].where(known["service"] != "primary_care", "few"))
    said = words(DebtPage(tables() | released({"debt_production": few}), "all", context()).by_service())
    assert "Ostopalvelut\nei näytetä (tietosuoja)" in said
    assert "jos tuottajia on vähän" in said


def test_queues_without_balance_come_first_and_are_named() -> None:
    said = words(page().clearing())
    assert "kasvaa, koska hoitoon jääviä lähetteitä tulee enemmän kuin hoitoja alkaa: Mielenterveyspalvelut." in said
    assert "Mielenterveyspalvelut\n1 240 (810)\n103 / 95\n1,04\n17 (13)\nkasvaa, ei tasapainoa\n112" in said
    assert "Jono lyhenee enemmän kuin epävarmuus selittää: Erikoissairaanhoidon avohoito." in said
    assert "Avosairaanhoito\n620 (810)\n97,1 / 95\n0,98\n17 (13)\nepäselvä\n112" in said
    assert "outreach: Vertailujaksolla on alle 12 käyntiä." in said


def test_a_full_queue_that_may_not_grow_is_said_to_have_no_balance_only() -> None:
    full = queue_pressure().assign(growing="unclear", relief_capacity=np.nan)
    said = words(DebtPage(released({"queue_pressure": full}), "all", context()).clearing())
    assert "1,04\n17 (13)\nei tasapainoa\n" in said
    assert "Ero voi olla sattumaa: Mielenterveyspalvelut." in said
    assert "kasvaa" not in said
    assert "Tarvittava tahti" not in said


def test_a_hidden_queue_is_named_apart_from_the_table() -> None:
    few = queue_pressure().assign(n_persons=[3, 900, 900, 900])
    said = words(DebtPage(released({"queue_pressure": few}), "all", context()).clearing())
    assert "Mielenterveyspalvelut: ei näytetä (tietosuoja)." in said
    assert "1,04" not in said


def test_a_source_without_queues_says_what_is_needed_beside_clearing() -> None:
    known = {name: table for name, table in tables().items() if name != "queue_pressure"}
    said = words(DebtPage(known, "all", context(missing=frozenset({"referrals"}))).clearing())
    assert "Tarvitaan: jonoon tulon ja jonosta poistumisen päivät." in said
    assert "Yhtään jonoa ei voitu mitata." in words(DebtPage(known, "all", context()).clearing())


@pytest.mark.parametrize(
    ("difference", "shown", "expected"),
    [
        (0.062, True, "Ryhmä menetti enemmän kuin muut. Odotetuista käynneistä puuttuu tässä ryhmässä 10,0 %"),
        (-0.03, True, "Ryhmä menetti vähemmän kuin muut."),
        (
            0.015,
            True,
            "tässä ryhmässä 5,3 % (3,3–7,3 %), muilla asukkailla 3,8 % (1,8–5,8 %). Ero mahtuu epävarmuuteen.",
        ),
        (0.062, False, "Ryhmä menetti enemmän kuin muut."),
        (-0.03, False, "Ero mahtuu epävarmuuteen."),
    ],
)
def test_a_gap_to_the_others_is_told_only_beyond_its_uncertainty(difference: float, shown: bool, expected: str) -> None:
    """Each share and the difference have ±2 percentage points. Without the difference the two intervals decide: 4
    points apart they no longer overlap."""
    shares = equity(difference) if shown else equity(difference).query("part != 'difference'")
    said = words(DebtPage(released({"debt_equity": shares}), "older_people", context()).equity())
    assert expected in said
    assert ("Ero mahtuu epävarmuuteen." in said) == ("Ero mahtuu" in expected)


def test_areas_are_named_when_they_can_be_told_apart() -> None:
    shares = equity()
    said = words(DebtPage(released({"debt_equity": shares}), "older_people", context()).equity())
    assert (
        "Kunnista suurin osuus puuttuu täällä: Padasjoki, 17,0 % (15,0–19,0 %). Pienin: Lahti, 8,0 % (6,0–10,0 %)."
        in said
    )
    wide = shares.assign(share_lo80=shares["share"] - 0.1, share_hi80=shares["share"] + 0.1)
    said = words(DebtPage(released({"debt_equity": wide}), "older_people", context()).equity())
    assert "Kuntien väliset erot mahtuvat epävarmuuteen." in said


def test_standardised_rates_by_hand() -> None:
    """8,000 · 0.10 = 800 ± 160 in the group, 8,000 · 0.038 = 304 ± 160 among others."""
    said = words(DebtPage(released({"debt_equity": equity()}), "older_people", context()).equity())
    assert "tuhatta henkilöä kohti vuodessa: tässä ryhmässä 800 (640–960), muilla 300 (140–460)." in said


def test_persons_who_are_not_seen_by_municipality_and_small_places_hidden() -> None:
    said = words(page().equity())
    assert "Palveluja odotettiin käyttävän noin 12 000 henkilöä enemmän kuin niitä käytti" in said
    assert "Tarve ei näy missään jonossa: noin 6 000 henkilöä (80 %:n epävarmuusväli 3 600–8 400)." in said
    assert "Lahti\n84 000\n7 000 (5 600–8 400)\n3 500 (2 100–4 900)" in said
    assert "Padasjoki\n" + "\n".join(["ei näytetä (tietosuoja)"] * 3) in said


def test_absent_persons_within_their_uncertainty_are_said_to_be_that() -> None:
    persons = hidden_persons().assign(absent_lo80=-500.0)
    said = words(DebtPage(released({"hidden_persons": persons}), "all", context()).equity())
    assert "Palveluja käytti suunnilleen yhtä moni henkilö kuin aiemman käytön perusteella odotettiin" in said
    assert "henkilöä enemmän" not in said


def test_persons_of_clients_alone_are_refused_with_the_reason() -> None:
    reason = message_json("The baseline has {months} months.", {"months": 2})
    refused = hidden_persons().assign(status="refused", reason=reason)
    said = words(DebtPage(released({"hidden_persons": refused}), "all", context()).equity())
    assert "Henkilöitä, joiden tarve ei näy, ei voitu arvioida." in said
    assert said.count("Vertailujakson pituus kuukausina: 2.") == 1
    assert "käyttävän noin" not in said


def test_views_stand_beside_the_data_with_their_disagreement() -> None:
    block = page().equity()
    said = words(block)
    assert '<h2 id="mita-henkilosto-sanoo">' in block.html
    assert "Avosairaanhoito (Osastonhoitaja): henkilöstön näkemys ja aineisto eroavat selvästi." in said
    assert "Jakaumista on yhteistä vain 12 %." in said
    assert "Osastonhoitaja\n15.3.2022\n110 000 (90 000–140 000)\n33 %" in said


def test_nothing_is_said_of_views_that_nobody_gave() -> None:
    assert "henkilöstö" not in words(page("older_people").equity())


def test_the_choice_that_moves_the_answer_most_is_told() -> None:
    said = words(page().certainty())
    assert (
        "Eniten lukuun vaikuttaa tämä valinta: trendin muoto. Sen eri vaihtoehdoilla luku on 96 000–131 000 käyn"
        in said
    )
    assert "Kaikki vaihtoehdot mahtuvat raportoituun epävarmuusväliin." in said
    assert "Kuukaudet, joilta velka lasketaan\npäättyy 9/2021\n99 000 (69 000–129 000)\n−11 000" in said
    assert "Pois jätetty vertailuvuosi\n2019" in said
    assert "kerroin 0,5" in said
    assert "Velka palveluissa, joita muut voivat korvata\nkuten raportissa\n60 000 (42 000–78 000)" in said
    assert said.index("Velka ilman päättyneitä tarpeita") < said.index("Purettavana\nkuten raportissa")


def test_alternatives_outside_the_interval_are_counted() -> None:
    """The interval is 77,280–143,520; the straight trend says 150,000 and one year left out 70,000."""
    changed = sensitivity().replace({"value": {131_000: 150_000, 104_000: 70_000}})
    said = words(DebtPage(released(debt_tables(), {"debt_sensitivity": changed}), "all", context()).certainty())
    assert "Vaihtoehtoja, jotka jäävät raportoidun epävarmuusvälin ulkopuolelle: 2/6." in said


def test_the_noise_floor_and_borrowed_strength_are_told() -> None:
    said = words(page().certainty())
    assert "Kohinataso on 1,2 % odotetuista käynneistä" in said
    assert "Nyt ero on 4,0 %." in said
    assert "nojaa osin koko väestön lukuihin: Mielenterveyspalvelut. Ryhmän omien tietojen pienin paino: 62 %." in said
    assert "Rekisteri kattaa 93 % kuukausista." in said
    quiet = words(one(noise_share=0.05).certainty())
    assert "Tämä ero ei ole sitä suurempi." in quiet
    assert "nojaa" not in quiet


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
        assert words(block).strip() or (made._refused and method != "answer"), method
        assert not unfilled(words(block)), method
        assert not markup.faults(block.html), method


def test_modelled_numbers_have_at_most_three_digits_that_mean_something() -> None:
    for method in METHODS:
        for number in re.findall(r"\d{1,3}(?: \d{3})+", words(getattr(page(), method)())):
            assert significant_digits(number) <= 3, (method, number)


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
