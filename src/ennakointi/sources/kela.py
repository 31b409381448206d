"""Kela's weekly prescription-medicine purchases by wellbeing services county, as an aggregate source.

Kela publishes one Parquet file a year (`kela_data_viikko_hva_YYYY.parquet`): purchases, persons and costs by
county, ISO week and ATC class. Weeks that Kela leaves out, around New Year, stay missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ennakointi.errors import DataError, Fault

ALL_MEDICINES = "all_medicines"
SOURCE = {
    "name": "Kela: reseptilääkeostot viikoittain ja hyvinvointialueittain",
    "synthetic": False,
    "licence": "CC BY 4.0",
}
ALL_LABEL = {
    "fi": "Kaikki reseptilääkkeet",
    "sv": "Alla receptläkemedel",
    "en": "All prescription medicines",
}

MEASURE_LABELS = {
    "purchases": {"fi": "lääkeostot", "sv": "läkemedelsköp", "en": "medicine purchases"},
    "persons": {"fi": "henkilöt", "sv": "personer", "en": "persons"},
    "cost_eur": {"fi": "kustannukset (€)", "sv": "kostnader (€)", "en": "costs (€)"},
}

_MEASURES = {"VAR_N_OSTOT": "purchases", "VAR_N_HENKILOT": "persons", "VAR_KUSTANNUS": "cost_eur"}
_WHOLE = ("VUOSI", "VIIKKO", "ALUEKOODI", "ATC_TASO")
_LABELS = {"ATC_SELITE_FI": "fi", "ATC_SELITE_SV": "sv", "ATC_SELITE_EN": "en"}
_COLUMNS = (*_WHOLE, *_MEASURES, "ATC_KOODI", *_LABELS)
_KEY = ["VUOSI", "VIIKKO", "ALUEKOODI", "service"]


def read(files: Sequence[Path]) -> pd.DataFrame:
    """Kela's files as rows of the contract's `panel` table.

    Parameters
    ----------
    files : Parquet files in Kela's layout, in any order; a year may be given twice.

    Returns
    -------
    area (`county:09`), target_group (`all`), service (`all_medicines` or an ATC code), period_start (date,
    Monday of the ISO week), frequency (`W`), measure (`purchases`, `persons`, `cost_eur`), value; sorted.
    Weeks that are not in the files are not in the rows.

    Raises
    ------
    DataError
        Lists every fault: a file that cannot be read, a missing column, a number that is no year, week, area
        or level, a negative value, a week the calendar does not have, rows that contradict each other.
    """
    return _panel_rows(_rows(files))


def write(files: Sequence[Path], folder: Path) -> None:
    """Write a data folder that `run --data` reads: `panel.parquet` and `source.json`.

    `source.json` names the source, its licence, and under `labels` its services and measures (fi, sv, en).

    Raises
    ------
    DataError
        As `read`; nothing is written then.
    """
    rows = _rows(files)
    about = {**SOURCE, "labels": {"service": _service_labels(rows), "measure": MEASURE_LABELS}}
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(about, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "source.json").write_text(text + "\n", encoding="utf-8")
    partial = folder / "panel.partial"
    _panel_rows(rows).to_parquet(partial, index=False)
    os.replace(partial, folder / "panel.parquet")


def _rows(files: Sequence[Path]) -> pd.DataFrame:
    """The files' rows, checked and without repeats, with whole numbers as integers."""
    if not files:
        raise DataError("import kela: no files given; name the files kela_data_viikko_hva_<year>.parquet")
    faults: list[Fault] = []
    tables = [table for file in files if (table := _read_file(Path(file), faults)) is not None]
    if faults:
        raise DataError("import kela: the files cannot be used", tuple(faults))
    return _without_repeats(pd.concat(tables, ignore_index=True))


def _read_file(file: Path, faults: list[Fault]) -> pd.DataFrame | None:
    """One file with whole numbers as integers and the column `service`, or None and its faults."""
    found: list[tuple[str | None, str, int, str]] = []
    try:
        table = pd.read_parquet(file)
    except (OSError, pa.ArrowException) as error:
        message = f"not a readable Parquet file ({type(error).__name__}); download it again"
        found.append((None, "unreadable", 0, message))
    else:
        missing = [column for column in _COLUMNS if column not in table]
        if missing:
            message = f"columns {', '.join(missing)} are missing; is this Kela's weekly file?"
            found.append((None, "missing_column", 0, message))
        else:
            table = table[list(_COLUMNS)].assign(**{c: _numbers(table[c]) for c in (*_WHOLE, *_MEASURES)})
            checks = _no_numbers(table) or _impossible(table)
            found += [(column, "impossible", int(wrong.sum()), text) for column, wrong, text in checks if wrong.any()]
    faults += [Fault("kela", column, rule, rows, text, file.name) for column, rule, rows, text in found]
    return None if found else _with_service(table.astype(dict.fromkeys(_WHOLE, int)))


