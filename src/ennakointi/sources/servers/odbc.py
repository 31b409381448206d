"""SQL Server through ODBC, written for `ODBC Driver 18 for SQL Server`.

No SQL Server stands behind the tests: they run the adapter against PostgreSQL through its ODBC driver, and compare
the SQL it writes for SQL Server's own types with Microsoft's documentation (learn.microsoft.com/sql/t-sql/data-types).
Identifiers are in double quotes, which SQL Server reads as such for every ODBC session (QUOTED_IDENTIFIER is on).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from datetime import date, datetime

import pyarrow as pa
import pyodbc

from ennakointi.database import text
from ennakointi.sources.servers import failures
from ennakointi.sources.servers.columns import Dialect, Reading, as_is
from ennakointi.sources.servers.database import Database

_HELSINKI = "FLE Standard Time"  # SQL Server's name for the zone of Helsinki
_MONEY = Reading("CONVERT(varchar(40), {}, 2)", pa.string())  # style 2 keeps all four decimals
DIALECT = Dialect(
    schema="dbo",
    readings={
        **dict.fromkeys(("tinyint", "smallint", "int", "integer", "bigint"), as_is(pa.int64())),
        **dict.fromkeys(("float", "real", "double precision"), as_is(pa.float64())),
        **dict.fromkeys(("varchar", "nvarchar", "text", "ntext", "character varying"), as_is(pa.string())),
        **dict.fromkeys(("char", "nchar"), Reading("RTRIM({})", pa.string())),
        **dict.fromkeys(("datetime", "datetime2", "smalldatetime"), as_is(pa.timestamp("us"))),
        **dict.fromkeys(("money", "smallmoney"), _MONEY),
        "timestamp without time zone": as_is(pa.timestamp("us")),
        "bit": as_is(pa.bool_()),
        "date": as_is(pa.date32()),
        "datetimeoffset": Reading(f"CAST({{}} AT TIME ZONE {text(_HELSINKI)} AS datetime2(6))", pa.timestamp("us")),
    },
    otherwise=Reading("CAST({} AS varchar(8000))", pa.string()),
    unreadable=frozenset({"binary", "varbinary", "image", "timestamp", "rowversion"}),
)
_PYTHON: dict[pa.DataType, type] = {
    pa.int64(): int,
    pa.float64(): float,
    pa.string(): str,
    pa.timestamp("us"): datetime,
    pa.bool_(): bool,
    pa.date32(): date,
}
_STATES = {
    "28": failures.LOGIN,
    "08001": failures.SERVER,
    "08": failures.DROPPED,
    "57P": failures.DROPPED,
    "HYT": failures.SERVER,
    "IM": failures.DRIVER,
    "01000": failures.DRIVER,
    "42S02": failures.TABLE,
    "42P01": failures.TABLE,
    "42S22": failures.CHANGED,
    "42703": failures.CHANGED,
    "42501": failures.PERMISSION,
}
_SAID = (  # where a state stands for many things, the server's own number says which
    ("(229)", failures.PERMISSION),
    ("(4060)", failures.NO_DATABASE),
    ("password authentication", failures.LOGIN),
)
_ROWS_AT_ONCE = 20_000


class Odbc(Database):
    """An open session in one transaction; of one moment where the database allows snapshots."""

    dialect = DIALECT
    errors = (pyodbc.Error,)

    def __init__(self, connection: str) -> None:
        self._session = pyodbc.connect(connection, autocommit=True, timeout=10, readonly=True)
        allowed = "SELECT 1 FROM sys.databases WHERE name = DB_NAME() AND snapshot_isolation_state = 1"
        with contextlib.suppress(pyodbc.ProgrammingError):
            if self._session.execute(allowed).fetchone():
                self._session.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
        self._session.autocommit = False

    def headers(self, schemas: Collection[str]) -> list[tuple[str, str, str, str]]:
        listed = ", ".join(map(text, schemas))
        rows = self._session.execute(
            "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS "
            f"WHERE TABLE_SCHEMA IN ({listed}) ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
        ).fetchall()
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    def batches(self, query: str, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
        with contextlib.closing(self._session.cursor()) as cursor:
            cursor.execute(query)
            if [column[1] for column in cursor.description] != [_PYTHON[kind] for kind in expected.types]:
                raise failures.Changed
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(values, kind) for values, kind in zip(columns, expected.types, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=expected)

    @staticmethod
    def reason(error: BaseException) -> str:
        state, said = (str(part) for part in (*error.args, "", "")[:2])
        known = (reason for word, reason in _SAID if word in said)
        return next(known, failures.by_state(state, _STATES))

    def close(self) -> None:
        self._session.close()
