"""Early identification: of those to whom a need came, how many the right services knew before, and for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.need.cases import GROUP, MONTHS_IN_QUARTER, Followed, Register, later
from ennakointi.need.demand import ALL, Bools, Floats
from ennakointi.panel.reductions import attended, with_client
from ennakointi.parameters.need_documents import NeedOutcome
from ennakointi.periods import Quarter, day_number
from ennakointi.rules import feature_conditions as conditions
from ennakointi.store import Store

LOOK_BACK_DAYS = 730  # 24 months


def identified(register: Register, outcome: NeedOutcome, followed: Followed, months: int) -> pd.DataFrame:
    """Table `early_identification` of an outcome and horizon, without their columns.

    A service knew the person who had attended a contact with it in the 24 months up to the day of prediction. Services
    of which the data hold no contact of anyone are left out.
    """
    delivered = _delivered(register.opened)
    services = [service for service in outcome.right_services if service in delivered]
    person = followed.at_risk.person[followed.event]
    start = day_number(followed.at_risk.quarter.end)
    first_day = first_contacts(register.opened, person, services, start - LOOK_BACK_DAYS + 1, start)
    told = followed.at_risk.told.loc[followed.event]
    groups = {
        str(name).removeprefix(GROUP): told[name].fillna(False).to_numpy(bool)
        for name in told.columns
        if str(name).startswith(GROUP)
    }
    made = rows(need_days(register, outcome, followed, months), first_day, services, groups)
    return made.assign(known_of_at_risk=_known_of_all(register, followed, services, made))


def _known_of_all(register: Register, followed: Followed, services: Sequence[str], made: pd.DataFrame) -> Floats:
    """For each row, the share of all at risk in its group whom its service knew on the day of prediction: what the
    share of those with the need is to be compared with."""
    columns = {f"contacts_{service}_24m": service for service in services}
    held = [name for name in columns if name in register.features.columns]
    frame = register.features.read(str(followed.at_risk.quarter), ["person", *held]).set_index("person")
    seen = frame.reindex(followed.at_risk.person).gt(0).rename(columns=columns)
    seen[ALL] = seen.any(axis=1)
    told = followed.at_risk.told
    shares = []
    for group, service in made[["target_group", "service"]].itertuples(index=False):
        members = np.ones(len(told), bool) if group == ALL else told[GROUP + group].fillna(False).to_numpy(bool)
        shares.append(float(seen[service].to_numpy(bool)[members].mean()) if service in seen else np.nan)
    return np.asarray(shares, dtype=float)


def _delivered(opened: Store) -> set[str]:
    """Services with contacts."""
    codes = opened.codes("contacts", "service")
    found = opened.frame("contacts").select("service").unique().collect("pandas").to_native()
    return {codes[int(place)] for place in found["service"].dropna()}


def need_days(register: Register, outcome: NeedOutcome, followed: Followed, months: int) -> Floats:
    """(k,) day number on which the need came to each of the k persons with it: the middle of its quarter.

    Witness: a quarter of the days 91–180 after the day of prediction → 135.
    """
    place = need_quarters(register, outcome, followed, months)
    ahead = range(0, months + 1, MONTHS_IN_QUARTER)
    ends = np.array([day_number(later(followed.at_risk.quarter, n).end) for n in ahead], dtype=float)
    return np.asarray((ends[place] + ends[place + 1]) / 2, dtype=float)


def need_quarters(register: Register, outcome: NeedOutcome, followed: Followed, months: int) -> NDArray[np.int64]:
    """(k,) quarter of the horizon, from 0, in which the need came to each of the k persons with it.

    The first at whose end the event holds: features tell no closer. For those for whom it held on the day of
    prediction already, from what was before, it must hold of the quarter itself. The last quarter when no earlier one
    shows it.
    """
    person = followed.at_risk.person[followed.event]
    quarters = [later(followed.at_risk.quarter, ahead) for ahead in range(0, months + 1, MONTHS_IN_QUARTER)]
    holds = np.zeros((len(person), len(quarters) - 1), bool)
    holds[:, -1] = True
    if len(quarters) > 2:
        before, _ = _held(register, outcome, quarters[0], months, person)
        for place, quarter in enumerate(quarters[1:-1]):
            so_far, within = _held(register, outcome, quarter, months, person)
            holds[:, place] = so_far & (within | ~before)
    return np.argmax(holds, axis=1)


def _held(
    register: Register, outcome: NeedOutcome, quarter: Quarter, months: int, person: NDArray[np.int32]
) -> tuple[Bools, Bools]:
    """Whether the event holds at a quarter's end of the months of a horizon, and of the quarter alone; (k,) each."""
    spans = [conditions.over(outcome.event, span) for span in (months, MONTHS_IN_QUARTER)]  # type: ignore[arg-type]
    columns = sorted({"person", "state"}.union(*(conditions.features(event) for event in spans)))
    frame = register.features.read(str(quarter), columns)
    came = [pd.Series(conditions.evaluate(event, frame), index=frame["person"]) for event in spans]
    of_horizon, of_quarter = (one.reindex(person, fill_value=False).to_numpy(bool) for one in came)
    return of_horizon, of_quarter


