"""The sets of real series on which the forecast engine is compared with its peers: what was known, and what came.

Each set has its test origin, and `earlier` origins on which choices are made. Nothing is copied from the reference
data: the folder is named by ENNAKOINTI_REFERENCE_DATA, by default `../shared/data` beside the project.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.forecast.series import SeriesSet
from ennakointi.periods import day_number, month_index, month_text

Floats = npt.NDArray[np.float64]

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
MONDAY = day_number(date(1970, 1, 5))
DISRUPTED = (month_index(2020, 3), month_index(2021, 4))  # both waves
PAIJAT_HAME = 9


@dataclass(frozen=True, eq=False)
class Case:
    """A set of S series at one origin.

    Attributes
    ----------
    name, origin : the set, and the last known period (for the reader).
    train : what the engine gets; NaN where a period is missing or disrupted.
    raw : by series, what was registered: as `train`, without the mask of the disruption.
    test : (S, H) what came; NaN where it is not known.
    """

    name: str
    origin: str
    train: SeriesSet
    raw: tuple[Floats, ...]
    test: Floats

    @property
    def horizon(self) -> int:
        return self.test.shape[1]

    @property
    def scale(self) -> Floats:
        """(S,) mean absolute error of the seasonal naive inside `train`, over the pairs that are known."""
        season = self.train.season
        return np.array([np.nanmean(np.abs(y[season:] - y[:-season])) for y in self.train.values])

    def only(self, chosen: Sequence[int]) -> Case:
        """The same with some of the series."""
        train, ends = self.train, self.train.ends
        part = replace(
            train,
            keys=tuple(train.keys[i] for i in chosen),
            values=tuple(train.values[i] for i in chosen),
            ends=None if ends is None else tuple(ends[i] for i in chosen),
        )
        return replace(self, train=part, raw=tuple(self.raw[i] for i in chosen), test=self.test[list(chosen)])


def month_label(month: int) -> str:
    return month_text(month)


def week_label(week: int) -> str:
    """The Sunday that ends a week number."""
    return (date(1970, 1, 5) + timedelta(days=7 * week + 6)).isoformat()


def week_number(day: date) -> int:
    return (day_number(day) - MONDAY) // 7


def cut(
    name: str,
    wide: pd.DataFrame,
    last: int,
    horizon: int,
    frequency: str,
    seasons: tuple[int, ...],
    label: Callable[[int], str],
    hide: tuple[int, int] | None = None,
) -> Case:
    """A case of a dense table (periods × series): known until period `last`, `horizon` periods after it to come."""
    known, came = wide.loc[:last], wide.loc[last + 1 : last + horizon]
    if len(came) != horizon:
        raise ValueError(f"{name}: {len(came)} periods came after {label(last)}, {horizon} are needed")
    seen = known.copy()
    if hide is not None:
        seen.loc[hide[0] : hide[1]] = np.nan
    trimmed = [int(np.argmax(known[column].notna().to_numpy())) for column in wide]
    train = SeriesSet(
        tuple(map(str, wide.columns)),
        tuple(seen[column].to_numpy(float)[start:] for column, start in zip(wide, trimmed)),
        (last,) * wide.shape[1],
        frequency,
        seasons,
    )
    raw = tuple(known[column].to_numpy(float)[start:] for column, start in zip(wide, trimmed))
    return Case(name, label(last), train, raw, came.to_numpy(float).T)


def m3(earlier: bool) -> list[Case]:
    """M3 monthly sample, 18 months; earlier = the last 18 months of the training part."""
    rows = pd.read_parquet(DATA / "m3_monthly_sample.parquet").sort_values(["sn", "set", "t"])
    parts = {key: part["value"].to_numpy(float) for key, part in rows.groupby(["sn", "set"], sort=True)}
    keys = tuple(sorted({key for key, _ in parts}))
    known = [parts[key, "train"] for key in keys]
    came = np.array([parts[key, "test"] for key in keys])
    if earlier:
        came = np.array([y[-18:] for y in known])
        known = [y[:-18] for y in known]
    train = SeriesSet(keys, tuple(known), None, "M", (12,))
    return [Case("m3", "18 months earlier" if earlier else "end of training", train, tuple(known), came)]


def attendances_by_month(last: int) -> pd.DataFrame:
    """Attendances by month index and Scottish site with department: those without a gap from their start to `last`."""
    columns = ["Month", "TreatmentLocation", "DepartmentType", "NumberOfAttendancesAll"]
    rows = pd.read_csv(DATA / "scotland_ae_monthly.csv", usecols=columns)
    rows["period"] = rows["Month"] // 100 * 12 + rows["Month"] % 100 - 1
    rows["series"] = rows["TreatmentLocation"] + "|" + rows["DepartmentType"]
    wide = rows.pivot_table(columns[3], index="period", columns="series", aggfunc="sum").sort_index().loc[:last]
    started = wide.ffill().notna()
    gapless = (wide.notna() == started).all() & (started.sum() >= 24)
    return wide.loc[:, gapless]


def scotland_monthly(earlier: bool) -> list[Case]:
    """Scottish A&E by month, 82 series: train to 2018-12, test 2019; earlier = one and two years earlier."""
    wide = attendances_by_month(month_index(2019, 12))
    years = (2016, 2017) if earlier else (2018,)
    return [cut("scotland_monthly", wide, month_index(y, 12), 12, "M", (12,), month_label) for y in years]


def attendances_by_week() -> pd.DataFrame:
    """Attendances by ISO week number and Scottish site: those with every week until the end of 2019."""
    columns = ["WeekEndingDate", "TreatmentLocation", "NumberOfAttendancesEpisode"]
    rows = pd.read_csv(DATA / "scotland_ae_weekly.csv", usecols=columns)
    days = pd.to_datetime(rows["WeekEndingDate"].astype(str)).dt.date
    rows["period"] = [week_number(day) for day in days]
    wide = rows.pivot_table(columns[2], index="period", columns=columns[1], aggfunc="sum").sort_index()
    return wide.loc[:, wide.loc[: week_number(date(2019, 12, 29))].notna().all()]


def scotland_weekly(earlier: bool, last: date = date(2018, 12, 30)) -> list[Case]:
    """Scottish A&E by week, 30 series, the first 13 weeks of 2019; earlier = 13 and 26 weeks earlier."""
    wide, end = attendances_by_week(), week_number(last)
    back = (26, 13) if earlier else (0,)
    return [cut("scotland_weekly", wide, end - b, 13, "W", (52,), week_label) for b in back]


def scotland_weekly_late(earlier: bool) -> list[Case]:
    """The same, the last 13 weeks of 2019; earlier = as for the first weeks, so that no choice sees 2019."""
    return scotland_weekly(earlier, date(2018, 12, 30) if earlier else date(2019, 9, 29))


def purchases() -> pd.DataFrame:
    """Purchases of prescription medicines by ISO week and area with ATC class (levels 0–2), complete series only.

    Numbers are stored as floats, level 0 has no ATC code, rows may be repeated, and the week of a holiday is absent.
    """
    files = sorted(DATA.glob("kela_data_viikko_hva_*.parquet"))
    rows = pd.concat([pd.read_parquet(file) for file in files])
    rows = rows[rows["ATC_TASO"] <= 2]
    rows["ATC_KOODI"] = rows["ATC_KOODI"].fillna("all")
    key = ["VUOSI", "VIIKKO", "ALUEKOODI", "ATC_KOODI"]
    rows = rows.drop_duplicates(key)
    weeks = {
        (y, w): week_number(date.fromisocalendar(int(y), int(w), 1)) for y, w in set(zip(rows["VUOSI"], rows["VIIKKO"]))
    }
    rows["period"] = [weeks[pair] for pair in zip(rows["VUOSI"], rows["VIIKKO"])]
    rows["series"] = rows["ALUEKOODI"].astype(int).astype(str) + "|" + rows["ATC_KOODI"]
    wide = rows.pivot_table("VAR_N_OSTOT", index="period", columns="series", aggfunc="sum").sort_index()
    wide = wide.loc[:, wide.notna().all()]
    return wide.reindex(range(int(wide.index[0]), int(wide.index[-1]) + 1))


def kela(earlier: bool) -> list[Case]:
    """Päijät-Häme by ATC class, last 26 weeks of 2024; earlier = 26 and 52 weeks earlier."""
    wide = purchases()
    return kela_cases("kela", wide.loc[:, wide.columns.str.startswith(f"{PAIJAT_HAME}|")], earlier)


def kela_all(earlier: bool) -> list[Case]:
    """The same of four counties."""
    return kela_cases("kela_all", purchases(), earlier)


def kela_cases(name: str, wide: pd.DataFrame, earlier: bool) -> list[Case]:
    """The last 26 weeks, or the two half-years before them."""
    last = int(wide.index[-1])
    return [cut(name, wide, last - 26 - b, 26, "W", (52,), week_label) for b in ((26, 52) if earlier else (0,))]


def finland_daily(earlier: bool) -> list[Case]:
    """Digital-clinic contacts by day, last 28 days; earlier = 28, 56 … 168 days earlier."""
    first = pd.read_csv(DATA / "finland_mehilainen_digiclinic_daily.csv", parse_dates=["date"])
    second = pd.read_csv(DATA / "finland_terveystalo_remote_daily.csv", parse_dates=["date"])
    series = {f"mehilainen {name}": part.set_index("date")["contacts"] for name, part in first.groupby("series")}
    series["terveystalo"] = second.set_index("date")["remote_visits"]
    dense = {name: one.sort_index().asfreq("D").astype(float) for name, one in series.items()}
    return [daily_case(dense, back) for back in (range(168, 0, -28) if earlier else (0,))]


def daily_case(dense: dict[str, pd.Series], back: int) -> Case:
    """Each series known until 28 + `back` days before its own end."""
    known = [one.iloc[: -28 - back] for one in dense.values()]
    came = np.array([one.iloc[len(one) - 28 - back : len(one) - back].to_numpy() for one in dense.values()])
    values = tuple(one.to_numpy() for one in known)
    ends = tuple(day_number(one.index[-1].date()) for one in known)
    train = SeriesSet(tuple(dense), values, ends, "D", (7, 365))
    return Case("finland_daily", f"{28 + back} days before the end", train, values, came)


def through_the_break(earlier: bool) -> list[Case]:
    """Scottish A&E by month, 55 series, three origins after the disruption, which stays in the training part."""
    wide = attendances_by_month(month_index(2023, 5))
    origins = [(2021, 5), (2021, 9), (2021, 11)] if earlier else [(2021, 6), (2021, 12), (2022, 3)]
    return [cut("scotland_break", wide, month_index(y, m), 12, "M", (12,), month_label, DISRUPTED) for y, m in origins]


SETS: dict[str, Callable[[bool], list[Case]]] = {
    "m3": m3,
    "scotland_monthly": scotland_monthly,
    "scotland_weekly": scotland_weekly,
    "scotland_weekly_late": scotland_weekly_late,
    "kela": kela,
    "kela_all": kela_all,
    "finland_daily": finland_daily,
    "scotland_break": through_the_break,
}
