"""What adds up: three nodes by hand, the published formula, other solvers, refused and zero nodes, coverage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import planted_hierarchy as planted
import pytest
from scipy.optimize import nnls

from ennakointi.forecast import coherence, min_trace, reconciliation
from ennakointi.forecast.hierarchy import Hierarchy
from ennakointi.forecast.series import LEVEL, LEVELS, REFUSED, ZERO, EngineForecast, Windows, mean_of
from ennakointi.scores import covered_share

NAN = float("nan")
THREE = np.array([[1.0, -1.0, -1.0]])  # the whole less its two municipalities


def random_tree(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Base, constraints, a full covariance, and the summing matrix of 1 + 2 + 5 nodes."""
    rng = np.random.default_rng(seed)
    summing = planted.tree([2, 3]).summing
    root = rng.normal(size=(8, 8))
    base = np.abs(rng.normal(3, 2, (8, 4)))
    return base, np.hstack([np.eye(3), -summing[:3]]), root @ root.T + 0.1 * np.eye(8), summing


def adds_up(made: EngineForecast, found: Hierarchy) -> bool:
    return bool(np.allclose(made.mean, found.summing @ made.mean[len(found.nodes) - found.summing.shape[1] :], 1e-9))


def test_three_nodes_by_hand() -> None:
    """10 against 5 + 3: equal weights share the 2 in thirds; variances 2, 1, 1 give the whole 1, the parts ½ each."""
    base = np.array([[10.0], [5.0], [3.0]])
    equal, _ = min_trace.project(base, THREE, np.eye(3))
    assert equal[:, 0] == pytest.approx([28 / 3, 17 / 3, 11 / 3])
    weighted, _ = min_trace.project(base, THREE, np.diag([2.0, 1.0, 1.0]))
    assert weighted[:, 0] == pytest.approx([9.0, 5.5, 3.5])


def test_three_nodes_through_the_door() -> None:
    """The same from forecasts without windows: variances from their own intervals; quantiles follow the mean."""
    found = planted.tree([2])
    alone = replace(found, nodes=(found.nodes[0], *found.nodes[2:]), summing=found.summing[[0, 2, 3]])
    made = planted.made(np.array([[10.0], [5.0], [3.0]]), np.sqrt([2.0, 1.0, 1.0]))
    got = reconciliation.reconcile(made, alone)
    assert got.mean[:, 0] == pytest.approx([9.0, 5.5, 3.5], abs=1e-6)
    assert got.quantiles[1, 0] == pytest.approx(made.quantiles[1, 0] * 1.1, abs=1e-6)  # by the ratio of the means
    assert got.quantiles[0, 0] == pytest.approx(made.quantiles[0, 0] * 0.9, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_published_formula(seed: int) -> None:
    """S (S' W⁻¹ S)⁻¹ S' W⁻¹ ŷ of Wickramasuriya et al. 2019, with a full covariance."""
    base, rows, covariance, summing = random_tree(seed)
    inverse = np.linalg.inv(covariance)
    published = summing @ np.linalg.solve(summing.T @ inverse @ summing, summing.T @ inverse @ base)
    assert min_trace.project(base, rows, covariance)[0] == pytest.approx(published, rel=1e-8)


@pytest.mark.parametrize("seed", range(20))
def test_no_negatives_as_nnls_solves_it(seed: int) -> None:
    """min |L⁻¹(ŷ − S b)|, b ≥ 0, W = L L'."""
    base, rows, covariance, summing = random_tree(seed)
    base[:3] *= 0.3
    root = np.linalg.inv(np.linalg.cholesky(covariance))
    expected = np.column_stack([summing @ nnls(root @ summing, root @ base[:, h])[0] for h in range(4)])
    got, stopped = min_trace.nonnegative(base, rows, covariance, 3)
    assert stopped == 0
    assert got == pytest.approx(expected, abs=1e-7)


def test_the_non_negative_cases_are_not_empty() -> None:
    low = []
    for seed in range(20):
        base, rows, covariance, _ = random_tree(seed)
        base[:3] *= 0.3
        low.append((min_trace.project(base, rows, covariance)[0][3:] < 0).any())
    assert sum(low) > 10


def test_shrinkage_as_published() -> None:
    """The double loop of Schäfer & Strimmer 2005 about zero, as MinT's authors write it."""
    errors = np.random.default_rng(2).normal(size=(4, 30)) + np.random.default_rng(3).normal(size=(1, 30))
    x = errors / np.sqrt((errors**2).mean(axis=1, keepdims=True))
    above = below = 0.0
    for i in range(4):
        for j in set(range(4)) - {i}:
            w = x[i] * x[j]
            above += ((w - w.mean()) ** 2).sum() / (30 * 29)
            below += w.mean() ** 2
    assert min_trace.shrinkage(x) == pytest.approx(above / below)
    assert min_trace.shrinkage(x, 0.5) == pytest.approx(min(1.0, above / below * 1.25 / 0.75))
    assert min_trace.shrinkage(x[:, :1]) == 1.0
    assert min_trace.shrinkage(np.zeros((3, 9))) == 1.0


def test_the_covariance_is_that_of_the_errors_shrunk() -> None:
    rng = np.random.default_rng(5)
    errors = (rng.normal(size=(4, 2, 20)) + rng.normal(size=(2, 20))) * np.array([4.0, 2.0, 1.0, 1.0])[:, None, None]
    flat = errors.reshape(4, 40)
    sample = flat @ flat.T / 40
    spread = coherence.Spread.of(errors, np.diag(sample), planted.tree([2]).summing)
    shrunk = spread.shrinkage(np.arange(4))
    expected = shrunk * np.diag(np.diag(sample)) + (1 - shrunk) * sample
    assert 0 < shrunk < 0.9
    assert spread.covariance(np.arange(4)) == pytest.approx(expected)


def test_variances_are_of_errors_and_of_intervals() -> None:
    """Errors of 2, intervals of a standard deviation of 3: √(4 · 9) = 6; with a single error 9."""
    errors = np.full((4, 1, 12), 2.0)
    errors[2, 0, 1:] = NAN
    spread = coherence.Spread.of(errors, np.array([9.0, 9.0, 9.0, 9.0]), planted.tree([2]).summing)
    assert spread.sd**2 == pytest.approx([6, 6, 9, 6])
    assert coherence.Spread.of(None, np.zeros(4), planted.tree([2]).summing).sd == pytest.approx(np.sqrt([2, 2, 1, 1]))


def test_autocorrelation_of_planted_errors() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 2, 200))
    for h in range(1, 200):
        x[..., h] = 0.6 * x[..., h - 1] + 0.8 * x[..., h]
    assert min_trace.autocorrelation_of(x) == pytest.approx(0.6, abs=0.02)
    assert min_trace.autocorrelation_of(np.zeros((2, 1, 5))) == 0.0


