"""What a reader can combine of a release: its tables as one system of cells, units and relations.

Cells are the columns of persons and of counts, and whatever they are added up with. Relations are the sums that
`result_tables` declares, the totals between columns, months that cumulate, what several tables tell of the same thing,
the persons outside a group, and the same row in the last release. What holds to the last digit in the unrounded
numbers counts as known to the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.disclosure import supplier_rules
from ennakointi.disclosure.assembly import TOLERANCE, Assembly
from ennakointi.disclosure.presets import Preset, shown_interval
from ennakointi.disclosure.sums import members, unit_numbers
from ennakointi.disclosure.systems import NEVER_SHOWN, Flags, Floats, Ints, System
from ennakointi.result_tables import COUNT, ESTIMATE, PERSONS, RESULT_TABLES, ResultTable

Tables = Mapping[str, pd.DataFrame]
MEDIAN = 0.5  # of the rows of a forecast that differ in the quantile alone, the one that stands for them


@dataclass(frozen=True, eq=False)
class Earlier:
    """A table of the last release: its rows unrounded, and which of them were shown."""

    exact: pd.DataFrame
    shown: Flags
    preset: Preset


@dataclass(frozen=True, eq=False)
class Combined:
    """The system of a release; `units` gives the unit of each row of each table, −1 for rows that are not in it."""

    system: System
    units: Mapping[str, Ints]


def combined(
    exact: Tables,
    hidden: Mapping[str, Flags],
    earlier: Mapping[str, Earlier],
    preset: Preset,
    exempt: Mapping[str, Flags],
) -> Combined:
    """The system of all tables that count persons.

    Parameters
    ----------
    exact : unrounded tables by name. hidden : their hidden rows. earlier : tables of the last release. exempt : rows
        that may not be hidden.
    """
    made = Assembly(preset)
    units: dict[str, Ints] = {}
    places: dict[tuple[str, str], Ints] = {}
    for name, frame in exact.items():
        table = RESULT_TABLES[name]
        if table.persons is None or not len(frame) or not _columns(table):
            continue
        units[name], of_table = _cells(made, frame, table, hidden[name])
        places |= {(name, column): place for column, place in of_table.items()}
        _inside(made, frame, table, of_table)
        _outside_groups(made, frame, table, of_table)
        if name == supplier_rules.TABLE:
            supplier_rules.demand(made, frame, units[name])
        made.fixed.append(np.unique(units[name][exempt[name]]))
        if name in earlier:
            _again(made, frame, table, of_table, units[name], earlier[name])
    _between(made, exact, places)
    return Combined(made.system(), units)


def told(frame: pd.DataFrame, table: ResultTable, before: Earlier) -> Flags:
    """Rows that the last release showed and whose persons and counts are the same now."""
    then = _then(frame, table, before.exact)
    names = list(table.of_kind(PERSONS, COUNT))
    same = np.isclose(frame[names].to_numpy(dtype=float), then[names].to_numpy(dtype=float), equal_nan=True).all(axis=1)
    shown: Flags = np.append(before.shown, False)[then["place"]] & same
    return shown


def _columns(table: ResultTable) -> list[str]:
    """Persons and counts, and what they are added up with; nothing for a table without relations."""
    if not (table.sums or table.cumulates or table.told_again or table.name in ("target_groups", "group_overlap")):
        return []
    added = {name for one in table.sums for name in one.columns} | set(table.cumulates or ())
    terms = {term.removeprefix("-") for column in table.columns if column.name in added for term in column.total_of}
    kinds = {c.name: c.kind for c in table.columns}
    return [name for name in table.names if kinds[name] in (PERSONS, COUNT) or (name in added | terms)]


def _cells(made: Assembly, frame: pd.DataFrame, table: ResultTable, hidden: Flags) -> tuple[Ints, dict[str, Ints]]:
    """Unit of each row, and the place of each cell by column."""
    number = unit_numbers(frame, table)
    unit = made.add_units(int(number.max()) + 1)[number]
    kinds = {c.name: (c.kind, bool(c.total_of)) for c in table.columns}
    stand_in = (frame["quantile"] == MEDIAN).to_numpy() if "quantile" in frame else np.ones(len(frame), dtype=bool)
    once = stand_in & ~pd.Series(number).where(stand_in).duplicated().to_numpy()  # persons are those of the unit
    places = {}
    for name in _columns(table):
        told = once if name == table.persons else stand_in
        values = np.where(told, frame[name].to_numpy(dtype=np.float64), np.nan)
        kind, derived = kinds[name]
        kind = kind if kind in (PERSONS, COUNT) else ESTIMATE
        largest = _largest(made, values)
        places[name] = made.add(values, unit, kind, largest, derived=derived)
    made.must.append(np.unique(unit[hidden]))
    for one in table.sums:
        blocks = members(frame, table, one)
        made.dear.append(np.unique(unit[blocks.loc[blocks["whole"], "row"]]))
    return unit, places


def _largest(made: Assembly, values: Floats) -> float:
    """What everybody knows that such numbers do not exceed: their order of magnitude."""
    return 2 * float(np.nanmax(np.abs(values), initial=0.0)) + 10 * max(made.preset.base, made.preset.threshold)


def _inside(made: Assembly, frame: pd.DataFrame, table: ResultTable, places: Mapping[str, Ints]) -> None:
    """Sums over rows, totals over columns, and months that cumulate."""
    for one in table.sums:
        blocks = members(frame, table, one)
        block, row = blocks["block"].to_numpy(dtype=np.int64), blocks["row"].to_numpy(dtype=np.int64)
        sign = np.where(blocks["whole"], -1.0, 1.0)
        for name in (*one.columns, *([str(table.persons)] if one.distinct else [])):
            made.relate(block, places[name][row], sign)
        if not one.distinct:
            _of_persons(made, blocks, places[str(table.persons)])
        elif blocks.loc[blocks["whole"], "block"].duplicated().any():
            _of_quarters(made, blocks, frame[str(table.persons)].to_numpy(dtype=np.float64), places[str(table.persons)])
    rows = np.arange(len(frame))
    for column in table.columns:
        terms = [(term.removeprefix("-"), -1.0 if term.startswith("-") else 1.0) for term in column.total_of]
        if terms and column.name in places and all(name in places for name, _ in terms):
            lines = [(places[column.name], -1.0), *((places[name], weight) for name, weight in terms)]
            _lines(made, rows, lines)
    if table.cumulates:
        _months(made, frame, table, places)


def _of_persons(made: Assembly, blocks: pd.DataFrame, place: Ints) -> None:
    """Persons are counted once in the whole: no part has more than it, and it has no more than its parts together."""
    row, sign = blocks["row"].to_numpy(dtype=np.int64), np.where(blocks["whole"], -1.0, 1.0)
    made.relate(blocks["block"].to_numpy(dtype=np.int64), place[row], sign, at_least=True)
    wholes = blocks.loc[blocks["whole"]].set_index("block")["row"]
    parts = blocks[~blocks["whole"] & blocks["block"].isin(wholes.index)]
    whole = wholes.loc[parts["block"]].to_numpy(dtype=np.int64)
    _lines(made, np.arange(len(parts)), [(place[whole], 1.0), (place[parts["row"].to_numpy()], -1.0)], at_least=True)


def _of_quarters(made: Assembly, blocks: pd.DataFrame, persons: Floats, place: Ints) -> None:
    """Persons of a quarter are those of its largest month: municipalities together have no fewer than the county in any
    of its three months, and none has more than the county in the largest of them."""
    wholes = blocks.loc[blocks["whole"]].assign(persons=lambda some: persons[some["row"]])
    both = blocks[~blocks["whole"]].merge(wholes[["block", "row"]], on="block", suffixes=("", "_whole"))
    row, whole = both["row"].to_numpy(dtype=np.int64), wholes["row"].to_numpy(dtype=np.int64)
    block = np.concatenate([both["row_whole"].to_numpy(dtype=np.int64), whole])
    weight = np.concatenate([np.ones(len(both)), -np.ones(len(wholes))])
    made.relate(block, np.concatenate([place[row], place[whole]]), weight, at_least=True)
    ordered = wholes.sort_values("persons", ascending=False, kind="stable")
    largest = ordered.drop_duplicates("block").set_index("block")["row"]
    parts = blocks[~blocks["whole"] & blocks["block"].isin(largest.index)]
    most = largest.loc[parts["block"]].to_numpy(dtype=np.int64)
    _lines(made, np.arange(len(parts)), [(place[most], 1.0), (place[parts["row"].to_numpy()], -1.0)], at_least=True)


def _lines(made: Assembly, rows: Ints, terms: list[tuple[Ints, float]], at_least: bool = False) -> None:
    """One relation a row: the weighted sum of its cells in some columns."""
    block = np.concatenate([rows for _ in terms])
    weight = np.concatenate([np.full(len(rows), value) for _, value in terms])
    made.relate(block, np.concatenate([place for place, _ in terms]), weight, at_least=at_least)


def _months(made: Assembly, frame: pd.DataFrame, table: ResultTable, places: Mapping[str, Ints]) -> None:
    level, flow = table.cumulates or ("", "")
    keys = [name for name in table.of_kind("key") if name != "month"]
    ordered = frame.sort_values([*keys, "month"], kind="stable")
    same = (ordered[keys] == ordered[keys].shift()).all(axis=1).to_numpy()
    row = ordered.index.to_numpy()
    now, before = row[1:][same[1:]], row[:-1][same[1:]]
    terms = [(places[level][now], 1.0), (places[level][before], -1.0), (places[flow][now], -1.0)]
    _lines(made, np.arange(len(now)), terms)


def _outside_groups(made: Assembly, frame: pd.DataFrame, table: ResultTable, places: Mapping[str, Ints]) -> None:
    """The residents outside a group, where they are few: all less the group tells their number and their contacts."""
    if "target_group" not in frame or table.name in ("target_groups", "group_overlap"):
        return
    keys = [name for name in table.of_kind("key") if name != "target_group"]
    everyone = frame.assign(row=np.arange(len(frame)))[frame["target_group"] == "all"][[*keys, "row"]]
    both = frame[keys].assign(own=np.arange(len(frame)))[frame["target_group"] != "all"].merge(everyone, on=keys)
    own, whole = both["own"].to_numpy(dtype=np.int64), both["row"].to_numpy(dtype=np.int64)
    persons = frame[table.persons].to_numpy(dtype=np.float64)
    few = (persons[whole] - persons[own] > 0) & (persons[whole] - persons[own] <= made.protected)
    for name in table.of_kind(PERSONS, COUNT):
        _difference(made, frame[name].to_numpy(dtype=np.float64), places[name], own[few], whole[few])


def _difference(made: Assembly, values: Floats, place: Ints, part: Ints, whole: Ints) -> None:
    """Cells that nobody prints: what the whole has beyond the part."""
    rest = values[whole] - values[part]
    if len(rest):
        outside = made.never_shown(rest, PERSONS, _largest(made, values))
        _lines(made, np.arange(len(rest)), [(place[whole], 1.0), (place[part], -1.0), (outside, -1.0)])


def _then(frame: pd.DataFrame, table: ResultTable, before: pd.DataFrame) -> pd.DataFrame:
    """The rows of an earlier release beside those of now; `place` = row there, or −1."""
    keys = list(table.of_kind("key"))
    then = before.assign(place=np.arange(len(before))).drop_duplicates(keys)
    numbers = list(dict.fromkeys([*table.of_kind(PERSONS, COUNT, ESTIMATE), *_columns(table)]))
    both = (
        frame[keys].astype(str).merge(then.astype(dict.fromkeys(keys, str))[[*keys, *numbers, "place"]], "left", keys)
    )
    return both.assign(place=both["place"].fillna(-1).astype(np.int64))


def _again(
    made: Assembly, frame: pd.DataFrame, table: ResultTable, places: Mapping[str, Ints], unit: Ints, before: Earlier
) -> None:
    """What the last release told of the same rows: the class of an unchanged number, and small revisions."""
    then = _then(frame, table, before.exact)
    shown = np.append(before.shown, False)[then["place"]]
    made.cheap.append(np.unique(unit[(then["place"] >= 0).to_numpy() & ~shown]))
    for name, place in places.items():
        now, old = frame[name].to_numpy(dtype=np.float64), then[name].to_numpy(dtype=np.float64)
        there = shown & (place >= 0) & np.isfinite(old)
        same = there & (np.abs(now - old) <= TOLERANCE * np.maximum(1.0, np.abs(old)))
        kind = next(c.kind for c in table.columns if c.name == name)
        whole = kind if kind in (PERSONS, COUNT) and (old[there] == np.round(old[there])).all() else ESTIMATE
        made.narrow(place[same], *shown_interval(old[same], whole, before.preset))
        if kind in (PERSONS, COUNT):
            revised = there & ~same & (np.abs(now - old) <= made.protected)
            _revision(made, now[revised], old[revised], place[revised], whole, before.preset)


def _revision(made: Assembly, now: Floats, old: Floats, place: Ints, kind: str, preset: Preset) -> None:
    """What came late, or was taken out: few persons, whom two releases must not tell."""
    if not len(now):
        return
    largest = _largest(made, old)
    earlier = made.add(old, NEVER_SHOWN, kind, largest, free=True)
    made.narrow(earlier, *shown_interval(old, kind, preset))
    sign = np.sign(now - old)
    late = made.never_shown(np.abs(now - old), PERSONS, largest)
    block = np.tile(np.arange(len(now)), 3)
    weight = np.concatenate([np.ones(len(now)), -np.ones(len(now)), -sign])
    made.relate(block, np.concatenate([place, earlier, late]), weight)


def _between(made: Assembly, exact: Tables, places: Mapping[tuple[str, str], Ints]) -> None:
    """What tables tell together: months and their window, parts and their summary, groups and their overlaps."""
    if {"service_debt", "debt_summary"} <= set(exact):
        monthly, summary = exact["service_debt"], exact["debt_summary"]
        window = monthly[monthly["period"] == "window"]
        for name in ("expected", "observed", "substituted"):
            _same(
                made,
                ["target_group", "service"],
                (window, places["service_debt", name], 1.0),
                (summary, places["debt_summary", name], -1.0),
            )
    if {"debt_parts", "debt_summary"} <= set(exact):
        parts, summary = exact["debt_parts"], exact["debt_summary"].rename(columns={"until": "month"})
        for name in ("expected", "observed", "substituted"):
            own = parts[parts["part"] == name]
            _same(
                made,
                ["target_group", "service", "month"],
                (own, places["debt_parts", "value"], 1.0),
                (summary, places["debt_summary", name], -1.0),
            )
    if {"volumes", "service_debt"} <= set(exact):
        monthly = exact["service_debt"]
        own = monthly[monthly["target_group"] == "all"].assign(year=lambda some: some["month"].str[:4])
        _same(
            made,
            ["service", "year"],
            (own, places["service_debt", "observed"], 1.0),
            (exact["volumes"], places["volumes", "contacts"], -1.0),
        )
    if {"service_debt", "forecast_history"} <= set(exact):
        county = exact["forecast_history"]
        county = county[county["municipality"] == "all"]
        for name in ("observed", "n_persons"):
            of_account = (exact["service_debt"], places["service_debt", name], 1.0)
            of_forecast = (county, places["forecast_history", name], -1.0)
            _same(made, ["target_group", "service", "month"], of_account, of_forecast)
    if {"target_groups", "group_overlap"} <= set(exact):
        _overlaps(made, exact["target_groups"], exact["group_overlap"], places)


def _same(made: Assembly, keys: list[str], *sides: tuple[pd.DataFrame, Ints, float]) -> None:
    """Rows of two tables with the same keys add up to the same number."""
    both = pd.concat(
        [
            frame[keys].astype(str).assign(place=place[frame.index.to_numpy()], weight=weight)
            for frame, place, weight in sides
        ]
    )
    block = both.groupby(keys, sort=False).ngroup().to_numpy(dtype=np.int64)
    on_both = both.groupby(keys, sort=False)["weight"].transform("nunique").to_numpy() == 2
    made.relate(
        block[on_both],
        both["place"].to_numpy(dtype=np.int64)[on_both],
        both["weight"].to_numpy(dtype=np.float64)[on_both],
    )


def _overlaps(
    made: Assembly, groups: pd.DataFrame, overlap: pd.DataFrame, places: Mapping[tuple[str, str], Ints]
) -> None:
    """Members of a group who are not in another one, where they are few, and residents who are not in the group."""
    own = places["target_groups", "n_persons"]
    at = pd.Series(np.arange(len(groups)), index=groups["target_group"]).reindex(overlap["target_group"])
    known = at.notna().to_numpy()
    whole, part = at[known].to_numpy(dtype=np.int64), np.flatnonzero(known)
    rest = groups["n_persons"].to_numpy(dtype=float)[whole] - overlap["n_persons"].to_numpy(dtype=float)[part]
    few = (rest > 0) & (rest <= made.protected)
    outside = made.never_shown(rest[few], PERSONS, _largest(made, groups["residents"].to_numpy(dtype=float)))
    lines = [(own[whole[few]], 1.0), (places["group_overlap", "n_persons"][part[few]], -1.0), (outside, -1.0)]
    _lines(made, np.arange(int(few.sum())), lines)
    _lines(made, np.arange(len(groups)), [(places["target_groups", "residents"], 1.0), (own, -1.0)], at_least=True)
