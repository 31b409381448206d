"""What is told of municipalities: quarters by hand, areas by hand, and an attack on both by another hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from page_tables import context
from page_words import words
from quality_tables import frame
from scipy.optimize import linprog

from ennakointi import disclosure
from ennakointi.disclosure import areas
from ennakointi.disclosure.attacker import bounds
from ennakointi.disclosure.relations import Earlier, combined
from ennakointi.pages.area_map import merged_words
from ennakointi.pages.debt_equity import EquitySection
from ennakointi.pages.demand_checks import part_missing
from ennakointi.parameters.documents import Preset
from ennakointi.periods import Quarter, month_text, parse_month
from ennakointi.text import message_json

UNROUNDED = Preset(name="own", threshold=5, base=1)
NORTH = {"northern": ("081", "576", "781")}
SMALL = ("081", "576", "781")


def months(first: str, n: int) -> list[str]:
    return [month_text(parse_month(first) + step) for step in range(n)]


def history(persons: dict[tuple[str, str], list[int]], first: str = "2025-04", group: str = "all") -> pd.DataFrame:
    """`forecast_history`: persons by service, municipality and month, two contacts each; the county, and all services,
    are added."""
    cells = {key: np.array(values, dtype=float) for key, values in persons.items()}
    services = {service for service, _ in persons}
    for service in sorted(services):
        cells[service, "all"] = sum(of for (own, place), of in cells.items() if own == service and place != "all")
    cells["all", "all"] = sum(cells[service, "all"] for service in services)
    rows = [
        {"service": service, "municipality": place, "month": month, "observed": 2 * n, "n_persons": n}
        for (service, place), of in cells.items()
        for month, n in zip(months(first, len(of)), of, strict=True)
    ]
    return frame("forecast_history", rows).assign(target_group=group, period="used", frequency="M")


def test_quarters_by_hand() -> None:
    """Of five months of the history the last three are a quarter; 30 + 10 + 20 persons' contacts, 30 persons."""
    made = history({("a", "398"): [9, 8, 30, 10, 20]}, first="2025-05")
    made.loc[(made["municipality"] == "398") & (made["month"] == "2025-08"), "period"] = "disrupted"
    found = areas.quarterly({"forecast_history": made})["forecast_history"]
    county = found[found["municipality"] == "all"]
    assert county["frequency"].tolist() == ["M"] * 10
    pd.testing.assert_frame_equal(
        county.reset_index(drop=True), made[made["municipality"] == "all"].reset_index(drop=True)
    )
    (row,) = found[found["municipality"] != "all"].to_dict("records")
    assert row == {"target_group": "all", "service": "a", "municipality": "398", "month": "2025-07", "frequency": "Q",
                   "period": "disrupted", "observed": 120.0, "n_persons": 30.0}  # fmt: skip


def test_a_quarter_with_a_month_that_is_not_held_has_no_number() -> None:
    made = history({("a", "398"): [10, 10, 10], ("a", "111"): [5, 6, 7]})
    lacking = (made["municipality"] == "398") & (made["month"] == "2025-05")
    made.loc[lacking, ["observed", "n_persons", "period"]] = np.nan, np.nan, "missing"
    found = areas.quarterly({"forecast_history": made})["forecast_history"].query("frequency == 'Q'")
    by_place = found.set_index("municipality")
    assert np.isnan(by_place.loc["398", "observed"])
    assert by_place["period"].to_dict() == {"398": "missing", "111": "used"}
    assert by_place.loc["111", ["observed", "n_persons"]].tolist() == [36, 7]


def test_quarters_of_a_forecast_are_counted_from_its_first_month() -> None:
    """Seven months: two quarters, and one month that is left out. Quantiles are added as the means are."""
    rows = [
        {"municipality": place, "month": month, "quantile": q, "value": 10 * q * step, "mean": float(step)}
        for place in ("all", "398")
        for step, month in enumerate(months("2025-11", 7), 1)
        for q in (0.1, 0.5, 0.9)
    ]
    same = {"target_group": "all", "service": "a", "frequency": "M", "origin": "2025-10", "method": "theta"}
    made = frame("forecast", [{**same, "n_persons": 40.0, **row} for row in rows])
    found = areas.quarterly({"forecast": made})["forecast"]
    assert (found["municipality"] == "all").sum() == 21
    own = found[found["municipality"] == "398"]
    assert own[["month", "quantile", "value", "mean"]].to_numpy().tolist() == [
        ["2025-11", 0.1, 6, 6], ["2025-11", 0.5, 30, 6], ["2025-11", 0.9, 54, 6],
        ["2026-02", 0.1, 15, 15], ["2026-02", 0.5, 75, 15], ["2026-02", 0.9, 135, 15],
    ]  # fmt: skip
    assert set(own["origin"] + own["method"] + own["frequency"]) == {"2025-10thetaQ"}
    again = areas.quarterly({"forecast": found})["forecast"]
    pd.testing.assert_frame_equal(again, found)