def test_blocks_are_the_whole_when_services_err_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    made, found, _ = planted.drawn([3, 4, 5], 6)
    tree = coherence.Tree.of(made, found)
    spread = coherence.Spread.of(None, np.arange(1.0, 17.0), found.summing)
    base = made.mean + found.summing @ np.full((12, 12), 1000.0)  # far from zero
    together, _ = coherence.coherent(base, tree, spread, keep_top=False)
    held, _ = coherence.coherent(base, tree, spread, keep_top=True)
    monkeypatch.setattr(coherence, "BLOCK", 4)
    assert coherence.coherent(base, tree, spread, keep_top=False)[0] == pytest.approx(together, rel=1e-9)
    assert coherence.coherent(base, tree, spread, keep_top=True)[0] == pytest.approx(held, rel=1e-9)
    assert held[0] == pytest.approx(base[0])


def test_blocks_with_a_refused_service_or_whole_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coherence, "BLOCK", 4)
    for gone in (0, 2):
        made, found, _ = planted.drawn([3, 4, 5], 6)
        got = reconciliation.reconcile(without(made, gone), found).mean
        sums = found.summing @ got[4:]
        rest = [i for i in range(16) if i != gone]
        assert got[rest] == pytest.approx(sums[rest])
        assert np.isnan(got[gone]).all()


def without(made: EngineForecast, node: int) -> EngineForecast:
    """One node refused, also in the windows."""
    methods = tuple(REFUSED if i == node else method for i, method in enumerate(made.methods))
    mean, quantiles = made.mean.copy(), made.quantiles.copy()
    mean[node], quantiles[node] = NAN, NAN
    windows = made.windows
    if windows is not None:
        back = windows.quantiles.copy()
        back[node] = NAN
        windows = replace(windows, quantiles=back)
    return replace(made, mean=mean, quantiles=quantiles, methods=methods, windows=windows)


