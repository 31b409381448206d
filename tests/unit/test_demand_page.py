"""The page of need: every number with its interval, a change inside its uncertainty is no trend, scenarios are
assumptions, and what may not be shown says so."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from demand_tables import (
    BASE,
    COVERED,
    DRIVERS,
    ESTIMATED,
    SCENARIOS,
    demand_tables,
    drivers,
    history,
    ledger,
    outlook,
    resources,
    scores,
)
from page_tables import context, everything, frame, group_tables, released
from page_words import alternatives, significant_digits, unfilled, words

from ennakointi.pages import decisions, demand_past, demand_rows, demand_words
from ennakointi.pages.demand import DemandPage
from ennakointi.pages.demand_rows import Change
from ennakointi.pages.summary import SummaryPage
from ennakointi.report import markup
from ennakointi.text import message_json

METHODS = ("answer", "over_time", "drivers", "by_municipality", "resources", "certainty", "definitions")
GROUPS = ("all", "older_people", "small", "heavy_users", "unknown", "never_heard_of")


@cache
def tables() -> dict[str, pd.DataFrame]:
    return released(demand_tables(), group_tables())


def page(group: str = "all", language: str = "fi", **changes: object) -> DemandPage:
    return DemandPage(tables(), group, context(language, **changes))


def with_tables(**made: list) -> DemandPage:
    """The page of all residents with some of its tables made anew."""
    anew = released({name: frame(name, rows) for name, rows in made.items()})
    return DemandPage({**tables(), **anew}, "all", context())


def growing(growth: float, half: float) -> DemandPage:
    """An outlook of 1,000,000 contacts in 2025 that grows by a share a year, with relative half-widths from 2026."""
    rows = [
        {
            "target_group": "all",
            "service": "all",
            "year": year,
            "variant": BASE,
            "basis": "observed" if year < 2025 else "model" if year < 2028 else "demography",
            "contacts": 1_000_000 * (1 + growth * (year - 2025)),
            "lo80": 1_000_000 * (1 + growth * (year - 2025) - half * (year > 2025)),
            "hi80": 1_000_000 * (1 + growth * (year - 2025) + half * (year > 2025)),
            "n_persons": 9_000,
        }
        for year in range(2020, 2041)
    ]
    return with_tables(demand_outlook=rows)


def test_the_answer_in_finnish() -> None:
    said = words(page().answer())
    assert "Vuonna 2026 tarvitaan noin 1 350 000 käyntiä (80 %:n ennusteväli 1 330 000–1 370 000)." in said
    assert "Muutos vuodesta 2024 (+1,2 %) mahtuu epävarmuuteen." in said
    assert "Vuodesta 2024 vuoteen 2040 tarve kasvaa 10 % (80 %:n epävarmuusväli 3–17 %)." in said
    assert "Eniten tarvetta lisää väestön ikääntyminen (+151 000 käyntiä vuodessa vuoteen 2040 mennessä)." in said
    assert "Eniten tarvetta vähentää väkiluvun muutos (−38 000)." in said
    assert "Vuonna 2040 tarvitaan noin 60 henkilötyövuotta enemmän kuin vuonna 2024" in said
    assert "Laskennallisesti se on noin 11 miljoonaa euroa vuodessa (hinnat vuodelta 2025)." in said
    assert "Eniten lisää tarvitaan palvelussa: home_care." in said


def test_the_answer_in_swedish_and_english() -> None:
    assert "År 2026 behövs cirka 1 350 000 besök (80 % prognosintervall" in words(page("all", "sv").answer())
    assert "About 1,350,000 contacts are needed in 2026 (80% forecast interval" in words(page("all", "en").answer())


@pytest.mark.parametrize(
    ("growth", "half", "expected"),
    [
        (0.03, 0.01, "6,2 % enemmän kuin vuonna 2024"),
        (-0.03, 0.01, "5,8 % vähemmän kuin vuonna 2024"),
        (0.01, 0.03, "Muutos vuodesta 2024 (+2,0 %) mahtuu epävarmuuteen"),
    ],
)
def test_a_change_is_a_trend_only_beyond_its_uncertainty(growth: float, half: float, expected: str) -> None:
    assert expected in words(growing(growth, half).answer())


def test_the_end_of_the_outlook_may_be_within_its_uncertainty_too() -> None:
    assert "Muutos vuodesta 2024 vuoteen 2040 (+2 %, 80 %:n epävarmuusväli −4 – 7 %)" in words(
        growing(0.001, 0.055).answer()
    )
    assert "Vuodesta 2024 vuoteen 2040 tarve vähenee 16 % (80 %:n epävarmuusväli 10–21 %)." in words(
        growing(-0.01, 0.055).answer()
    )


def test_a_change_by_hand() -> None:
    """100 (96–104) to 110 (103–118): −3 from √((110 − 103)² + (104 − 100)²) = 8.06 below, 8.94 above."""
    start = {"contacts": 100.0, "lo80": 96.0, "hi80": 104.0}
    end = {"contacts": 110.0, "lo80": 103.0, "hi80": 118.0}
    change = demand_rows.change(start, end)
    assert (change.value, change.lo, change.hi) == pytest.approx((10.0, 10 - 65**0.5, 10 + 80**0.5))
    assert change.shares == pytest.approx((0.1, (10 - 65**0.5) / 100, (10 + 80**0.5) / 100))
    assert demand_rows.change({**start, "contacts": 0.0}, end) is None
    assert demand_rows.change(start, {**end, "lo80": np.nan}) is None


def test_the_headline_figures_stand_under_the_answer() -> None:
    block = page().answer()
    assert block.html.count("<dt>") == 4
    assert "Henkilötyövuosia vuonna 2026\n616" in words(block)
    assert "Laskennallinen kustannus vuonna 2026, milj. euroa\n119" in words(block)


def test_without_a_projection_the_page_says_what_is_missing() -> None:
    near = [row for row in outlook("all") if row["year"] < 2028]
    said = words(with_tables(demand_outlook=near, demand_drivers=[]).answer())
    assert "Aineisto puuttuu: asukkaat (population)." in said or "Aineisto puuttuu: " in said
    assert "Tarvitaan: väestöennuste tuleville vuosille kunnan, iän ja sukupuolen mukaan." in said
    made = with_tables(demand_outlook=[row for row in near if row["year"] < 2027], demand_drivers=[])
    said = words(made.over_time())
    assert "Kaikki palvelut vuosittain: mallin ennuste" in said
    assert "Muutos vuodesta 2024 (80 %:n väli)" in said
    assert "Muutos 2024–" not in said
    drawn = words(with_tables(demand_outlook=near, demand_drivers=[]).drivers())
    assert "Muutosta ei voi jakaa osiin." in drawn


def test_without_an_outlook_the_months_are_summed() -> None:
    """Twelve months whose means add up to those of the forecast, and the ends of their intervals added up."""
    only = {name: table for name, table in tables().items() if not name.startswith("demand_")}
    ahead = only["forecast"].query("target_group == 'all' and service == 'all'")
    near = ahead[ahead["month"] < "2026-10"]
    low = near[near["quantile"] == 0.1]["value"].sum()
    number = context().catalogue.estimate(
        near[near["quantile"] == 0.5]["value"].sum(), low, near[near["quantile"] == 0.9]["value"].sum()
    )
    said = words(DemandPage(only, "all", context()).answer())
    expected = (
        f"Jaksolla 10/2025–9/2026 tarvitaan noin {number.value} käyntiä (80 %:n ennusteväli enintään {number.interval})"
    )
    assert expected.replace("\u00a0", " ") in said


def test_hidden_groups_show_one_label_and_no_number() -> None:
    small = page("small")
    assert "Tarve vuonna 2026: ei näytetä (tietosuoja)." in words(small.answer())
    assert "Kaikki palvelut yhteensä: ei näytetä (tietosuoja)." in words(small.over_time())
    assert "Muutoksen osat: ei näytetä (tietosuoja)." in words(small.drivers())
    places = small.by_municipality()
    assert words(places).count("ei näytetä (tietosuoja)") == 3 * 8
    assert "<svg" not in places.html
    for method in ("over_time", "drivers", "resources"):
        block = getattr(small, method)()
        assert "<svg" not in block.html
        assert not re.search(r"\b\d{3}\b", words(block)), method


def test_hidden_services_and_months_are_not_zero() -> None:
    assert "outreach\nei näytetä (tietosuoja)\nei näytetä (tietosuoja)\nei näytetä (tietosuoja)" in words(
        page().over_time()
    )


def test_the_fan_marks_the_end_of_the_data_breaks_and_the_exceptional_time() -> None:
    picture = re.sub(r"<(?!text)[^>]*>", " ", page().over_time().html)
    for named in ("poikkeusaika 3/2020–4/2021", "aineisto päättyy, 9/2025", "1/2023: Hyvinvointialue aloittaa"):
        assert named in picture
    assert "väestöennuste jatkaa mallista, 2028" in picture
    assert "Iitti" not in picture


def test_the_largest_services_come_first_and_say_their_change() -> None:
    said = alternatives(page().over_time())
    largest = next(text for text in said if "home_care" in text)
    assert largest.index("home_care") < largest.index("Avosairaanhoito") < largest.index("emergency")
    assert "outreach" not in largest
    assert "emergency: 2026: −1,2 %, epävarma" in largest.replace("\u00a0", " ")


def test_the_waterfall_has_every_bar_in_order_and_adds_up() -> None:
    for scenarios, parts in ((False, ESTIMATED), (True, DRIVERS)):
        bars = demand_rows.drivers(tables(), "all", scenarios)
        assert list(bars["factor"]) == ["start", *(factor for factor, *_ in parts), "end"]
        assert bars["change"].iloc[:-1].sum() == pytest.approx(bars["change"].iloc[-1], abs=10 * len(bars))
    said = alternatives(page().drivers())
    plain, assumed = (next(alt for alt in said if ("ensikontakti" in alt) == scenarios) for scenarios in (False, True))
    for bar in ("Taso vuonna 2024 1 340 000", "Väestön ikääntyminen +151 000", "Tarve vuonna 2040"):
        assert bar in plain.replace("\u00a0", " ")
    assert "Digitaalinen ensikontakti −52 000" in assumed.replace("\u00a0", " ")


def test_the_waterfall_names_its_scenarios_and_that_of_the_sentences_comes_first() -> None:
    said = words(page().drivers())
    plain = "Mikä muuttaa tarvetta, 2024–2040, ilman skenaarioita"
    assumed = "Mikä muuttaa tarvetta, 2024–2040, kun mukana ovat skenaariot: "
    assert said.index(plain) < said.index("Skenaarioiden kanssa") < said.index(assumed)
    assert "Skenaariot ovat oletuksia" in said


def test_without_scenarios_in_force_nothing_is_said_of_them() -> None:
    plain = [row for row in outlook("all") if row["variant"] == BASE]
    bars = [row for row in drivers("all") if row["variant"] == BASE]
    said = words(with_tables(demand_outlook=plain, demand_drivers=bars).drivers())
    assert "Mikä muuttaa tarvetta, 2024–2040\n" in said
    assert "kenaario" not in said


def test_scenarios_are_said_to_be_assumptions() -> None:
    block = page().drivers()
    said = words(block)
    assert "Skenaariot ovat oletuksia, eivät ennusteita" in said
    assert "Terveempi ikääntyminen\n−46 000\n−67 000 – −25 000\noletus" in said
    assert "Väestön ikääntyminen\n+151 000\n134 000–168 000\narvioitu aineistosta" in said
    assert "Väestöennuste 2024, ei skenaarioita\n1 460 000" in said


def test_of_several_projections_the_newest_is_shown() -> None:
    older = [{**row, "variant": "projection_2019", "contacts": 1.0} for row in outlook("all") if row["year"] > 2024]
    made = with_tables(demand_outlook=[*older, *outlook("all")])
    assert demand_rows.variants(made.tables, "all") == [BASE, "projection_2019", SCENARIOS]
    assert "1 350 000" in words(made.answer())


def test_drivers_within_their_uncertainty_are_no_causes() -> None:
    rows = [{**row, "lo80": -1.0, "hi80": 1.0} if row["factor"] in ("ageing", "population", "trend") else row
            for row in drivers("all")]  # fmt: skip
    assert "Mikään muutoksen syy ei erotu epävarmuudesta." in words(with_tables(demand_drivers=rows).answer())


def test_municipalities_by_hand() -> None:
    """Lahti: sums of the shown services' means over 12 months; the months' half-widths added, the services' squared."""
    lahti = next(place for place in demand_rows.places(tables(), "all") if place.code == "398")
    rows = tables()["forecast"].query("target_group == 'all' and municipality == '398' and month < '2026-10'")
    shown = rows[rows["service"] != "outreach"]
    means = shown.drop_duplicates(["service", "month"])
    below = means.groupby("service")["mean"].sum() - shown[shown["quantile"] == 0.1].groupby("service")["value"].sum()
    assert lahti.value == pytest.approx(means["mean"].sum())
    assert lahti.lo == pytest.approx(lahti.value - (below**2).sum() ** 0.5)
    seen = tables()["forecast_history"].query(
        "target_group == 'all' and municipality == '398' and service != 'outreach'"
    )
    assert lahti.last == pytest.approx(seen["observed"].sum())
    assert lahti.change.value == pytest.approx(lahti.value - lahti.last)


