"""Rows against rules: every delivered row is accepted or quarantined with its file, line, column and rule.

All tables are screened before anything is refused, persons first. Rows that share a key are quarantined, all of them, because
nobody can say which is right; only where the copies are identical is the first one kept.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from ennakointi.database import name, text
from ennakointi.errors import DataError, Fault
from ennakointi.schema import CODE, TABLES, Table
from ennakointi.sources import CSV, Source, SourceFile
from ennakointi.validation import (
    Knowledge,
    Rule,
    birth_floor,
    codes,
    delivered,
    readable,
    rules,
    structure,
    typed,
    wrong_type,
)

_KEYS_AT_ONCE = 8_000_000
_CODES_SHOWN = 5
_OFTEN = 10  # a code nobody resembles is shown only when this many rows hold it
_UNREADABLE_LINE = "the line has too few or too many fields, an open quote, or is not UTF-8"
_DUPLICATE_ROW = "repeats an earlier row word for word; the first is kept"
_DUPLICATE_KEY = "stands in several different rows; none of them is used"


@dataclass(frozen=True)
class TableCount:
    """Rows of one table: `read` = `accepted` + `quarantined`."""

    read: int
    quarantined: int

    @property
    def accepted(self) -> int:
        return self.read - self.quarantined


@dataclass(frozen=True)
class Screened:
    """The outcome of screening a source.

    Attributes
    ----------
    counts : dict of str to TableCount
    filled : dict of str to tuple of str
        Contract columns of each table that hold a value, in contract order.
    faults : tuple of Fault
        One per table, column and rule that fired, with the first file and line.
    extra : dict of str to tuple of str
        Delivered columns the contract does not know; they are ignored.
    """

    counts: dict[str, TableCount]
    filled: dict[str, tuple[str, ...]]
    faults: tuple[Fault, ...]
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def refuse_above(self, share: float) -> None:
        """Raise one DataError with every fault if any table lost more than `share` of its rows."""
        lost = {table: count.quarantined / count.read for table, count in self.counts.items() if count.read}
        over = [f"{table} {part:.1%}" for table, part in lost.items() if part > share]
        if over:
            message = f"Too many rows break the data contract (limit {share:.1%} of a table): {', '.join(over)}"
            raise DataError(f"{message}. See the quarantine folder, correct the source and run again:", self.faults)