def _numbers(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce")


def _no_numbers(table: pd.DataFrame) -> list[tuple[str, pd.Series, str]]:
    """Columns with values that are no numbers, negative or, in a key, not whole."""
    checks = []
    for column in (*_WHOLE, *_MEASURES):
        wrong = ~(table[column] >= 0)
        if column in _WHOLE:
            wrong |= table[column] % 1 != 0
        if wrong.any():
            checks.append((column, wrong, "expected a number that is not negative, whole for a key"))
    return checks


def _impossible(table: pd.DataFrame) -> list[tuple[str, pd.Series, str]]:
    """What the calendar and the ATC classification do not have."""
    weeks = {year: date(int(year), 12, 28).isocalendar().week for year in table["VUOSI"].unique() if 1 <= year <= 9998}
    unnamed = (table["ATC_TASO"] > 0) & table["ATC_KOODI"].isna()
    return [
        ("VUOSI", ~table["VUOSI"].between(1990, 2100), "expected a year"),
        ("VIIKKO", ~table["VIIKKO"].between(1, table["VUOSI"].map(weeks)), "the year has no such ISO week"),
        ("ATC_TASO", ~table["ATC_TASO"].between(0, 5), "expected an ATC level from 0 (all medicines) to 5"),
        ("ATC_KOODI", unnamed, "an ATC class below level 0 needs its code"),
    ]


def _with_service(table: pd.DataFrame) -> pd.DataFrame:
    """Level 0 carries no ATC code: it is all medicines together."""
    code = table["ATC_KOODI"].where(table["ATC_TASO"] > 0, ALL_MEDICINES)
    return table.assign(service=code.astype(str).str.strip())


def _without_repeats(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows that repeat each other count once.

    Raises
    ------
    DataError
        Rows of the same county, week and class differ in a value.
    """
    rows = rows.drop_duplicates([*_KEY, *_MEASURES])
    conflicting = rows.duplicated(_KEY, keep=False)
    if conflicting.any():
        weeks = rows.loc[conflicting, ["VUOSI", "VIIKKO"]].drop_duplicates().sort_values(["VUOSI", "VIIKKO"])
        first = f"{weeks['VUOSI'].iloc[0]}-W{weeks['VIIKKO'].iloc[0]:02d}"
        message = f"rows of the same week, county and class differ, first in {first}; give one version of a year"
        fault = Fault("kela", None, "conflicting_rows", int(conflicting.sum()), message)
        raise DataError("import kela: the files contradict each other", (fault,))
    return rows


def _panel_rows(rows: pd.DataFrame) -> pd.DataFrame:
    weeks = rows[["VUOSI", "VIIKKO"]].drop_duplicates()
    monday = [date.fromisocalendar(int(year), int(week), 1) for year, week in weeks.itertuples(index=False)]
    keyed = rows.merge(weeks.assign(period_start=monday), on=["VUOSI", "VIIKKO"]).assign(
        area="county:" + rows["ALUEKOODI"].astype(str).str.zfill(2).to_numpy(),
        target_group="all",
        frequency="W",
    )
    keys = ["area", "target_group", "service", "period_start", "frequency"]
    long = keyed.rename(columns=_MEASURES).melt(keys, list(_MEASURES.values()), "measure", "value")
    long["value"] = np.round(long["value"].astype(float), 2)  # cents; the files carry binary noise
    return long.sort_values([*keys, "measure"], ignore_index=True)


def _service_labels(rows: pd.DataFrame) -> dict[str, dict[str, str]]:
    """`(A02) Liikahappoisuuden …` without its code; the label of a class is that of its latest week."""
    latest = rows.sort_values(["VUOSI", "VIIKKO"]).drop_duplicates("service", keep="last").sort_values("service")
    labels: dict[str, dict[str, str]] = {}
    for row in latest.to_dict("records"):
        texts = {language: str(row[column]) for column, language in _LABELS.items()}
        service = str(row["service"])
        plain = {language: text.removeprefix(f"({service})").strip() for language, text in texts.items()}
        labels[service] = dict(ALL_LABEL) if service == ALL_MEDICINES else plain
    return labels
