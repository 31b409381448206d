"""The document `data_dictionary.yml` as strict models: who answers for each table, and what each column means."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import model_validator

from ennakointi.parameters.documents import Document, Label, Text
from ennakointi.schema import TABLES
from ennakointi.spelling import did_you_mean


class TableMeaning(Document):
    """A table of the data contract: a code of `owners`, and the meaning of every column."""

    owner: Text
    columns: dict[Text, Label]


class DataDictionary(Document):
    """The whole document: every table and every column of the data contract, and nothing else."""

    owners: dict[Text, Label]
    tables: dict[Text, TableMeaning]

    def owner(self, table: str) -> Label:
        """Who answers for the register that a table comes from."""
        return self.owners[self.tables[table].owner]

    def meaning(self, table: str, column: str) -> Label:
        return self.tables[table].columns[column]

    @model_validator(mode="after")
    def _whole(self) -> DataDictionary:
        _same("tables", self.tables, TABLES, "table")
        for name, table in self.tables.items():
            _same(f"tables.{name}.columns", table.columns, TABLES[name].names, "column")
            if table.owner not in self.owners:
                hint = did_you_mean(table.owner, self.owners)
                raise ValueError(f"tables.{name}.owner: {table.owner!r} is not among `owners`{hint}")
        return self


def _same(place: str, given: Collection[str], known: Collection[str], what: str) -> None:
    for name in given:
        if name not in known:
            raise ValueError(f"{place}: {what} {name!r} is not in the data contract{did_you_mean(name, known)}")
    if missing := [name for name in known if name not in given]:
        raise ValueError(f"{place}: {', '.join(missing)} missing; every {what} of the data contract has its meaning")
