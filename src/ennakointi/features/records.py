"""What the tables beside the contacts tell by quarter: stays, medicines, requests, referrals, plans, conditions,
statuses and target groups."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ennakointi.features.contacts import QUARTERS, Cents
from ennakointi.features.reading import EARLIER, OPEN, Reading
from ennakointi.features.windows import Ints, counted, distinct, stretches, summed
from ennakointi.groups import GroupIndex
from ennakointi.parameters.feature_documents import STATUS_WINDOWS
from ennakointi.periods import day_number
from ennakointi.rules.evaluation import matching_codes
from ennakointi.rules.words import COUNTY
from ennakointi.schema import TABLES
from ennakointi.store.layout import BUCKETS

Values = dict[str, NDArray[Any]]
_SOURCES = {"diagnoses": ("code", "system"), "contacts": ("diagnosis", "diagnosis_system")}


def over_windows(name: str, cells: NDArray[Any], reading: Reading) -> Values:
    """(n, P) sums of the cells over each window."""
    return {f"{name}_{months}m": reading.told(summed(cells, width)) for months, width in QUARTERS.items()}


def euros(name: str, cents: Ints, reading: Reading) -> Values:
    """(n, P) euros over each window from the cents of the cells."""
    return {window: sums / 100 for window, sums in over_windows(name, cents, reading).items()}


def stays(reading: Reading) -> tuple[Values, Cents]:
    """Stays that began and bed days of health services; and (Q, P) cents of the services whose care stands in stays
    alone: recorded, spread over the days so far, or the unit cost of a care day.

    A bed day is a day from admission to the day before discharge, at least one; an open stay lasts.
    """
    fills = [nw.col("discharged_day").fill_null(OPEN), nw.col("cost_eur").fill_null(np.nan)]
    rows = reading.arrays(reading.frame("stays").select("person", "admitted_day", "service", *fills))
    services, known = reading.store.codes("stays", "service"), reading.parameters.services
    person, service = rows["person"], rows["service"].astype(np.int64)
    begin, end = (rows[name].astype(np.int64) for name in ("admitted_day", "discharged_day"))
    end = np.maximum(end, begin + 1)
    health = np.array([known[code].sector == "health" for code in services], bool)[service]
    began = counted(person[health], reading.span.place(begin[health]), reading.shape)
    days = _days(person, begin, end, health.astype(float), reading)
    found = over_windows("stays", began.astype(np.int32), reading)
    found |= over_windows("bed_days", days.astype(np.int32), reading)
    so_far = np.maximum(np.minimum(end, day_number(reading.store.as_of) + 1) - begin, 1)
    unit = np.array([known[code].unit_cost_eur for code in services], float)[service]
    daily = 100 * np.where(np.isnan(rows["cost_eur"]), unit, rows["cost_eur"] / so_far)
    cents = {
        code: _days(person, begin, end, daily * (service == services.index(code)), reading)
        for code in reading.only_stays
    }
    return found, {code: np.rint(cells).astype(np.int64) for code, cells in cents.items()}


def _days(person: Ints, begin: Ints, end: Ints, value: NDArray[Any], reading: Reading) -> NDArray[np.float64]:
    """(Q, P) days of each cell from `begin` to the day before `end`, each times its value."""
    edges = reading.span.edges
    found = np.zeros(reading.shape)
    for place, (first, after) in enumerate(pairwise(edges)):
        inside = np.flatnonzero((begin < after) & (end > first) & (value != 0))
        days = np.minimum(end[inside], after) - np.maximum(begin[inside], first)
        found[place] = np.bincount(person[inside], weights=days * value[inside], minlength=reading.n_persons)
    return found


def medicines(reading: Reading) -> Values:
    """Different medicines (ATC codes) and the euros of the dispensings."""
    cents = ((nw.col("cost_eur").fill_null(0.0) * 100 + 0.5).floor()).cast(nw.Int64)
    rows = reading.events("medicines").select("person", "quarter", "atc", cents=cents)
    summed_up = rows.group_by("person", "quarter", "atc").agg(nw.col("cents").sum().cast(nw.Int64))
    found = reading.arrays(summed_up)
    keys = (found["person"], found["atc"].astype(np.int64), found["quarter"].astype(np.int64))
    told = {f"medicines_{m}m": reading.told(distinct(*keys, width, reading.shape)) for m, width in QUARTERS.items()}
    paid = counted(keys[0], keys[2], reading.shape, found["cents"]).astype(np.int64)
    return told | euros("medicine_cost_eur", paid, reading)


def requests(reading: Reading) -> Values:
    """Approaches to the front line: all, sent elsewhere, and those that ended with nothing or are open."""
    codes = TABLES["requests"]["outcome"].codes
    kinds = {"requests": codes, "requests_redirected": ("redirected",), "requests_unsolved": ("abandoned", "open")}
    outcome = nw.col("outcome").cast(nw.Int32).fill_null(-1)
    rows = reading.arrays(reading.events("requests").select("person", "quarter", outcome=outcome))
    found: Values = {}
    for name, accepted in kinds.items():
        wanted = [codes.index(code) for code in accepted]
        held = np.ones(len(rows["person"]), bool) if name == "requests" else np.isin(rows["outcome"], wanted)
        cells = counted(rows["person"][held], rows["quarter"][held], reading.shape)
        found |= over_windows(name, cells.astype(np.int32), reading)
    return found


def referrals(reading: Reading, resident: NDArray[np.bool_]) -> Values:
    """Referrals that wait at the quarter's end and the days of the longest wait; who has left or died does not wait.

    A referral waits when it was received by then and care has neither begun nor the referral been closed.
    """
    exits = [nw.col(column).fill_null(OPEN) for column in ("started_day", "closed_day")]
    waits = reading.frame("referrals").select("person", "received_day", exit_day=nw.min_horizontal(*exits))
    rows = reading.arrays(waits)
    received = rows["received_day"].astype(np.int64)
    first = np.maximum(reading.span.place(received), EARLIER)
    last = np.minimum(reading.span.place(rows["exit_day"]) - 1, reading.span.n_cells - 1)
    waiting = reading.told(stretches(rows["person"], first, last, reading.shape)) * resident
    n = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(n)), n)
    quarter = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(n) - n, n) - EARLIER
    longest = np.zeros(waiting.shape, np.int32)
    np.maximum.at(longest, (quarter, rows["person"][row]), reading.span.ends[quarter] - received[row])
    return {"waiting": waiting, "waiting_days": longest * resident}


def plans(reading: Reading) -> Values:
    """Whether a multi-professional plan was made in the last 24 months."""
    rows = reading.arrays(reading.events("plans").select("person", "quarter"))
    cells = counted(rows["person"], rows["quarter"], reading.shape).astype(np.int32)
    return {"plan_24m": reading.told(summed(cells, QUARTERS[24])) > 0}


def conditions(reading: Reading) -> Values:
    """Conditions recorded in their look-back, and how many chronic ones; from the diagnoses and the contacts' own."""
    settings = reading.parameters.features
    parts = {table: _diagnoses(reading, table, *columns) for table, columns in _SOURCES.items()}
    found: Values = {}
    for name, group in settings.conditions.items():
        width = (group.within_months or 12 * 200) // 3
        seen = [_of_concept(reading, table, rows, name) for table, rows in parts.items()]
        person, quarter = (np.concatenate(columns) for columns in zip(*seen))
        held = stretches(person, quarter, quarter + width - 1, reading.shape)
        found[f"condition_{name}"] = reading.told(held) > 0
    told = (reading.span.n, reading.n_persons)
    chronic = [found[f"condition_{name}"] for name in settings.chronic]
    found["conditions"] = np.sum([np.zeros(told), *chronic], axis=0).astype(np.int16)
    return found


