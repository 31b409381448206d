"""What a source is: the tables of a county as they lie in files or in a database, found but not yet read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from ennakointi.parameters.mappings import MappingDocument
from ennakointi.schema import TABLES
from ennakointi.sources.info import CsvSettings, ServerSettings

PARQUET = "parquet"
CSV = "csv"
XLSX = "xlsx"
SERVER = "server"  # a table of a database


@dataclass(frozen=True)
class SourceFile:
    """One file of a table, or one table of a database.

    Attributes
    ----------
    name : str
        As messages and the quarantine call it; never with a folder of the machine or a server's address.
    format : str
        `parquet`, `csv`, `xlsx` or `server`.
    columns : tuple of str
        As they stand in the header.
    path : Path or None
        None for a table of a database.
    csv : CsvSettings
        What detection or `source.json` decided; complete for a CSV file.
    table : str or None
        The table of the database, as its server calls it (`schema.table`).
    types : tuple of str
        The columns' types in the database; empty for a file.
    """

    name: str
    format: str
    columns: tuple[str, ...]
    path: Path | None = None
    csv: CsvSettings = field(default_factory=CsvSettings)
    table: str | None = None
    types: tuple[str, ...] = ()

    @property
    def has_lines(self) -> bool:
        """Whether a row's place is a line of a text file, whose header is line 1."""
        return self.format == CSV


@dataclass(frozen=True)
class Source:
    """A source whose tables can be opened; nothing in them has been checked yet.

    Attributes
    ----------
    folder : Path
    inputs : dict of str to tuple of SourceFile
        The files of each table of the source, sorted by name: contract tables without a mapping, else the
        inputs of the mapping.
    mapping : MappingDocument or None
    name : str
    synthetic : bool
    extracted_on : date or None
        The day the data were drawn; a later event is a fault.
    server : ServerSettings or None
    unknown : dict of str to (str or None)
        Files that belong to no table, each with the table name it resembles.
    about : dict
        `source.json` as it stands, without what says where a database is.
    """

    folder: Path
    inputs: dict[str, tuple[SourceFile, ...]]
    name: str
    mapping: MappingDocument | None = None
    synthetic: bool = False
    extracted_on: date | None = None
    server: ServerSettings | None = None
    unknown: dict[str, str | None] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> tuple[tuple[str, SourceFile], ...]:
        """Every file with its input; the place in this tuple is the file's number (`_file`)."""
        return tuple((name, file) for name, files in self.inputs.items() for file in files)

    @property
    def tables(self) -> tuple[str, ...]:
        """The contract tables that the source delivers, in the order of the contract."""
        if self.mapping is None:
            return tuple(self.inputs)
        made = {
            table
            for table, selections in self.mapping.tables.items()
            if any(selection.of in self.inputs for selection in selections)
        }
        return tuple(table for table in TABLES if table in made)

    def expected(self, name: str) -> tuple[str, ...]:
        """The columns that are read of an input: the contract's, or those its mapping names."""
        return self.mapping.columns_of(name) if self.mapping else TABLES[name].names

    def inputs_of(self, table: str) -> tuple[str, ...]:
        """The inputs whose rows become rows of a contract table."""
        if self.mapping is None:
            return (table,)
        selections = self.mapping.tables[table]
        return tuple(dict.fromkeys(one.of for one in selections if one.of in self.inputs))

    def only(self, table: str) -> Source:
        """The source with no other inputs than those a contract table is made of, joined ones included."""
        selections = self.mapping.tables[table] if self.mapping else ()
        joined = {join.of or name for one in selections for name, join in one.joins.items()}
        wanted = {*self.inputs_of(table), *joined}
        return replace(self, inputs={name: files for name, files in self.inputs.items() if name in wanted})

    @property
    def places(self) -> list[Path]:
        """The folders the files really lie in, also behind links."""
        return sorted({file.path.resolve().parent for _, file in self.files if file.path})