def test_municipalities_have_names_intervals_and_say_what_is_uncertain() -> None:
    block = page().by_municipality()
    said = words(block)
    assert re.search(r"Lahti\n698 000\n708 000 \(689 000–727 000\)\n\+1,4 %", said)
    assert "mahtuu epävarmuuteen" in "".join(re.findall(r"<text.*?</text>", block.html))


def test_a_municipality_without_shown_services_is_hidden() -> None:
    made = released({"forecast": demand_tables()["forecast"].assign(n_persons=lambda t: t["n_persons"].where(
        ~t["municipality"].isin(["576", "081"]), 3))})  # fmt: skip
    said = words(DemandPage({**tables(), **made}, "all", context()).by_municipality())
    assert "Padasjoki\nei näytetä (tietosuoja)\nei näytetä (tietosuoja)\nei näytetä (tietosuoja)" in said


def test_like_is_compared_with_like_in_a_municipality() -> None:
    """A service with a month that is not shown counts neither before nor after: the change is that of the others."""
    rows = [row for row in history("all") if not (row["service"] == "home_care" and row["month"] == "2025-01")]
    whole, some = (
        next(place for place in demand_rows.places(made.tables, "all") if place.code == "398")
        for made in (page(), with_tables(forecast_history=rows))
    )
    home = tables()["forecast"].query(
        "target_group == 'all' and municipality == '398' and service == 'home_care' and month < '2026-10'"
    )
    assert whole.value - some.value == pytest.approx(home.drop_duplicates("month")["mean"].sum())
    assert 0.5 * whole.last < some.last < 0.7 * whole.last