def placed(n: dict[str, float], group: str = "all") -> dict[str, pd.DataFrame]:
    """`hidden_persons` and `debt_equity` of municipalities by their persons."""
    same = {"target_group": group, "service": "all"}
    absent = {"status": "estimated", "reason": "", "month": "2021-12", "expected_users": 20.0, "observed_users": 12.0}
    ends = {
        "absent": 8.0,
        "absent_lo80": 6.0,
        "absent_hi80": 10.0,
        "hidden": 4.0,
        "hidden_lo80": 3.0,
        "hidden_hi80": 5.0,
    }
    hidden = [{**same, **absent, **ends, "municipality": place, "n_persons": n[place]} for place in n]
    debts = {"081": (100.0, 10.0, 20.0), "576": (300.0, 60.0, 40.0), "781": (100.0, -10.0, -5.0)}
    shares = {"share_lo80": 0.1, "share_hi80": 0.3, "per_1000_lo80": 1.0, "per_1000_hi80": 2.0}
    equity = [
        {**same, "axis": "area", "part": place, "expected": expected, "debt": debt, "share": debt / expected,
         "per_1000": rate, **shares, "standardised_per_1000": 1.0, "n_persons": n[place]}
        for place, (expected, debt, rate) in debts.items()
    ]  # fmt: skip
    equity.append({**same, "axis": "age", "part": "65-74", "expected": 9.0, "n_persons": 50.0})
    equity[1] |= {"share_lo80": 0.0, "per_1000_hi80": 6.0}
    return {"hidden_persons": frame("hidden_persons", hidden), "debt_equity": frame("debt_equity", equity)}


def test_areas_by_hand() -> None:
    """Person-years: 500, 1,500 and 2,000. Debt 60 of 500 expected = .12, of 4,000 person-years 15 in 1,000."""
    tables = placed({"398": 900.0, "081": 3.0, "576": 6.0, "781": 20.0})
    found = areas.merged(tables, NORTH, areas.small(tables, NORTH, 5))
    people = found["hidden_persons"].set_index("municipality")
    assert people.index.tolist() == ["398", "northern"]
    assert people.loc["northern", ["expected_users", "absent_lo80", "hidden_hi80", "n_persons"]].tolist() == [
        60,
        18,
        15,
        29,
    ]
    assert people.loc["northern", "status"] == "estimated"
    equity = found["debt_equity"].set_index("part")
    assert equity.index.tolist() == ["northern", "65-74"]
    row = equity.loc["northern"]
    assert row[["expected", "debt", "n_persons"]].tolist() == [500, 60, 29]
    assert row[["share", "per_1000"]].tolist() == pytest.approx([0.12, 15.0])
    assert row[["share_lo80", "share_hi80"]].tolist() == pytest.approx([(0.1 * 100 + 0 * 300 + 0.1 * 100) / 500, 0.3])
    assert row["per_1000_hi80"] == pytest.approx((2 * 500 + 6 * 1500 + 2 * 2000) / 4000)
    assert np.isnan(row["standardised_per_1000"])


@pytest.mark.parametrize(
    ("persons", "few"),
    [
        ({("a", "081"): 4, ("b", "081"): 2}, True),
        ({("a", "081"): 5, ("b", "081"): 2}, False),  # few of one service, not of the group
        ({("a", "081"): 0, ("b", "081"): 0}, False),  # nobody is not few
        ({("a", "398"): 4, ("a", "576"): 9}, False),  # a municipality of no area
    ],
)
def test_areas_take_the_place_of_municipalities_of_few_persons(persons: dict[tuple[str, str], int], few: bool) -> None:
    tables = {"forecast_history": history({key: [n] * 3 for key, n in persons.items()})}
    assert areas.small(areas.quarterly(tables), NORTH, 5) == ({"all"} if few else set())


def test_no_area_stands_beside_its_municipalities() -> None:
    """Few persons in one table are enough, and every table of that group is by area; other groups are not touched."""
    of = {("a", place): [30] * 3 for place in (*SMALL, "398")}
    tables: dict[str, pd.DataFrame] = {
        "forecast_history": pd.concat([history(of), history(of, group="older_people")], ignore_index=True),
        **placed({"398": 900.0, "081": 3.0, "576": 60.0, "781": 20.0}, "older_people"),
    }
    for made in (
        disclosure.plan(tables, UNROUNDED, areas=NORTH).released,
        disclosure.release(tables, UNROUNDED, NORTH),
    ):
        told = made["forecast_history"].groupby("target_group")["municipality"].agg(set)
        assert told["all"] == {"all", "398", *SMALL}
        assert told["older_people"] == {"all", "398", "northern"}
        assert set(made["hidden_persons"]["municipality"]) == {"398", "northern"}
        assert set(made["debt_equity"]["part"]) == {"northern", "65-74"}


