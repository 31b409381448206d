"""The score ledger: forecasts that were made in earlier quarters, scored when what they foretold has come.

`work/history/forecasts/<quarter>.parquet` keeps the county-level forecasts of one quarter's run, unrounded, with what
is needed to score them. A run of the same quarter replaces the groups that it made, in its own file only; forecasts of
another source are not compared. A file that cannot be read is left where it is and costs nothing but its scores.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ennakointi import scores
from ennakointi.errors import ParameterError
from ennakointi.forecast.series import HIGH80, HIGH95, LEVELS, LOW80, LOW95
from ennakointi.forecast.window_scores import DECILES
from ennakointi.periods import Quarter, month_text, parse_month
from ennakointi.result_tables import RESULT_TABLES

FOLDER = "forecasts"
_SERIES = ["target_group", "service"]
_KEPT = (*_SERIES, "month", "origin", "quantile", "value", "mean")
_COLUMNS = ("source", *_KEPT, "naive", "area")
_NUMBERS = ("quantile", "value", "mean", "naive")
_YEAR = 12
log = logging.getLogger(__name__)


def remember(history: Path, quarter: Quarter, source_name: str, forecast: pd.DataFrame, observed: pd.DataFrame) -> None:
    """Keep the county-level forecasts of a quarter, for this user only.

    Parameters
    ----------
    history : `work/history`, kept for at least five quarters; nothing in it is ever deleted here
    forecast, observed : the unrounded result tables `forecast` and `forecast_history` of the run
    """
    made = _county(forecast)[list(_KEPT)].assign(source=source_name)
    if made.empty:
        return
    made["area"] = _area_of(made, _areas(forecast))
    made["naive"] = _naive(made, observed)
    path = history / FOLDER / f"{quarter}.parquet"
    before = _read(path, source_name) if path.exists() else None
    if before is not None:
        made = pd.concat([before[~before["target_group"].isin(set(made["target_group"]))], made], ignore_index=True)
    for folder in (history, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    partial = path.with_name(path.name + ".partial")  # no run reads it, and the next one of the quarter overwrites it
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
        made[list(_COLUMNS)].to_parquet(handle, index=False)
        handle.flush()
        os.fsync(handle.fileno())
    partial.chmod(0o600)
    os.replace(partial, path)


def scored(
    history: Path, quarter: Quarter, source_name: str, forecast: pd.DataFrame, observed: pd.DataFrame
) -> pd.DataFrame:
    """The result table `forecast_ledger`: how the forecasts of earlier quarters did in the months that have come.

    A forecast is scored against contacts as they are known now, of services that the register holds in the same
    municipalities as when it was made, in months in which it holds all of them, and only in groups of this run. The
    seasonal naive beside it knows what the forecast knew.

    Parameters
    ----------
    forecast, observed : the unrounded result tables `forecast` and `forecast_history` of this quarter
    """
    areas = _areas(forecast)
    came = _whole_months(observed)
    rows: list[dict[str, object]] = []
    for made, entry in _earlier(history, quarter, source_name):
        same = entry[entry["area"] == _area_of(entry, areas)]
        both = same.merge(came[[*_SERIES, "month", "observed", "n_persons"]], on=[*_SERIES, "month"])
        ahead = both[both["month"] > both["origin"]]
        rows.extend(
            {"made": str(made), "target_group": group, "service": service, **_score(months)}
            for (group, service), months in ahead.groupby(_SERIES, sort=False)
        )
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["forecast_ledger"].names))


def _score(rows: pd.DataFrame) -> dict[str, float]:
    """Scores of one series over the months that have come; rows are months × levels."""
    rows = rows.sort_values(["month", "quantile"])
    quantiles = rows["value"].to_numpy().reshape(-1, len(LEVELS))
    months = rows.iloc[:: len(LEVELS)]
    observed, mean, naive = (months[name].to_numpy(float) for name in ("observed", "mean", "naive"))
    inside80 = (quantiles[:, LOW80] <= observed) & (observed <= quantiles[:, HIGH80])
    inside95 = (quantiles[:, LOW95] <= observed) & (observed <= quantiles[:, HIGH95])
    naive_known = bool(np.isfinite(naive).all())
    return {
        "months": len(months),
        "inside80": int(inside80.sum()),
        "inside95": int(inside95.sum()),
        "inside80_latest": int(inside80[-1]),
        "error_share": scores.bias(observed, mean),
        "wql": scores.wql(observed, quantiles[:, DECILES], LEVELS[DECILES]),
        "naive_wql": scores.wql(observed, naive[:, np.newaxis], (0.5,)) if naive_known else np.nan,
        "n_persons": _fewest(months["n_persons"].to_numpy(float)),
    }


def _fewest(persons: np.ndarray) -> float:
    """Persons of the smallest month that has any: 0 only where nobody came in any month, NaN where that is unknown."""
    return float(persons[persons > 0].min()) if (persons > 0).any() else float(persons.max())


def _earlier(history: Path, quarter: Quarter, source_name: str) -> Iterator[tuple[Quarter, pd.DataFrame]]:
    """The forecasts that earlier quarters of the same source remembered, oldest first."""
    for path in sorted((history / FOLDER).glob("*.parquet")):
        try:
            made = Quarter.parse(path.stem)
        except ParameterError:
            log.warning("stored forecasts %s: is not named after a quarter; left aside", path.name)
            continue
        if made < quarter and (entry := _read(path, source_name)) is not None:
            yield made, entry


def _read(path: Path, source_name: str) -> pd.DataFrame | None:
    """Stored forecasts of the source, or None with a warning: nothing that lies there may stop a run."""
    try:
        entry = pd.read_parquet(path, columns=list(_COLUMNS)).astype(dict.fromkeys(_NUMBERS, float))
    except (OSError, ValueError, TypeError, KeyError, pa.ArrowException) as error:
        log.warning("stored forecasts %s: cannot be read (%s); not compared", path.name, type(error).__name__)
        return None
    if set(entry["source"]) != {source_name}:
        log.warning("stored forecasts %s: are of another source; not compared", path.name)
        return None
    levels = entry.groupby([*_SERIES, "month"])["quantile"].transform("size")
    if (levels != len(LEVELS)).any() or entry.duplicated([*_SERIES, "month", "quantile"]).any():
        log.warning("stored forecasts %s: are not whole; not compared", path.name)
        return None
    return entry


def _county(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["municipality"] == "all"]


def _whole_months(observed: pd.DataFrame) -> pd.DataFrame:
    """Rows of the county's months that are observed, and not bridged over a municipality that is missing.

    For municipalities the history reaches a year back, as far as the ledger has months to score in a usual year.
    """
    lacks = observed[(observed["municipality"] != "all") & (observed["period"] == "missing")]
    single = set(zip(*(lacks[name] for name in [*_SERIES, "month"]), strict=True))
    partial = single | {(group, "all", month) for group, _, month in single}
    county = _county(observed)
    known = (county["period"] != "missing") & county["observed"].notna()
    whole = [key not in partial for key in zip(*(county[name] for name in [*_SERIES, "month"]), strict=True)]
    return county[known & np.array(whole, dtype=bool)]


def _area_of(rows: pd.DataFrame, areas: dict[tuple[str, str], str]) -> list[str]:
    """The area of each row's series; empty where a series has no municipalities."""
    return [areas.get(series, "") for series in zip(rows["target_group"], rows["service"], strict=True)]


