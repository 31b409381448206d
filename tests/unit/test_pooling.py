"""Partial pooling of a small group's debt: the moment estimate against statsmodels, coverage and error of pooled draws
against planted shares, and the limits."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from ennakointi.debt import pooling
from ennakointi.debt.pooling import Likeness

PATHS, MONTHS = 400, 6


def draws(mean: float, sd: float, expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(p, h) cumulated draws whose share of expected use is `mean` ± `sd` at every month's end."""
    z = rng.normal(size=(PATHS, 1))
    return (mean + sd * (z - z.mean()) / z.std()) * np.cumsum(expected)


def test_between_variance_is_dersimonian_and_laird() -> None:
    """Six studies of Borenstein et al. 2009, table 14.1, as rounded there; τ² of statsmodels."""
    effects = np.array([0.095, 0.277, 0.367, 0.664, 0.462, 0.185])
    variances = np.array([0.033, 0.031, 0.050, 0.011, 0.043, 0.023])
    found, error = pooling.between_variance(effects, variances, np.ones(6))
    assert found == pytest.approx(combine_effects(effects, variances, method_re="chi2").tau2)
    assert found == pytest.approx(0.0363, abs=5e-5)
    assert error == pytest.approx(np.sqrt(10) / 185.857, rel=1e-5)


def test_between_variance_about_a_line() -> None:
    """Effects on the line have none; equal variances v: Q = Σ residual² / v, so τ² = Σ residual² / (k − 1) − v."""
    design = np.array([1.0, 2.0, 3.0, 4.0])
    assert pooling.between_variance(0.7 * design, np.full(4, 0.1), design)[0] == 0
    residual = np.array([2.0, -1.0, 0.0, 0.0])  # Σ residual · design = 0: the line stays
    assert pooling.between_variance(design + residual, np.full(4, 0.25), design)[0] == pytest.approx(5 / 3 - 0.25)


def test_likeness_finds_the_planted_ratio_and_spread() -> None:
    rng = np.random.default_rng(5)
    others = rng.uniform(0.05, 0.3, 400)
    own = 1.4 * others + rng.normal(0, 0.04, 400) + rng.normal(0, 0.05, 400)
    found = pooling.likeness(own, np.full(400, 0.05), others, np.full(400, 1e-4), np.full(400, 1e6))
    assert found.ratio == pytest.approx(1.4, abs=3 * found.ratio_sd)
    assert found.ratio_sd == pytest.approx(0.064 / np.sqrt((others**2).sum()), rel=0.1)
    assert found.between_sd == pytest.approx(0.04, rel=0.15)


def test_few_services_or_services_without_an_estimate_tell_nothing() -> None:
    own = np.array([0.1, 0.2, 0.3, 0.2, np.nan])
    found = pooling.likeness(own, np.full(5, 0.1), np.full(5, 0.2), np.full(5, 0.01), np.full(5, 100.0))
    assert found == Likeness()
    kept, weight = pooling.pooled(np.ones((4, 2)), np.ones(2), np.ones((4, 2)), found, end=1, seed=1)
    assert weight == 1
    assert (kept == 1).all()


def test_nothing_missing_anywhere_leaves_the_ratio_at_one() -> None:
    zero = np.zeros(8)
    found = pooling.likeness(zero, np.full(8, 0.1), zero, np.full(8, 0.01), np.full(8, 100.0))
    assert (found.ratio, found.ratio_sd) == (pytest.approx(1.0), pytest.approx(pooling.RATIO_SD))


def test_a_service_that_grew_manifold_decides_nothing() -> None:
    """Digital care doubles for the others and trebles for the group: left out of the ratio, and not pooled."""
    own, others = np.append(np.full(9, 0.1), -2.0), np.append(np.full(9, 0.1), -1.0)
    found = pooling.likeness(own, np.full(10, 0.05), others, np.full(10, 0.01), np.full(10, 1e4))
    assert found.ratio == pytest.approx(1.0)
    drawn = np.full((4, 2), -1.0)
    kept, weight = pooling.pooled(drawn, np.ones(2), drawn, found, end=1, seed=1)
    assert weight == 1
    assert (kept == drawn).all()


def test_contacts_that_come_in_clusters_widen_the_prior() -> None:
    """Own sd .05 on 10,000 contacts: variance over mean 25; a tenth missed of 10,000 contacts is 1,000 ± √25,000."""
    found = pooling.likeness(np.full(6, 0.1), np.full(6, 0.05), np.full(6, 0.1), np.full(6, 1e-9), np.full(6, 1e4))
    assert found.dispersion == pytest.approx(25.0)
    rng = np.random.default_rng(8)
    own, others = draws(0.1, 100.0, np.array([1e4]), rng), np.full((9, 1), 0.1)
    like = Likeness(1.0, 0.0, 0.0, found.dispersion)
    pooled, weight = pooling.pooled(own, np.array([1e4]), others, like, end=0, seed=1)
    assert weight < 1e-6
    assert pooled.std() == pytest.approx(np.sqrt(25_000), rel=0.02)


def test_others_are_all_residents_without_the_group() -> None:
    """Everybody misses 20 of 100, the group 5 of 20: the others 15 of 80."""
    found = pooling.share_of_others(np.full((2, 1), 20.0), np.array([100.0]), np.full((3, 1), 5.0), np.array([20.0]))
    assert found == pytest.approx(np.full((2, 1), 15 / 80))
    with pytest.raises(ValueError, match="more than half"):
        pooling.share_of_others(np.ones((2, 1)), np.array([100.0]), np.ones((2, 1)), np.array([51.0]))