def test_hidden_services_do_not_make_a_municipality_of_nothing() -> None:
    """Where all that is shown is zero and the rest is hidden, the municipality is hidden."""
    near = demand_tables()["forecast"]
    zero = near["service"].eq("emergency") & near["municipality"].eq("576")
    small = near["municipality"].eq("576") & ~zero
    near = near.assign(
        value=near["value"].where(~zero, 0.0),
        mean=near["mean"].where(~zero, 0.0),
        n_persons=near["n_persons"].where(~small, 3).where(~zero, 0),
    )
    made = demand_rows.places(released({"forecast": near}), "all")
    assert next(place for place in made if place.code == "576").hidden


def test_a_municipality_that_is_not_known_is_named_so() -> None:
    near = tables()["forecast"].replace({"municipality": {"576": "999"}})
    assert "kunta ei tiedossa" in words(DemandPage({**tables(), "forecast": near}, "all", context()).by_municipality())


def test_municipalities_without_history_show_the_forecast_alone() -> None:
    county = [row for row in history("all") if row["municipality"] == "all"]
    said = words(with_tables(forecast_history=county).by_municipality())
    assert re.search(r"Lahti\n–\n7\d\d 000 \(.*\)\n–\n", said)


def test_resources_by_year_with_price_year() -> None:
    said = words(page().resources())
    assert "Milj. euroa vuodessa (hinnat vuodelta 2025)" in said
    assert "2026\n616 (606–626)\n119 (117–121)\n404 (398–411)\n232 (229–236)" in said
    assert "2024\n608\n118\n400\n230" in said
    assert said.index("Kaikki vuodet") < said.index("Henkilötyövuodet palveluittain") < said.index("home_care")
    assert "Ei ole laskettu, mitä tarpeen hoitaminen vaatii." in words(with_tables(demand_resources=[]).resources())


