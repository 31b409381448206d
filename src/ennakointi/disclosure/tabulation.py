"""What the tables of the door share: checked columns, codes of categories, distinct persons, and hidden cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.disclosure.presets import Preset
from ennakointi.errors import ParameterError

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

ALL = "all"
SUPPRESSED = "suppressed"


def known_columns(frame: pd.DataFrame, *names: str | None) -> None:
    """Stop with the names that a frame lacks."""
    missing = [name for name in names if name is not None and name not in frame.columns]
    if missing:
        raise ParameterError(
            f"column {', '.join(map(repr, missing))}: not in the table; there are {', '.join(map(str, frame.columns))}"
        )


def keys(by: str | Sequence[str]) -> list[str]:
    """One column or several as a list."""
    return [by] if isinstance(by, str) else list(by)


def codes(cells: pd.Series) -> tuple[Ints, list[Any]]:
    """(n,) number of the category of each row, −1 where it is missing, and the categories that occur, in order."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        numbers = np.asarray(cells.cat.codes, dtype=np.int64)
        used = np.bincount(numbers[numbers >= 0], minlength=len(cells.cat.categories)) > 0
        if used.all():
            return numbers, cells.cat.categories.tolist()
        new = np.append(np.where(used, np.cumsum(used) - 1, -1), -1)
        return new[numbers], cells.cat.categories[used].tolist()
    numbers, categories = pd.factorize(cells, sort=True)
    return numbers.astype(np.int64, copy=False), list(categories)


def few(values: npt.NDArray[Any], preset: Preset) -> Flags:
    """Numbers of persons that are not shown: 1 … threshold − 1."""
    flags: Flags = (values > 0) & (values < preset.threshold)
    return flags


def hide(table: pd.DataFrame, numbers: Sequence[str], hidden: Flags) -> pd.DataFrame:
    """Empty the cells (rows, numbers) that are hidden and name them; cells without a number are missing, not hidden.

    hidden : (n, k) flags, or (n, 1) for whole rows.
    """
    shown = table[list(numbers)].astype(float)
    flags = hidden & shown.notna().to_numpy()
    names = np.array(numbers, dtype=object)
    told = [";".join(names[row]) for row in flags]
    return table.assign(**shown.mask(flags), **{SUPPRESSED: told})
