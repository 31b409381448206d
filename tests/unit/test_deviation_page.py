"""The page of an aggregate source: deviations with their week named, gaps that stay gaps, never a debt."""

from __future__ import annotations

import pandas as pd
import pytest
from page_tables import context, deviation_tables, released
from page_words import alternatives, unfilled, words

from ennakointi.pages import deviation_words
from ennakointi.pages.deviation import DeviationPage
from ennakointi.report import markup

METHODS = ("answer", "over_time", "by_service", "certainty", "definitions")


def page(language: str = "fi", **changes: object) -> DeviationPage:
    return DeviationPage(released(deviation_tables()), "all", context(language, **changes))


def test_the_largest_week_is_named_with_what_was_expected() -> None:
    said = words(page().answer())
    assert (
        "Suurin poikkeama jaksolla 3/2020–12/2021: viikko 12/2020, +47 %. Toteutunut 30 200, odotettu noin "
        "20 600 "
        "(80 %:n ennusteväli 19 800–21 400)." in said
    )
    assert "Tämä on poikkeama, ei palveluvelka" in said


def test_the_picture_tells_the_same() -> None:
    assert all("viikko 12/2020, +47 %" in told.replace("\u00a0", " ") for told in alternatives(page().over_time()))


def test_a_missing_week_is_missing_and_not_zero() -> None:
    assert "Puuttuu aineistosta, ei ole nolla: viikko 52/2020." in words(page().over_time())
    assert "viikko 52/2020" not in words(page().by_service())


def test_a_larger_deviation_after_the_window_does_not_hide_the_one_inside() -> None:
    tables = deviation_tables()
    late = tables["deviation"]["period_start"] == "2020-03-23"
    moved = tables["deviation"].assign(period_start=tables["deviation"]["period_start"].where(~late, "2024-12-16"))
    moved.loc[late, ["observed", "deviation_share"]] = 41_200, 1.0
    said = words(DeviationPage(released({"deviation": moved}), "all", context()).answer())
    assert "viikko 12/2020, +47 %" in said
    assert "51/2024" not in said


def test_the_last_year_by_hand() -> None:
    """Of the last 52 shown periods 51 have 20,000 … 21,200 and one 30,200; 20,600 is expected in each."""
    series = released(deviation_tables())["deviation"].dropna(subset=["observed"]).tail(52)
    expected = series["observed"].sum() / (52 * 20_600) - 1
    assert deviation_words.last_year_share(released(deviation_tables())["deviation"]) == pytest.approx(expected)
    assert "Viimeinen vuosi kokonaisuudessaan poikkeaa vertailujakson tasosta +1 %." in words(page().answer())


def test_counts_come_before_euros() -> None:
    table = deviation_tables()["deviation"]
    euros = table.assign(measure="cost_eur", observed=table["observed"] * 1_000)
    made = DeviationPage(released({"deviation": pd.concat([euros, table])}), "all", context())
    assert "Kaikki palvelut: Lääkeostot" in words(made.answer()).replace("kaikki", "Kaikki")
    assert "Suurimmat sarjat, Lääkeostot" in words(made.by_service())


def test_weeks_follow_the_iso_year() -> None:
    """30 December 2019 is the Monday of week 1 of 2020."""
    row = {"period_start": "2019-12-30", "frequency": "W"}
    assert deviation_words.period(row, context()) == "viikko 1/2020"
    assert deviation_words.period({"period_start": "2020-03-01", "frequency": "M"}, context()) == "3/2020"
    assert deviation_words.period({"period_start": "2020-03-01", "frequency": "D"}, context()) == "1.3.2020"


def test_no_word_of_debt_but_to_deny_it() -> None:
    for method in ("answer", "over_time", "by_service", "certainty"):
        said = words(getattr(page(), method)()).replace("Tämä on poikkeama, ei palveluvelka", "")
        assert "velka" not in said, method


def test_the_regions_own_area_comes_first() -> None:
    tables = deviation_tables()
    other = tables["deviation"].assign(area="county:01", observed=1_000, deviation_share=-0.95)
    tables["deviation"] = pd.concat([other, tables["deviation"]])
    made = DeviationPage(released(tables), "all", context())
    assert "Päijät-Häme" in words(made.answer())


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_part_is_readable_in_every_language(language: str) -> None:
    for made in (page(language), DeviationPage({}, "all", context(language))):
        for method in METHODS:
            block = getattr(made, method)()
            assert words(block).strip() or (made._nothing and method != "answer"), method
            assert not unfilled(words(block)), method
            assert not markup.faults(block.html), method
