"""What a quarter remembers of its headline figures, so that the next one can tell why they changed.

`work/history/headlines/<quarter>.json` keeps the rows of `indicators` as published, and unrounded the figures, the
months of every debt account, and the need told for each year. A run of the same quarter replaces the groups that it
made, in its own file only. A file that cannot be read is left where it is and costs nothing but its comparison.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ennakointi.errors import ParameterError
from ennakointi.headlines.figures import Figure, plain_outlook
from ennakointi.periods import Quarter, parse_month
from ennakointi.workspace import read_json, write_json

FOLDER = "headlines"
MONTHS = ("target_group", "service", "month", "observed", "covered_share", "debt")
_SERIES = ["target_group", "service"]
_VALUES = ["observed", "covered_share", "debt"]
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Told:
    """What one quarter told.

    Attributes
    ----------
    figures : its headline figures, unrounded. rows : its own rows of `indicators`; of earlier quarters as published.
    months : target_group, service, month (index), observed, covered_share, debt (cumulated), from the start of the
        window; `all` beside the single services.
    need : target_group, year, contacts. digests : SHA-256 by document, and mode and version.
    """

    quarter: Quarter
    source: str
    calendar: tuple[int, ...]
    figures: tuple[Figure, ...]
    rows: tuple[Mapping[str, Any], ...]
    months: pd.DataFrame
    need: pd.DataFrame
    digests: Mapping[str, str]

    def figure(self, indicator: str, target_group: str) -> Figure | None:
        """The figure of an indicator and a group, or None."""
        keys = (indicator, target_group)
        return next((one for one in self.figures if (one.indicator, one.target_group) == keys), None)


def months(results: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The months of every account, from the unrounded `service_debt`."""
    table = results.get("service_debt")
    if table is None or table.empty:
        return pd.DataFrame(columns=list(MONTHS))
    service = table["service"].astype(str)
    own = table[(table["period"] != "baseline") & ~service.str.startswith("kind:")]
    return own.assign(month=[parse_month(str(month)) for month in own["month"]])[list(MONTHS)].reset_index(drop=True)


def need(results: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The need told for each year, from the unrounded `demand_outlook`."""
    columns = ["target_group", "year", "contacts"]
    if "demand_outlook" not in results:
        return pd.DataFrame(columns=columns)
    return plain_outlook(results["demand_outlook"])[columns].astype({"year": int}).reset_index(drop=True)


def remember(history: Path, told: Told) -> None:
    """Keep what a quarter told, for this user only.

    Parameters
    ----------
    history : `work/history`, kept for at least five quarters; nothing in it is ever deleted here
    """
    path = history / FOLDER / f"{told.quarter}.json"
    before = _read(path) if path.exists() else None
    if before is not None and before.source == told.source:
        told = _with_groups_of(told, before)
    for folder in (history, path.parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    write_json(path, _content(told))
    path.chmod(0o600)


def earlier(history: Path, quarter: Quarter) -> list[Told]:
    """What earlier quarters told, of any source, oldest first."""
    found = (_read(path) for path in sorted((history / FOLDER).glob("*.json")))
    return sorted((one for one in found if one is not None and one.quarter < quarter), key=lambda one: one.quarter)


def _with_groups_of(told: Told, before: Told) -> Told:
    """What a run told, and what an earlier run of the same quarter told of groups that this one did not make."""
    made = {one.target_group for one in told.figures} | set(told.months["target_group"])
    kept = before.months[~before.months["target_group"].isin(made)]
    need_kept = before.need[~before.need["target_group"].isin(made)]
    return Told(
        told.quarter,
        told.source,
        told.calendar,
        (*told.figures, *(one for one in before.figures if one.target_group not in made)),
        (*told.rows, *(row for row in before.rows if row["target_group"] not in made)),
        pd.concat([told.months, kept], ignore_index=True) if len(kept) else told.months,
        pd.concat([told.need, need_kept], ignore_index=True) if len(need_kept) else told.need,
        told.digests,
    )


def _content(told: Told) -> dict[str, Any]:
    series = [
        {
            "target_group": str(group),
            "service": str(service),
            "first": int(of["month"].min()),
            **{name: of.sort_values("month")[name].astype(float).tolist() for name in _VALUES},
        }
        for (group, service), of in told.months.groupby(_SERIES, sort=False)
    ]
    return {
        "source": told.source,
        "calendar": list(told.calendar),
        "figures": [asdict(one) for one in told.figures],
        "rows": [dict(row) for row in told.rows],
        "series": series,
        "need": told.need.to_dict("records"),
        "digests": dict(told.digests),
    }


def _read(path: Path) -> Told | None:
    """What a file holds, or None with a warning: nothing that lies there may stop a run."""
    try:
        quarter, content = Quarter.parse(path.stem), read_json(path)
        frames = [
            pd.DataFrame({name: one[name] for name in _VALUES}).assign(
                target_group=one["target_group"],
                service=one["service"],
                month=range(one["first"], one["first"] + len(one["observed"])),
            )
            for one in content["series"]
        ]
        return Told(
            quarter,
            str(content["source"]),
            tuple(content["calendar"]),
            tuple(Figure(**one) for one in content["figures"]),
            tuple(content["rows"]),
            pd.concat(frames, ignore_index=True)[list(MONTHS)] if frames else pd.DataFrame(columns=list(MONTHS)),
            pd.DataFrame(content["need"], columns=["target_group", "year", "contacts"]),
            dict(content["digests"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ParameterError) as error:
        log.warning("stored headlines %s: cannot be read (%s); not compared", path.name, type(error).__name__)
        return None
