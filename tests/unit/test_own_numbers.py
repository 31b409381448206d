"""Analysts' own numbers through the door: hand-worked tables, and known programs before anything is hidden."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from ennakointi.disclosure import attacker, statistics
from ennakointi.disclosure import crosstab as crosstabs
from ennakointi.disclosure.statistics import Dominance
from ennakointi.errors import ParameterError

THL5 = SimpleNamespace(name="thl5", threshold=5, base=10, zeros="shown", everyone="shown")
OPEN = SimpleNamespace(name="opensafely", threshold=8, base=5, zeros="shown", everyone="shown")
WHOLE = SimpleNamespace(name="whole", threshold=5, base=1, zeros="shown", everyone="shown")
EXACT = SimpleNamespace(name="all", threshold=1, base=1, zeros="shown", everyone="shown")
STRICT = SimpleNamespace(name="thl5", threshold=5, base=10, zeros="hidden", everyone="hidden")


def counted(cells: dict[tuple[str, str], int]) -> pd.DataFrame:
    """One row for each of so many persons of a cell (place, service)."""
    return pd.DataFrame([cell for cell, n in cells.items() for _ in range(n)], columns=["place", "service"])


def cells(table: pd.DataFrame) -> dict[str, list[float | None]]:
    """The numbers of a released crosstab by its rows; None is hidden."""
    numbers = table.drop(columns=["place", "suppressed"]).astype(object)
    return dict(zip(table["place"], numbers.where(numbers.notna(), None).to_numpy().tolist(), strict=True))


def test_a_table_without_small_cells_is_rounded_and_adds_up() -> None:
    table = statistics.crosstab(
        counted({("a", "x"): 14, ("a", "y"): 23, ("b", "x"): 6, ("b", "y"): 44}), "place", "service", THL5
    )
    assert cells(table) == {"a": [10, 20, 30], "b": [10, 40, 50], "all": [20, 60, 80]}
    assert set(table["suppressed"]) == {""}


def test_a_small_cell_is_hidden_with_as_many_others_as_it_takes() -> None:
    table = statistics.crosstab(
        counted({("a", "x"): 3, ("a", "y"): 20, ("b", "x"): 20, ("b", "y"): 20}), "place", "service", WHOLE
    )
    assert cells(table)["a"][0] is None
    assert table["suppressed"].str.count("[^;]+").sum() > 1
    hidden = table.drop(columns=["place", "suppressed"]).isna().to_numpy()
    counts = np.array([[3, 20, 23], [20, 20, 40], [23, 40, 63]])
    system = crosstabs._system(counts, counts < 5, WHOLE)
    assert not len(attacker.satisfied(system, hidden.ravel()))
    assert len(attacker.satisfied(system, (counts < 5).ravel()))  # alone it would follow from its margins


def test_rounding_can_be_cover_enough() -> None:
    table = statistics.crosstab(
        counted({("a", "x"): 3, ("a", "y"): 20, ("b", "x"): 20, ("b", "y"): 20}), "place", "service", THL5
    )
    assert cells(table) == {"a": [None, 20, 20], "b": [20, 20, 40], "all": [20, 40, 60]}


@pytest.mark.parametrize("preset", [THL5, OPEN, STRICT])
def test_random_tables_keep_their_small_cells(preset: SimpleNamespace) -> None:
    rng = np.random.default_rng(5)
    for _ in range(6):
        counts = rng.poisson(rng.gamma(0.6, 12, (4, 5)))
        frame = counted({(f"r{i}", f"c{j}"): int(n) for (i, j), n in np.ndenumerate(counts)})
        table = statistics.crosstab(frame, "place", "service", preset)
        exact = pd.crosstab(frame["place"], frame["service"], margins=True, margins_name="all").to_numpy()
        shown = table.drop(columns=["place", "suppressed"]).to_numpy(dtype=float)
        few = (exact > 0) & (exact < preset.threshold)
        assert np.isnan(shown[few]).all()
        if preset is STRICT:
            assert np.isnan(shown[exact == 0]).all()
        hidden = np.isnan(shown)
        small = few | ((exact == 0) & (preset is STRICT))
        assert not few.any() or not len(attacker.satisfied(crosstabs._system(exact, small, preset), hidden.ravel()))
        assert (table["suppressed"].str.count("[^;]+") == hidden.sum(axis=1)).all()


def test_cells_of_contacts_are_judged_by_persons() -> None:
    frame = counted({("a", "x"): 40, ("a", "y"): 40, ("b", "x"): 40, ("b", "y"): 40})
    frame["person"] = [0, 1] * 20 + list(range(2, 122))
    alone = statistics.crosstab(frame, "place", "service", THL5)
    judged = statistics.crosstab(frame, "place", "service", THL5, persons="person")
    assert cells(alone)["a"][0] == 40
    assert cells(judged)["a"][0] is None


def test_persons_of_cells_and_margins_are_those_of_pandas() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.integers(0, [4, 3, 50], (400, 3)), columns=["place", "service", "person"])
    cell = (frame["place"] * 3 + frame["service"]).to_numpy()
    for persons in (frame["person"], frame["person"].astype(str)):
        found = crosstabs._distinct(cell, crosstabs._person_codes(persons), (4, 3))
        inner = frame.groupby(["place", "service"])["person"].nunique().to_numpy().reshape(4, 3)
        assert (found[:-1, :-1] == inner).all()
        assert (found[:-1, -1] == frame.groupby("place")["person"].nunique()).all()
        assert (found[-1, :-1] == frame.groupby("service")["person"].nunique()).all()
        assert found[-1, -1] == frame["person"].nunique()


def test_contacts_of_unknown_persons_are_nobodys() -> None:
    frame = counted({("a", "x"): 30, ("b", "x"): 30, ("b", "y"): 30, ("a", "y"): 30})
    frame["person"] = [np.nan] * 30 + [f"p{i}" for i in range(90)]
    assert cells(statistics.crosstab(frame, "place", "service", STRICT, persons="person"))["a"][0] is None


def test_categories_keep_their_order_and_rows_without_one_are_left_out() -> None:
    frame = counted({("b", "x"): 30, ("a", "x"): 30, ("a", "y"): 30})
    frame["service"] = pd.Categorical(frame["service"], ["never", "y", "x"])
    frame.loc[0:9, "place"] = None
    table = statistics.crosstab(frame, "place", "service", THL5)
    assert list(table) == ["place", "y", "x", "all", "suppressed"]
    assert cells(table) == {"a": [30, 30, 60], "b": [0, 20, 20], "all": [30, 50, 80]}


@pytest.mark.parametrize("name", ["all", "suppressed", "place", "a;b"])
def test_names_that_would_clash_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="rename"):
        statistics.crosstab(counted({("a", name): 9, ("a", "x"): 9}), "place", "service", THL5)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ParameterError, match=r"'nowhere'.*there are place, service"):
        statistics.crosstab(counted({("a", "x"): 9}), "nowhere", "service", THL5)


def test_rates_come_from_rounded_counts_and_hide_complements() -> None:
    groups = {"a": (26, 96), "b": (3, 60), "c": (57, 60), "d": (0, 40), "e": (2, 4), "f": (40, 40)}
    frame = pd.DataFrame([(name, i < k) for name, (k, n) in groups.items() for i in range(n)], columns=["g", "e"])
    table = statistics.rates(frame, "g", "e", THL5, per=1000).set_index("g")
    assert table.loc["a", ["n", "events", "rate"]].tolist() == [100, 30, 300]
    assert set(table.index[table["suppressed"] != ""]) == {"b", "c", "e"}
    assert table.loc["d", "rate"] == 0
    assert set(statistics.rates(frame, "g", "e", STRICT).query("suppressed != ''")["g"]) == {"b", "c", "d", "e", "f"}


def test_rates_of_persons_count_each_once() -> None:
    frame = pd.DataFrame({"g": "a", "who": [i % 20 for i in range(60)], "e": [i < 10 for i in range(60)]})
    assert statistics.rates(frame, "g", "e", THL5, persons="who")[["n", "events"]].to_numpy().tolist() == [[20, 10]]


def costs(*amounts: float) -> pd.DataFrame:
    return pd.DataFrame({"g": "a", "who": range(len(amounts)), "eur": amounts})


def test_sums_of_few_or_of_one_who_dominates_are_hidden() -> None:
    def shown(*amounts: float, **limits: float) -> bool:
        table = statistics.sums(costs(*amounts), "g", "eur", THL5, "who", dominance=Dominance(**limits))
        return bool(table["suppressed"].iloc[0] == "")

    assert not shown(100, 100, 100, 100)  # four persons
    assert shown(100, 100, 100, 100, 100)
    assert not shown(100, 100, 100, 100, 0)  # four who have something
    assert not shown(860, 40, 40, 30, 30)  # 86 %
    assert not shown(840, 50, 40, 40, 30)  # 84 %, but the other three have 110 < 15 % of 840
    assert shown(800, 70, 50, 40, 40)  # 80 %; the others have 130 ≥ 120
    assert not shown(300, 300, 200, 100, 100, largest=2, share=0.5)
    assert not shown(-860, 40, 40, 30, 30)


def test_sums_are_rounded_by_their_kind() -> None:
    frame = costs(*[1234.0] * 6)
    assert statistics.sums(frame, "g", "eur", THL5, "who")["sum"].tolist() == [7400]
    assert statistics.sums(frame, "g", "eur", THL5, "who", kind="euros")["sum"].tolist() == [7000]


def test_figures_of_staff_need_three_professionals_and_those_of_purchases_several_suppliers() -> None:
    frame = costs(*[100.0] * 9).assign(nurse=["n1", "n2"] * 4 + ["n1"], firm=["f1"] * 7 + ["f2", "f3"])
    assert statistics.sums(frame, "g", "eur", THL5, "who")["suppressed"].tolist() == [""]
    assert statistics.sums(frame, "g", "eur", THL5, "who", professionals="nurse")["sum"].isna().all()
    assert statistics.sums(frame.assign(nurse=list("abc") * 3), "g", "eur", THL5, "who", professionals="nurse")[
        "sum"
    ].tolist() == [900]
    assert statistics.sums(frame, "g", "eur", THL5, "who", suppliers="firm")["sum"].isna().all()
    assert statistics.sums(frame.assign(firm=list("abc") * 3), "g", "eur", THL5, "who", suppliers="firm")[
        "sum"
    ].tolist() == [900]


def test_means_are_no_finer_than_their_rounded_sums() -> None:
    table = statistics.means(costs(*range(10, 22)), "g", "eur", THL5, "who")  # 12 persons shown as 10, mean 15.5
    assert table[["n", "mean"]].to_numpy().tolist() == [[10, 16]]
    mostly_nothing = costs(*[0.0] * 40, 5.0, 6.0, 7.0)
    assert statistics.means(mostly_nothing, "g", "eur", THL5, "who")["mean"].isna().all()  # three have something


def test_persons_whom_nobody_knows_are_one_contributor() -> None:
    frame = costs(*[10.0] * 6).assign(who=[1.0, 2, 3, 4, np.nan, np.nan])
    assert statistics.sums(frame, "g", "eur", THL5, "who")["sum"].isna().all()


def test_several_columns_make_the_groups() -> None:
    frame = pd.concat([costs(*[10.0] * 6).assign(h=h) for h in "xy"])
    staff = frame.assign(nurse=[*"abcabc", *"aaaaaa"])
    table = statistics.sums(staff, ["g", "h"], "eur", THL5, "who", professionals="nurse")
    assert table["suppressed"].tolist() == ["", "n;sum"]


def test_quantiles_have_persons_on_both_sides() -> None:
    frame = pd.DataFrame({"g": "a", "x": np.arange(101.0) + 0.1234})
    table = statistics.quantiles(frame, "g", "x", THL5, probabilities=(0.02, 0.05, 0.5, 0.95, 0.96))
    assert table[["q5", "q50", "q95"]].to_numpy().tolist() == [[5.12, 50.1, 95.1]]
    assert table["suppressed"].tolist() == ["q2;q96"]
    every = statistics.quantiles(frame, "g", "x", EXACT)
    assert every["q25"].iloc[0] == pytest.approx(np.quantile(frame["x"], 0.25), rel=0.005)
    with pytest.raises(ParameterError, match="no minimum"):
        statistics.quantiles(frame, "g", "x", THL5, probabilities=(0.0,))


def test_quantiles_count_persons_not_rows() -> None:
    frame = pd.DataFrame({"g": "a", "x": np.arange(100.0), "who": [0] * 45 + list(range(1, 56))})
    assert statistics.quantiles(frame, "g", "x", THL5, persons="who")["suppressed"].tolist() == ["q25"]


def test_histograms_merge_small_classes_and_tell_no_extremes() -> None:
    frame = pd.DataFrame({"age": [1] * 3 + [15] * 4 + [25] * 30 + [35] * 12 + [45] * 2 + [101]})
    table = statistics.histogram(frame, "age", [10, 20, 30, 40, 50], THL5)
    assert table["n"].tolist() == [10, 30, 20]  # 3 + 4, then 30, then 12 + 2 + 1
    assert table["from"].fillna(-1).tolist() == [-1, 20, 30]
    assert table["to"].fillna(-1).tolist() == [20, 30, -1]
    few = statistics.histogram(frame.head(4), "age", [10], THL5)
    assert few["n"].isna().all()
    assert few["suppressed"].tolist() == ["n"]
    with pytest.raises(ParameterError, match="rising"):
        statistics.histogram(frame, "age", [20, 10], THL5)


def followed(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    event, end = rng.exponential(200, n), rng.uniform(50, 400, n)
    return pd.DataFrame({"days": np.ceil(np.minimum(event, end)), "had": event <= end})


def test_survival_steps_are_those_of_kaplan_and_meier() -> None:
    frame = followed(400, 3)
    table = statistics.survival(frame, "days", "had", EXACT, every=30)
    witness = SurvfuncRight(frame["days"], frame["had"].astype(int))
    for time, share in zip(table["time"][1:], table["survival"][1:], strict=True):
        exact = witness.surv_prob[np.searchsorted(witness.surv_times, time, side="right") - 1]
        assert share == pytest.approx(exact, abs=0.5 / 400 + 1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_survival_steps_in_groups(seed: int) -> None:
    frame = followed(60, seed)
    table = statistics.survival(frame, "days", "had", THL5, every=10)
    assert len(table) > 2
    before = 0.0
    for time, share in zip(table["time"][1:], table["survival"][1:], strict=True):
        assert ((frame["days"] > before) & (frame["days"] <= time) & frame["had"]).sum() >= 5
        assert (frame["days"] > time).sum() >= 5
        assert round(share * 6) == pytest.approx(share * 6, abs=1e-5)  # sixty persons and tens: sixths
        before = time
    assert (table[["at_risk", "events"]].to_numpy() % 10 == 0).all()


def test_survival_of_few_is_hidden() -> None:
    frame = pd.concat([followed(4, 1).assign(g="few"), followed(50, 1).assign(g="many")])
    table = statistics.survival(frame, "days", "had", THL5, by="g")
    assert table[table["g"] == "few"]["suppressed"].tolist() == ["at_risk;events;survival"]
    assert set(table[table["g"] == "many"]["suppressed"]) == {""}


def test_coefficients_of_few_are_hidden_and_others_rounded() -> None:
    table = pd.DataFrame(
        {
            "term": ["age", "north", "rare", "unknown"],
            "estimate": [0.123456, -2.5, 1.0, 1.0],
            "n": [812, 300, 4, np.nan],
            "events": [96, 3, 2, 9],
        }
    )
    told = statistics.coefficients(table, THL5, "n", events="events")
    assert told["suppressed"].tolist() == ["", *["n;events;estimate"] * 2, "events;estimate"]
    assert told.loc[0, ["n", "events", "estimate"]].tolist() == [810, 100, 0.123]
    full = statistics.coefficients(table, THL5, "n", degrees_of_freedom=9)
    assert full["estimate"].isna().all()
