"""Contacts of persons by quarter: counts by service and kind, services, units, levels, continuity and their cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from ennakointi.features.reading import Reading
from ennakointi.features.windows import Cells, Ints, counted, distinct, squared, summed
from ennakointi.panel.reductions import attended, with_client
from ennakointi.parameters.documents import Service
from ennakointi.parameters.feature_documents import ALL, CountedContacts
from ennakointi.rules.feature_conditions import WINDOWS
from ennakointi.schema import MODES, TABLES

QUARTERS = {months: months // 3 for months in WINDOWS}
LEVELS = ("light", "basic", "heavy")  # 1, 2, 3; without contacts 0
SECTORS = ("health", "social")
_SATURDAY, _WEEK, _THURSDAY = 5, 7, 3  # day 0 is a Thursday; weeks begin on Monday

Values = dict[str, NDArray[Any]]
Cents = dict[str, Ints]


def values(reading: Reading) -> tuple[Values, Cents]:
    """(n, P) what the contacts tell of the told quarters, and by service (Q, P) their cost in cents.

    The cost of a contact is the recorded one, or the unit cost of its service where none is recorded.
    """
    rows = reading.arrays(_by_service(reading))
    services = reading.store.codes("contacts", "service")
    used = _service_cells(rows, len(services), reading)
    kinds = _kinds(rows, used, services, reading)
    found: Values = {}
    for months, width in QUARTERS.items():
        for name, cells in kinds.items():
            found[f"{name}_{months}m"] = reading.told(summed(cells, width))
        n_services = sum((summed(cells, width) > 0).astype(np.int16) for cells in used)
        found[f"services_{months}m"] = reading.told(np.broadcast_to(n_services, reading.shape))
    for months in (3, 12):
        found[f"level_{months}m"] = _level(found, months)
    for kind in ("remote", "urgent"):
        found[f"{kind}_share_12m"] = _share(found[f"{ALL}_{kind}_12m"], found[f"{ALL}_12m"])
    units = _different(reading, "unit")
    for months, width in QUARTERS.items():
        found[f"units_{months}m"] = reading.told(distinct(*units, width, reading.shape))
    found["continuity_24m"] = _continuity(reading)
    return found, _cents(rows, services, reading)


def _attended(reading: Reading) -> nw.LazyFrame[Any]:
    return reading.events("contacts").filter(attended() & with_client())


def _by_service(reading: Reading) -> nw.LazyFrame[Any]:
    """person, quarter, service, n, remote, urgent, cents, without (cost), and each count of features.yml."""
    settings = reading.parameters
    remote = [MODES.index(mode) for mode in settings.panel.remote_modes]
    urgent = TABLES["contacts"]["urgency"].codes.index("urgent")
    flags = {
        "n": nw.lit(1),
        "remote": nw.col("mode").is_in(remote).cast(nw.Int32),
        "urgent": (nw.col("urgency").fill_null(urgent + 1) == urgent).cast(nw.Int32),
        "cents": ((nw.col("cost_eur").fill_null(0.0) * 100 + 0.5).floor()).cast(nw.Int64),
        "without": nw.col("cost_eur").is_null().cast(nw.Int32),
        **{f"count_{name}": _is(kind, reading).cast(nw.Int32) for name, kind in settings.features.counts.items()},
    }
    rows = _attended(reading).select("person", "quarter", "service", **flags)
    sums = [nw.col(name).sum().cast(nw.Int64) for name in flags]
    return rows.group_by("person", "quarter", "service").agg(*sums)


def _is(kind: CountedContacts, reading: Reading) -> nw.Expr:
    """Whether a contact is of a kind; what is not recorded is of none."""
    held = nw.lit(True)
    for column, wanted in kind.where.items():
        held = held & nw.col(column).is_in(reading.codes("contacts", column, wanted)).fill_null(False)
    if kind.sector is not None:
        inside = tuple(code for code, one in reading.parameters.services.items() if one.sector in kind.sector)
        held = held & nw.col("service").is_in(reading.codes("contacts", "service", inside))
    if kind.outside_hours is not None:
        begin, end = (60 * hour for hour in kind.outside_hours)
        minute = nw.col("started_minute").fill_null(begin)
        weekend = (nw.col("started_day") + _THURSDAY) % _WEEK >= _SATURDAY
        held = held & (weekend | (minute < begin) | (minute >= end))
    return held


def _service_cells(rows: Any, n_services: int, reading: Reading) -> list[Cells]:
    """(Q, P) contacts of each service."""
    found = np.zeros((n_services, *reading.shape), np.int32)
    found[rows["service"].astype(np.int64), rows["quarter"], rows["person"]] = rows["n"]
    return list(found)


def _kinds(rows: Any, used: Sequence[Cells], services: Sequence[str], reading: Reading) -> dict[str, Cells]:
    """(Q, P) contacts of every kind that is counted, and no-shows."""
    known = reading.parameters.services
    none = np.zeros(reading.shape, np.int32)

    def together(held: dict[str, bool]) -> Cells:
        return sum((cells for code, cells in zip(services, used) if held.get(code)), start=none)

    found = {ALL: together(dict.fromkeys(services, True))}
    place = dict(zip(services, used))
    found |= {f"{ALL}_{code}": place.get(code, none) for code in known}
    found |= {f"{ALL}_{s}": together({code: one.sector == s for code, one in known.items()}) for s in SECTORS}
    found |= {f"{ALL}_{level}": together({code: one.level == level for code, one in known.items()}) for level in LEVELS}
    names = {"remote": "remote", "urgent": "urgent"}
    names |= {name: f"count_{name}" for name in reading.parameters.features.counts}
    for name, column in names.items():
        found[f"{ALL}_{name}"] = counted(rows["person"], rows["quarter"], reading.shape, rows[column]).astype(np.int32)
    missed = TABLES["contacts"]["attendance"].codes.index("no_show")
    shown = reading.events("contacts").filter(nw.col("attendance") == missed).select("person", "quarter")
    no_show = reading.arrays(shown)
    found["no_shows"] = counted(no_show["person"], no_show["quarter"], reading.shape).astype(np.int32)
    return found


def _level(found: Values, months: int) -> NDArray[Any]:
    """The heaviest level of the services used: 1 light, 2 basic, 3 heavy, 0 without contacts."""
    held = [(found[f"{ALL}_{level}_{months}m"] > 0) * np.int8(place) for place, level in enumerate(LEVELS, start=1)]
    return np.max(held, axis=0)


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float32]:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan, np.float32), where=whole > 0, dtype=np.float32)


def _different(reading: Reading, column: str) -> tuple[Ints, Ints, Ints]:
    """Person, place of the code and quarter of contacts whose code is known, each once."""
    known = _attended(reading).filter(~nw.col(column).is_null())
    rows = reading.arrays(known.select("person", "quarter", column).unique())
    return rows["person"], rows[column].astype(np.int64), rows["quarter"].astype(np.int64)


def _continuity(reading: Reading) -> NDArray[np.float32]:
    """Bice and Boxerman's index of continuity over 24 months; NaN with fewer than two contacts of known professionals.

    With n_j contacts with professional j and N in all, (Σ n_j² − N) / (N (N − 1)): 1 = always the same professional.
    Bice TW, Boxerman SB 1977, Med Care 15:347–349, doi 10.1097/00005650-197704000-00010.
    """
    known = _attended(reading).filter(~nw.col("professional_id").is_null())
    rows = reading.arrays(
        known.group_by("person", "professional_id", "quarter").agg(nw.len().cast(nw.Int64).alias("n"))
    )
    person, quarter, n = rows["person"], rows["quarter"].astype(np.int64), rows["n"]
    who = rows["professional_id"].astype(np.int64)
    total = summed(counted(person, quarter, reading.shape, n).astype(np.int64), QUARTERS[24])
    squares = squared(person, who, quarter, n, QUARTERS[24], reading.shape)
    index = _share(squares - total, total * (total - 1))
    return reading.told(index)


def _cents(rows: Any, services: Sequence[str], reading: Reading) -> Cents:
    unit = np.array([_unit_cents(reading.parameters.services[code]) for code in services], dtype=np.int64)
    service = rows["service"].astype(np.int64)
    found = np.zeros((len(services), *reading.shape), np.int64)
    found[service, rows["quarter"], rows["person"]] = rows["cents"] + rows["without"] * unit[service]
    return dict(zip(services, found))


def _unit_cents(service: Service) -> int:
    return round(100 * service.unit_cost_eur * service.care_units_per_contact)
