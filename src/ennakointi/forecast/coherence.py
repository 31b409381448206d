"""What is added up in a hierarchy of forecasts, how wrong each node is, and the coherent means that follow.

N nodes of which B are the bottom, H months ahead, W rolling windows, T errors of a node.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ennakointi.forecast.hierarchy import Hierarchy
from ennakointi.forecast.min_trace import autocorrelation_of, nonnegative, project, shrinkage
from ennakointi.forecast.series import REFUSED, ZERO, EngineForecast, Floats

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

BLOCK = 400  # bottom series that are reconciled at once
FEWEST_ERRORS = 12  # of a node; with fewer its variance comes from its intervals alone
FLOOR = 1e-8  # smallest variance, as a part of the largest


@dataclass(frozen=True, eq=False)
class Block:
    """Sums and the leaves that they add up, as places among the nodes; membership (sums, leaves)."""

    sums: Places
    leaves: Places
    membership: Floats

    @property
    def nodes(self) -> Places:
        return np.concatenate([self.sums, self.leaves])

    @property
    def rows(self) -> Floats:
        """(sums, nodes) constraints: every sum less its leaves is 0."""
        return np.hstack([np.eye(len(self.sums)), -self.membership])


@dataclass(frozen=True, eq=False)
class Tree:
    """Which nodes are reconciled.

    `summing` (N, B). `alive` (N,): not refused. `leaf` (B,): bottoms that may be other than zero.
    """

    summing: Floats
    alive: Mask
    leaf: Mask

    @classmethod
    def of(cls, made: EngineForecast, hierarchy: Hierarchy) -> Tree:
        if len(made.keys) != len(hierarchy.nodes):
            raise ValueError(f"{len(made.keys)} forecasts for {len(hierarchy.nodes)} nodes")
        summing = hierarchy.summing
        alive = np.isfinite(made.mean).all(axis=1) & np.array([method != REFUSED for method in made.methods])
        silent = np.array([method == ZERO for method in made.methods])
        n_upper = summing.shape[0] - summing.shape[1]
        return cls(summing, alive, alive[n_upper:] & ~(summing[silent] > 0).any(axis=0))

    @property
    def n_upper(self) -> int:
        return self.summing.shape[0] - self.summing.shape[1]

    def known(self, base: Floats) -> tuple[Tree, Mask]:
        """The tree of a window, where a node may have no forecast; and its sums (upper,) that can be told."""
        there = self.alive & np.isfinite(base).all(axis=1)
        lost = self.leaf & ~there[self.n_upper :]
        whole = ~(self.summing[: self.n_upper, lost] > 0).any(axis=1)
        return replace(self, alive=there, leaf=self.leaf & ~lost), there[: self.n_upper] & whole

    def sums(self, told: Mask | None = None) -> Places:
        """Places of the sums that have leaves, of those that can be told (upper,)."""
        has_leaves = (self.summing[: self.n_upper, self.leaf] > 0).any(axis=1)
        return np.flatnonzero(self.alive[: self.n_upper] & has_leaves & (True if told is None else told))

    def block(self, sums: Places) -> Block:
        """Some sums with all their leaves."""
        leaves = np.flatnonzero(self.leaf & (self.summing[sums] > 0).any(axis=0))
        return Block(sums, leaves + self.n_upper, self.summing[np.ix_(sums, leaves)])


@dataclass(frozen=True, eq=False)
class Spread:
    """How wrong the nodes are: standard deviations (N,), standardised errors (N, T) and their autocorrelation."""

    sd: Floats
    standard: Floats
    autocorrelation: float

    @classmethod
    def of(cls, errors: Floats | None, variance: Floats, summing: Floats) -> Spread:
        """From backtest errors (N, W, H), and the variance (N,) of which the nodes' own intervals speak.

        A node's variance is the geometric mean of its mean square error (about zero, so that bias counts) and of that
        of its intervals, which are steadier because they are pooled over series; with fewer than 12 errors the latter
        alone. A missing or nil variance gets a floor; if all are, each is the number of bottoms that the node adds up
        (structural scaling).
        """
        known = np.zeros((len(variance), 1), bool) if errors is None else np.isfinite(errors.reshape(len(errors), -1))
        flat = np.zeros(known.shape) if errors is None else np.nan_to_num(errors.reshape(len(errors), -1))
        enough = known.sum(axis=1) >= FEWEST_ERRORS
        square = np.where(enough, (flat**2).sum(axis=1) / np.maximum(known.sum(axis=1), 1), 0.0)
        told = np.nan_to_num(variance)
        found = np.where((square > 0) & (told > 0), np.sqrt(square * told), np.maximum(square, told))
        found = np.maximum(found, FLOOR * found.max()) if found.max() > 0 else np.maximum(summing.sum(axis=1), 1.0)
        unit = np.sqrt(np.where(square > 0, square, 1.0))
        standard = np.where(enough[:, None], flat / unit[:, None], 0.0)
        by_window = standard.reshape(errors.shape) if errors is not None else standard[:, None]
        return cls(np.sqrt(found), standard[:, known.any(axis=0)], autocorrelation_of(by_window))

    @property
    def alone(self) -> Spread:
        """The variances without correlations."""
        return replace(self, standard=np.zeros_like(self.standard))

    def shrinkage(self, nodes: Places) -> float:
        return shrinkage(self.standard[nodes], self.autocorrelation)

    def covariance(self, nodes: Places) -> Floats:
        """(k, k) of some nodes: variances on the diagonal, correlations shrunk to zero."""
        z, sd = self.standard[nodes], self.sd[nodes]
        correlation = (1 - self.shrinkage(nodes)) * (z @ z.T) / max(z.shape[1], 1)
        np.fill_diagonal(correlation, 1.0)
        return correlation * np.outer(sd, sd)


def coherent(base: Floats, tree: Tree, spread: Spread, keep_top: bool, told: Mask | None = None) -> tuple[Floats, int]:
    """Reconciled means (N, H), and the months in which the solver was stopped.

    With more than 400 leaves, in blocks: each service with its own leaves, then the services with the whole, then each
    one's leaves with its new total. That is the same as all at once when the errors of different services are
    uncorrelated.

    Parameters
    ----------
    base : (N, H); NaN where refused or unknown.
    keep_top : the whole is held fixed and the rest fitted to it.
    told : (upper,) the sums that can be told; all by default.
    """
    sums = tree.sums(told)
    if not len(sums):
        return _summed(base, tree, told), 0
    fixed = sums[:1][sums[:1] == 0] if keep_top else sums[:0]
    if len((everything := tree.block(sums)).leaves) <= BLOCK:
        out, stopped = _solved(base, everything, spread.covariance(everything.nodes), fixed)
    else:
        out, stopped = _in_blocks(base, tree, spread, sums, fixed)
    return _summed(out, tree, told), stopped


def _solved(base: Floats, block: Block, covariance: Floats, fixed: Places) -> tuple[Floats, int]:
    """The block's nodes made coherent, the `fixed` ones held."""
    held = np.isin(block.nodes, fixed)
    free = np.where(held[:, None] | held, 0.0, covariance)
    out = base.copy()
    out[block.nodes], stopped = nonnegative(base[block.nodes], block.rows, free, len(block.sums))
    return out, stopped