def first_contacts(opened: Store, person: NDArray[np.int32], services: Sequence[str], since: int, until: int) -> Floats:
    """(n, S) day number of the first attended contact with the client from `since` to `until`; NaN: none."""
    first = np.full((len(person), len(services)), np.nan)
    if not first.size:
        return first
    codes = [opened.codes("contacts", "service").index(service) for service in services]
    seen = opened.frame("contacts").filter(attended() & with_client() & nw.col("service").is_in(codes))
    within = seen.filter((nw.col("day") >= since) & (nw.col("day") <= until))
    earliest = within.group_by("person", "service").agg(first=nw.col("day").min()).collect("pandas").to_native()
    found = pd.DataFrame(earliest)
    row = pd.Index(person).get_indexer(pd.Index(found["person"]))
    column = pd.Index(codes).get_indexer(pd.Index(found["service"]))
    first[row[row >= 0], column[row >= 0]] = found["first"].to_numpy(float)[row >= 0]
    return first


def rows(need_day: Floats, first_day: Floats, services: Sequence[str], groups: Mapping[str, Bools]) -> pd.DataFrame:
    """Table `early_identification` of one outcome and horizon, without their columns.

    Parameters
    ----------
    need_day : (k,) of those to whom the need came
    first_day : (k, S) of the first contact with each of the services before the day of prediction; NaN: not known
    groups : target group → (k,) whether the person belongs to it

    Returns
    -------
    target_group, service (`all`: any of them), known, known_share, lead_days (median of those known), with_need,
    n_persons (those known or those not, whichever are fewer; everyone when there are only the one)
    """
    made = []
    cells = {ALL: np.ones(len(need_day), bool)} | {name: member for name, member in groups.items() if name != ALL}
    earliest = np.where(np.isnan(first_day), np.inf, first_day)
    columns = {ALL: earliest.min(axis=1)} if services else {}
    columns |= {service: earliest[:, place] for place, service in enumerate(services)}
    for group, member in cells.items():
        for service, day in columns.items():
            if not member.any():
                continue
            lead = need_day[member] - day[member]
            known, total = int(np.isfinite(lead).sum()), int(member.sum())
            fewer = min(known, total - known) or total
            median = float(np.median(lead[np.isfinite(lead)])) if known else np.nan
            row = {"target_group": group, "service": service, "known": known, "known_share": known / total}
            made.append(row | {"lead_days": median, "with_need": total, "n_persons": fewer})
    wanted = ["target_group", "service", "known", "known_share", "lead_days", "with_need", "n_persons"]
    return pd.DataFrame(made, columns=wanted)
