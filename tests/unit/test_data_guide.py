"""docs/data.md tells the contract as the declarations and the data dictionary hold it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ennakointi import parameters
from ennakointi.schema import TABLES

GUIDE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)[^\n]*\n(.*?)(?=^### |\Z)", GUIDE, re.S | re.M))
DICTIONARY = parameters.load().data_dictionary


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_every_column_with_its_type_and_codes_stands_in_the_guide(table) -> None:
    told = re.findall(r"^\| `(\w+)`(\*?) \| (\w+) \| (.*?) \| ([^|]*) \|$", SECTIONS[table.name], re.M)
    assert [(name, star == "*", kind, meaning) for name, star, kind, _, meaning in told] == [
        (c.name, c.required, c.kind, DICTIONARY.meaning(table.name, c.name).en) for c in table.columns
    ]
    for column, (_, _, _, values, _) in zip(table.columns, told, strict=True):
        assert set(column.codes) <= set(re.findall(r"`(\w+)`", values))
