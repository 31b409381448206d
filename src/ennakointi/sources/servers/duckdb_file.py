"""A DuckDB file, opened for reading alone, by a connection that reaches nothing but this file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from ennakointi.database import text
from ennakointi.sources.servers import failures
from ennakointi.sources.servers.columns import Dialect, Reading, as_is, finite
from ennakointi.sources.servers.database import Database

_WHOLES = {
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "utinyint": pa.uint8(),
    "usmallint": pa.uint16(),
    "uinteger": pa.uint32(),
    "ubigint": pa.uint64(),
}
DIALECT = Dialect(
    schema="main",
    readings={
        **{kind: as_is(arrow) for kind, arrow in _WHOLES.items()},
        "boolean": as_is(pa.bool_()),
        "float": as_is(pa.float32()),
        "double": as_is(pa.float64()),
        "varchar": as_is(pa.string()),
        "date": finite(pa.date32()),
        "timestamp": finite(pa.timestamp("us")),
        "timestamp with time zone": finite(pa.timestamp("us"), zoned=True),
    },
    otherwise=Reading("CAST({} AS VARCHAR)", pa.string()),
    unreadable=frozenset({"blob"}),
)
_LOCKED: dict[str, Any] = {
    "memory_limit": "100MB",
    "threads": "1",
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
_ROWS_AT_ONCE = 100_000


class DuckdbFile(Database):
    """An open file; a view in it that reads other files is refused."""

    dialect = DIALECT
    errors = (duckdb.Error,)

    def __init__(self, connection: str) -> None:
        self._session = duckdb.connect(connection, read_only=True, config=_LOCKED)

    def headers(self, schemas: Collection[str]) -> list[tuple[str, str, str, str]]:
        listed = ", ".join(map(text, schemas))
        return self._session.execute(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
            f"WHERE table_catalog = current_database() AND table_schema IN ({listed}) ORDER BY 1, 2, ordinal_position"
        ).fetchall()

    def batches(self, query: str, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
        yield from self._session.sql(query).to_arrow_reader(_ROWS_AT_ONCE)

    @staticmethod
    def reason(error: BaseException) -> str:
        if isinstance(error, duckdb.PermissionException):
            return failures.PERMISSION
        if isinstance(error, duckdb.CatalogException | duckdb.BinderException):
            return failures.CHANGED
        taken = isinstance(error, duckdb.ConnectionException) or "Could not set lock" in str(error)
        return failures.TAKEN if taken else failures.FILE

    def close(self) -> None:
        self._session.close()