def test_work_is_a_level_where_its_change_is_uncertain() -> None:
    rows = [{**row, "lo80": 0.5 * row["amount"], "hi80": 1.5 * row["amount"]} for row in resources("all")]
    assert "Työ vuonna 2026: noin 620 henkilötyövuotta (80 %:n epävarmuusväli 310–920)." in words(
        with_tables(demand_resources=rows).answer()
    )


def test_hits_of_the_last_forecast_by_hand() -> None:
    """Six services are shown; five of them inside in the latest month, emergency outside; 0.8 × 6 = 4.8 expected."""
    hits = demand_rows.latest_hits(tables(), "all")
    assert (hits.made, hits.services, hits.hits, hits.months, hits.inside) == ("2025Q2", 6, 5, 18, 17)
    said = words(page().certainty())
    assert (
        "Neljänneksen 2/2025 ennuste: toteuma osui ennustevälille 5 palvelussa ja jäi sen ulkopuolelle 1 palvelussa "
        "(osumia odotettiin noin 5)." in said
    )
    assert "2. neljännes 2025" in said
    total = (
        "Kaikki palvelut yhteensä: 80 %:n ennustevälille osui 3/3 kuukautta, ja ennuste oli 1,3 % toteumaa suurempi."
    )
    assert total in said
    assert "Se osui lähemmäs kuin edellisen vuoden sama kuukausi 6 palvelussa ja kauemmas 0 palvelussa." in said


