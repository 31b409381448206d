"""The table of queue pressure on queues that can be worked by hand, what is refused, and the structural queue."""

from __future__ import annotations

import json
from dataclasses import replace

import county_panel
import numpy as np
import pandas as pd
import pytest
import small_county
from county_panel import AREAS, FIRST, LAST, Planted

from ennakointi.panel import Panel
from ennakointi.periods import month_index
from ennakointi.queues import formulas, growth, pressure
from ennakointi.queues.service_queue import WEEKS_PER_MONTH, read
from ennakointi.result_tables import RESULT_TABLES

SETTINGS = small_county.shipped().debt.queues
SERVICES = small_county.shipped().services
QUEUED = ("oral_health", "physiotherapy", "primary_care")


def flows(
    service: str, received: np.ndarray, months_waited: int, leaving: float = 0.0, area: str = "398"
) -> pd.DataFrame:
    """Everybody waits the same whole months; the share `leaving` of those who then end goes without care."""
    months = np.arange(FIRST, LAST + 1)
    rows = []
    for came, n in zip(months, received, strict=True):
        gone = round(n * leaving)
        for waited in range(months_waited + 1):
            last = waited == months_waited
            rows.append((came + waited, waited, 0 if last else n, (n - gone) * last, gone * last))
    made = pd.DataFrame(rows, columns=["month", "waited", "waiting", "started", "left"])
    return made[made["month"] <= LAST].assign(service=service, municipality=area)


def panel_of(*parts: pd.DataFrame, services: tuple[str, ...] = QUEUED, **changed: object) -> Panel:
    made = county_panel.make(dict.fromkeys(services, Planted()), **changed).panel  # type: ignore[arg-type]
    if not parts:
        return made
    together = pd.concat(parts, ignore_index=True)
    stock = together.groupby(["service", "municipality", "month"], as_index=False)["waiting"].sum()
    return replace(made, queue_flows=together, queue=stock.assign(persons=stock["waiting"]))


N = LAST - FIRST + 1
LEVEL = np.full(N, 40)
FALLING = np.where(np.arange(N) < N - 12, 60, 48)  # fewer come than before: the last year's starts exceed its referrals


def row(table: pd.DataFrame, service: str) -> pd.Series:
    return table.set_index("service").loc[service]


def reason(cell: str) -> str:
    return str(json.loads(cell)["message"]) if cell else ""


def test_a_level_queue_worked_by_hand() -> None:
    """40 a month wait two months each: 80 wait, half of them since half a month, half since one and a half."""
    table = pressure.table(panel_of(flows("oral_health", LEVEL, 2)), SERVICES, SETTINGS, 1)
    assert tuple(table.columns) == RESULT_TABLES["queue_pressure"].names
    found = row(table, "oral_health")
    assert found["status"] == "measured"
    assert (found["waiting"], found["n_persons"]) == (80, 80)
    assert found["received_per_week"] == found["started_per_week"] == pytest.approx(40 / WEEKS_PER_MONTH)
    assert found["mean_wait_weeks"] == pytest.approx(WEEKS_PER_MONTH)
    assert found["limit_weeks"] == 26
    assert found["pressure"] == pytest.approx(2 * WEEKS_PER_MONTH / 26)
    assert (found["load"], found["growth_per_month"], found["growing"]) == (1, 0, "unclear")
    assert np.isnan(found[["target_queue", "target_capacity", "relief_capacity"]].astype(float)).all()
    assert reason(found["reason"]) == pressure.BALANCED
    assert (found["backtest_error_6"], found["backtest_error_12"]) == pytest.approx((0, 0), abs=1e-9)
    assert found["disagreement"] <= 0.1
    assert found["disagreement_reason"] == ""


def test_targets_of_a_queue_that_comes_down() -> None:
    """The last year 48 come a month where 60 came; a twelfth leave. Load, targets and capacities from the formulas."""
    table = pressure.table(panel_of(flows("physiotherapy", FALLING, 3, leaving=1 / 12)), SERVICES, SETTINGS, 1)
    found = row(table, "physiotherapy")
    received, ended = 48 * 12, 48 * 9 + 60 * 3
    weekly = 12 * WEEKS_PER_MONTH
    assert found["received_per_week"] == pytest.approx(received / weekly)
    assert found["left_per_week"] == pytest.approx(ended / 12 / weekly)
    assert found["load"] == pytest.approx((received - ended / 12) / (ended * 11 / 12))
    factor = formulas.factor_from_share(SETTINGS.share_within)
    assert found["target_queue"] == pytest.approx(received / weekly * 13 / factor)
    assert found["waiting"] == 3 * 48
    assert found["growth_per_month"] == pytest.approx(-3 * 12 / 12)
    assert found["target_capacity"] > (received - ended / 12) / weekly
    assert found["reason"] == ""


