"""How the columns of a database are read: by which SQL, and as which Arrow type their values must come.

What a system calls its types decides. A type that is not listed is read as text, so that decimals keep every digit
and the door reads them; a local time is the county's own, whatever zone the database keeps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ennakointi.database import name, text

_LOCAL_ZONE = "Europe/Helsinki"


@dataclass(frozen=True)
class Reading:
    """SQL with `{}` for the column, and the Arrow type that comes of it."""

    sql: str
    arrow: pa.DataType


@dataclass(frozen=True)
class Dialect:
    """What one kind of database needs.

    Attributes
    ----------
    schema : str
        Where tables are looked for when `source.json` names no schema.
    readings : mapping of str to Reading
        By type, in lower case as the database calls it.
    otherwise : Reading
        For every other type.
    unreadable : frozenset of str
        Types whose values are no text, number or time.
    """

    schema: str
    readings: Mapping[str, Reading]
    otherwise: Reading
    unreadable: frozenset[str]

    def query(self, table: str, types: Mapping[str, str]) -> str:
        """SQL that reads columns of `schema.table`; identifiers are quoted as standard SQL does."""
        columns = ", ".join(f"{self._reading(kind).sql.format(name(c))} AS {name(c)}" for c, kind in types.items())
        return f"SELECT {columns} FROM {quoted(table)}"

    def arrow(self, types: Mapping[str, str]) -> pa.Schema:
        """The Arrow schema that `query` must give."""
        return pa.schema([(column, self._reading(kind).arrow) for column, kind in types.items()])

    def _reading(self, kind: str) -> Reading:
        return self.readings.get(kind.lower(), self.otherwise)


def quoted(table: str) -> str:
    """`schema.table` as SQL."""
    schema, _, own = table.partition(".")
    return f"{name(schema)}.{name(own)}"


def as_is(arrow: pa.DataType) -> Reading:
    """The column itself."""
    return Reading("{}", arrow)


def finite(arrow: pa.DataType, zoned: bool = False) -> Reading:
    """A day or a time; ±infinity means open, and Arrow has no such day. One with a zone becomes a local time."""
    local = f" AT TIME ZONE {text(_LOCAL_ZONE)}" if zoned else ""
    return Reading(f"CASE WHEN isfinite({{0}}) THEN {{0}}{local} END", arrow)
