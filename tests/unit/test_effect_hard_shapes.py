"""Hard shapes of analysts' tables: the right answer or one clear refusal, and nothing that names, units or the order of
rows could change."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ennakointi import cli, effect
from ennakointi.causal.estimates import UNKNOWN, Estimate, Numbers
from ennakointi.errors import DataError, ParameterError

Change = Callable[[pd.DataFrame], pd.DataFrame]
BY_FLAG: dict[str, Any] = {"outcome": "y", "time": "t", "unit": "u", "treatment": "d"}
DESIGNS: dict[str, Callable[..., Estimate]] = {
    "did": effect.did,
    "staggered": effect.staggered,
    "synthetic_control": effect.synthetic_control,
    "synthetic_did": effect.synthetic_did,
}


def panel() -> pd.DataFrame:
    """Twelve units over 20 years; the first four fall by 3 from 2013 on."""
    rng = np.random.default_rng(3)
    u, t = np.repeat(np.arange(1, 13), 20), np.tile(np.arange(2001, 2021), 12)
    treated = u <= 4
    after = treated & (t >= 2013)
    y = 20 + rng.normal(0, 2, 12)[u - 1] + rng.normal(0, 1, 20)[t - 2001] + rng.normal(0, 1, 240) - 3 * after
    first = np.where(treated, 2013, 0)
    x = rng.normal(size=240)
    return pd.DataFrame({"u": u, "t": t, "y": y, "d": after.astype(int), "g": treated.astype(int), "c": first, "x": x})


def months() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    t = pd.period_range("2018-01", periods=48, freq="M").astype(str)
    return pd.DataFrame({"t": t, "y": rng.poisson(np.where(np.arange(48) < 30, 100, 70)), "x": rng.normal(size=48)})


def samples() -> pd.DataFrame:
    """Persons asked once, in two groups, before and after 2004."""
    rng = np.random.default_rng(0)
    t, d = rng.integers(2001, 2007, 300), rng.integers(0, 2, 300)
    return pd.DataFrame({"t": t, "d": d, "y": d + 1.5 * d * (t >= 2004) + rng.normal(size=300)})


def persons() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    age = rng.normal(70, 8, 200).round(1)
    d = rng.random(200) < 1 / (1 + np.exp(-(age - 72) / 6))
    return pd.DataFrame({"age": age, "d": d.astype(int), "y": 0.1 * age - d + rng.normal(size=200)})


@pytest.mark.parametrize("design", DESIGNS)
def test_names_order_unit_of_measure_and_zero_change_nothing(design: str) -> None:
    """Also where assignments are drawn at random: units are drawn by their data, not by their names."""
    frame = panel()
    found = DESIGNS[design](frame, **BY_FLAG)
    names = dict(
        zip(range(1, 13), np.random.default_rng(0).permutation([f"Hämeen alue, nro {i} '東'" for i in range(12)]))
    )
    other = frame.assign(u=frame["u"].map(names), y=1e6 + 1e3 * frame["y"]).sample(frac=1, random_state=5)
    moved = DESIGNS[design](other, **BY_FLAG)
    assert np.array(moved.effect) / 1e3 == pytest.approx(np.array(found.effect), rel=1e-4)
    assert moved.p_value == found.p_value
    assert DESIGNS[design](frame, **BY_FLAG).as_dict() == found.as_dict()


def test_persons_in_another_order_have_the_same_effect() -> None:
    frame = persons()
    given: dict[str, Any] = {"outcome": "y", "treatment": "d", "covariates": ["age"]}
    found = effect.enrolled(frame, **given)
    assert tuple(effect.enrolled(frame.sample(frac=1, random_state=5), **given).effect) == pytest.approx(
        tuple(found.effect), rel=1e-9
    )


COHORTS: dict[str, Change] = {
    "never": lambda f: f.assign(c=f["c"].astype(str).replace("0", "Never")),
    "dot": lambda f: f.assign(c=f["c"].astype(str).replace("0", ".")),
    "dates": lambda f: f.assign(c=(f["c"].astype(str) + "-01-01").where(f["c"] > 0)),
    "decimals": lambda f: f.assign(c=f["c"].map(Decimal)),
    "years of dates": lambda f: f.assign(t=f["t"].astype(str) + "-01-01"),
    "timestamps": lambda f: f.assign(t=pd.to_datetime(f["t"].astype(str)).dt.tz_localize("Europe/Helsinki")),
    "categories": lambda f: f.assign(u=f["u"].astype(str).astype("category"), t=f["t"].astype(str).astype("category")),
    "later than the data": lambda f: f.assign(c=f["c"].replace(0, 10_000).astype(float)),
}


@pytest.mark.parametrize("written", COHORTS)
def test_a_cohort_is_understood_however_it_is_written(written: str) -> None:
    given: dict[str, Any] = {"outcome": "y", "time": "t", "unit": "u", "cohort": "c"}
    assert effect.did(COHORTS[written](panel()), **given).effect == effect.did(panel(), **given).effect


@pytest.mark.parametrize(
    "start", ["2020-07", "2020-07-01", "2020-07-15", "2020Q3", "2020:Q3", "Q3 2020", pd.Timestamp("2020-07-01")]
)
def test_a_start_may_be_a_date_or_a_quarter_of_monthly_data(start: Any) -> None:
    assert effect.its(months(), outcome="y", time="t", start=start).settings["start"] == "2020-07"


def test_units_are_named_by_numbers_texts_and_sets() -> None:
    given: dict[str, Any] = {"outcome": "y", "time": "t", "unit": "u", "start": 2013}
    flagged = effect.did(panel(), **given, treatment="g").effect
    ways: list[Any] = [{1, 2, 3, 4}, ["1", "2", "3", "4"], np.arange(1.0, 5.0)]
    assert all(effect.did(panel(), **given, treated=way).effect == flagged for way in ways)
    assert effect.did(panel(), **given, treated="3").settings["n_treated"] == 1


def test_yes_and_no_are_one_and_nought_in_panels_and_samples() -> None:
    words = {0: "No", 1: "Yes"}
    frame = panel()
    assert effect.did(frame.assign(d=frame["d"].map(words)), **BY_FLAG).effect == effect.did(frame, **BY_FLAG).effect
    asked = samples()
    given: dict[str, Any] = {"outcome": "y", "time": "t", "treatment": "d", "start": 2004}
    assert effect.did(asked.assign(d=asked["d"].map(words)), **given).effect == effect.did(asked, **given).effect


def test_collinear_covariates_change_nothing() -> None:
    frame = panel().assign(z=lambda f: 2 * f["x"] + 1)
    once, twice = (effect.staggered(frame, **BY_FLAG, covariates=names) for names in (["x"], ["x", "z"]))
    assert twice.effect.estimate == pytest.approx(once.effect.estimate, rel=1e-9)


def test_a_constant_outcome_before_the_start_is_no_fault() -> None:
    frame = panel().assign(y=lambda f: f["y"].where(f["t"] >= 2013, 5.0))
    assert all(DESIGNS[one](frame, **BY_FLAG).effect.estimate < 0 for one in DESIGNS)


def test_four_means_give_a_difference_without_an_interval() -> None:
    """Card & Krueger 1994, table 3: employment per store in New Jersey and Pennsylvania; 0.59 − (−2.16) = 2.75, 2.76
    with their unrounded means."""
    rows = pd.DataFrame({"t": [1, 2, 1, 2], "nj": [1, 1, 0, 0], "y": [20.44, 21.03, 23.33, 21.17]})
    found = effect.did(rows, outcome="y", time="t", treatment="nj", start=2)
    assert found.effect.estimate == pytest.approx(2.75)
    assert np.isnan([found.effect.lo95, found.p_value]).all()


PANEL_REFUSALS: dict[str, tuple[type[Exception], Change, dict[str, Any]]] = {
    "'d': 20 rows are empty": (DataError, lambda f: f.assign(d=f["d"].where(f["u"] != 3)), {}),
    "'x' holds no number": (DataError, lambda f: f.assign(x=np.nan), {"covariates": ["x"]}),
    "'y' holds no number": (DataError, lambda f: f.assign(y=np.nan), {}),
    "holds dates or times": (DataError, lambda f: f.assign(y=pd.to_timedelta(f["y"], unit="D")), {}),
    "holds lists": (DataError, lambda f: f.assign(u=pd.Series([[one] for one in f["u"]], dtype=object)), {}),
    "stands 2 times": (ParameterError, lambda f: pd.concat([f, f[["y"]]], axis=1), {}),
    "cannot be anything else": (ParameterError, lambda f: f, {"time": "y"}),
    "is empty": (ParameterError, lambda f: f, {"treatment": "g", "start": np.nan}),
}


@pytest.mark.parametrize("said", PANEL_REFUSALS)
@pytest.mark.parametrize("design", ["did", "staggered"])
def test_panels_that_tell_nothing_are_refused(design: str, said: str) -> None:
    error, change, options = PANEL_REFUSALS[said]
    with pytest.raises(error, match=said):
        DESIGNS[design](change(panel()), **{**BY_FLAG, **options})


@pytest.mark.parametrize("design", DESIGNS)
def test_one_cluster_a_constant_or_the_outcome_as_covariate_is_refused(design: str) -> None:
    if design in ("did", "staggered"):
        with pytest.raises(DataError, match=r"every row|same value everywhere"):
            DESIGNS[design](panel().assign(y=7), **BY_FLAG)
        with pytest.raises(DataError, match="all units are in one cluster"):
            DESIGNS[design](panel().assign(k=1), **BY_FLAG, cluster="k")
    if design in ("did", "synthetic_did"):
        with pytest.raises(ParameterError, match="cannot be a covariate"):
            DESIGNS[design](panel(), **BY_FLAG, covariates=["y"])


def test_a_wrong_unit_is_refused_without_telling_another_ones_name() -> None:
    frame = panel().assign(u=lambda f: "person" + f["u"].astype(str))
    with pytest.raises(ParameterError) as refused:
        effect.did(frame, outcome="y", time="t", unit="u", treated="person99", start=2013)
    assert "person9'" not in str(refused.value)
    assert "did you mean" not in str(refused.value)


def test_series_and_samples_that_tell_nothing_are_refused() -> None:
    at: dict[str, Any] = {"outcome": "y", "time": "t", "start": "2020-07"}
    with pytest.raises(DataError, match="0 usable periods before and 0 after"):
        effect.its(months().assign(y=np.nan), **at)
    with pytest.raises(DataError, match="with every value known"):
        effect.its(months().assign(x=np.nan), **at, covariates=["x"])
    with pytest.raises(ParameterError, match="phase_in 30: the effect must reach its full size"):
        effect.its(months(), **at, phase_in=30)
    with pytest.raises(DataError, match="one value or none"):
        effect.did(samples().assign(y=1.0), outcome="y", time="t", treatment="d", start=2004)
    with pytest.raises(DataError, match="no row has 'y', 'd' and all covariates"):
        effect.enrolled(persons().assign(y=np.nan), outcome="y", treatment="d", covariates=["age"])
    with pytest.raises(ParameterError, match="give a pandas DataFrame"):
        effect.its({"y": [1]}, **at)  # type: ignore[arg-type]


FILES: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "semicolon.csv": lambda f: f.to_csv(index=False, sep=";").encode(),
    "comma.csv": lambda f: f.to_csv(index=False, sep=";", decimal=",").encode(),
    "tab.tsv": lambda f: f.to_csv(index=False, sep="\t", decimal=",").encode(),
    "mark.csv": lambda f: ("\ufeff" + f.to_csv(index=False)).encode(),
    "spaces.csv": lambda f: f.to_csv(index=False).replace("u,t,y,d", "u, t , y,d", 1).encode(),
    "empty_lines.csv": lambda f: ("\n\n" + f.to_csv(index=False, sep=";").replace("\n", "\r\n\r\n")).encode(),
    "ends.csv": lambda f: f.to_csv(index=False, sep=";").replace("\n", ";\n").replace(";\n", "\n", 1).encode(),
}


def command(path: Path, out: Path, *more: str) -> int:
    options = ["--outcome", "y", "--time", "t", "--unit", "u", "--cohort", "c", "--json", str(out), *more]
    return cli.main(["effect", "did", "--data", str(path), *options])


@pytest.mark.parametrize("name", FILES)
def test_every_way_to_write_a_table_gives_the_same_effect(name: str, tmp_path: Path) -> None:
    """Whole numbers with `.0` too, as published files have them, though the file could have had decimal commas."""
    frame = panel().assign(u=lambda f: f["u"].astype(float), c=lambda f: f["c"].astype(float))
    (tmp_path / name).write_bytes(FILES[name](frame))
    assert command(tmp_path / name, tmp_path / "o.json") == 0
    told = json.loads((tmp_path / "o.json").read_text(encoding="utf-8"))
    expected = effect.did(panel(), outcome="y", time="t", unit="u", cohort="c").effect
    assert [told[one] for one in Numbers._fields] == pytest.approx(list(expected), rel=1e-9)


def test_parquet_with_an_index_has_its_columns(tmp_path: Path) -> None:
    panel().set_index(["u", "t"]).to_parquet(tmp_path / "d.parquet")
    assert command(tmp_path / "d.parquet", tmp_path / "o.json") == 0


def test_a_row_longer_than_the_header_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise its values would silently stand under other names."""
    lines = panel().to_csv(index=False).splitlines()
    text = "\n".join([lines[0], *(f"{place},{line}" for place, line in enumerate(lines[1:]))])
    (tmp_path / "d.csv").write_text(text)
    assert command(tmp_path / "d.csv", tmp_path / "o.json") == 3
    assert "more values than the header has names" in capsys.readouterr().err


