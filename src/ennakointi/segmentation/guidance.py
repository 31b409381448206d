"""Whether clients find the right place: how approaches are answered, whether they come again, and who has a plan.

An *approach* is a request for care, or a contact of a first-line service that no request led to: attended, with the
client, and neither booked by staff nor planned, preventive or for a certificate. Where the register does not tell who
booked a contact and what it is, follow-up visits count as approaches too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.panel.reductions import attended, with_client
from ennakointi.periods import Quarter, day_number
from ennakointi.schema import TABLES
from ennakointi.segmentation.transitions import ALL, tidy
from ennakointi.store.layout import BUCKETS
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.parameters.movement_documents import MovementSettings
    from ennakointi.store import Store

ANSWERED, REDIRECTED, SOLVED = "answered_same_day", "redirected", "solved_at_once"
REPEAT = {"repeat_7": 7, "repeat_30": 30}  # days
RIGHT_PLACE, PLAN = "right_place", "plan"
APART_DAYS = 30  # an approach is the first when nothing came before it in these days
NONE = -1  # a code, a day or a reference that is not there

_OUTCOME = {code: place for place, code in enumerate(TABLES["requests"]["outcome"].codes)}
_AGREED = {"nature": ("preventive", "planned", "certificate"), "booked_via": ("staff",)}  # contacts, no approaches
_KEYS = ["indicator", "service", "quarter"]
_SUMS = ["part", "whole", "having", "lacking", "persons"]
_NO_REQUESTS = N_("The register holds no requests for care.")
_NO_ANSWERS = N_("The requests do not tell when they were answered.")
_NO_OUTCOMES = N_("The requests do not tell what came of them.")
_NO_PLANS = N_("The register does not tell which multi-service clients have a plan.")

Event = tuple[str, pd.DataFrame, "pd.Series[bool]"]  # an indicator, the approaches it could hold for, and does it


def table(
    opened: Store, quarters: Sequence[Quarter], settings: MovementSettings, plans: Mapping[str, pd.DataFrame] | None
) -> tuple[pd.DataFrame, dict[str, str]]:
    """`guidance`, and by indicator the reason why it is missing, as message JSON.

    `answered_same_day`: of requests, those answered or called back on their day. `redirected`, `solved_at_once`: of
    requests whose outcome is known and not open. `repeat_7`, `repeat_30`: of first approaches (none to the same service
    in the 30 days before), those with another approach to the same service within 7 or 30 days, the same day included.
    `right_place`: of first approaches (none to any service in the 30 days before) that were dealt with, those that were
    not redirected and have no further approach to any service within 30 days. `plan`: of multi-service clients, those
    with a plan. First approaches whose days have not passed by the as-of date are left out, and so are requests that
    led to a contact but do not tell to which.

    A request without a person counts in the first three, as a person of its own, since nothing tells who made it; it is
    no approach to come back from. `n_persons` is the fewer of the persons with and without the event, when both are
    there.

    Parameters
    ----------
    plans : by quarter, a row a resident: `multi` (a multi-service client) and `plan` (bool); None: not known
    """
    reasons = _missing(opened, plans)
    services = opened.codes("contacts", "service")
    rows = [_planned(quarter, frame) for quarter, frame in (plans or {}).items() if len(frame)]
    for bucket in range(BUCKETS if quarters else 0):
        asked, approaches = _read(opened, bucket, day_number(quarters[0].previous.end) - APART_DAYS, settings)
        for indicator, chosen, holds in _events(asked, approaches, day_number(opened.as_of)):
            if indicator not in reasons and len(chosen):
                rows += _tally(indicator, chosen, holds, quarters, services)
    told = pd.concat(rows) if rows else pd.DataFrame(columns=[*_KEYS, *_SUMS])
    summed = told.groupby(_KEYS, as_index=False)[_SUMS].sum()
    both = (summed["having"] > 0) & (summed["lacking"] > 0)
    fewest = summed[["having", "lacking"]].min(axis=1).where(both, summed["persons"])
    return tidy(summed.assign(share=summed["part"] / summed["whole"], n_persons=fewest), "guidance"), reasons


def _missing(opened: Store, plans: Mapping[str, pd.DataFrame] | None) -> dict[str, str]:
    """By indicator, why the register cannot tell it."""
    found: dict[str, str] = {} if plans is not None else {PLAN: _NO_PLANS}
    if "requests" not in opened.tables:
        found |= dict.fromkeys((ANSWERED, REDIRECTED, SOLVED, RIGHT_PLACE), _NO_REQUESTS)
    else:
        held = opened.columns("requests")
        found |= {} if held & {"answered_at", "called_back_at"} else {ANSWERED: _NO_ANSWERS}
        found |= {} if "outcome" in held else dict.fromkeys((REDIRECTED, SOLVED, RIGHT_PLACE), _NO_OUTCOMES)
    return {indicator: message_json(message, {}) for indicator, message in found.items()}


def _read(opened: Store, bucket: int, since: int, settings: MovementSettings) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A bucket's requests, and its approaches of persons (both: person, service, day, minute, outcome, traced), since a
    day. `traced`: whether it is known to which contact it led. A request without a person gets a negative one of its
    own."""
    columns = ("person", "service", "day", "requested_minute", "outcome", "contact_id", "answered_day")
    requests = opened.frame("requests", bucket).filter(nw.col("day") >= since)
    asked = _whole(requests, *columns, "called_back_day").rename(columns={"requested_minute": "minute"})
    nobody = asked["person"] == NONE
    asked["person"] = np.where(nobody, NONE - np.arange(len(asked)), asked["person"])
    asked["traced"] = (asked["outcome"] != _OUTCOME["booked"]) | (asked["contact_id"] != NONE)
    contacts = _contacts(opened, bucket, since, settings)
    days = pd.MultiIndex.from_frame(asked[["person", "day"]])
    own = contacts["contact_id"].isin(asked["contact_id"]) | pd.MultiIndex.from_frame(
        contacts[["person", "contacted_day"]]
    ).isin(days)
    approaches = pd.concat([asked[~nobody], contacts[~own].assign(outcome=NONE, traced=True)])
    return asked, approaches[["person", "service", "day", "minute", "outcome", "traced"]]