def test_a_refused_municipality_stays_missing_and_is_not_summed() -> None:
    made, found, _ = planted.drawn([2, 2], 1)
    got = reconciliation.reconcile(without(made, 4), found)
    assert np.isnan(got.mean[4]).all()
    assert np.isnan(got.quantiles[4]).all()
    assert got.mean[1] == pytest.approx(got.mean[3])
    assert got.mean[0] == pytest.approx(got.mean[3] + got.mean[5] + got.mean[6])


def test_a_sum_without_members_stays_as_it_is() -> None:
    made, found, _ = planted.drawn([1, 2], 1)
    got = reconciliation.reconcile(without(made, 3), found)
    assert got.mean[1] == pytest.approx(made.mean[1])
    assert got.mean[0] == pytest.approx(got.mean[4] + got.mean[5])


def test_zero_stays_zero_and_level_is_reconciled() -> None:
    made, found, _ = planted.drawn([3], 3)
    mean, quantiles = made.mean.copy(), made.quantiles.copy()
    mean[2], quantiles[2] = 0.0, 0.0
    methods = (*made.methods[:2], ZERO, LEVEL, made.methods[4])
    got = reconciliation.reconcile(replace(made, mean=mean, quantiles=quantiles, methods=methods), found)
    assert (got.mean[2] == 0).all()
    assert (got.quantiles[2] == 0).all()
    assert (got.mean[0] > 0).all()
    assert adds_up(got, found)


def test_under_a_zero_service_everything_is_zero() -> None:
    made, found, _ = planted.drawn([2, 2], 3)
    mean, quantiles = made.mean.copy(), made.quantiles.copy()
    mean[1], quantiles[1] = 0.0, 0.0
    methods = tuple(ZERO if i == 1 else method for i, method in enumerate(made.methods))
    got = reconciliation.reconcile(replace(made, mean=mean, quantiles=quantiles, methods=methods), found)
    assert (got.mean[[1, 3, 4]] == 0).all()
    assert (got.quantiles[[1, 3, 4]] == 0).all()
    assert adds_up(got, found)


def test_nothing_to_forecast() -> None:
    """All zero; all refused; a whole without a bottom."""
    made, found, _ = planted.drawn([2, 1], 3)
    zero = replace(made, mean=made.mean * 0, quantiles=made.quantiles * 0, methods=(ZERO,) * 6)
    assert (reconciliation.reconcile(zero, found).quantiles == 0).all()
    for node in range(6):
        made = without(made, node)
    assert np.isnan(reconciliation.reconcile(made, found).mean).all()
    empty = replace(found, nodes=found.nodes[:1], summing=np.zeros((1, 0)))
    one = planted.made(np.full((1, 3), 5.0), np.ones(1))
    assert reconciliation.reconcile(one, empty).mean == pytest.approx(one.mean)


def test_forecasts_of_other_nodes_are_refused() -> None:
    made, _, _ = planted.drawn([2, 1], 3)
    with pytest.raises(ValueError, match="6 forecasts for 5 nodes"):
        reconciliation.reconcile(made, planted.tree([3]))


def test_forecasts_without_any_spread_add_up() -> None:
    """Ten equal constants that say they are certain: structural scaling, and no division by zero."""
    mean = np.vstack([np.full((1, 2), 7.0), np.full((2, 2), 4.0), np.ones((6, 2))])
    got = reconciliation.reconcile(planted.made(mean, np.zeros(9)), planted.tree([3, 3]))
    assert adds_up(got, planted.tree([3, 3]))
    assert got.mean[1:3] == pytest.approx(np.full((2, 2), got.mean[1, 0]))
    assert 6 < got.mean[0, 0] < 8


def test_a_solver_that_is_stopped_cuts_at_zero_and_sums_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(min_trace, "ROUNDS", 0)
    mean = np.array([[1.0], [1.0], [3.0], [0.1]])
    found = planted.tree([2])
    result = reconciliation.reconciled(planted.made(mean, np.array([0.1, 0.1, 1.0, 1.0])), found)
    assert result.clipped == 1
    assert result.forecast.mean[3, 0] == 0
    assert adds_up(result.forecast, found)


def test_many_equal_negatives_end() -> None:
    """Degenerate: fifty municipalities of nearly nothing under a whole of nothing."""
    mean = np.vstack([np.zeros((2, 3)), np.full((50, 3), 1e-9)])
    got = reconciliation.reconciled(planted.made(mean, np.r_[0.0, 0.0, np.full(50, 1e-3)]), planted.tree([50]))
    assert got.clipped == 0
    assert (got.forecast.mean >= 0).all()
    assert adds_up(got.forecast, planted.tree([50]))


