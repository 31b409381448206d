"""docs/data.md tells the contract as the declarations hold it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ennakointi.schema import TABLES

GUIDE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (\w+)[^\n]*\n(.*?)(?=^### |\Z)", GUIDE, re.S | re.M))


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda t: t.name)
def test_every_column_with_its_type_and_codes_stands_in_the_guide(table) -> None:
    told = re.findall(r"^\| `(\w+)`(\*?) \| (\w+) \| (.*) \|$", SECTIONS[table.name], re.M)
    assert [(name, star == "*", kind) for name, star, kind, _ in told] == [
        (c.name, c.required, c.kind) for c in table.columns
    ]
    for column, (_, _, _, values) in zip(table.columns, told, strict=True):
        assert set(column.codes) <= set(re.findall(r"`(\w+)`", values))