def told(effect: Numbers, relative: Numbers = UNKNOWN) -> str:
    return Estimate("did", "y", effect, np.nan, relative, 9, (), {}).sentence


def test_the_sentence_has_the_digits_that_the_interval_supports() -> None:
    large = told(Numbers(-28_714_861_090, -39_421_109_160, -18_008_613_020), Numbers(-0.2921, -0.3942, -0.18))
    assert large == (
        "y: 29,000,000,000 lower than without the intervention, a change of −29% "
        "(95% interval −39,000,000,000 to −18,000,000,000)."
    )
    assert told(Numbers(1234.5, 1000.1, 1468.9)).startswith("y: 1,230 higher than without the intervention (95%")
    assert "3.0e−08 higher" in told(Numbers(3.01e-8, 1.7e-8, 4.2e-8))
    assert told(Numbers(-0.0001, -5.0, 5.0), Numbers(-1e-6, -0.05, 0.05)) == (
        "y: as without the intervention (95% interval −5 to 5)."
    )
    assert told(Numbers(2.0, np.nan, np.nan)) == (
        "y: 2.0 higher than without the intervention; an interval of 95% cannot be given."
    )


def check(found: Estimate, name: str) -> tuple[bool | None, str]:
    checks = {one["check"]: one for one in found.as_dict()["checks"]}
    return checks[name]["passed"], checks[name]["message"]


def test_a_check_says_what_it_found_and_one_that_no_data_could_fail_is_none() -> None:
    apart = panel().assign(y=lambda f: f["y"] + 0.5 * f["g"] * (f["t"] - 2001))
    for frame, passed, words in (
        (panel(), True, ("moved alike", "no effect")),
        (apart, False, ("moved apart", "an effect")),
    ):
        found = effect.did(frame, **BY_FLAG)
        for name, said in zip(("pre_trends", "placebo_date"), words):
            judged, message = check(found, name)
            assert judged is passed
            assert said in message
    alone = effect.did(apart.assign(d=apart["d"].where(apart["u"] == 1, 0)), **BY_FLAG)
    for name in ("pre_trends", "placebo_date"):
        judged, message = check(alone, name)
        assert judged is None
        assert "cannot be judged" in message