def test_without_an_earlier_forecast_the_page_says_so() -> None:
    said = words(with_tables(forecast_ledger=[]).certainty())
    assert "Aiempaa ennustetta, jota voisi verrata toteumaan, ei vielä ole." in said


def test_tests_are_told_without_jargon() -> None:
    """1 − 0.61 / 0.83 = 27 %; MASE and WQL stand in the folded method only."""
    assert demand_past.gain(tables(), "all", "all") == pytest.approx(1 - 0.61 / 0.83)
    said = words(page().certainty())
    assert "keskivirhe oli 27 % pienempi" in said
    assert not re.search("MASE|WQL", said)
    assert "MASE 0,61 (edellisen vuoden sama kuukausi 0,83)" in words(page().definitions())


def test_a_forecast_that_brings_nothing_says_so() -> None:
    worse = [{**row, "mase": 1.1 if row["model"] == "engine" else 1.0} for row in scores("all")]
    assert "10 % suurempi" in words(with_tables(forecast_scores=worse).certainty())
    assert "Historia on liian lyhyt" in words(with_tables(forecast_scores=[]).certainty())


def test_failed_checks_come_first_and_services_are_folded() -> None:
    said = words(page().certainty())
    assert said.index("ei kunnossa") < said.index("kunnossa: Vertailujakson pituus")
    assert "ei voitu tarkistaa: outreach: " in said


def test_a_group_without_forecast_says_why() -> None:
    assert "Ryhmää ei voi muodostaa näistä tiedoista." in words(page("unknown").answer())
    assert "Ryhmän palvelutarpeesta ei ole ennustetta." in words(page("heavy_users").answer())


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
@pytest.mark.parametrize("group", GROUPS)
def test_every_part_is_readable_in_every_language(group: str, language: str) -> None:
    made = page(group, language)
    for method in METHODS:
        block = getattr(made, method)()
        assert words(block).strip() or (not made._made and method != "answer"), method
        assert not unfilled(words(block)), method
        assert not markup.faults(block.html), method


def test_every_part_is_readable_when_any_table_is_missing() -> None:
    for name in ("forecast", "forecast_history", "demand_outlook", "demand_drivers", "demand_resources"):
        some = {key: table for key, table in tables().items() if key != name}
        for method in METHODS:
            made = DemandPage(some, "all", context())
            said = words(getattr(made, method)())
            assert said.strip() or (name == "forecast" and method != "answer"), (name, method)
            assert not unfilled(said), (name, method)


def test_modelled_numbers_have_at_most_three_digits_that_mean_something() -> None:
    for method in METHODS:
        for number in re.findall(r"\d{1,3}(?: \d{3})+", words(getattr(page(), method)())):
            assert significant_digits(number) <= 3, (method, number)


