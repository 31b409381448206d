"""Numbers of staggered starts against another library, hand-worked tables and their own definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from ennakointi.causal import aggregation, bands, group_time, two_period
from ennakointi.causal.areas import NEVER, Floats, Ints
from ennakointi.causal.group_time import GroupTimes, Panel
from ennakointi.causal.sun_abraham import sun_abraham


def study(seed: int = 7, n: int = 240, periods: int = 7) -> tuple[Floats, Ints, Floats]:
    """Outcome (n, T) to three decimals, starts from 0, and one covariate (n,)."""
    rng = np.random.default_rng(seed)
    first = rng.choice([0, 3, 4, 6], n)
    x = rng.normal(size=n) + 0.3 * (first > 0)
    time = np.arange(1, periods + 1)
    noise = rng.normal(size=(n, 1)) + 0.5 * x[:, None] * np.arange(periods) * 0.3 + rng.normal(size=(n, periods))
    effect = (first[:, None] > 0) * (time >= first[:, None]) * (1 + 0.2 * (time - first[:, None]))
    return (noise + effect).round(3), np.where(first > 0, first - 1, NEVER), x.round(3)


def data(values: Floats, starts: Ints, **other: Any) -> Panel:
    n, periods = values.shape
    return group_time.panel(
        values,
        np.asarray(starts),
        other.get("weight", np.ones(n)),
        other.get("cluster", np.arange(n)),
        other.get("covariates", np.zeros((n, periods, 0))),
    )


def effects(panel: Panel, comparison: Any = "never", anticipation: int = 0, base: Any = "varying") -> GroupTimes:
    return group_time.group_times(panel, group_time.cells(panel.starts, panel.observed, comparison, anticipation, base))


# diff-diff 3.13, CallawaySantAnna: effect and standard error of some cells (group, time), then the simple average's
PEER: dict[tuple[str, int, str], tuple[dict[tuple[int, int], tuple[float, float]], tuple[float, float] | None]] = {
    ("never", 0, "varying"): (
        {
            (3, 2): (-0.0365245, 0.2683462),
            (3, 7): (1.9886329, 0.3099696),
            (4, 3): (0.0958171, 0.2649458),
            (6, 6): (1.0816751, 0.2620394),
        },
        (1.5435252273231315, 0.1501429645476436),
    ),
    ("not_yet", 0, "varying"): (
        {
            (3, 2): (0.113764, 0.2028377),
            (3, 5): (1.2340048, 0.2520665),
            (4, 2): (-0.1159361, 0.2165966),
            (6, 3): (0.0433731, 0.2217446),
            (4, 4): (1.0655625, 0.2221348),
        },
        (1.4369417681545122, 0.13809656549727248),
    ),
    ("never", 1, "varying"): (
        {(3, 2): (-0.0365245, 0.2683462), (3, 3): (1.0690159, 0.2680037), (6, 7): (1.1639865, 0.2491485)},
        None,
    ),
    ("not_yet", 0, "universal"): (
        {(3, 1): (-0.113764, 0.2028377), (3, 4): (1.2190667, 0.2602622)},
        (1.4369417681545122, 0.13809656549727248),
    ),
}


@pytest.mark.parametrize("design", PEER)
def test_cells_and_average_of_another_library(design: tuple[str, int, str]) -> None:
    """diff-diff's group-time effects and errors; its average counts anticipated periods: there it is not compared."""
    values, starts, _ = study()
    found = effects(data(values, starts), *design)
    cells, average = PEER[design]
    keys = [(int(g) + 1, int(t) + 1) for g, t in zip(found.cells.group, found.cells.time, strict=True)]
    for key, wanted in cells.items():
        place = keys.index(key)
        assert (found.effect[place], found.standard_error[place]) == pytest.approx(wanted, abs=6e-8)
    if average is not None:
        simple = aggregation.simple(found)
        assert (simple.effect[0], simple.standard_error(found)[0]) == pytest.approx(average, abs=1e-12)


def test_two_by_two_by_hand() -> None:
    """Treated change 4 and 6, comparison 1 and 3: effect 3; variance (1 + 1)/4 + (1 + 1)/4 = 1."""
    found = effects(data(np.array([[0.0, 4], [1, 7], [2, 3], [5, 8]]), np.array([1, 1, NEVER, NEVER])))
    assert found.effect.tolist() == [3.0]
    assert found.standard_error == pytest.approx([1.0])
    assert found.level.tolist() == [5.5]


def test_incomplete_panel_uses_the_units_of_both_periods() -> None:
    values = np.array([[0.0, 4], [np.nan, 9], [1, 7], [2, 3], [5, 8], [7, np.nan]])
    found = effects(data(values, np.array([1, 1, 1, NEVER, NEVER, NEVER])))
    assert found.effect.tolist() == [3.0]
    assert found.n.tolist() == [2]
    assert found.standard_error == pytest.approx([1.0])


def test_two_copies_of_a_unit_in_one_cluster_are_one_unit() -> None:
    """Errors do not shrink when every unit stands twice in its cluster; a weight of 2 is the same as two units."""
    values, starts, x = study(n=80)
    covariates = np.repeat(x[:, None, None], values.shape[1], axis=1)
    once = effects(data(values, starts, covariates=covariates))
    twice = effects(
        data(
            np.repeat(values, 2, axis=0),
            np.repeat(starts, 2),
            cluster=np.repeat(np.arange(80), 2),
            covariates=np.repeat(covariates, 2, axis=0),
        )
    )
    assert twice.effect == pytest.approx(once.effect)
    assert twice.covariance == pytest.approx(once.covariance)
    some = np.arange(80) < 20
    heavy = effects(data(values, starts, weight=1.0 + some))
    doubled = np.concatenate([np.arange(80), np.flatnonzero(some)])
    copied = effects(data(values[doubled], starts[doubled], cluster=doubled))
    assert heavy.effect == pytest.approx(copied.effect)
    assert heavy.covariance == pytest.approx(copied.covariance)