def crossed(seed: int) -> dict[tuple[str, str], list[int]]:
    rng = np.random.default_rng(seed)
    return {
        (service, place): rng.poisson(mean, 3).tolist()
        for service in ("a", "b", "c")
        for place, mean in (("398", 40), ("111", 14), ("016", 3), ("081", 1), ("576", 5))
    }


def between(quarters: dict[str, float], shown: set[str], county: np.ndarray, place: str) -> tuple[float, float]:
    """The ends of a municipality's persons of a quarter for whoever knows the shown quarters, the county's months, and
    that a quarter is as large as the largest of its months: variables are quarters and months of every municipality."""
    names = list(quarters)
    k = len(names)
    quarter = np.eye(k, 4 * k)
    month = [np.eye(k, 4 * k, k * (1 + m)) for m in range(3)]
    over = np.vstack([*(of - quarter for of in month), quarter - sum(month)])
    rows, totals = np.array([of.sum(axis=0) for of in month]), county
    bounds = [(quarters[n], quarters[n]) if n in shown else (0, 10_000) for n in names] + [(0, 10_000)] * (3 * k)
    target = quarter[names.index(place)]
    ends = []
    for sign in (1.0, -1.0):
        made = linprog(sign * target, A_ub=over, b_ub=np.zeros(len(over)), A_eq=rows, b_eq=totals, bounds=bounds)
        assert made.success
        ends.append(sign * float(made.fun))
    return ends[0], ends[1]


@pytest.mark.parametrize("seed", [1, 2, 4])
@pytest.mark.parametrize("known", [{}, {"northern": ("081", "576")}])
def test_quarters_of_few_persons_cannot_be_worked_out_by_an_attack_of_another_hand(seed: int, known: Any) -> None:
    """Everything is shown as counted. 1 … 4 persons stay possible, and the contacts of whatever is hidden lie in an
    interval of five."""
    monthly = history(crossed(seed))
    exact = areas.merged(areas.quarterly({"forecast_history": monthly}), known, {"all"})["forecast_history"]
    made = disclosure.plan({"forecast_history": monthly}, UNROUNDED, areas=known).released["forecast_history"]
    assert made["municipality"].tolist() == exact["municipality"].tolist()
    told = exact.assign(shown=(made["suppressed"] == "").to_numpy())
    small = 0
    for service, of in told[told["service"] != "all"].groupby("service"):
        parts, county = of[of["frequency"] == "Q"], of[of["frequency"] == "M"]
        assert county["shown"].all()
        shown = set(parts.loc[parts["shown"], "municipality"])
        quarters = dict(zip(parts["municipality"], parts["n_persons"], strict=True))
        for place, n in quarters.items():
            if 0 < n < 5:
                low, high = between(quarters, shown, county["n_persons"].to_numpy(), place)
                assert (low <= 1, high >= 4) == (True, True), (service, place)
                small += 1
        left = county["observed"].sum() - parts.loc[parts["shown"], "observed"].sum()
        assert parts["shown"].all() or (left >= 5 and (~parts["shown"]).sum() >= 2)
    assert small > 0


def test_a_quarter_less_two_months_is_not_the_third() -> None:
    """The county's April has 3 persons in a and is hidden: the contacts of the quarter less May's and June's would be
    theirs. So no sum of the quarter may be left beside the two months, neither by itself nor together with others."""
    made = {"forecast_history": history({("a", "398"): [2, 12, 12], ("a", "111"): [1, 8, 8], ("b", "398"): [50] * 3})}
    for released in (disclosure.release(made, UNROUNDED), disclosure.plan(made, UNROUNDED).released):
        own = released["forecast_history"].query("service == 'a' and suppressed == ''")
        county = own.loc[own["municipality"] == "all", "month"].tolist()
        assert "2025-04" not in county
        assert (len(county), (own["frequency"] == "Q").sum()) in ((2, 1), (2, 0), (0, 2), (1, 2))


