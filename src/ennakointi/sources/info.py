"""`source.json`: what the source says of itself, and how its files are to be read; nothing secret stands in it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from ennakointi.errors import DataError

FILE = "source.json"


class CsvSettings(BaseModel):
    """How CSV files are to be read where detection is not to decide: `encoding` a Python codec name, `delimiter`
    one character, `decimal` the decimal mark."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: StrictStr | None = None
    delimiter: Annotated[StrictStr, Field(min_length=1, max_length=1)] | None = None
    decimal: Annotated[StrictStr, Field(pattern="^[.,]$")] | None = None


class ServerSettings(BaseModel):
    """A database to read: never the connection itself, only where it is kept.

    `connection` is `env:NAME` (an environment variable) or `keyring:SERVICE/USER`; `tables` gives a table or view of
    the database for a table of the source where the names differ.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Annotated[StrictStr, Field(pattern="^(postgresql|duckdb|sqlserver)$")]
    connection: StrictStr | None = None
    file: StrictStr | None = None
    schema_name: Annotated[StrictStr | None, Field(alias="schema")] = None
    tables: dict[StrictStr, StrictStr] = {}


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
    """`source.json` of a folder, checked, with the folder's name where it gives none.

    Raises
    ------
    DataError
        It is no JSON, or a key or value is not known: says which.
    """
    path = folder / FILE
    try:
        given = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return SourceInfo.model_validate({"name": folder.resolve().name, **given})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise DataError(f"{FILE}: `{place}`: {first['msg']}; see docs/data.md for what it may hold") from error
    except (ValueError, TypeError) as error:
        message = 'expected JSON such as {"name": "…", "synthetic": false, "extracted_on": "2025-10-01"}'
        raise DataError(f"{FILE} cannot be read: {message}") from error
    except OSError as error:
        raise DataError(f"{FILE} cannot be read ({error.strerror}): ask for read access") from error