def test_pooled_draws_are_the_normal_posterior() -> None:
    """Own .30 ± .10, prior .10 ± .05 (others .10 ± .03, between .04): weight .0025 / .0125 = .2, mean .14, sd √.002."""
    rng = np.random.default_rng(2)
    expected = np.full(MONTHS, 1e6)
    own, others = draws(0.30, 0.10, expected, rng), draws(0.10, 0.03, expected, rng) / np.cumsum(expected)
    found, weight = pooling.pooled(own, expected, others, Likeness(1.0, 0.0, 0.04), end=MONTHS - 1, seed=3)
    share = found / np.cumsum(expected)
    assert weight == pytest.approx(0.2, abs=0.01)
    assert share.mean(axis=0) == pytest.approx(np.full(MONTHS, 0.14), abs=0.003)
    assert share[:, -1].std() == pytest.approx(np.sqrt(0.002), rel=0.06)


def test_draws_that_share_their_random_numbers_are_made_independent() -> None:
    """The two series are simulated from one seed: their draws rise and fall together, their errors do not."""
    expected = np.full(MONTHS, 1e6)
    own = draws(0.2, 0.1, expected, np.random.default_rng(4))
    found, _ = pooling.pooled(own, expected, own / np.cumsum(expected), Likeness(1.0, 0.0, 0.0), end=5, seed=3)
    assert (found[:, -1] / np.cumsum(expected)[-1]).std() == pytest.approx(0.1 / np.sqrt(2), rel=0.08)


@pytest.mark.parametrize(
    ("own_sd", "between", "weight", "mean"), [(0.0, 0.05, 1.0, 0.3), (1e-6, 0.05, 1.0, 0.3), (50.0, 0.0, 0.0, 0.1)]
)
def test_limits(own_sd: float, between: float, weight: float, mean: float) -> None:
    rng = np.random.default_rng(6)
    expected = np.full(MONTHS, 1e6)
    own, others = draws(0.3, own_sd, expected, rng), draws(0.1, 0.02, expected, rng) / np.cumsum(expected)
    found, got = pooling.pooled(own, expected, others, Likeness(1.0, 0.0, between), end=MONTHS - 1, seed=1)
    assert got == pytest.approx(weight, abs=1e-3)
    assert found[:, -1].mean() / np.cumsum(expected)[-1] == pytest.approx(mean, abs=2e-3)


def planted(rng: np.random.Generator, between: float, ratio: float, k: int = 28) -> tuple[np.ndarray, ...]:
    """One group: true shares, and share ± sd of its own and of the pooled draws, (k,) each; contacts 300–30,000."""
    size = np.exp(rng.uniform(np.log(300), np.log(30_000), k))
    others = np.clip(rng.normal(0.12, 0.06, k), 0.0, None)
    truth = np.clip(ratio * others + rng.normal(0, between, k), -0.5, 0.9)
    truth = rng.poisson(np.maximum(truth, 0) * size) / size + np.minimum(truth, 0)
    sd = np.sqrt(1.5 / size + 0.02**2)
    own, seen = truth + rng.normal(0, sd), others + rng.normal(0, 0.015, k)
    like = pooling.likeness(own, sd, seen, np.full(k, 0.015), size)
    found = np.empty((k, PATHS))
    for i in range(k):
        month = size[i : i + 1]
        drawn = pooling.pooled(
            draws(own[i], sd[i], month, rng), month, draws(seen[i], 0.015, np.ones(1), rng), like, end=0, seed=i
        )[0]
        found[i] = drawn[:, 0] / size[i]
    return truth, size, own, found.mean(axis=1), np.quantile(found, 0.1, axis=1), np.quantile(found, 0.9, axis=1)


def coverage_and_errors(groups: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    made = [
        planted(rng, between, ratio) for _ in range(groups) for between, ratio in [(0.0, 1.0), (0.05, 0.8), (0.1, 1.3)]
    ]
    truth, size, own, mean, low, high = (np.concatenate(part) for part in zip(*made))
    small, large = size < 1000, size > 10_000

    def error(values: np.ndarray, kept: np.ndarray) -> float:
        return float(np.sqrt(np.mean((values - truth)[kept] ** 2)))

    return {
        "covered": float(np.mean((low <= truth) & (truth <= high))),
        "covered_small": float(np.mean(((low <= truth) & (truth <= high))[small])),
        "small": error(mean, small) / error(own, small),
        "large": error(mean, large) / error(own, large),
    }


def test_pooled_intervals_cover_and_err_less() -> None:
    found = coverage_and_errors(groups=10, seed=11)
    assert 0.74 <= found["covered"] <= 0.90
    assert 0.72 <= found["covered_small"] <= 0.92
    assert found["small"] < 0.9
    assert found["large"] < 1.03


@pytest.mark.slow
def test_pooled_intervals_cover_and_err_less_in_many_groups() -> None:
    found = coverage_and_errors(groups=150, seed=12)
    assert 0.77 <= found["covered"] <= 0.86
    assert 0.77 <= found["covered_small"] <= 0.87
    assert found["small"] < 0.85
    assert found["large"] < 1.0