def certain_whole(right: bool) -> tuple[EngineForecast, Hierarchy]:
    """Municipalities with large errors; the whole errs in the windows by nothing, or by half of itself."""
    rng = np.random.default_rng(8)
    found = planted.tree([4, 4])
    level = found.summing @ np.full(8, 50.0)
    observed = np.broadcast_to(level[:, None, None], (11, 2, 12)).copy()
    back = observed + rng.normal(0, 10, observed.shape) * np.sqrt(level / 50)[:, None, None]
    back[0] = observed[0] * (1.0 if right else 1 + 0.5 * np.sign(rng.normal(size=(2, 12))))
    mean = level[:, None] + rng.normal(0, 10, (11, 12))
    return planted.made(mean, 10 * np.sqrt(level / 50), observed, back), found


def test_a_whole_that_scores_better_is_kept_and_the_rest_fitted_to_it() -> None:
    made, found = certain_whole(right=True)
    result = reconciliation.reconciled(made, found)
    assert result.top_kept
    assert result.forecast.mean[0] == pytest.approx(made.mean[0])
    assert adds_up(result.forecast, found)


def test_a_whole_that_scores_worse_is_reconciled() -> None:
    made, found = certain_whole(right=False)
    result = reconciliation.reconciled(made, found)
    assert not result.top_kept
    assert np.abs(result.forecast.mean[0] - made.mean[0]).max() > 1
    assert adds_up(result.forecast, found)


def test_reconciliation_takes_the_services_nearer_to_the_truth() -> None:
    """Mean absolute error of sums falls by more than a tenth, of municipalities does not rise."""
    before, after = np.zeros(3), np.zeros(3)
    for seed in range(20):
        made, found, outcome = planted.drawn([6] * 5, seed)
        got = reconciliation.reconcile(made, found)
        for tier, nodes in enumerate((slice(0, 1), slice(1, 6), slice(6, None))):
            before[tier] += np.abs(made.mean[nodes] - outcome[nodes]).sum()
            after[tier] += np.abs(got.mean[nodes] - outcome[nodes]).sum()
    assert (after[:2] < 0.93 * before[:2]).all()
    assert after[2] < before[2]


def coverage(narrow: float, members: list[int], seeds: int) -> np.ndarray:
    """Covered share at 80 and 95 % of the sums and of the municipalities: (2, 2)."""
    hits: list[list[tuple[np.ndarray, ...]]] = [[], []]
    for seed in range(seeds):
        made, found, outcome = planted.drawn(members, seed)
        assert made.windows is not None
        tight = [planted.tighter(q, narrow) for q in (made.quantiles, made.windows.quantiles)]
        made = replace(made, quantiles=tight[0], windows=replace(made.windows, quantiles=tight[1]))
        got = reconciliation.reconcile(made, found).quantiles
        cut = len(found.nodes) - sum(members)
        for tier, nodes in enumerate((slice(0, cut), slice(cut, None))):
            hits[tier].append((outcome[nodes], got[nodes]))
    shares = []
    for tier in hits:
        y, q = (np.concatenate([pair[i] for pair in tier]) for i in (0, 1))
        shares.append([covered_share(y, q[..., 2], q[..., 10]), covered_share(y, q[..., 0], q[..., 12])])
    return np.array(shares)


def test_intervals_after_reconciliation_cover() -> None:
    """Correlated municipalities, right intervals before: 80 % and 95 % still hold after."""
    found = coverage(1.0, [6] * 5, 40)
    assert (found[:, 0] > 0.77).all()
    assert (found[:, 0] < 0.87).all()
    assert (found[:, 1] > 0.92).all()
    assert (found[:, 1] < 0.98).all()


def test_intervals_that_were_too_narrow_are_widened() -> None:
    """Seven tenths of the right width cover about 63 %, as libraries' do; the windows show it."""
    found = coverage(0.7, [8] * 10, 15)
    assert (found[:, 0] > 0.75).all()
    assert (found[:, 0] < 0.87).all()


