"""Whatever the results are: few persons never show, rounding is stable, no hidden month can be worked out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from ennakointi.disclosure import release, round_share, round_values
from ennakointi.parameters.documents import Preset
from ennakointi.result_tables import COUNT, ESTIMATE, EUROS, KEY, LABEL, PERSONS, RESULT_TABLES, SHARE

PRESETS = st.sampled_from(
    [
        Preset(name="thl5", threshold=5, base=10),
        Preset(name="stat3", threshold=3, base=5),
        Preset(name="opensafely", threshold=8, base=5),
        Preset(name="midpoint6", threshold=1, base=6),
    ]
)
EXACT = Preset(name="exact", threshold=5, base=1)
COUNTS = st.integers(0, 40).map(float)
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def frames(draw: st.DrawFn, name: str) -> pd.DataFrame:
    columns = RESULT_TABLES[name].columns
    rows = []
    for number in range(draw(st.integers(1, 6))):
        row: dict[str, Any] = {}
        for column in columns:
            if column.kind in (KEY, LABEL):
                row[column.name] = f"2020-{number + 1:02d}" if column.name == "month" else "a"
            else:
                row[column.name] = draw(COUNTS if column.kind in (PERSONS, COUNT) else NUMBERS)
        rows.append(row)
    return pd.DataFrame(rows, columns=[c.name for c in columns])


@given(
    st.sampled_from(["service_debt", "debt_summary", "effects", "volumes", "target_groups"]),
    PRESETS,
    st.data(),
)
def test_a_row_of_few_persons_shows_no_number(name: str, preset: Any, data: st.DataObject) -> None:
    frame = data.draw(frames(name))
    released = release({name: frame}, preset)[name]
    table = RESULT_TABLES[name]
    few = ((frame[list(table.of_kind(PERSONS))] > 0) & (frame[list(table.of_kind(PERSONS))] < preset.threshold)).any(
        axis=1
    )
    numbers = list(table.of_kind(PERSONS, COUNT, EUROS, ESTIMATE, SHARE))
    assert released.loc[few, numbers].isna().all(axis=None)
    shown = released[released["suppressed"] == ""]
    unit = 1 if preset.name == "midpoint6" else preset.base
    assert (shown[list(table.of_kind(PERSONS, COUNT))] % unit == 0).all(axis=None)


@given(PRESETS, st.data())
def test_published_totals_are_the_sums_of_published_parts(preset: Any, data: st.DataObject) -> None:
    released = release({"debt_summary": data.draw(frames("debt_summary"))}, preset)["debt_summary"]
    total = released["expected"] - released["substituted"] - released["observed"]
    np.testing.assert_allclose(released["debt"], total)
    np.testing.assert_allclose(released["not_in_queue"], released["debt"] - released["visible"])
    shown = released[released["suppressed"] == ""]
    for low, high in (
        ("debt_lo95", "debt_lo80"),
        ("debt_lo80", "debt"),
        ("debt", "debt_hi80"),
        ("debt_hi80", "debt_hi95"),
    ):
        assert (shown[low] <= shown[high]).all()


@given(PRESETS, st.sampled_from([COUNT, ESTIMATE, EUROS]), st.lists(st.integers(0, 10**7), min_size=1))
def test_rounding_again_changes_nothing(preset: Any, kind: str, counts: list[int]) -> None:
    once = round_values(np.array(counts, dtype=float), kind, preset)
    np.testing.assert_array_equal(round_values(once, kind, preset), once)
    shares = round_share(np.array(counts) / 7.0)
    np.testing.assert_array_equal(round_share(shares), shares)


MONTHS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 30), st.integers(0, 60), st.integers(0, 5)),
    min_size=2,
    max_size=9,
)


def series(months: list[tuple[int, int, int, int]]) -> pd.DataFrame:
    """A service's months: persons, contacts beyond one each, expected, substituted; the debt cumulates."""
    frame = pd.DataFrame(months, columns=["n_persons", "more", "expected", "substituted"]).astype(float)
    frame["observed"] = frame["n_persons"] + frame["more"].where(frame["n_persons"] > 0, 0.0)
    frame["gap"] = frame["expected"] - frame["substituted"] - frame["observed"]
    frame["debt"] = frame["gap"].cumsum()
    frame["month"] = [f"2020-{number:02d}" for number in range(1, len(frame) + 1)]
    empty = {c.name: "a" if c.kind in (KEY, LABEL) else np.nan for c in RESULT_TABLES["service_debt"].columns}
    return frame.assign(**{k: v for k, v in empty.items() if k not in frame})[list(empty)]


def known_range(published: pd.DataFrame, total: float, column: str, row: int) -> tuple[float, float]:
    """What an attacker can say of a hidden cell who knows the published cells exactly, the identities
    (gap = expected − substituted − observed; debt = debt before + gap) and the period's contacts."""
    names = ["expected", "observed", "substituted", "gap", "debt"]
    n, place = len(published), {name: i * len(published) for i, name in enumerate(names)}
    equations, values = [], []

    def equation(terms: dict[tuple[str, int], float], value: float) -> None:
        line = np.zeros(n * len(names))
        for (name, month), weight in terms.items():
            line[place[name] + month] = weight
        equations.append(line)
        values.append(value)

    for month in range(n):
        parts = {("expected", month): 1.0, ("substituted", month): -1.0, ("observed", month): -1.0}
        equation(parts | {("gap", month): -1.0}, 0.0)
        before = {("debt", month - 1): -1.0} if month else {}
        equation({("debt", month): 1.0, ("gap", month): -1.0} | before, 0.0)
        for name in names:
            if pd.notna(published[name].iloc[month]):
                equation({(name, month): 1.0}, published[name].iloc[month])
    equation({("observed", month): 1.0 for month in range(n)}, total)
    bounds = [(0, 1000) if name in names[:3] else (-3000, 3000) for name in names for _ in range(n)]
    target = np.zeros(n * len(names))
    target[place[column] + row] = 1.0
    ends = [linprog(sign * target, A_eq=np.array(equations), b_eq=np.array(values), bounds=bounds) for sign in (1, -1)]
    assert all(end.success for end in ends)
    return float(ends[0].fun), float(-ends[1].fun)


def primary(frame: pd.DataFrame) -> list[int]:
    return [int(i) for i in np.flatnonzero((frame["n_persons"] > 0) & (frame["n_persons"] < EXACT.threshold))]


@given(MONTHS)
def test_an_attacker_who_knows_the_identities_cannot_tell_a_hidden_month(
    months: list[tuple[int, int, int, int]],
) -> None:
    frame = series(months)
    assume((frame["n_persons"] >= EXACT.threshold).any())
    published = release({"service_debt": frame}, EXACT)["service_debt"]
    for row in primary(frame):
        for column in ("observed", "gap"):
            low, high = known_range(published, frame["observed"].sum(), column, row)
            assert high - low >= EXACT.threshold, (column, low, high)
        low, high = known_range(published, frame["observed"].sum(), "observed", row)
        assert low <= 1 + 1e-6
        assert high >= EXACT.threshold - 1 - 1e-6


def test_without_the_neighbours_the_attacker_would_win() -> None:
    frame = series([(20, 5, 30, 0), (3, 0, 12, 0), (20, 5, 30, 0)])
    only_primary = frame.mask(frame["n_persons"] < EXACT.threshold)
    assert known_range(only_primary, frame["observed"].sum(), "observed", 1) == (3.0, 3.0)
    assert known_range(only_primary, frame["observed"].sum(), "gap", 1) == (9.0, 9.0)
