"""Unique answer patterns: what is observed of the residents as a short table with weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.parameters.latent_documents import MISSING, LatentItem
from ennakointi.text import N_, message_json

Answers = NDArray[np.int8]
_LEFT_OUT = N_("Things that do not tell residents apart were left out of the statistical classes: {n}.")


@dataclass(frozen=True, eq=False)
class Patterns:
    """Different answers of m kinds to J items.

    Attributes
    ----------
    items : names of the items. sizes : number of categories of each item (J,).
    answers : (m, J) category, `MISSING` = not known; sorted, so that the order of persons does not matter.
    weight : (m,) persons with the pattern.
    row : (n,) place of each person's pattern.
    """

    items: tuple[str, ...]
    sizes: tuple[int, ...]
    answers: Answers
    weight: NDArray[np.float64]
    row: NDArray[np.int64]

    @property
    def n(self) -> float:
        """Number of persons."""
        return float(self.weight.sum())

    @property
    def has_missing(self) -> bool:
        return bool((self.answers == MISSING).any())

    def weighted(self, weight: NDArray[np.float64]) -> Patterns:
        """The same patterns with other weights."""
        return replace(self, weight=weight)

    def per_pattern(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of persons' values (n,) in each pattern (m,); a missing value counts as 0."""
        total = np.bincount(self.row, np.nan_to_num(values), minlength=len(self.weight))
        return np.asarray(total / np.maximum(np.bincount(self.row, minlength=len(self.weight)), 1))

    def one_hot(self) -> NDArray[np.float64]:
        """(m, sum of sizes) 1 for the category, NaN in all categories of an item that is not known."""
        parts = []
        for j, size in enumerate(self.sizes):
            part = (self.answers[:, [j]] == np.arange(size)).astype(float)
            part[self.answers[:, j] == MISSING] = np.nan
            parts.append(part)
        return np.hstack(parts)


def observe(frame: pd.DataFrame, items: Mapping[str, LatentItem]) -> pd.DataFrame:
    """Answers of persons, (n, J) int8 by `person`, sorted by person.

    Parameters
    ----------
    frame : features of the residents, with the column `person`.
    """
    found = {name: item.answers(frame) for name, item in items.items()}
    answers = pd.DataFrame(found, index=pd.Index(frame["person"].to_numpy(), name="person"), dtype=np.int8)
    return answers.sort_index()


def left_out(answers: pd.DataFrame) -> tuple[str, ...]:
    """Items that tell nobody from anybody: not known of anybody, or the same for everybody."""
    told = {name: np.unique(values[values != MISSING]) for name, values in answers.items()}
    return tuple(str(name) for name, known in told.items() if len(known) < 2)


def left_out_message(items: tuple[str, ...]) -> tuple[str, ...]:
    """How many items were left out, as a message; none where none was."""
    return (message_json(_LEFT_OUT, {"n": len(items)}),) if items else ()


def patterns(answers: pd.DataFrame, sizes: Mapping[str, int]) -> Patterns:
    """Unique patterns of the answers, in lexical order of the items.

    Parameters
    ----------
    answers : (n, J) from `observe`. sizes : number of categories by item.
    """
    values = answers.to_numpy(np.int8)
    unique, row = _unique(values, [sizes[str(name)] for name in answers.columns])
    weight = np.bincount(row, minlength=len(unique)).astype(float)
    names = tuple(map(str, answers.columns))
    return Patterns(names, tuple(sizes[name] for name in names), unique, weight, row)


def _unique(values: Answers, sizes: list[int]) -> tuple[Answers, NDArray[np.int64]]:
    """Unique rows in lexical order and each row's place: keys of mixed radix, folded before they overflow."""
    place, span, first = np.zeros(len(values), np.int64), 1, np.zeros(min(len(values), 1), np.int64)
    for j, size in enumerate(sizes):
        if span * (size + 1) >= 2**62:
            place, span = np.unique(place, return_inverse=True)[1].astype(np.int64), len(values)
        place = place * (size + 1) + (values[:, j].astype(np.int64) - MISSING)
        span *= size + 1
    _keys, first, row = np.unique(place, return_index=True, return_inverse=True)
    return values[first], row.astype(np.int64)