def _diagnoses(reading: Reading, table: str, code: str, system: str) -> Any:
    """person, quarter and pair (of code and system): each once, from the longest look-back on."""
    longest = [group.within_months for group in reading.parameters.features.conditions.values()]
    since = 0 if None in longest else reading.span.first - max(months or 0 for months in longest) // 3
    known = reading.events(table, since).filter(~nw.col(code).is_null(), ~nw.col(system).is_null())
    rows = reading.arrays(known.select("person", "quarter", code=code, system=system).unique())
    pair = rows["code"].astype(np.int64) * len(reading.store.codes(table, system)) + rows["system"]
    return {"person": rows["person"], "quarter": rows["quarter"].astype(np.int64), "pair": pair}


def _of_concept(reading: Reading, table: str, rows: Any, concept: str) -> tuple[Ints, Ints]:
    """Persons and quarters in which a code of the concept was recorded."""
    columns = _SOURCES[table]
    codes, systems = (reading.store.codes(table, column) for column in columns)
    held = np.zeros((len(codes), len(systems)), bool)
    for system in set(systems) & {"icd10", "icpc2"}:
        wanted = set(matching_codes(codes, reading.parameters.codes[concept].codes(system)))
        held[:, systems.index(system)] = [code in wanted for code in codes]
    kept = np.flatnonzero(np.take(held, rows["pair"]))
    return rows["person"][kept], rows["quarter"][kept]


def statuses(reading: Reading, controllers: frozenset[str]) -> Values:
    """States on the quarter's last day and on any day of the windows, from the registers that may be used."""
    place = TABLES["statuses"]["controller"].codes
    register = nw.col("controller").cast(nw.Int32).fill_null(place.index(COUNTY))
    allowed = register.is_in([place.index(code) for code in sorted(controllers)])
    days = (nw.col("start_day"), nw.col("end_day").fill_null(OPEN))
    rows = reading.arrays(reading.frame("statuses").filter(allowed).select("person", "status", *days))
    begin = reading.span.place(rows["start_day"].astype(np.int64))
    until = rows["end_day"].astype(np.int64)
    within, at_end = reading.span.place(until), reading.span.place(until + 1) - 1
    found: Values = {}
    for code in reading.parameters.features.statuses:
        held = np.isin(rows["status"], reading.codes("statuses", "status", (code,)))
        who, start = rows["person"][held], begin[held]
        found[f"status_{code}"] = reading.told(stretches(who, start, at_end[held], reading.shape)) > 0
        cells = stretches(who, start, within[held], reading.shape)
        for months in STATUS_WINDOWS:
            found[f"status_{code}_{months}m"] = reading.told(summed(cells, QUARTERS[months])) > 0
    return found


def groups(reading: Reading, index: GroupIndex) -> Values:
    """Members of the target groups in the quarter's last month."""
    file: Path = index.file(reading.bucket)
    runs = pq.read_table(file)
    rows = {name: runs[name].to_numpy().astype(np.int64) for name in runs.column_names}
    person = rows["person"] // BUCKETS
    first = rows["from_month"] // 3 - reading.span.start
    last = (rows["to_month"] - 2) // 3 - reading.span.start
    found: Values = {}
    for place, name in enumerate(index.ids):
        held = rows["group"] == place
        found[f"group_{name}"] = reading.told(stretches(person[held], first[held], last[held], reading.shape)) > 0
    return found
