"""Mappings as SQL do what a plain reading of the document says, row by row, whatever the document and the rows."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from mapped_source import LABEL, document, source, staged

COLUMNS = ("a", "b", "c")
CELLS = ("T1", "T12", "T2", "R1", "7", "x'|", "", None)
ROWS = [{"a": a, "b": b, "c": CELLS[i % 7]} for i, (a, b) in enumerate(product(CELLS, CELLS))]
CODES = st.sampled_from(["T1", "T12", "T*", "T1*", "7", "x'|", "T1|R1", "T1|*", "|*", "*"])
TARGETS = st.sampled_from(["one", "two", None])
CODE_MAPS = st.fixed_dictionaries({"m": st.dictionaries(CODES, TARGETS), "n": st.dictionaries(CODES, TARGETS)})
COLUMN = st.sampled_from(COLUMNS)
CONDITIONS = st.recursive(
    st.one_of(
        st.builds(lambda c, v: {"values": {c: v}}, COLUMN, st.lists(st.sampled_from(["T1", "T*", "7"]), min_size=1)),
        st.builds(lambda c: {"present": [c]}, COLUMN),
        st.builds(lambda c: {"missing": [c]}, COLUMN),
        st.builds(lambda c, d: {"differ": [c, d]}, COLUMN, COLUMN),
    ),
    lambda inside: st.one_of(
        st.builds(lambda some: {"any_of": some}, st.lists(inside, min_size=1, max_size=2)),
        st.builds(lambda some, c: {"none": some, "present": [c]}, st.lists(inside, min_size=1, max_size=2), COLUMN),
    ),
    max_leaves=3,
)
SOME = {"min_size": 2, "max_size": 3}
EXPRESSIONS = st.recursive(
    st.one_of(COLUMN, st.builds(lambda value: {"constant": value}, st.sampled_from(["T1", "z"]))),
    lambda inside: st.one_of(
        st.builds(
            lambda of, codes, more: {"of": of, "codes": codes, **more},
            st.lists(inside, min_size=1, max_size=2),
            st.sampled_from("mn"),
            st.sampled_from([{}, {"only_known": True}, {"otherwise": "rest"}, {"flag": "guess"}]),
        ),
        st.builds(lambda some: {"first_of": some}, st.lists(inside, **SOME)),
        st.builds(lambda some: {"joined": some}, st.lists(inside, **SOME)),
        st.builds(lambda of: {"match": "^(T)", "of": of}, inside),
        st.builds(lambda of: {"of": of, "times": 2}, inside),
        st.builds(lambda y, m: {"year": y, "month": m}, inside, inside),
        st.builds(lambda w, t, o: {"when": w, "then": t, "otherwise": o}, CONDITIONS, inside, inside),
    ),
    max_leaves=6,
)
Row = dict[str, str | None]
Codes = dict[str, dict[str, str | None]]


def looked_up(code: list[str], known: dict[str, str | None]) -> tuple[bool, str | None]:
    """Whether the code is known, and what it means: value by value, else by the longest beginning."""
    exact = [one for one in known if one.split("|", len(code) - 1) == code and not one.endswith("*")]
    starts = [one for one in known if one.endswith("*") and "|".join(code).startswith(one[:-1])]
    best = max(exact or starts, key=len, default=None)
    return (False, None) if best is None else (True, known[best])


class Reading:
    """One row read by a document; counts unknown codes and what a flagged lookup decided."""

    def __init__(self, row: Row, codes: Codes) -> None:
        self.row, self.codes = {name: cell or None for name, cell in row.items()}, codes
        self.unknown: list[str] = []
        self.flagged = 0

    def holds(self, condition: dict[str, Any]) -> bool:
        row = self.row
        tests = [
            row[c] is not None and any(row[c] == v or (v[-1] == "*" and row[c].startswith(v[:-1])) for v in listed)
            for c, listed in condition.get("values", {}).items()
        ]
        tests += [row[c] is not None for c in condition.get("present", ())]
        tests += [row[c] is None for c in condition.get("missing", ())]
        if "differ" in condition:
            first, second = (row[c] for c in condition["differ"])
            tests.append(first is not None and second is not None and first != second)
        if "any_of" in condition:
            tests.append(any(self.holds(one) for one in condition["any_of"]))
        tests += [not self.holds(one) for one in condition.get("none", ())]
        return all(tests)

    def value(self, e: Any) -> str | None:
        if isinstance(e, str):
            return self.row[e]
        if "constant" in e:
            return e["constant"]
        if "codes" in e:
            return self.decoded(e)[0]
        if "first_of" in e:
            return self.first_of(e["first_of"])
        if "joined" in e:
            read = [self.value(one) for one in e["joined"]]
            return None if None in read else "-".join(map(str, read))
        if "match" in e:
            return "T" if (self.value(e["of"]) or "").startswith("T") else None
        if "times" in e:
            read = self.value(e["of"])
            doubled = {str(7 * 2**n): str(14 * 2**n) for n in range(6)}  # the one number among the values, also nested
            return {**doubled, None: None}.get(read, "unreadable")
        if "year" in e:
            year, month = self.value(e["year"]), self.value(e["month"])
            return None if year is None else f"{year}-{(month or '07').rjust(2, '0')[:2]}-15"
        return self.value(e["then"] if self.holds(e["when"]) else e["otherwise"])

    def first_of(self, some: list[Any]) -> str | None:
        """The first that is not missing; one unknown code counts, unless a later one was known."""
        pending: list[str] = []
        for one in some:
            read, known = self.decoded(one) if not isinstance(one, str) and "codes" in one else (self.value(one), None)
            if known is False:
                pending.append(self.unknown.pop())
            elif known and pending and "flag" not in one:
                pending = [""]
            if read is not None:
                break
        self.unknown += [one for one in pending[:1] if one]
        return read

    def decoded(self, e: dict[str, Any]) -> tuple[str | None, bool | None]:
        """The value, and whether the code is known (None: there is none)."""
        read = [self.value(one) for one in e["of"]]
        if not any(read):
            return None, None
        parts = [one or "" for one in read]
        known, meant = looked_up(parts, self.codes[e["codes"]])
        if not known:
            self.unknown.append(e["codes"])
            meant = e.get("otherwise") if "otherwise" in e or "only_known" in e else "|".join(parts)
        self.flagged += "flag" in e and meant is not None
        return meant, known


def mapped(expression: Any, exclude: list[Any], codes: Codes) -> Iterator[Any]:
    """What the package makes of ROWS: kept values by row, excluded, unknown and flagged rows."""
    reasons = [{"where": one, "reason": LABEL} for one in exclude]
    selection = {"of": "visits", "columns": {"unit": expression}, "exclude": reasons}
    mapping = document(
        {"inputs": {"visits": {"columns": COLUMNS}}, "tables": {"contacts": [selection]}, "codes": codes}
    )
    with tempfile.TemporaryDirectory() as place:
        frame = pd.DataFrame(ROWS, columns=list(COLUMNS), dtype="string")
        connection, made = staged(source(Path(place), mapping, {"visits": frame}), Path(place))
        yield dict(connection.execute("SELECT _row, unit FROM delivered_contacts").fetchall())
        yield [one.rows for one in made.excluded]
        unknown: Counter[str] = Counter()
        for one in made.unmapped:
            unknown[one.codes] += one.rows
        yield unknown
        yield sum(n for *_, n in made.flagged)
        connection.close()


@settings(max_examples=40)
@given(expression=EXPRESSIONS, exclude=st.lists(CONDITIONS, max_size=2), codes=CODE_MAPS)
def test_sql_is_what_the_document_says(expression: Any, exclude: list[Any], codes: Codes) -> None:
    kept, excluded, unknown, flagged = mapped(expression, exclude, codes)
    readings = {i: Reading(row, codes) for i, row in enumerate(ROWS, 1)}
    first = {i: next((n for n, one in enumerate(exclude) if r.holds(one)), None) for i, r in readings.items()}
    assert kept == {i: r.value(expression) for i, r in readings.items() if first[i] is None}
    assert excluded == [list(first.values()).count(n) for n in range(len(exclude))]
    read = [r for i, r in readings.items() if first[i] is None]
    assert unknown == Counter(name for r in read for name in r.unknown)
    assert flagged == sum(r.flagged for r in read)


KEYS = st.lists(st.sampled_from(["1", "2", "3", "", None]), min_size=1, max_size=10)


@settings(max_examples=15)
@given(by=KEYS, keys=KEYS, order=st.randoms(use_true_random=False))
def test_a_join_keeps_every_row_once_and_does_not_depend_on_order(
    by: list[str | None], keys: list[str | None], order: Any
) -> None:
    columns = {"contact_id": "id", "unit": "site.name"}
    selection = {"of": "visits", "joins": {"site": {"by": "by", "key": "key"}}, "columns": columns}
    mapping = document({"inputs": {"visits": {}, "site": {}}, "tables": {"contacts": [selection]}})
    sites = [(key, f"name {i}") for i, key in enumerate(keys)]
    expected = [min((label for key, label in sites if key == one), default=None) if one else None for one in by]
    order.shuffle(sites)
    inputs = {
        "visits": pd.DataFrame({"id": range(len(by)), "by": pd.Series(by, dtype="string")}),
        "site": pd.DataFrame(sites, columns=["key", "name"], dtype="string"),
    }
    with tempfile.TemporaryDirectory() as place:
        connection, _ = staged(source(Path(place), mapping, inputs), Path(place))
        rows = connection.execute("SELECT unit FROM delivered_contacts ORDER BY _row").fetchall()
        assert [row[0] for row in rows] == expected
        connection.close()
