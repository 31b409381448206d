"""The page of need to come: its answer, for whom it does not hold, and what it says when tables are missing."""

from __future__ import annotations

from datetime import date
from functools import cache
from html import escape

import numpy as np
import page_checks
import pandas as pd
import pytest
from need_tables import LABELS, NEEDS, demand_row, key, model_row, need_tables
from page_tables import context, released
from page_words import alternatives, unfilled, words
from quality_tables import frame

from ennakointi.pages import need_use, need_words
from ennakointi.pages.context import PageContext, is_hidden, records
from ennakointi.pages.feature_words import feature_name
from ennakointi.pages.need import NeedPage
from ennakointi.pages.need_use import UseSection
from ennakointi.periods import Quarter
from ennakointi.report import bar_figures, exporter, markup, need_figures
from ennakointi.report.exporter import Page
from ennakointi.report.markup import Block
from ennakointi.report.sheet import Figure
from ennakointi.text import message_json

BLOCKS = ("answer", "expected", "where", "early", "reliability", "use", "method")
HIDDEN = "ei näytetä (tietosuoja)"
BASELINE = "The baseline has {months} months."


@pytest.fixture(autouse=True)
def quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures without their drawing, which takes nearly all the time, but for the test that looks at them."""

    def told(_draw: object, alt: str, caption: str) -> Figure:
        return Figure(f'<svg aria-labelledby="t"><desc>{escape(alt)}</desc></svg>', "", alt, caption)

    if "slow" not in request.keywords:
        for module in (bar_figures, need_figures):
            monkeypatch.setattr(module, "both_widths", told)


def labelled(language: str = "fi") -> PageContext:
    return context(language, labels={**context(language).labels, **LABELS})


@cache
def published() -> dict[str, pd.DataFrame]:
    return released(need_tables())


def page(language: str = "fi", tables: dict[str, pd.DataFrame] | None = None) -> NeedPage:
    return NeedPage(published() if tables is None else released(tables), labelled(language))


def test_the_answer_says_how_many_how_good_for_whom_and_who_was_known() -> None:
    said = words(page().answer())
    assert "Kotihoidon alkaminen seuraavien 12 kuukauden aikana: arviolta 1 230 asukasta" in said
    assert "(80 %:n ennusteväli 1 160–1 300)" in said
    assert "Hyvä ennuste: Kotihoidon alkaminen; Monipalveluasiakkuus." in said
    assert "Heikko ennuste: Psykiatrinen osastohoito." in said
    assert "ennustettu määrä piti paikkansa 3/4 tarpeessa" in said
    assert "Ennusteet eivät ole luotettavia näissä ryhmissä: Ruotsinkieliset; Lahti." in said
    assert "pienimmät osuudet: Psykiatrinen osastohoito 38 %, Kotihoidon alkaminen 62 %" in said
    assert "eikä niillä saa tehdä yhtä ihmistä koskevia päätöksiä" in said


def test_the_order_of_the_needs_is_that_of_the_parameters() -> None:
    """The first need of the labels leads the page, whatever the order of the rows."""
    tables = need_tables()
    turned = {name: table.iloc[::-1].reset_index(drop=True) for name, table in tables.items()}
    assert words(page(tables=turned).answer()) == words(page().answer())


def test_a_need_without_a_model_says_why() -> None:
    said = words(page().answer())
    assert "Tarpeet, joita ei ennusteta, ja syy" in said
    assert "Ympärivuorokautinen hoiva: Vertailujakson pituus kuukausina: 7." in said


def test_expected_numbers_stand_by_horizon_with_both_intervals_and_contacts() -> None:
    said = words(page().expected())
    assert said.index("12 kk") < said.index("3 kk")
    assert "1 230 (1 140–1 320)" in said
    assert "308 (279–336)" in said
    assert "Mielenterveyspalvelut: 3 360" in said
    assert "rivejä ei saa laskea yhteen" in said
    assert "Asukas saa kotihoitoa ensimmäistä kertaa vuoteen." in said


def test_small_municipalities_and_groups_have_the_one_label() -> None:
    rows = records(published()["need_demand"])
    assert all(
        is_hidden(row, "expected") for row in rows if row["municipality"] == "016" and row["outcome"] == "home_care"
    )
    said = words(page().where())
    assert HIDDEN in said
    assert "740 (690–790)" in said
    assert "nan" not in said


def test_groups_that_are_off_are_told_and_chance_is_counted() -> None:
    said = words(page().reliability())
    assert "Oikea järjestys 86 kertaa sadasta." in said
    assert "Kokeessa ennustettu määrä oli 1 230 ja toteutunut 1 250." in said
    assert "ennustettua enemmän" in said
    assert "voi olla sattumaa" in said
    assert "liian pieni arvioitavaksi" in said
    assert "Ryhmien vertailuja: 20; ennusteen 95 %:n välin ulkopuolella: 5." in said
    assert "gradienttitehostus (käytössä)" in said
    assert "0,86 (0,84–0,88)" in said


def test_early_identification_names_the_need_that_surprises_most() -> None:
    said = words(page().early())
    assert "Useimmin tunnistamatta ennen tarvetta: Psykiatrinen osastohoito." in said
    assert "tuntema osuus on 38 %" in said
    assert HIDDEN in said


def test_checks_are_told_once_with_the_range_of_their_numbers() -> None:
    months = {"home_care": 36, "emergency": 36, "psychiatric": 24, "multi_service": 48}
    checks = [
        {**key(code), "check": "baseline", "passed": "yes", "message": message_json(BASELINE, {"months": number})}
        for code, number in months.items()
    ]
    failed = {**key("home_care"), "check": "drift", "passed": "no", "message": message_json(BASELINE, {"months": 7})}
    own = frame("need_checks", [*checks, failed, {**failed, **key("emergency"), "passed": "yes"}])
    said = words(NeedPage({**published(), "need_checks": own}, labelled()).method())
    assert "Vertailujakson pituus kuukausina: 24–48." in said
    assert "Kotihoidon alkaminen (12 kk): Vertailujakson pituus kuukausina: 7." in said
    assert said.index("kuukausina: 7") < said.index("kuukausina: 24")


def test_importance_and_use_are_in_words() -> None:
    said = words(page().use())
    assert "Kotihoidon alkaminen: Ikä; Muistisairaus; Käynnit: emergency, edeltävät 12 kk" in said
    assert "ei välttämättä ole tarpeen syy" in said
    assert "Longest open wait" not in said
    assert "Pisin avoin odotus" not in said  # it did not matter


def test_the_card_says_what_the_predictions_must_never_be_used_for() -> None:
    said = words(page().method())
    assert "Ei saa koskaan käyttää näin" in said
    assert "Luettelo ihmisistä" in said
    assert "30.9.2023" in said
    assert "30.9.2024" in said
    assert "1,0 %" in said  # 1.2 % in steps of half a per cent
    assert "Vertailujakson pituus kuukausina: 36." in said


def one_need() -> dict[str, pd.DataFrame]:
    return {table: frame[frame["outcome"] == "home_care"] for table, frame in published().items()}


@pytest.mark.parametrize("name", need_tables())
def test_a_missing_table_never_stops_the_page(name: str) -> None:
    made = NeedPage({table: frame for table, frame in one_need().items() if table != name}, labelled())
    for block in BLOCKS:
        said = words(getattr(made, block)())
        assert said
        assert unfilled(said) == []


def test_tables_without_rows_are_like_missing_ones() -> None:
    made = NeedPage({table: frame.iloc[:0] for table, frame in one_need().items()}, labelled())
    for block in BLOCKS:
        assert words(getattr(made, block)()) == words(getattr(NeedPage({}, labelled()), block)())


def test_without_any_table_the_page_says_what_is_needed() -> None:
    made = NeedPage({}, labelled())
    assert "Tulevaa tarvetta ei voitu arvioida." in words(made.answer())
    assert "Tarvitaan: käynnit ja asukkaat vähintään kahdelta vuodelta" in words(made.expected())
    assert "oikeat palvelut parametreissa" in words(made.early())


def test_when_everything_is_hidden_no_number_of_persons_is_told() -> None:
    tables = {
        name: frame.assign(n_persons=1.0) if "n_persons" in frame else frame for name, frame in need_tables().items()
    }
    made = page(tables=tables)
    assert f"seuraavien 12 kuukauden aikana: {HIDDEN}." in words(made.answer())
    for block in BLOCKS:
        said = words(getattr(made, block)())
        assert unfilled(said) == []
        assert not any(number in said for number in ("1 230", "2 480", "62 %", "0,86"))


def test_when_no_need_has_a_model_the_reasons_are_the_answer() -> None:
    tables = need_tables()
    models = tables["need_models"]
    refused = models[models["reason"] != ""]
    made = NeedPage(released({"need_models": refused}), labelled())
    assert "Ympärivuorokautinen hoiva: Vertailujakson pituus kuukausina: 7." in words(made.answer())
    assert "Yhtään mallia ei ole" in words(made.reliability())


def test_a_need_without_an_interval_is_a_dash() -> None:
    row = demand_row("home_care", 12, "all", "all", 1230.0, expected_lo80=np.nan, expected_hi80=np.nan)
    made = page(tables={**need_tables(), "need_demand": pd.DataFrame([row])})
    assert unfilled(words(made.answer())) == []
    assert "–" in words(made.expected())


@pytest.mark.parametrize(
    ("slope", "low", "high", "said"),
    [
        (1.05, 0.9, 1.2, "oikean kokoisia"),
        (0.6, 0.4, 1.3, "liian vähän"),
        (0.6, 0.4, 0.8, "liian jyrkkiä"),
        (1.4, 1.2, 1.6, "liian tasaisia"),
    ],
)
def test_slopes_are_said_in_plain_words(slope: float, low: float, high: float, said: str) -> None:
    row = model_row("home_care", calibration_slope=slope, slope_lo95=low, slope_hi95=high)
    assert said in need_words.slope_sentence(row, labelled())


@pytest.mark.parametrize(
    ("auroc", "tone"), [(0.8, "good"), (0.799, "neutral"), (0.7, "neutral"), (0.69, "bad"), (0.4, "bad")]
)
def test_levels_have_their_limits(auroc: float, tone: str) -> None:
    found = need_words.level(model_row("home_care", auroc=auroc))
    assert found is not None
    assert found.tone == tone


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("age", "Ikä"),
        ("contacts_mental_health_3m", "Käynnit: Mielenterveyspalvelut, edeltävät 3 kk"),
        ("contacts_24m", "Käynnit kaikissa palveluissa, edeltävät 24 kk"),
        ("contacts_physician_12m", "Lääkärikäynnit, edeltävät 12 kk"),
        ("history_mental_health", "Pitkä käyttöhistoria: Mielenterveyspalvelut"),
        ("condition_dementia", "Muistisairaus"),
        ("condition_asthma", "Astma"),
        ("condition_unheard", "condition_unheard"),
        ("status_home_care_12m", "Kotihoidon asiakas, edeltävät 12 kk"),
        ("group_older_people", "Kohderyhmä: Ikääntyneet"),
        ("unheard_of", "unheard_of"),
    ],
)
def test_features_are_named_from_their_parts(code: str, name: str) -> None:
    assert feature_name(code, labelled()) == name


@pytest.mark.parametrize(
    ("observed", "expected", "within", "words_of_it", "tone"),
    [
        (252.0, 246.0, "yes", "ennusteen mukainen", "good"),
        (40.0, 20.0, "yes", "mahtuu epävarmuuteen", "neutral"),
        (10.0, 20.0, "no", "ennustettua vähemmän, voi olla sattumaa", "neutral"),
        (394.0, 246.0, "no", "ennustettua enemmän", "bad"),
        (172.0, 246.0, "no", "ennustettua vähemmän", "bad"),
        (1120.0, 1000.0, "no", "hieman ennustettua enemmän", "neutral"),
        (10.0, 0.0, "yes", "liian pieni arvioitavaksi", "unsure"),
    ],
)
def test_a_group_is_off_only_beyond_chance(
    observed: float, expected: float, within: str, words_of_it: str, tone: str
) -> None:
    """Of a hundred comparisons 3.5 standard deviations of a Poisson number are still chance: 3.8 are not."""
    ratio = observed / expected if expected else np.nan
    row = {"observed": observed, "expected": expected, "ratio": ratio, "within": within, "suppressed": ""}
    assert need_words.group_verdict(row, 100, labelled()) == (words_of_it, tone)


def test_ages_stand_in_their_order() -> None:
    ages = ["85+", "7–17", "18–22", "0–6"]
    assert sorted(ages, key=need_words.place_in_order) == ["0–6", "7–17", "18–22", "85+"]


def decision(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_the_best_risks_are_those_beyond_everyone_and_no_one() -> None:
    """At 5 % everyone is better, at 10 and 20 % the prediction, at 30 % no one."""
    section = UseSection({}, labelled())
    curve = decision(x=[0.05, 0.1, 0.2, 0.3], y=[0.05, 0.04, 0.01, -0.01], reference=[0.06, 0.0, -0.125, -0.29])
    assert "10–20 %" in section.finding(curve).replace("\u2060", "").replace("\u00a0", " ")
    worse = decision(x=[0.1], y=[-0.1], reference=[0.0])
    assert "ei kannata" in section.finding(worse)


def test_acting_for_everyone_begins_at_the_share_with_the_need() -> None:
    """A tenth have the need: at the threshold 0.2 everyone's net benefit is 0.1 − 0.9 · 0.25 = −0.125."""
    drawn = need_use._per(decision(x=[0.1, 0.2], y=[0.05, 0.02], reference=[0.1 - 0.9 / 9, 0.1 - 0.9 * 0.25]))
    assert drawn["x"].iloc[0] == 0
    assert drawn[["y", "reference"]].iloc[0].tolist() == pytest.approx([100, 100])
    assert drawn["reference"].min() == pytest.approx(-25)
    assert drawn["x"].is_monotonic_increasing


def test_every_picture_is_told_in_words() -> None:
    made = page()
    found = [text for name in BLOCKS for text in alternatives(getattr(made, name)())]
    assert len(found) == 5 + 2 * len(NEEDS)
    assert all(len(text) > 20 for text in found)


def whole(language: str) -> Block:
    """The page's sections, each without faults and empty slots."""
    made = page(language)
    blocks = [getattr(made, name)() for name in BLOCKS]
    for block in blocks:
        assert markup.faults(block.html) == []
        assert unfilled(words(block)) == []
    sections = [markup.section(name, block) for name, block in zip(BLOCKS, blocks, strict=True)]
    return markup.stack(*sections)


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_every_block_is_whole_in_every_language(language: str) -> None:
    assert whole(language).html


@pytest.mark.slow
def test_the_page_with_its_pictures_is_sound() -> None:
    about = Page(
        title="Need",
        language="fi",
        quarter=Quarter(2025, 3),
        as_of=date(2025, 9, 30),
        county="Päijät-Häme",
        contact="info@example.fi",
        synthetic=True,
        made_on=date(2025, 10, 12),
        source="synthetic county",
        nav=(),
    )
    assert page_checks.faults(exporter.block_page(whole("fi"), about)) == []