def _areas(forecast: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The municipalities that each series of a run adds up; for all services, those of each of them."""
    places = forecast.loc[forecast["municipality"] != "all", [*_SERIES, "municipality"]].drop_duplicates()
    single: dict[tuple[str, str], str] = {
        (str(group), str(service)): " ".join(sorted(rows["municipality"]))
        for (group, service), rows in places.groupby(_SERIES)
    }
    groups = sorted({group for group, _ in single})
    together = {
        (group, "all"): "; ".join(f"{s} {area}" for (g, s), area in sorted(single.items()) if g == group)
        for group in groups
    }
    return {**single, **together}


def _naive(made: pd.DataFrame, observed: pd.DataFrame) -> list[float]:
    """The same month of the last year that the forecast knew, for every row."""
    rows = _county(observed)
    known = dict(zip(zip(*(rows[name] for name in [*_SERIES, "month"]), strict=True), rows["observed"], strict=True))
    back = {pair: _year_before(*pair) for pair in set(zip(made["month"], made["origin"], strict=True))}
    keys = zip(made["target_group"], made["service"], made["month"], made["origin"], strict=True)
    return [float(known.get((group, service, back[month, origin]), np.nan)) for group, service, month, origin in keys]


def _year_before(month: str, origin: str) -> str:
    """The last same month of the year that is not after the origin."""
    ahead = max(parse_month(month) - parse_month(origin), 0)
    return month_text(parse_month(month) - _YEAR * -(-ahead // _YEAR))
