"""Outcomes by area and month: municipalities, units, or the county as one series."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.causal.areas import NEVER, AreaPanel, Bools, Floats, Ints
from ennakointi.effectiveness import eligibility
from ennakointi.effectiveness.outcome_months import NO_PLACE, PersonMonths, Reading, Weighted, of_bucket
from ennakointi.groups import GroupIndex
from ennakointi.panel import Panel
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.parameters.effect_documents import Contacts, Counted
from ennakointi.store.layout import BUCKETS

_PLACE = ["municipality", "month"]
_STRATUM = ["age_band", "sex"]


@dataclass(frozen=True, eq=False)
class Members:
    """The target group of an intervention: its panel, the runs of its members, the lowest ages of the age bands."""

    panel: Panel
    index: GroupIndex
    bounds: tuple[int, ...]

    @property
    def months(self) -> Ints:
        """(T,) months in which the group can be told."""
        return np.arange(max(self.panel.first_month, self.panel.available_from), self.panel.last_month + 1)

    def of_bucket(self, bucket: int, n_persons: int) -> Bools:
        """(n, T) who is a member in which month."""
        code = self.index.ids.index(self.panel.target_group)
        return eligibility.members(self.index.file(bucket), code, n_persons, self.months)


def of_municipalities(
    reading: Reading, members: Members, measure: Counted | Weighted, starts: Mapping[str, int]
) -> AreaPanel:
    """An outcome by municipality, without persons of an untold one.

    Person-years are weighted by age and sex, so that an area that ages does not look as if it changed; means and
    shares have their own denominators. A month that the register does not hold for all the services is a gap.
    """
    services = measure.services(reading.services)
    areas = tuple(code for code in members.panel.municipalities if code != UNKNOWN_MUNICIPALITY)
    of_panel = isinstance(measure, Weighted) or (isinstance(measure, Contacts) and measure.plain)
    weights = measure.weights if isinstance(measure, Weighted) else dict.fromkeys(services, 1.0)
    cells = _of_panel(members.panel, weights) if of_panel else _of_rows(reading, members, measure)
    held = _held(members, areas, services)
    summed = cells.groupby(_PLACE, observed=True)[["value", "of", "persons"]].sum()
    values, denominator, persons = (_wide(summed[name], areas, members.months) for name in ("value", "of", "persons"))
    if of_panel:  # distinct persons of several services are at least those of the largest
        rows = members.panel.counts[members.panel.counts["service"].isin(list(weights))]
        by_service = rows.groupby(["service", *_PLACE], observed=True)["persons"].sum()
        persons = _wide(by_service.groupby(_PLACE, observed=True).max(), areas, members.months)
    if measure.over_person_time:
        denominator = _wide(weighted_person_years(members.panel, services, cells), areas, members.months)
    return AreaPanel(
        areas=areas,
        months=members.months,
        counts=np.where(held, values, np.nan),
        person_years=denominator,
        persons=np.where(held, persons, np.nan),
        starts=np.array([starts.get(area, NEVER) for area in areas], dtype=np.int64),
    )


def weighted_person_years(members: Panel, services: Collection[str], cells: pd.DataFrame) -> pd.Series:
    """Person-years by municipality and month, each stratum counted by its rate per the rate of all: indirect
    standardisation with the covered cells of all areas and months as the standard.

    `cells` : municipality, age_band, sex, month, value (the numerator of the outcome).
    """
    covered = members.coverage[members.coverage["service"].isin(list(services))]
    whole = covered.groupby(_PLACE, observed=True)["covered"].all().rename("covered")
    time = members.person_time.merge(whole.reset_index(), on=_PLACE) if len(covered) else members.person_time
    events = cells.groupby(_STRATUM, observed=True)["value"].sum()
    inside = time[time["covered"]] if len(covered) else time
    lived = inside.groupby(_STRATUM, observed=True)["member_py"].sum()
    total = max(events.sum(), 1)
    rate = (events.reindex(lived.index, fill_value=0.0) + 0.5) / (lived + 0.5 * lived.sum() / total)
    relative = (rate * lived.sum() / total).rename("relative").reset_index()
    weighted = members.person_time.merge(relative, on=_STRATUM, how="left")
    value = weighted["member_py"] * weighted["relative"].fillna(1.0)
    return value.groupby([weighted["municipality"], weighted["month"]], observed=True).sum()


def _of_panel(members: Panel, weights: Mapping[str, float]) -> pd.DataFrame:
    rows = members.counts[members.counts["service"].isin(list(weights))]
    value = rows["contacts"].to_numpy(float) * rows["service"].map(weights).to_numpy(float)
    return rows[["municipality", *_STRATUM, "month", "persons"]].assign(value=value, of=np.nan)


def _of_rows(reading: Reading, members: Members, measure: Counted | Weighted) -> pd.DataFrame:
    """The same cells from person-months: municipality, age_band, sex, month, value, of, persons."""
    panel = members.panel
    parts = []
    for who, rows in _of_members(reading, members, measure):
        age = (rows.month - who["birth_month"].to_numpy(np.int64)[rows.person]) // 12
        frame = pd.DataFrame(
            {
                "municipality": who["municipality"].to_numpy()[rows.person],
                "age_band": np.clip(np.searchsorted(members.bounds, age, side="right") - 1, 0, None),
                "sex": who["sex"].to_numpy()[rows.person],
                "month": rows.month,
                "value": rows.numerator,
                "of": np.nan if rows.denominator is None else rows.denominator,
                "persons": 1.0,
            }
        )
        parts.append(frame.groupby(["municipality", *_STRATUM, "month"], as_index=False).sum(min_count=1))
    cells = pd.concat(parts, ignore_index=True)
    for name, labels in (("municipality", panel.municipalities), ("age_band", panel.age_bands), ("sex", panel.sexes)):
        cells[name] = pd.Categorical.from_codes(cells[name].astype(int).tolist(), pd.Index(labels))
    return cells


def _of_members(
    reading: Reading, members: Members, measure: Counted | Weighted
) -> Iterator[tuple[pd.DataFrame, PersonMonths]]:
    """The persons of each bucket, and the outcome in the months in which they are members."""
    for bucket in range(BUCKETS):
        rows = of_bucket(reading, bucket, measure).added()
        who = _who(reading, bucket, members.panel)
        place = rows.month - members.months[0]
        inside = np.flatnonzero((place >= 0) & (place < len(members.months)))
        inside = inside[members.of_bucket(bucket, len(who))[rows.person[inside], place[inside]]]
        yield who, rows.kept(inside)


def _who(reading: Reading, bucket: int, panel: Panel) -> pd.DataFrame:
    """municipality (place in the panel's, a non-disclosure order makes it unknown), sex, birth_month by row."""
    columns = ("person", "municipality", "sex", "birth_month", "non_disclosure")
    persons = reading.store.frame("persons", bucket).select(*columns).sort("person")
    frame: pd.DataFrame = persons.collect("pandas").to_native()
    hidden = frame["non_disclosure"].fillna(False).to_numpy(bool)
    frame.loc[hidden, "municipality"] = panel.municipalities.index(UNKNOWN_MUNICIPALITY)
    return frame


def _held(members: Members, areas: tuple[str, ...], services: Collection[str]) -> Bools:
    """(A, T) whether the register holds every one of the services and the group can be told."""
    rows = members.panel.coverage[members.panel.coverage["service"].isin(list(services))]
    if rows.empty:
        return np.ones((len(areas), len(members.months)), bool)
    held = rows.groupby(_PLACE, observed=True)["covered"].all().unstack()  # noqa: PD010 - of a series
    return np.asarray(held.reindex(index=list(areas), columns=members.months).fillna(False).to_numpy(bool))


def _wide(values: pd.Series, areas: tuple[str, ...], months: Ints) -> Floats:
    """(A, T) values by municipality and month, 0 where there is none."""
    wide = values.unstack().reindex(index=list(areas), columns=months)  # noqa: PD010 - of a series
    return np.asarray(wide.fillna(0.0).to_numpy(float))


def of_units(
    reading: Reading, members: Members, measure: Counted | Weighted, starts: Mapping[str, int]
) -> AreaPanel | None:
    """An outcome by unit; None when a unit that starts has no events in the data.

    Who could have come to a unit is not known, so a month counts as one; means and shares have their own
    denominators. A unit is open from its first event of any service to its last, other months are gaps. Units without
    any event of the outcome are left out unless they start.
    """
    opened = _open_months(reading, {"contacts", measure.table})
    if not set(starts) <= set(opened):
        return None
    shape = (len(reading.units), len(members.months))
    sums = np.zeros((3, *shape))
    for _, rows in _of_members(reading, members, measure):
        place = np.where(rows.place == NO_PLACE, 0, rows.place) * shape[1] + rows.month - members.months[0]
        below = np.ones(len(place)) if rows.denominator is None else rows.denominator
        for total, value in zip(sums, (rows.numerator, below, np.ones(len(place)))):
            total += np.bincount(place, weights=value, minlength=shape[0] * shape[1]).reshape(shape)
    kept = [u for u, code in enumerate(reading.units) if code in starts or (code in opened and sums[2, u].any())]
    codes = tuple(reading.units[unit] for unit in kept)
    span = np.array([opened[code] for code in codes]).reshape(len(codes), 2)
    is_open = (members.months >= span[:, :1]) & (members.months <= span[:, 1:])
    return AreaPanel(
        areas=codes,
        months=members.months,
        counts=np.where(is_open, sums[0, kept], np.nan),
        person_years=is_open.astype(float) if measure.over_person_time else sums[1, kept],
        persons=np.where(is_open, sums[2, kept], np.nan),
        starts=np.array([starts.get(code, NEVER) for code in codes], dtype=np.int64),
    )


def _open_months(reading: Reading, tables: Collection[str]) -> dict[str, tuple[int, int]]:
    """First and last month with an event in any of the tables, by unit."""
    spans: dict[str, tuple[int, int]] = {}
    for table in tables:
        codes = reading.store.codes(table, "unit")
        frame = reading.store.frame(table).filter(~nw.col("unit").is_null()).group_by("unit")
        found = frame.agg(first=nw.col("month").min(), last=nw.col("month").max()).collect("pandas").to_native()
        for unit, first, last in zip(found["unit"], found["first"], found["last"].clip(upper=reading.last_month)):
            known = spans.get(codes[unit], (int(first), int(last)))
            spans[codes[unit]] = (min(known[0], int(first)), max(known[1], int(last)))
    return spans


def of_county(panel: AreaPanel, code: str, start: int, minimum_before: int) -> AreaPanel | None:
    """The municipalities as one area: those that the register holds from `minimum_before` months before the start on,
    in the months in which it holds all of them. None when there is no such municipality."""
    held = ~np.isnan(panel.counts[:, panel.months >= start - minimum_before]).any(axis=1)
    if not held.any():
        return None
    by_area = {name: getattr(panel, name)[held] for name in ("counts", "person_years", "persons")}
    summed = {name: rows.sum(axis=0, keepdims=True) for name, rows in by_area.items()}
    return replace(panel, areas=(code,), starts=np.array([start], dtype=np.int64), **summed)
