"""`source.json`: what the source says of itself, and how its files are to be read; nothing secret stands in it."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError, model_validator

from ennakointi.errors import DataError

FILE = "source.json"
DATABASE_FILES = (".duckdb", ".db")


class CsvSettings(BaseModel):
    """How CSV files are to be read where detection is not to decide: `encoding` a Python codec name, `delimiter`
    one character, `decimal` the decimal mark."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: StrictStr | None = None
    delimiter: Annotated[StrictStr, Field(pattern=r"^[\t !#-~]$")] | None = None  # one ASCII character, no quote
    decimal: Annotated[StrictStr, Field(pattern="^[.,]$")] | None = None


class ServerSettings(BaseModel):
    """A database to read: never the connection itself, only where it is kept.

    `connection` is `env:NAME` (an environment variable) or `keyring:SERVICE/USER`; a DuckDB database is a `file`,
    relative to the source's folder. `schema` is where tables are looked for by name; `tables` gives the table or view
    (`schema.table`) of a table of the source where the names differ.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["postgresql", "duckdb", "sqlserver"]
    connection: StrictStr | None = None
    file: StrictStr | None = None
    schema_name: Annotated[StrictStr | None, Field(alias="schema")] = None
    tables: dict[StrictStr, StrictStr] = {}

    @property
    def place(self) -> str:
        """Where the database is to be found, for messages."""
        return self.connection or Path(self.file or "").name

    @model_validator(mode="after")
    def _points_somewhere(self) -> ServerSettings:
        wanted, other = ("file", "connection") if self.kind == "duckdb" else ("connection", "file")
        if not getattr(self, wanted) or getattr(self, other):
            raise ValueError(f"kind {self.kind} is found by `{wanted}` and nothing else")
        if self.connection and not re.fullmatch(r"env:[A-Za-z_]\w*|keyring:[^/]+/.+", self.connection):
            raise ValueError(
                "`connection` says where the connection is kept, env:NAME or keyring:SERVICE/USER; the connection "
                "itself must stand in no file (take it out, and change the password if others could read it)"
            )
        return self


class SourceInfo(BaseModel):
    """`source.json`. `mapping` names the document that turns the source's tables into the contract's; `region`,
    `residents` and `seed` tell how a synthetic county was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: StrictStr
    synthetic: StrictBool = False
    extracted_on: date | None = None
    mapping: StrictStr | None = None
    csv: CsvSettings = CsvSettings()
    server: ServerSettings | None = None
    labels: dict[str, Any] = {}
    licence: StrictStr | None = None
    region: StrictStr | None = None
    residents: int | None = None
    seed: int | None = None


def read(folder: Path) -> SourceInfo:
    """`source.json` of a folder, checked, with the folder's name where it gives none; a DuckDB file speaks for itself.

    Raises
    ------
    DataError
        It is no JSON, or a key or value is not known: says which.
    """
    if folder.suffix.lower() in DATABASE_FILES and folder.is_file():
        return SourceInfo(name=folder.stem, server=ServerSettings(kind="duckdb", file=str(folder.resolve())))
    path = folder / FILE
    try:
        given = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return SourceInfo.model_validate({"name": folder.resolve().name, **given})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        unknown = first["type"] == "extra_forbidden"
        said = "no such key" if unknown else first["msg"].removeprefix("Value error, ")
        raise DataError(f"{FILE}: `{place}`: {said}; see docs/data.md for what it may hold") from None  # shows no value
    except (ValueError, TypeError) as error:
        message = 'expected JSON such as {"name": "…", "synthetic": false, "extracted_on": "2025-10-01"}'
        raise DataError(f"{FILE} cannot be read: {message}") from error
    except OSError as error:
        raise DataError(f"{FILE} cannot be read ({error.strerror}): ask for read access") from error