def test_signs_are_only_for_numbers_other_than_zero() -> None:
    assert demand_words.signed(0.2, "0 %") == "0 %"
    assert demand_words.signed(4.0, "4 %") == "+4 %"
    assert demand_words.signed(-4.0, "−4 %") == "−4 %"
    assert not Change(100.0, 1.0, -1.0, 3.0).certain


def test_the_summary_tells_the_last_hits_and_shows_the_need() -> None:
    links = {**context().links, ("demand", "all"): "demand-all.html"}
    made = SummaryPage({**everything(), **tables()}, context(links=links))
    said = words(made.answer())
    assert "Neljänneksen 2/2025 ennuste: toteuma osui ennustevälille 5 palvelussa" in said
    assert said.rstrip().endswith("(osumia odotettiin noin 5).")
    figures = made.headline_figures()
    assert figures.html.count("<dt>") == 4
    assert '<a href="demand-all.html">Tarve vuonna 2026, käyntejä</a>' in figures.html
    assert "Tarpeen muutos vuoteen 2040 (80 %:n väli)" in words(made.groups())
    assert re.search(r"Koko väestö\n(?:.*\n){5,6}\+10 % \(3–17 %\)", words(made.groups()))
    alone = SummaryPage(tables(), context())
    assert words(alone.answer()).lstrip().startswith("Vuonna 2026 tarvitaan noin 1 350 000 käyntiä")


def test_growing_need_is_a_decision_only_beyond_its_uncertainty() -> None:
    """Home care in five years: 190 × 1.15 = 218.5 person-years, published as 218, against 190 × 0.97 = 184 of 2024,
    which took place: 34, less and more 6.6; 14 × 1.15 = 16.1 M€ against 13.6."""
    links = {**context().links, ("demand", "all"): "demand-all.html"}
    found = decisions.decisions(tables(), context(links=links))
    assert len(found) == 1
    card = markup.cards(found[0])
    said = words(card)
    assert "Päätettävä: miten palvelun kasvavaan tarpeeseen vastataan: home_care?" in said
    assert (
        "Vuonna 2030 tarvitaan noin 34 henkilötyövuotta enemmän kuin vuonna 2024 (80 %:n epävarmuusväli 28–41)" in said
    )
    assert "noin 2,5 miljoonaa euroa vuodessa" in said
    assert 'href="demand-all.html"' in card.html
    flat = with_tables(demand_resources=[row for row in resources("all") if row["service"] != "home_care"])
    assert decisions.decisions(flat.tables, context()) == []


def test_the_ledger_of_a_quarter_is_that_of_its_newest_forecast() -> None:
    """Of two stored forecasts the newer one is told, though the older has more months."""
    rows = [row for row in ledger("all") if row["made"] == "2025Q1"]
    assert demand_rows.latest_hits(released({"forecast_ledger": frame("forecast_ledger", rows)}), "all").months == 36


def test_work_that_grows_without_contacts_is_explained_first() -> None:
    """Contacts +1.6 % (−4–7 %), work of 2040 clearly more: the bridge leads; where both grow there is none."""
    bridge = "Käyntien määrä pysyy vuoteen 2040 asti suunnilleen samana, mutta käynnit siirtyvät palveluihin, joissa"
    assert words(growing(0.001, 0.055).answer()).startswith(f"{bridge} tarvitaan enemmän työtä.")
    assert "siirtyvät" not in words(page().answer())
    less = [{**row, **{n: 2 * 612 - row[n] for n in ("amount", "lo80", "hi80")}} for row in resources("all")
            if row["resource"] == "fte" and row["service"] == "all"]  # fmt: skip
    less = [{**row, "lo80": row["hi80"], "hi80": row["lo80"]} for row in less]
    flat = {**growing(0.001, 0.055).tables, **released({"demand_resources": frame("demand_resources", less)})}
    assert words(DemandPage(flat, "all", context()).answer()).startswith(f"{bridge} tarvitaan vähemmän työtä.")
    assert "Käynnit vähenevät vuoteen 2040 mennessä" in words(growing(-0.03, 0.01).answer())