def test_factors_by_hand() -> None:
    """Outcomes at 1.5 half-widths from the median: drawn from 1.5 to 1 by 10 windows against 2 · 2."""
    made, _, _ = planted.drawn([2], 3)
    assert made.windows is not None
    q = np.broadcast_to(10 + np.array(planted.Z), (4, 2, 12, len(LEVELS))).copy()
    windows = replace(made.windows, quantiles=q, observed=np.full((4, 2, 12), 10 + 1.5 * planted.Z[10]))
    factors = reconciliation._factors(windows, q, 2)
    assert factors[:, 0] == pytest.approx([1 + 0.5 * 4 / 14] * 2)
    ratio = 1.5 * planted.Z[10] / planted.Z[12]
    assert factors[:, 1] == pytest.approx([1 + (ratio - 1) * 4 / 14] * 2)


def test_windows_go_through_the_same_steps() -> None:
    made, found, _ = planted.drawn([3, 3], 5)
    got = reconciliation.reconcile(made, found)
    assert isinstance(got.windows, Windows)
    assert made.windows is not None
    assert got.windows.observed is made.windows.observed
    assert got.windows.quantiles.shape == made.windows.quantiles.shape
    assert (np.diff(got.windows.quantiles, axis=-1) >= 0).all()
    assert not np.allclose(got.windows.quantiles, made.windows.quantiles)


def test_a_bottom_without_a_window_leaves_its_sums_there_alone() -> None:
    made, found, _ = planted.drawn([3, 3], 5)
    assert made.windows is not None
    q = made.windows.quantiles.copy()
    q[3, 0] = NAN  # the first municipality of the first service, in the older window
    tree = coherence.Tree.of(made, found)
    base = mean_of(q[:, 0])
    there, told = tree.known(base)
    assert told.tolist() == [False, False, True]
    mean, _ = coherence.coherent(base, there, coherence.Spread.of(None, np.ones(9), found.summing), False, told)
    assert mean[[0, 1]] == pytest.approx(base[[0, 1]])
    assert mean[2] == pytest.approx(mean[6:9].sum(axis=0))
    assert np.isnan(mean[3]).all()
    got = reconciliation.reconcile(replace(made, windows=replace(made.windows, quantiles=q)), found)
    assert adds_up(got, found)


def test_one_window_and_no_window() -> None:
    made, found, _ = planted.drawn([3, 3], 5, windows=1)
    assert adds_up(reconciliation.reconcile(made, found), found)
    none = reconciliation.reconciled(replace(made, windows=None), found)
    assert none.forecast.windows is None
    assert none.factors == pytest.approx(np.ones((2, 2)))
    assert none.shrinkage == 1.0


def test_centre_and_move_by_hand() -> None:
    assert mean_of(np.array(LEVELS)) == pytest.approx(0.5)
    assert mean_of(np.full(13, 4.0)) == pytest.approx(4.0)
    q = np.array([0.0, 1.0, 2.0, 4.0])
    assert reconciliation.move(q, np.array(2.0), np.array(3.0)) == pytest.approx([0, 1.5, 3, 6])
    assert reconciliation.move(q, np.array(2.0), np.array(1.0)) == pytest.approx([0, 0.5, 1, 2])
    assert reconciliation.move(q, np.array(2.0), np.array(6.0)) == pytest.approx([0, 4, 6, 10])  # 2 q + 2
    assert reconciliation.move(q * 0, np.array(0.0), np.array(1.0)) == pytest.approx([1, 1, 1, 1])


def test_a_zero_quantile_stays_zero_when_intervals_are_narrowed() -> None:
    q = np.array([[[0.0] * 5 + [1.0] * 3 + [2.0] * 3 + [3.0] * 2]])
    narrowed = reconciliation._spread_out(q, np.full((2, 2), 0.5), 1)
    assert narrowed[0, 0] == pytest.approx([0] * 5 + [1] * 3 + [1.5] * 3 + [2] * 2)
    wide = reconciliation._spread_out(q, np.full((2, 2), 2.0), 1)
    assert wide[0, 0] == pytest.approx([0] * 5 + [1] * 3 + [3] * 3 + [5] * 2)


def test_a_tail_that_runs_away_is_not_trusted() -> None:
    """Seven contacts on average because one quantile is 200: the service and the whole, which know better, decide."""
    mean = np.array([[0.2], [0.2], [0.1], [7.5]])
    made = planted.made(mean, np.full(4, 0.05))
    quantiles = made.quantiles.copy()
    quantiles[3] = [*[0.0] * 10, 0.1, 1.0, 200.0]
    got = reconciliation.reconcile(replace(made, quantiles=quantiles), planted.tree([2]))
    assert got.mean[:2, 0] == pytest.approx([0.2, 0.2], abs=0.01)
    assert got.mean[3, 0] == pytest.approx(0.1, abs=0.02)
