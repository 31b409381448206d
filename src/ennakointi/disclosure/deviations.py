"""Linear programs around the truth: how far numbers can move together without breaking what a reader knows.

Every program is written in deviations from the true values, so that the truth, no deviation at all, is a basic
solution from the start. The starting basis is triangular: small numbers are chosen freely and each relation determines
one larger number, as totals follow from their parts. From there the primal simplex method of HiGHS (Huangfu & Hall
2018, doi:10.1007/s12532-017-0130-5) walks a few steps to what one number can do, and moves
only what it must; from any other basis it walks thousands, because all the sums hold as equations.
"""

from __future__ import annotations

import highspy as highs
import numpy as np
from scipy.sparse import csc_array, csr_array

from ennakointi.disclosure.systems import Flags, Floats

TOLERANCE = 1e-6
OPTIONS: dict[str, bool | int | str] = {
    "output_flag": False,
    "presolve": "off",
    "solver": "simplex",
    "simplex_strategy": 4,  # primal
    "simplex_iteration_limit": 100_000,
    "simplex_primal_edge_weight_strategy": 1,  # Devex
}


def limits(fall: Floats, rise: Floats) -> Floats:
    """(2n,) how far each of n cells may rise and then how far it may fall: never below 0."""
    return np.maximum(np.concatenate([rise, fall]), 0.0)


class Program:
    """Maximise gains of moves under relations; solved from the truth each time, so that no order of calls matters.

    Parameters
    ----------
    matrix : (m, n) relations between the cells.
    slack_low, slack_high : (m,) how far each relation may move; `slack_low ≤ 0 ≤ slack_high`.
    upper : (2n k,) how far each move goes: all rises, all falls, and again for every further, dearer layer.
    values : (n,) true values; the smaller ones are chosen freely in the starting basis.
    """

    def __init__(self, matrix: csr_array, slack_low: Floats, slack_high: Floats, upper: Floats, values: Floats) -> None:
        self.cells, self.upper = len(values), upper
        self.slack_low, self.slack_high = np.minimum(slack_low, 0.0), np.maximum(slack_high, 0.0)
        places = np.arange(len(upper))
        self.cell, self.sign = places % self.cells, np.where(places // self.cells % 2 == 0, 1.0, -1.0)
        columns = csc_array(matrix)
        self.matrix = csc_array(columns[:, self.cell] * self.sign)
        self.indices = places.astype(np.int32)
        order = np.lexsort((np.arange(self.cells), np.abs(values)))
        self.basic, used = _triangle(csr_array(matrix), columns, self.slack_low == self.slack_high, order)
        self.solver = highs.Highs()
        for option, value in OPTIONS.items():
            self.solver.setOptionValue(option, value)
        self.solver.passModel(self._model())
        self.basis = self._basis(used)
        self.limit(upper)

    def _model(self) -> highs.HighsLp:
        model = highs.HighsLp()
        model.num_row_, model.num_col_ = self.matrix.shape
        model.col_cost_ = model.col_lower_ = np.zeros(len(self.upper))
        model.col_upper_ = self.upper
        model.row_lower_, model.row_upper_ = self.slack_low, self.slack_high
        model.a_matrix_.format_ = highs.MatrixFormat.kColwise
        model.a_matrix_.num_row_, model.a_matrix_.num_col_ = self.matrix.shape
        model.a_matrix_.start_ = self.matrix.indptr.astype(np.int32)
        model.a_matrix_.index_ = self.matrix.indices.astype(np.int32)
        model.a_matrix_.value_ = self.matrix.data
        return model

    def _basis(self, used: Flags) -> highs.HighsBasis:
        status, basis = highs.HighsBasisStatus, highs.HighsBasis()
        rest = [status.kLower] * (len(self.upper) - self.cells)
        basis.col_status = [status.kBasic if flag else status.kLower for flag in self.basic.tolist()] + rest
        basis.row_status = [status.kLower if flag else status.kBasic for flag in used.tolist()]
        basis.valid = True
        return basis

    def limit(self, upper: Floats) -> None:
        """Set the limits (2n k,) of the moves. A basic cell falls as a negative rise, to lie between its limits."""
        low, high, n = np.zeros(len(upper)), upper.copy(), self.cells
        low[:n][self.basic] = -upper[n : 2 * n][self.basic]
        high[n : 2 * n][self.basic] = 0.0
        self.solver.changeColsBounds(len(upper), self.indices, low, high)

    def best(self, gain: Floats) -> Floats:
        """(2n k,) the moves that maximise `gain` (2n k,) @ moves.

        None, which is possible too, where the solver does not get there: a demand then counts as not met.
        """
        self.solver.changeColsCost(len(gain), self.indices, -gain)
        self.solver.setBasis(self.basis)
        self.solver.run()
        self.duals = np.zeros(len(self.slack_low))
        if self.solver.getModelStatus() != highs.HighsModelStatus.kOptimal:
            return np.zeros(len(gain))
        solution = self.solver.getSolution()
        self.duals = -np.array(solution.row_dual)
        return np.array(solution.col_value)

    def deviations(self, moves: Floats) -> Floats:
        """(n,) net move of each cell."""
        return np.asarray(np.bincount(self.cell, self.sign * moves, minlength=self.cells), dtype=np.float64)

    def price(self, gain: Floats) -> tuple[float, Floats]:
        """Weak duality after `best(gain)`: for all limits, best ≤ constant + prices (2n k,) @ limits.

        The prices are computed from the duals of the relations alone, so the inequality holds however roughly the
        solver stopped.
        """
        duals = np.where(np.isinf(self.slack_high), np.minimum(self.duals, 0.0), self.duals)
        duals = np.where(np.isinf(self.slack_low), np.maximum(duals, 0.0), duals)
        ends = np.where(duals > 0, self.slack_high, self.slack_low)
        constant = float(np.sum(duals[duals != 0] * ends[duals != 0]))
        return constant, np.maximum(gain - self.matrix.T @ duals, 0.0)


def _triangle(rows: csr_array, columns: csc_array, equations: Flags, order: np.ndarray) -> tuple[Flags, Flags]:
    """(n,) cells that equations determine one after the other once the others are chosen in an order; (m,) those.

    First come the cells that stand alone in an equation and can only stay.
    """
    row_ends, row_cells = rows.indptr.tolist(), rows.indices.tolist()
    column_ends, column_rows = columns.indptr.tolist(), columns.indices.tolist()
    left = np.where(equations, np.diff(rows.indptr), -1).tolist()
    known, basic = [False] * rows.shape[1], np.zeros(rows.shape[1], dtype=bool)
    used = np.zeros(rows.shape[0], dtype=bool)
    found: list[int] = []

    def settle(row: int) -> None:
        last = next((c for c in row_cells[row_ends[row] : row_ends[row + 1]] if not known[c]), None)
        if last is not None:
            known[last] = basic[last] = used[row] = True
            found.append(last)

    for row in np.flatnonzero(np.array(left) == 1).tolist():
        settle(row)
    for first in [None, *order.tolist()]:
        if first is not None and not known[first]:
            known[first] = True
            found.append(first)
        while found:
            cell = found.pop()
            for row in column_rows[column_ends[cell] : column_ends[cell + 1]]:
                left[row] -= 1
                if left[row] == 1:
                    settle(row)
    return basic, used