def test_averages_in_one_pass_are_those_of_the_cells() -> None:
    values, starts, _ = study(n=120)
    values[::7, 3] = np.nan
    panel = data(values, starts, cluster=np.arange(120) // 2)
    found = effects(panel, "not_yet")
    dynamic = aggregation.dynamic(found)
    once = group_time.averaged(panel, found.cells, found.cells.since_start)
    assert once.label.tolist() == dynamic.label.tolist()
    assert once.effect == pytest.approx(dynamic.effect)
    assert once.covariance == pytest.approx(dynamic.covariance(found))


def test_errors_of_averages_are_those_of_many_studies() -> None:
    """Standard errors, those of estimated group sizes among them, against the spread over 400 planted studies."""
    rng = np.random.default_rng(1)
    seen, errors = [], []
    for _ in range(400):
        starts = rng.choice([1, 2, NEVER], 60, p=[0.3, 0.3, 0.4])
        treated = (np.arange(4) >= starts[:, None]) * np.where(starts == 1, 3.0, 0.0)[:, None]
        found = effects(data(rng.normal(size=(60, 4)) + treated, starts))
        average = aggregation.over_groups(found)
        seen.append(average.effect[0])
        errors.append(average.standard_error(found)[0])
    assert np.mean(seen) == pytest.approx(1.5, abs=0.06)
    assert np.mean(errors) / np.std(seen) == pytest.approx(1, abs=0.12)


def test_covariates_that_make_trends_differ_are_taken_out() -> None:
    """Planted effect 1; trends hang on x, and x on treatment: unadjusted it is biased, doubly robust it is not."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=4_000)
    treated = rng.random(4_000) < 1 / (1 + np.exp(-x))
    change = 2 * x + treated + rng.normal(size=4_000)
    plain = two_period.difference_in_means(change, treated, np.ones(4_000))
    robust = two_period.doubly_robust(change, treated, x[:, None], np.ones(4_000))
    moved = two_period.doubly_robust(change, treated, 1e6 + 1e-3 * x[:, None], np.ones(4_000))
    assert plain is not None
    assert robust is not None
    assert moved is not None
    assert plain.effect > 2
    assert robust.effect == pytest.approx(1, abs=0.12)
    assert moved.effect == pytest.approx(robust.effect, abs=1e-6)
    assert moved.influence == pytest.approx(robust.influence, abs=1e-8)


def test_without_overlap_the_regression_alone_is_used() -> None:
    """x from 0 to 9 without, from 10 to 19 with treatment; change 2x, plus 3 when treated: regression finds 3."""
    x = np.arange(20.0)
    treated = x >= 10
    found = two_period.doubly_robust(2 * x + 3 * treated, treated, x[:, None], np.ones(20))
    assert found is not None
    assert found.effect == pytest.approx(3)
    assert not found.propensity


def test_a_covariate_that_the_comparison_lacks_gives_no_effect() -> None:
    treated = np.arange(20) < 10
    covariates = (treated & (np.arange(20) % 2 == 0)).astype(float)[:, None]
    assert two_period.doubly_robust(np.arange(20.0), treated, covariates, np.ones(20)) is None


def test_simultaneous_band_of_independent_estimates() -> None:
    """Ten independent estimates need the quantile at (1 + .95^(1/10)) / 2; equal ones no more than one."""
    wanted = norm.ppf((1 + 0.95**0.1) / 2)
    assert bands.critical_value(np.diag(np.arange(1.0, 11)), seed=1) == pytest.approx(wanted, abs=0.04)
    assert bands.critical_value(np.ones((10, 10)), seed=1) == pytest.approx(norm.ppf(0.975), abs=0.04)
    assert bands.critical_value(np.zeros((3, 3)), seed=1) == pytest.approx(norm.ppf(0.975))


def test_largest_of_independent_estimates() -> None:
    """p-value of the largest of three: 1 − (1 − p)³."""
    wanted = 1 - (1 - 2 * norm.sf(2.5)) ** 3
    assert bands.largest_p(np.array([5.0, 0, 1]), np.diag([4.0, 1, 1]), seed=1) == pytest.approx(wanted, abs=0.005)


def test_sun_and_abraham_equal_callaway_and_santanna_without_covariates() -> None:
    """On a complete panel with units never treated both are the same averages (Sun & Abraham 2021, section 4)."""
    values, starts, _ = study(n=90)
    panel = data(values, starts)
    other = sun_abraham(panel)
    assert other is not None
    found = effects(panel, base="universal")
    dynamic = aggregation.dynamic(found)
    assert other.since_start.tolist() == dynamic.label.tolist()
    assert other.effect == pytest.approx(dynamic.effect)
    assert other.average == pytest.approx(aggregation.simple(found).effect[0])


def test_sun_and_abraham_without_never_treated_use_the_last_group() -> None:
    values, starts, _ = study(n=90)
    last = np.where(starts == NEVER, 6, starts)
    panel = data(values, last)
    other, found = sun_abraham(panel), effects(data(values[:, :6], np.where(last == 6, NEVER, last)), base="universal")
    assert other is not None
    assert other.average == pytest.approx(aggregation.simple(found).effect[0])


def test_placebo_cells_end_before_the_start() -> None:
    starts = np.array([3, 5, NEVER])
    found = group_time.placebo_cells(starts, np.arange(8), "never", 2)
    rows = list(zip(found.group.tolist(), found.base.tolist(), found.time.tolist(), strict=True))
    assert rows == [(3, 0, 1), (3, 0, 2), (5, 2, 3), (5, 2, 4)]
