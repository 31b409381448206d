"""Sources made by hand and read through a mapping document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import contract_tables as tables_of
import duckdb
import pandas as pd
import yaml
from pydantic import TypeAdapter

from ennakointi import sources
from ennakointi.database import connect
from ennakointi.parameters.mappings import MappingDocument
from ennakointi.sources import Source
from ennakointi.sources.staging import Staged, stage

LABEL = {"fi": "syy", "sv": "orsak", "en": "reason"}


def document(given: str | dict[str, Any], name: str = "test") -> MappingDocument:
    """A mapping document of YAML or of plain values."""
    values = yaml.safe_load(given) if isinstance(given, str) else given
    return TypeAdapter(MappingDocument).validate_python({"id": name, "label": LABEL, **values})


def source(folder: Path, mapping: MappingDocument, inputs: dict[str, pd.DataFrame], form: str = "parquet") -> Source:
    """The inputs written as `parquet`, or as `csv` with semicolons, and found again."""
    (folder / "data").mkdir(parents=True)
    for name, rows in inputs.items():
        if form == "parquet":
            rows.to_parquet(folder / "data" / f"{name}.parquet", index=False)
        else:
            rows.to_csv(folder / "data" / f"{name}.csv", index=False, sep=";")
    return sources.discover(folder / "data", {mapping.id: mapping}, mapping.id)


def staged(found: Source, folder: Path) -> tuple[duckdb.DuckDBPyConnection, Staged]:
    """A connection with the views of a source."""
    connection = connect(folder / "tmp", [*found.places, folder], tables_of.LENIENT)
    return connection, stage(connection, found, folder)


def units(folder: Path, expression: Any, rows: dict[str, list[Any]], **more: Any) -> list[str | None]:
    """What an expression over the rows of one input gives, as the column `contacts.unit`, row by row."""
    selection = {"of": "visits", "columns": {"unit": expression}}
    mapping = document({"inputs": {"visits": {}}, "tables": {"contacts": [selection]}, **more})
    connection, _ = staged(source(folder, mapping, {"visits": pd.DataFrame(rows)}), folder)
    return [row[0] for row in connection.execute("SELECT unit FROM delivered_contacts ORDER BY _row").fetchall()]