def test_relief_of_a_growing_queue_and_no_target() -> None:
    """Treatments stop in the last year but for 20 a month: the queue grows by 40 a month and must be relieved."""
    months, start = np.arange(FIRST, LAST + 1), LAST - 36
    came = flows("primary_care", np.full(N, 60), 1)
    stuck = [
        pd.DataFrame({"month": np.arange(m, LAST + 1), "waited": np.arange(LAST + 1 - m), "waiting": 40.0})
        for m in months[months > start]
    ]
    kept = pd.concat(stuck).assign(started=0, left=0, service="primary_care", municipality="398")
    begun = came[came["month"] <= start]
    later = came[came["month"] > start].assign(**{c: lambda t, c=c: t[c] / 3 for c in ("waiting", "started", "left")})
    found = row(pressure.table(panel_of(begun, later, kept), SERVICES, SETTINGS, 1), "primary_care")
    assert found["load"] == pytest.approx(3)
    assert reason(found["reason"]) == pressure.NO_STEADY_STATE
    assert np.isnan(found["target_queue"])
    assert (found["growing"], found["growth_per_month"]) == ("growing", 40)
    goal = 60 / WEEKS_PER_MONTH * 13 / formulas.factor_from_share(SETTINGS.share_within)
    expected = 60 / WEEKS_PER_MONTH + (found["waiting"] - goal) / SETTINGS.relief_weeks
    assert found["relief_capacity"] == pytest.approx(expected)


def test_what_cannot_be_measured_is_refused() -> None:
    few = flows("primary_care", np.where(np.arange(N) % 12 == 0, 19, 0), 1)
    table = pressure.table(panel_of(few, flows("oral_health", LEVEL, 2)), SERVICES, SETTINGS, 1)
    assert reason(row(table, "primary_care")["reason"]) == pressure.FEW
    assert reason(row(table, "physiotherapy")["reason"]) == pressure.NO_QUEUE
    assert row(table, "physiotherapy")["status"] == "refused"
    closed = flows("oral_health", LEVEL, 2, leaving=1.0)
    assert (
        reason(row(pressure.table(panel_of(closed), SERVICES, SETTINGS, 1), "oral_health")["reason"])
        == pressure.NO_CARE
    )
    short = panel_of(flows("oral_health", LEVEL, 2), available_from=LAST - 23)
    assert json.loads(row(pressure.table(short, SERVICES, SETTINGS, 1), "oral_health")["reason"]) == {
        "message": pressure.SHORT,
        "values": {"months": 23, "needed": 24},
    }
    nowhere = {("oral_health", area): (LAST - 3, LAST - 2) for area in AREAS}
    unheld = pressure.table(panel_of(flows("oral_health", LEVEL, 2), uncovered=nowhere), SERVICES, SETTINGS, 1)
    assert reason(row(unheld, "oral_health")["reason"]) == pressure.NO_AREA


def test_a_queue_in_which_nobody_waits() -> None:
    """Everybody is treated in the month of receipt, also in a service without contacts: no wait, so no pressure."""
    made = panel_of(flows("oral_health", LEVEL, 0), services=("primary_care",))
    county = county_panel.make(dict.fromkeys(QUEUED, Planted())).panel
    found = row(pressure.table(replace(made, coverage=county.coverage), SERVICES, SETTINGS, 1), "oral_health")
    assert (found["status"], found["waiting"], found["n_persons"]) == ("measured", 0, 0)
    assert np.isnan(found[["mean_wait_weeks", "pressure", "backtest_error_12"]].astype(float)).all()


def test_a_source_without_referrals_has_no_queues() -> None:
    assert pressure.table(panel_of(), SERVICES, SETTINGS, 1).empty


def test_only_the_area_that_is_held_counts() -> None:
    """Area 111, a tenth of the residents, came into the register a year ago: its queue is left out, and it is said."""
    both = [flows("oral_health", FALLING, 2, area=area) for area in AREAS]
    made = panel_of(*both, uncovered={("oral_health", "111"): (FIRST, LAST - 13)})
    found = row(pressure.table(made, SERVICES, SETTINGS, 1), "oral_health")
    assert found["waiting"] == 2 * 48
    told = json.loads(found["reason"])
    assert told["message"] == pressure.PART
    assert told["values"]["covered_share"] == pytest.approx(0.9)


def test_growth_uses_three_years_where_it_can() -> None:
    rng = np.random.default_rng(3)
    made = panel_of(flows("oral_health", rng.integers(30, 60, N), 2))
    found = row(pressure.table(made, SERVICES, SETTINGS, 1), "oral_health")
    queue = read(made, "oral_health", LAST - 36, LAST)
    assert queue is not None
    assert (found["growth_lo95"], found["growth_hi95"]) == growth.of(queue.size).interval


def test_the_same_seed_gives_the_same_table() -> None:
    made = panel_of(flows("oral_health", FALLING, 2))
    first, again = (pressure.table(made, SERVICES, SETTINGS, 5) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_structural_queue_of_the_month_before_the_disruption() -> None:
    """100 a month wait five months each, so 500 wait; the limit of 26 weeks allows D·T/f = 236.8 of them at 92 %."""
    made = panel_of(flows("oral_health", np.full(N, 100), 5))
    month = month_index(2019, 12)
    allowed = 100 / WEEKS_PER_MONTH * 26 / 2.525729
    assert allowed == pytest.approx(236.7, abs=0.1)
    assert pressure.structural(made, "oral_health", month, SETTINGS, "oral_health") == pytest.approx(500 - allowed)
    assert pressure.structural(made, "oral_health", month, SETTINGS, "oral_health", ["398"]) == pytest.approx(
        500 - allowed
    )
    short = panel_of(flows("oral_health", np.full(N, 100), 1))
    assert pressure.structural(short, "oral_health", month, SETTINGS, "oral_health") == 0
    assert np.isnan(pressure.structural(made, "physiotherapy", month, SETTINGS))
    assert np.isnan(pressure.structural(made, "oral_health", FIRST + 5, SETTINGS))
