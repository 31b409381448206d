"""What can go wrong with a database, in our own words: a driver's may hold the connection and are never shown."""

from __future__ import annotations

from collections.abc import Mapping

from ennakointi.errors import DataError, EnnakointiError, Fault, RunError

LOGIN, SERVER, DROPPED = "login", "server", "dropped"
PERMISSION, TABLE, CHANGED = "permission", "table", "changed"
NO_DATABASE, DRIVER, FILE, TAKEN = "no_database", "driver", "file", "taken"
ENCODING, CANCELLED = "encoding", "cancelled"

_WORDS = {  # wherever it happens
    LOGIN: "the user name or password was not accepted; correct the connection that is kept there",
    SERVER: "no database answers; check the server's name and port in the connection kept there, and the network",
    NO_DATABASE: "the server has no database of that name; correct the connection that is kept there",
    DRIVER: "the ODBC driver that the connection names is not installed; install it or correct its name",
    DROPPED: "the connection was lost; nothing was stored, run again when the server answers",
    CANCELLED: "the server stopped the query; ask its administrator for a longer time limit (statement_timeout)",
    FILE: "is missing or no DuckDB file that this version reads; check the path",
    TAKEN: "another program holds the file open; close it or give a copy",
}
_FAULTS = {  # with one table
    PERMISSION: "may not be read with this user; ask for the right to select from it",
    TABLE: "is no longer in the database; check its name and run again",
    CHANGED: "its columns or their types changed while it was being read; nothing was stored, run again",
    ENCODING: "holds text that is not UTF-8; ask for a view that converts it",
}


class Changed(Exception):
    """The rows do not come as the header said."""


def failure(reason: str, place: str, table: str | None) -> EnnakointiError:
    """The error of a reason, or of a driver's code that has no words of its own.

    Parameters
    ----------
    reason : str
        One of this module's, or an SQLSTATE.
    place : str
        Where the connection is kept, or the file's name.
    table : str, optional
        The table that was being read.
    """
    if table and reason in _FAULTS:
        rule = f"database_{reason}"
        return DataError("The database cannot be read:", (Fault(table, None, rule, 0, _FAULTS[reason]),))
    during = f"{table}: " if table else ""
    words = _WORDS.get(reason, f"the database refused (code {reason or 'unknown'}); ask its administrator")
    return (DataError if reason == FILE else RunError)(f"Database {place}: {during}{words}")


def by_state(state: str, states: Mapping[str, str]) -> str:
    """The reason that the longest prefix of an SQLSTATE stands for, else the code itself."""
    return next((states[state[:n]] for n in range(len(state), 1, -1) if state[:n] in states), state)