def _contacts(opened: Store, bucket: int, since: int, settings: MovementSettings) -> pd.DataFrame:
    """Contacts of a bucket that a client may have come to by an approach of the day on which they were asked for."""
    codes = opened.codes("contacts", "service")
    places = [codes.index(service) for service in settings.first_line if service in codes]
    frame = opened.frame("contacts", bucket).filter(
        nw.col("day") >= since, nw.col("service").is_in(places), attended(), with_client()
    )
    for column, agreed in _AGREED.items():
        known = TABLES["contacts"][column].codes
        frame = frame.filter(~nw.col(column).is_in([known.index(code) for code in agreed]).fill_null(False))
    columns = ("person", "service", "day", "started_minute", "contact_id", "contacted_day", "contacted_minute")
    found = _whole(frame, *columns)
    told = found["contacted_day"] != NONE
    found["day"] = found["contacted_day"].where(told, found["day"])
    found["minute"] = found["contacted_minute"].where(told, found["started_minute"])
    return found[found["day"] >= since]


def _events(asked: pd.DataFrame, approaches: pd.DataFrame, as_of: int) -> Iterator[Event]:
    """Every indicator of approaches."""
    same_day = (asked["answered_day"] == asked["day"]) | (asked["called_back_day"] == asked["day"])
    yield ANSWERED, asked, same_day
    known = asked[~asked["outcome"].isin([NONE, _OUTCOME["open"]])]
    yield REDIRECTED, known, known["outcome"] == _OUTCOME["redirected"]
    yield SOLVED, known, known["outcome"] == _OUTCOME["solved"]
    kinds = _spaced(approaches, ["person", "service"])
    for indicator, days in REPEAT.items():
        chosen = kinds[kinds["first"] & kinds["traced"] & (kinds["day"] + days <= as_of)]
        yield indicator, chosen, chosen["until_next"] <= days
    every = _spaced(approaches, ["person"])
    dealt = ~every["outcome"].isin([_OUTCOME["open"], _OUTCOME["abandoned"]])
    chosen = every[every["first"] & every["traced"] & dealt & (every["day"] + APART_DAYS <= as_of)]
    again = chosen["until_next"] <= APART_DAYS
    yield RIGHT_PLACE, chosen, (chosen["outcome"] != _OUTCOME["redirected"]) & ~again


def _spaced(approaches: pd.DataFrame, kind: list[str]) -> pd.DataFrame:
    """Approaches in time with `first` (none of the kind in the days before) and `until_next` (days; infinite: none)."""
    ordered = approaches.sort_values([*kind, "day", "minute"], kind="stable", ignore_index=True)
    day = ordered.groupby(kind)["day"]
    first = ~(day.diff() <= APART_DAYS)
    return ordered.assign(first=first, until_next=-day.diff(-1).fillna(-np.inf))


def _tally(
    indicator: str, chosen: pd.DataFrame, holds: pd.Series[bool], quarters: Sequence[Quarter], services: Sequence[str]
) -> Iterator[pd.DataFrame]:
    """Sums by service, and over all services, and quarter."""
    starts = np.array([day_number(one.previous.end) + 1 for one in quarters])
    ends = np.array([day_number(one.end) for one in quarters])
    day = chosen["day"].to_numpy()
    place = np.searchsorted(starts, day, side="right") - 1
    inside = (place >= 0) & (day <= ends[place])
    named = np.array([*services, ""], dtype=object)[chosen["service"].to_numpy()]  # -1 is the last: no service
    rows = pd.DataFrame(
        {
            "service": named,
            "quarter": np.array(list(map(str, quarters)), dtype=object)[place],
            "person": chosen["person"].to_numpy(),
            "holds": holds.to_numpy(bool),
        }
    )[inside]
    for part in (rows[rows["service"] != ""], rows.assign(service=ALL)):
        yield _summed(part).assign(indicator=indicator)


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    """service, quarter, part, whole (approaches), having, lacking, persons (distinct) from a row an approach."""
    keys = ["service", "quarter"]
    persons = rows.groupby([*keys, "person"], as_index=False)["holds"].agg(["sum", "size"])
    has, lacks = persons["sum"] > 0, persons["sum"] < persons["size"]
    told = persons.assign(part=persons["sum"], whole=persons["size"], having=has, lacking=lacks, persons=1)
    return told.groupby(keys, as_index=False)[_SUMS].sum()


def _planned(quarter: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The row of multi-service clients with a plan."""
    plan = frame.loc[frame["multi"].to_numpy(bool), "plan"].to_numpy(bool)
    sums = (plan.sum(), len(plan), plan.sum(), (~plan).sum(), len(plan))
    return pd.DataFrame([(PLAN, ALL, quarter, *map(int, sums))], columns=[*_KEYS, *_SUMS])


def _whole(frame: nw.LazyFrame, *columns: str) -> pd.DataFrame:
    """Columns as whole numbers, what is not there being -1."""
    chosen = [nw.col(column).cast(nw.Int64).fill_null(NONE) for column in columns]
    return pd.DataFrame(frame.select(*chosen).collect("pandas").to_native()).astype(np.int64)
