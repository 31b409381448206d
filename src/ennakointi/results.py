"""Records that every method returns: a result carries its tables, its settings, its as-of date and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

import pandas as pd


@dataclass(frozen=True)
class Check:
    """One numerical check; `passed` is None when it could not be made. `message` is an English catalogue key whose
    `{slots}` are filled from `values` in the reader's language."""

    name: str
    passed: bool | None
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)
    critical: bool = False


@dataclass(frozen=True, eq=False)
class Result:
    """Tables by their name in `result_tables`, and all that is needed to repeat and to doubt them."""

    tables: Mapping[str, pd.DataFrame]
    settings: Mapping[str, Any]
    checks: tuple[Check, ...]
    as_of: date

    main: ClassVar[str] = ""

    @property
    def estimates(self) -> pd.DataFrame:
        """The main table, tidy; columns are described in `result_tables`."""
        return self.tables[self.main]
