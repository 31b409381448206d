"""Errors a person can act on: each says where, what was found and what to do, and shows no person's row or id."""

from __future__ import annotations

from dataclasses import dataclass


class EnnakointiError(Exception):
    """Base of all expected errors; the command prints the message without a traceback and exits with `exit_code`."""

    exit_code = 1


class ParameterError(EnnakointiError):
    """A parameter document or a command-line option is wrong; raised before any data are read."""

    exit_code = 2


@dataclass(frozen=True)
class Fault:
    """One kind of fault in one place of the data; `rows` are counted, never shown."""

    table: str
    column: str | None
    rule: str
    rows: int
    message: str
    file: str | None = None
    first_line: int | None = None

    def __str__(self) -> str:
        place = self.table if self.column is None else f"{self.table}.{self.column}"
        where = f" ({self.file}{f', line {self.first_line}' if self.first_line else ''})" if self.file else ""
        count = f" [{self.rows} rows]" if self.rows else ""
        return f"{place}{where}: {self.message}{count}"


class DataError(EnnakointiError):
    """The data cannot be used; `faults` lists everything that is wrong, collected before the error is raised."""

    exit_code = 3

    def __init__(self, message: str, faults: tuple[Fault, ...] = ()) -> None:
        self.faults = faults
        super().__init__("\n  - ".join([message, *map(str, faults)]))


class RunError(EnnakointiError):
    """The run could not finish: a notebook failed, the disk is full, another run holds the quarter."""

    exit_code = 4