def _in_blocks(base: Floats, tree: Tree, spread: Spread, sums: Places, fixed: Places) -> tuple[Floats, int]:
    services = [tree.block(np.array([s])) for s in sums if s > 0]
    covariances = [spread.covariance(block.nodes) for block in services]
    out, stopped = base, 0
    for block, covariance in zip(services, covariances):
        out, late = _solved(out, block, covariance, sums[:0])
        stopped += late
    if sums[0] > 0:
        return out, stopped
    after = [project(covariance, block.rows, covariance)[0] for block, covariance in zip(services, covariances)]
    whole = tree.block(sums[:1])
    below = np.setdiff1d(np.union1d(sums[1:], whole.leaves), [leaf for block in services for leaf in block.leaves])
    totals = Block(sums[:1], below, np.ones((1, len(below))))
    narrowed = _narrowed(spread, services, covariances, after)
    out, late = _solved(out, totals, narrowed.covariance(totals.nodes), fixed)
    stopped += late
    for block, covariance in zip(services, after):
        out, late = _solved(out, block, covariance, block.sums)
        stopped += late
    return out, stopped


def _narrowed(spread: Spread, services: list[Block], before: list[Floats], after: list[Floats]) -> Spread:
    """The spread with the services' errors as they are once each is reconciled with its own leaves."""
    sd, standard = spread.sd.copy(), spread.standard.copy()
    for block, old, new in zip(services, before, after):
        place = block.sums[0]
        errors = project(spread.standard[block.nodes] * spread.sd[block.nodes, None], block.rows, old)[0][0]
        sd[place] = np.sqrt(max(new[0, 0], FLOOR * old[0, 0]))
        unit = errors / sd[place]
        standard[place] = unit / max(1.0, np.sqrt((unit**2).mean()) if len(unit) else 0.0)
    return replace(spread, sd=sd, standard=standard)


def _summed(values: Floats, tree: Tree, sums: Mask | None) -> Floats:
    """The bottom cut at zero, and summed up."""
    n = tree.n_upper
    bottom = np.where(tree.leaf[:, None], np.maximum(values[n:], 0.0), np.where(tree.alive[n:, None], 0.0, np.nan))
    has_members = (tree.summing[:n, tree.alive[n:]] > 0).any(axis=1)
    told = tree.alive[:n] & has_members & (True if sums is None else sums)
    added = tree.summing[:n] @ np.nan_to_num(bottom)
    upper = np.where(told[:, None], added, np.where(tree.alive[:n, None], values[:n], np.nan))
    return np.vstack([upper, bottom])