def test_the_last_release_tells_the_sum_of_its_municipalities_and_keeps_groups_by_area() -> None:
    """Then 081 and 576 were shown by themselves: their area is known. Where the last release told areas, so does this
    one, although nobody is few any more."""
    then = areas.quarterly(
        {"forecast_history": history({("a", "081"): [9] * 3, ("a", "576"): [8] * 3, ("a", "398"): [99] * 3})}
    )
    exact = then["forecast_history"]
    for shown, expected in (
        (np.ones(len(exact), dtype=bool), True),
        ((exact["municipality"] != "081").to_numpy(), False),
    ):
        rows, told = areas.earlier_by_area(exact, shown, "forecast_history", NORTH, {"all"})
        area = rows["municipality"] == "northern"
        assert rows.loc[area, ["observed", "n_persons"]].to_numpy().tolist() == [[102, 17]]
        assert told[area.to_numpy()].tolist() == [expected]
        assert told[~area.to_numpy()].all()
    by_area = areas.merged(then, NORTH, {"all"})["forecast_history"]
    earlier = {"forecast_history": Earlier(by_area, np.ones(len(by_area), dtype=bool), UNROUNDED)}
    again = history({("a", "081"): [9] * 3, ("a", "576"): [8] * 3, ("a", "398"): [99] * 3})
    made = disclosure.plan({"forecast_history": again}, UNROUNDED, earlier, areas=NORTH).released["forecast_history"]
    assert set(made["municipality"]) == {"all", "398", "northern"}


def test_a_release_is_remembered_as_it_was_told(tmp_path: Path) -> None:
    tables = {"forecast_history": history({("a", "081"): [3] * 3, ("a", "576"): [8] * 3, ("a", "398"): [99] * 3})}
    released = disclosure.plan(tables, UNROUNDED, areas=NORTH).released
    disclosure.remember(tmp_path, Quarter.parse("2025Q2"), "ours", tables, released, UNROUNDED, NORTH)
    one = disclosure.last(tmp_path, Quarter.parse("2025Q3"), "ours")["forecast_history"]
    keys = ["service", "municipality", "month", "frequency"]
    pd.testing.assert_frame_equal(one.exact[keys], released["forecast_history"][keys])
    assert one.exact.set_index("municipality").loc["northern", "n_persons"] == 11
    assert one.shown.tolist() == (released["forecast_history"]["suppressed"] == "").tolist()


def test_pages_say_which_municipalities_are_told_together() -> None:
    names = {"081": "Hartola", "576": "Padasjoki", "781": "Sysmä", "398": "Lahti", "northern": "Pohjoinen"}
    told = replace(context(), areas=NORTH, labels={**context().labels, "area": names})
    assert merged_words(["398", "northern"], told) == (
        "Pienet kunnat esitetään tietosuojan vuoksi yhdessä alueena. Pohjoinen: Hartola, Padasjoki ja Sysmä."
    )
    assert merged_words(["398", "081"], told) == ""
    lacking = {
        "service": "all",
        "check": "coverage",
        "message": message_json("{covered_share}", {"covered_share": 0.9}),
    }
    held = frame("forecast", [{"target_group": "all", "municipality": place} for place in ("all", "northern")])
    checks = frame("forecast_checks", [{"target_group": "all", "passed": "no", **lacking}])
    block = part_missing({"forecast": held, "forecast_checks": checks}, "all", told)
    assert block is not None
    assert "Lahti" in block.html
    assert not {"Hartola", "Sysmä", "Pohjoinen"} & set(block.html.replace(",", " ").split())


def test_the_attacker_adds_the_county_months_of_a_quarter() -> None:
    """Of 111 alone nothing is shown. Contacts: 2 · (50 + 56 + 60) of the county less 2 · 150 of 398. Persons: 60 − 51
    at least (the county's June less the largest month of 398), and not more than the 60 of the county's largest."""
    made = areas.quarterly({"forecast_history": history({("a", "398"): [49, 51, 50], ("a", "111"): [1, 5, 10]})})
    alone = (made["forecast_history"]["municipality"] == "111").to_numpy()
    found = combined(made, {"forecast_history": alone}, {}, UNROUNDED, {"forecast_history": ~alone})
    system, unit = found.system, found.units["forecast_history"][alone][0]
    cells = np.flatnonzero(system.unit == unit)
    known = bounds(system, system.must, cells)
    ends = {system.values[cell]: (low, high) for cell, low, high in zip(cells, known.low, known.high, strict=True)}
    assert ends == {32.0: pytest.approx((32, 32), abs=1e-3), 10.0: pytest.approx((9, 60), abs=1e-3)}


def test_the_equity_of_a_debt_says_once_which_municipalities_are_told_together() -> None:
    names = {"northern": "Pohjoinen", "081": "Hartola", "576": "Padasjoki", "781": "Sysmä", "398": "Lahti"}
    told = replace(context(), areas=NORTH, labels={**context().labels, "area": names})
    made = disclosure.release(placed({"398": 900.0, "081": 3.0, "576": 6.0, "781": 20.0}), UNROUNDED, NORTH)
    said = words(EquitySection(made, "all", told).block())
    assert said.count("Pohjoinen: Hartola, Padasjoki ja Sysmä.") == 1
    plain = disclosure.release(placed({"398": 900.0, "081": 30.0, "576": 60.0, "781": 20.0}), UNROUNDED, NORTH)
    assert "yhdessä alueena" not in words(EquitySection(plain, "all", told).block())