def checked(*told: tuple[str, str, str, str, dict[str, object]], **changes: object) -> DemandPage:
    """The page with checks: service, name, passed, sentence and its slots."""
    rows = [
        {"target_group": "all", "service": service, "check": name, "passed": passed,
         "message": message_json(message, values)}
        for service, name, passed, message, values in told
    ]  # fmt: skip
    anew = released({"forecast_checks": frame("forecast_checks", rows)})
    return DemandPage({**tables(), **anew}, "all", context(**changes))


def test_a_missing_part_of_the_area_is_told_first() -> None:
    known = context().labels
    area = {**known["area"], "999x": "Muualla", "county:07": "Päijät-Häme"}
    some = checked(("all", "coverage", "no", COVERED, {"covered_share": 0.934}), labels={**known, "area": area})
    said = words(some.answer())
    assert "Osa alueesta puuttuu ennusteesta: " in said
    assert "Muualla" in said
    assert "Lahti" not in said
    assert "Ennuste kattaa alueet, joilla asuu 93 % väestöstä." in said
    filled = "aiempien kuukausien luvut on täydennetty vastaamaan nykyistä aluetta"
    assert filled in words(some.over_time())
    whole = checked(("all", "coverage", "yes", COVERED, {"covered_share": 0.996}))
    assert "puuttuu ennusteesta" not in words(whole.answer())
    assert filled not in words(whole.over_time())
    assert filled in words(whole.definitions())


def test_the_same_check_of_many_services_is_told_once() -> None:
    level = "Too few or too even contacts for the models: the forecast is a constant level with its spread."
    told = [(service, "fallback", "no", level, {}) for service in ("a", "b", "c", "d")]
    few = [(service, "naive", "no", "The baseline has {months} months.", {"months": 3}) for service in ("a", "b")]
    said = words(checked(*told, *few).certainty())
    assert said.count("tasainen taso") == 1
    assert "Palvelut: a, b, c ja d." in said
    assert "Vertailujakson pituus kuukausina: 3. Palvelut: a ja b." in said


def test_checks_that_differ_in_numbers_alone_are_told_once_with_their_range() -> None:
    noise = "The difference is no larger than chance (±{noise_share})."
    several = [(service, "noise", "no", noise, {"noise_share": x}) for service, x in (("a", 0.08), ("b", 0.21))]
    said = words(checked(*several, ("c", "noise", "yes", noise, {"noise_share": 0.05})).certainty())
    assert "(±8–21 %). Palvelut: a ja b." in said
    assert "c: Ero ei ole satunnaisvaihtelua suurempi (±5 %)." in said


def test_checks_show_years_as_years_and_shares_as_whole_per_cents() -> None:
    ends = "The population projection {variant} ends in {year}, and so does the outlook; {wanted} was aimed at."
    part = "The forecast covers the areas of {covered_share} of residents."
    said = words(
        checked(
            ("all", "projection", "no", ends, {"variant": "projection_2024", "year": 2026, "wanted": 2040}),
            *(("all", f"c{share}", "yes", part, {"covered_share": share}) for share in (0.00358, 0.794, 0.9991)),
        ).certainty()
    )
    assert "2026" in said
    assert "2040" in said
    assert "2 0" not in said
    for share in ("alle 1 %", "79 %", "yli 99 %"):
        assert f"joilla asuu {share} väestöstä" in said


def test_the_method_tells_of_a_quick_run() -> None:
    assert "eksponentiaalisella tasoituksella, on oma kausivaihtelu" in words(page().definitions())
    assert "pika-ajo" not in words(page().certainty())
    theta = {**tables(), "forecast": tables()["forecast"].assign(method="theta")}
    quick = DemandPage(theta, "all", context())
    assert "Tämä on pika-ajo: tulevien kuukausien ennusteen tekee yksi malli, Theta." in words(quick.certainty())
    assert "keskiarvo" not in words(quick.definitions())


def test_the_running_year_partly_took_place() -> None:
    assert re.search(
        r"2025\n[^\n]*\nosin toteutunut, loput mallin ennuste\n+2026\n[^\n]*\nmallin ennuste", words(page().over_time())
    )


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_a_per_cent_sign_never_stands_alone(language: str) -> None:
    for method in METHODS:
        html = getattr(page("all", language), method)().html
        assert not re.search(r"\d %", html), method
        assert not re.search(r"\d – |–\u00a0", html), method
        assert language != "en" or "\u00a0%" not in html, method
