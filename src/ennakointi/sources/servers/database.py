"""What every kind of database offers to be read."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import ClassVar, Protocol

import pyarrow as pa

from ennakointi.sources.servers.columns import Dialect


class Database(Protocol):
    """An open database; `errors` are what its driver raises."""

    dialect: ClassVar[Dialect]
    errors: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, connection: str) -> None: ...

    def headers(self, schemas: Collection[str]) -> list[tuple[str, str, str, str]]:
        """Schema, table, column and type of every table and view."""
        ...

    def hold(self, table: str) -> None:
        """Keep a table as it is until the database is closed; all are held before the first is read."""

    def batches(self, query: str, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows of a query as they come; memory does not grow with their number."""
        ...

    @staticmethod
    def reason(error: BaseException) -> str:
        """What one of `errors` means: one of `failures`, or the driver's own code."""
        ...

    def close(self) -> None: ...
