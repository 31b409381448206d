"""PostgreSQL through ADBC: one read-only snapshot for all tables, rows in Arrow batches by binary COPY.

The tables are locked against being emptied, rewritten or dropped before the snapshot is taken: a table that another
session truncates afterwards would look empty in it (PostgreSQL's manual, "Caveats" of concurrency control).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as driver
import pyarrow as pa

from ennakointi.database import text
from ennakointi.sources.servers import failures
from ennakointi.sources.servers.columns import Dialect, Reading, as_is, finite, quoted
from ennakointi.sources.servers.database import Database

DIALECT = Dialect(
    schema="public",
    readings={
        "bool": as_is(pa.bool_()),
        "int2": as_is(pa.int16()),
        "int4": as_is(pa.int32()),
        "int8": as_is(pa.int64()),
        "float4": as_is(pa.float32()),
        "float8": as_is(pa.float64()),
        "text": as_is(pa.string()),
        "varchar": as_is(pa.string()),
        "date": finite(pa.date32()),
        "timestamp": finite(pa.timestamp("us")),
        "timestamptz": finite(pa.timestamp("us"), zoned=True),
    },
    otherwise=Reading("CAST({} AS text)", pa.string()),
    unreadable=frozenset({"bytea"}),
)
_STATES = {
    "28": failures.LOGIN,
    "3D": failures.NO_DATABASE,
    "42501": failures.PERMISSION,
    "42P01": failures.TABLE,
    "3F": failures.TABLE,
    "42": failures.CHANGED,
    "57014": failures.CANCELLED,
    "22021": failures.ENCODING,
    "22P05": failures.ENCODING,
    "08": failures.DROPPED,
    "57P": failures.DROPPED,
}
_REFUSED_AT_THE_DOOR = {  # libpq gives no code before a session stands
    "password": failures.LOGIN,
    "pg_hba.conf": failures.LOGIN,
    "role ": failures.LOGIN,
    "database ": failures.NO_DATABASE,
}
_REFUSED_IN_THE_STREAM = {"encoding": failures.ENCODING, "cancel": failures.CANCELLED}  # nor does ADBC here
_NO_TABLE_OR_VIEW = "42809"  # a materialized view or a foreign table, which takes no lock
_HEADERS = """
SELECT n.nspname, c.relname, a.attname, coalesce(b.typname, t.typname)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname IN ({})
ORDER BY 1, 2, a.attnum
"""


class Postgresql(Database):
    """An open session, in the middle of one read-only transaction that sees one moment of the database."""

    dialect = DIALECT
    errors = (adbc_driver_manager.Error, pa.ArrowException, OSError)

    def __init__(self, connection: str) -> None:
        os.environ.setdefault("PGCONNECT_TIMEOUT", "10")  # libpq's default is to wait for minutes
        self._session = driver.connect(connection)
        self._execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._execute("SET client_encoding TO 'UTF8'")

    def headers(self, schemas: Collection[str]) -> list[tuple[str, str, str, str]]:
        with self._session.cursor() as cursor:
            cursor.execute(_HEADERS.format(", ".join(map(text, schemas))))
            return list(cursor.fetchall())

    def hold(self, table: str) -> None:
        self._execute("SAVEPOINT held")
        try:
            self._execute(f"LOCK TABLE {quoted(table)} IN ACCESS SHARE MODE")
        except adbc_driver_manager.Error as error:
            if error.sqlstate != _NO_TABLE_OR_VIEW:
                raise
            self._execute("ROLLBACK TO SAVEPOINT held")

    def batches(self, query: str, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
        with self._session.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(8 << 20)})
            cursor.execute(query)
            yield from cursor.fetch_record_batch()

    @staticmethod
    def reason(error: BaseException) -> str:
        state = getattr(error, "sqlstate", None)
        if state:
            return failures.by_state(state, _STATES)
        said = str(error)
        if "Failed to connect" in said:
            words, otherwise = _REFUSED_AT_THE_DOOR, failures.SERVER
            said = said.partition("FATAL")[2]  # what comes before names the host
        elif "Execution error" in said and "FATAL:" not in said:
            words, otherwise = _REFUSED_IN_THE_STREAM, ""
        else:
            return failures.DROPPED
        return next((reason for word, reason in words.items() if word in said), otherwise)

    def close(self) -> None:
        self._session.close()

    def _execute(self, command: str) -> None:
        with self._session.cursor() as cursor:
            cursor.execute(command)
