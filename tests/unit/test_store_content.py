"""The same rows give the same store, whatever their order, the files they lie in, and how they are written."""

from __future__ import annotations

import tempfile
from datetime import date, datetime
from functools import cache
from pathlib import Path

import contract_tables as tables_of
import pandas as pd
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ennakointi import sources, store

KEPT = ("persons", "contacts", "diagnoses", "stays", "capacity", "feedback")
TABLES = {name: rows for name, rows in tables_of.county().items() if name in KEPT}
TABLES["contacts"]["unit"] = [f"Hämeen yksikkö {i % 5}" for i in range(len(TABLES["contacts"]))]
TABLES["contacts"] = pd.concat([TABLES["contacts"], TABLES["contacts"].iloc[:2]])  # two rows delivered twice
FORMS = ("parquet", "utf-8", "utf-8-sig", "cp1252", "utf-16")


def written(value: object, finnish: bool) -> str:
    """A value as an export writes it."""
    if value is None or value is pd.NaT or value != value:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%d.%m.%Y %H:%M" if finnish else "%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y" if finnish else "%Y-%m-%d")
    if isinstance(value, float):
        return f"{value}".replace(".", ",") if finnish else f"{value}"
    return str(value)


def write(rows: pd.DataFrame, path: Path, form: str) -> None:
    """Parquet, or CSV in an encoding: Finnish dates and decimal commas in Windows-1252, tabs in UTF-16."""
    if form == "parquet":
        rows.to_parquet(path.with_suffix(".parquet"), index=False)
        return
    finnish = form in ("cp1252", "utf-16")
    mark = {"utf-8": ",", "utf-16": "\t"}.get(form, ";")
    text = rows.astype(object).apply(lambda column: [written(value, finnish) for value in column])
    end = "\r\n" if finnish else "\n"
    path.with_suffix(".csv").write_text(text.to_csv(index=False, sep=mark, lineterminator=end), form, newline="")


def content(form: str, seed: int, parts: int) -> str:
    """The store's content hash of the county shuffled, cut into files and written in a form."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "data"
        data.mkdir()
        for table, whole in TABLES.items():
            rows = whole.sample(frac=1, random_state=seed).reset_index(drop=True)
            size = len(rows) // parts + 1
            for part, first in enumerate(range(0, len(rows), size)):
                write(rows.iloc[first : first + size], data / f"{table}_{part}", form)
        found = sources.discover(data)
        built = store.build(
            found, Path(place) / "work" / "store", tables_of.Settings(), tables_of.AS_OF, tables_of.LENIENT
        )  # type: ignore[arg-type]
        return str(built.manifest["content"])


@cache
def reference() -> str:
    return content("parquet", 0, 1)


@given(st.sampled_from(FORMS), st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=6, phases=(Phase.generate,))
def test_order_files_and_encoding_leave_no_trace(form: str, seed: int, parts: int) -> None:
    assert content(form, seed, parts) == reference()


def test_another_value_gives_another_content() -> None:
    before, kept = reference(), TABLES["contacts"].loc[7, "cost_eur"]
    TABLES["contacts"].loc[7, "cost_eur"] = 0.25
    try:
        assert content("parquet", 0, 1) != before
    finally:
        TABLES["contacts"].loc[7, "cost_eur"] = kept
