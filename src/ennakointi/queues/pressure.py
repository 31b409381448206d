"""The pressure on every queue of a target group: load, targets, growth, and how well it is foreseen."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from ennakointi.queues import comparison, compartments, formulas, growth, service_queue
from ennakointi.queues.formulas import Floats
from ennakointi.queues.service_queue import WEEKS_PER_MONTH, ServiceQueue
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.panel import Panel
    from ennakointi.parameters.debt_documents import QueueSettings
    from ennakointi.parameters.documents import Service

YEAR, NEEDED_MONTHS, LONGEST_MONTHS = 12, 24, 36
NEEDED_REFERRALS = 20  # a year

NO_QUEUE = N_("The register holds no queue of this service.")
NO_AREA = N_("The register holds no area that stays comparable through the last {months} months.")
SHORT = N_("The queue is known for {months} months; at least {needed} are needed.")
FEW = N_("There are fewer than {needed} referrals a year.")
NO_CARE = N_("No care that somebody waited for began in the last 12 months.")
NO_STEADY_STATE = N_(
    "At least as many referrals that stay for care came as treatments began: at this capacity the queue has no steady "
    "level, and no target is given."
)
BALANCED = N_(
    "Referrals that stay for care and treatments balance within chance. The load is not below one, so no target is "
    "given."
)
PART = N_("Only areas that the register holds all the time: {covered_share} of residents.")


def table(panel: Panel, services: Mapping[str, Service], settings: QueueSettings, seed: int) -> pd.DataFrame:
    """The result table `queue_pressure`: a row for each service of the group; empty where the source has no referrals.

    Rates are of the last 12 months of the panel, in the area that the register held through the last 24. A service
    without referrals, with a shorter history or with fewer than 20 referrals a year is refused. Those who leave without
    care need no treatment: load and capacities are of the others, the target queue of everybody.
    """
    columns = list(RESULT_TABLES["queue_pressure"].names)
    if panel.queue_flows.empty:
        return pd.DataFrame(columns=columns)
    queued = set(panel.queue_flows["service"].unique())
    names = [*panel.services, *sorted(queued - set(panel.services))]
    found = [{"service": name, **_row(panel, services[name], name, settings, seed)} for name in names]
    return pd.DataFrame(found).assign(target_group=panel.target_group).reindex(columns=columns)


def structural(
    panel: Panel,
    service: str,
    month: int,
    settings: QueueSettings,
    care_guarantee: str | None = None,
    municipalities: Collection[str] | None = None,
) -> float:
    """Referrals that waited at the month's end beyond the queue that the limit allows, D·T/f; never below zero.

    Before the disruption this is the structural debt. D are the referrals of the 12 months to `month`. NaN where there
    are none, or where the group is not known through these months.

    Parameters
    ----------
    municipalities : by default those that the register holds through the 12 months
    """
    first = month - YEAR + 1
    if first < max(panel.available_from, panel.first_month) or month > panel.last_month:
        return float("nan")
    queue = service_queue.read(panel, service, first, month, municipalities)
    if queue is None or not queue.received.any():
        return float("nan")
    demand = float(queue.received.sum()) / YEAR / WEEKS_PER_MONTH
    factor = formulas.factor_from_share(settings.share_within)
    return max(0.0, float(queue.size[-1]) - formulas.target_queue(demand, settings.limit(care_guarantee), factor))


def dispersion(counts: Floats) -> float:
    """cv² of the times between events, from 24 monthly counts (24,): variance over mean of the counts.

    For a renewal process the two have the same limit in long periods. The variance is half that of the differences
    from the same month a year earlier, about their mean: season and growth are no variation of the times. 12
    differences tell it to about ± 40 %.
    """
    change = counts[-YEAR:] - counts[-2 * YEAR : -YEAR]
    mean = float(counts[-2 * YEAR :].mean())
    return float(change.var(ddof=1)) / 2 / mean if mean > 0 else 0.0


def _row(panel: Panel, service: Service, name: str, settings: QueueSettings, seed: int) -> dict[str, Any]:
    """One service: measured, or refused with the reason."""
    if not (panel.queue_flows["service"] == name).any():
        return _refused(NO_QUEUE)
    known = panel.last_month - max(panel.available_from, panel.first_month)
    if known < NEEDED_MONTHS:
        return _refused(SHORT, months=known, needed=NEEDED_MONTHS)
    if not panel.areas(name, panel.last_month - NEEDED_MONTHS, panel.last_month):
        return _refused(NO_AREA, months=NEEDED_MONTHS)
    queue = _history(panel, name, known)
    if queue is None or queue.received[-YEAR:].sum() < NEEDED_REFERRALS:
        return _refused(FEW, needed=NEEDED_REFERRALS)
    if not queue.started[-YEAR:].any():
        return _refused(NO_CARE)
    limit = settings.limit(service.care_guarantee)
    number = zlib.crc32(f"{seed}/{panel.target_group}/{name}".encode())
    return {"status": "measured", **_measured(queue, settings, limit, number, _share(panel, queue))}


def _refused(reason: str, **slots: int) -> dict[str, Any]:
    return {"status": "refused", "reason": message_json(reason, slots)}


def _history(panel: Panel, name: str, known: int) -> ServiceQueue | None:
    """The last 24 months and the stock before them; 36 where the register then holds the same area."""
    last, short, long = panel.last_month, panel.last_month - NEEDED_MONTHS, panel.last_month - LONGEST_MONTHS
    area = panel.areas(name, short, last)
    longer = known >= LONGEST_MONTHS and panel.areas(name, long, last) == area
    return service_queue.read(panel, name, long if longer else short, last, area)


def _measured(queue: ServiceQueue, settings: QueueSettings, limit: float, seed: int, share: float) -> dict[str, Any]:
    year, wait, change = queue.last(YEAR), float(queue.mean_wait_weeks[-1]), growth.of(queue.size)
    flows = {"received": year.received, "started": year.started, "left": year.left}
    of_year, weeks = {name: float(flow.sum()) for name, flow in flows.items()}, YEAR * WEEKS_PER_MONTH
    received, started, left = (count / weeks for count in of_year.values())
    cv2 = dispersion(queue.received), dispersion(queue.started.sum(axis=1))
    goal = formulas.targets(
        received,
        started,
        float(queue.size[-1]),
        leaving=left,
        limit=limit,
        factor=formulas.factor_from_share(settings.share_within),
        weeks=settings.relief_weeks,
        cv2_arrivals=cv2[0],
        cv2_treatments=cv2[1],
    )
    return {
        **_foreseen(queue, cv2, seed),
        "reason": _left_out(goal.steady, change.verdict == "growing", share),
        "waiting": queue.size[-1],
        **of_year,
        "staying": of_year["received"] - of_year["left"],
        "weeks": weeks,
        "received_per_week": received,
        "started_per_week": started,
        "left_per_week": left,
        "load": goal.load,
        "mean_wait_weeks": wait,
        "limit_weeks": limit,
        "target_queue": goal.queue,
        "relief_capacity": goal.relief_capacity,
        "target_capacity": goal.capacity,
        "pressure": formulas.pressure(wait, limit),
        "growth_per_month": change.per_month,
        "growth_lo95": change.interval[0],
        "growth_hi95": change.interval[1],
        "growing": change.verdict,
        "n_persons": queue.persons,
    }


def _foreseen(queue: ServiceQueue, cv2: tuple[float, float], seed: int) -> dict[str, Any]:
    """How well the queue is foreseen: the projection's backtest, and the three ways against each other."""
    tested, compared = compartments.backtest(queue), comparison.compare(queue, *cv2, seed)
    return {
        "backtest_error_6": tested.error_6,
        "backtest_error_12": tested.error_12,
        "disagreement": compared.difference,
        "disagreement_reason": message_json(compared.reason, {}) if compared.reason else "",
    }


def _left_out(steady: bool, growing: bool, share: float) -> str:
    if not steady:
        return message_json(NO_STEADY_STATE if growing else BALANCED, {})
    return message_json(PART, {"covered_share": share}) if share < 1 else ""


def _share(panel: Panel, queue: ServiceQueue) -> float:
    """Share of the group's last 12 months of person-time that lies in the queue's area."""
    time = panel.person_time[panel.person_time["month"] > panel.last_month - YEAR]
    inside = time["municipality"].isin(queue.municipalities)
    return float(time.loc[inside, "member_py"].sum() / time["member_py"].sum())
