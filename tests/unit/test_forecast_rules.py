"""Forecasts behind the disclosure door: municipalities and services that add up, resources that follow contacts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ennakointi import disclosure
from ennakointi.parameters.documents import Preset
from ennakointi.result_tables import RESULT_TABLES

PRESET = Preset(name="thl5", threshold=5, base=10)


def forecast(persons: dict[str, float], services: tuple[str, ...] = ("home_care",)) -> pd.DataFrame:
    """Three quantiles of the months of one quarter of each place; the county's mean is the sum of the others'."""
    means = {place: 7.0 * n for place, n in persons.items() if place != "all"}
    means["all"] = sum(means.values())
    rows = [
        {"service": service, "municipality": place, "month": month, "quantile": q, "n_persons": n, "mean": means[place]}
        for service in services
        for place, n in persons.items()
        for month in ("2025-10", "2025-11", "2025-12")
        for q in (0.1, 0.5, 0.9)
    ]
    same = {"target_group": "all", "value": 1.0, "origin": "2025-09", "method": "ensemble", "frequency": "M"}
    return pd.DataFrame(rows).assign(**same)[list(RESULT_TABLES["forecast"].names)]


def hidden(persons: dict[str, float]) -> set[str]:
    released = disclosure.release({"forecast": forecast(persons)}, PRESET)["forecast"]
    places = released.loc[released["suppressed"] != "", "municipality"]
    assert released.loc[released["suppressed"] != "", ["value", "mean", "n_persons"]].isna().all(axis=None)
    assert len(places) == 3 * places.nunique() + 6 * ("all" in set(places))  # a quarter, and the county's three months
    return set(places)


@pytest.mark.parametrize(
    ("persons", "expected"),
    [
        ({"all": 90, "398": 60, "111": 20, "016": 10}, set()),
        ({"all": 84, "398": 60, "111": 20, "016": 4}, {"016", "111"}),  # else 016 = county − 398 − 111
        ({"all": 67, "398": 60, "111": 4, "016": 3}, {"016", "111"}),  # 7 persons together
        ({"all": 83, "398": 60, "111": 20, "016": 2, "081": 1}, {"016", "081", "111"}),  # 3 persons together
        ({"all": 64, "398": 60, "111": 0, "016": 4}, {"016", "398"}),  # hiding a place without persons hides nothing
        ({"all": 4, "398": 4, "111": 0}, {"all", "398"}),
        ({"all": 3, "398": 2, "111": 1}, {"all", "398", "111"}),
    ],
)
def test_a_hidden_municipality_is_not_the_county_less_the_others(persons: dict[str, float], expected: set) -> None:
    assert hidden(persons) == expected


def test_what_can_be_worked_out_is_a_sum_over_enough_persons() -> None:
    """An attacker subtracts the shown municipalities from the county: what is left is 0 or at least the threshold."""
    rng = np.random.default_rng(4)
    for _ in range(60):
        persons = dict(zip(["398", "111", "016", "081", "098"], rng.integers(0, 12, 5).astype(float)))
        found = hidden({"all": sum(persons.values()), **persons}) - {"all"}
        left = sum(persons[place] for place in found)
        county_shown = not 0 < sum(persons.values()) < PRESET.threshold
        assert not (county_shown and 0 < left < PRESET.threshold)
        assert not (county_shown and sum(persons[place] > 0 for place in found) == 1 and len(found) == 1)


def test_quarters_of_the_history_are_judged_on_their_own() -> None:
    rows = [
        {"municipality": place, "month": f"2025-{month:02}", "n_persons": n, "observed": 6.0 * n}
        for month, small in ((4, 3), (5, 3), (6, 3), (7, 30), (8, 30), (9, 30))
        for place, n in {"all": 80 + small, "398": 60, "111": 20, "016": small}.items()
    ]
    same = {"target_group": "all", "service": "home_care", "period": "used", "frequency": "M"}
    table = pd.DataFrame(rows).assign(**same)[list(RESULT_TABLES["forecast_history"].names)]
    released = disclosure.release({"forecast_history": table}, PRESET)["forecast_history"]
    found = released[released["suppressed"] != ""]
    assert found[["month", "municipality"]].to_numpy().tolist() == [["2025-04", "111"], ["2025-04", "016"]]


def test_services_are_judged_on_their_own() -> None:
    one = forecast({"all": 84, "398": 60, "111": 20, "016": 4})
    other = forecast({"all": 90, "398": 60, "111": 20, "016": 10}, ("oral_health",))
    released = disclosure.release({"forecast": pd.concat([one, other])}, PRESET)["forecast"]
    assert set(released.loc[released["suppressed"] != "", "service"]) == {"home_care"}


def test_a_forecast_whose_persons_are_unknown_is_hidden() -> None:
    assert hidden({"all": np.nan, "398": np.nan}) == {"all", "398"}


def outlook(contacts: float, n_persons: float = 50) -> dict[str, pd.DataFrame]:
    keys = {"target_group": "all", "service": "home_care", "year": 2030, "variant": "projection"}
    rows = {"contacts": contacts, "lo80": 0.8 * contacts, "hi80": 1.25 * contacts, "n_persons": n_persons}
    ahead = pd.DataFrame([{**keys, **rows, "basis": "demography"}])
    rates = {"amount": 0.002, "lo80": 0.0016, "hi80": 0.0025}
    needs = {own: contacts * rate for own, rate in rates.items()}
    resource = pd.DataFrame([{**keys, **needs, "resource": "fte", "price_year": "", "n_persons": n_persons}])
    return {
        "demand_outlook": ahead[list(RESULT_TABLES["demand_outlook"].names)],
        "demand_resources": resource[list(RESULT_TABLES["demand_resources"].names)],
    }


def test_resources_follow_from_the_contacts_that_are_published() -> None:
    released = disclosure.release(outlook(4_996.0), PRESET)
    assert released["demand_outlook"]["contacts"].tolist() == [5000.0]
    # 5,000 × .002 and not 4,996 × .002 = 9.99; 3,996.8 → 4,000 and 6,245 → 6,250 (half up)
    assert released["demand_resources"][["amount", "lo80", "hi80"]].to_numpy().tolist() == [[10.0, 8.0, 12.5]]


def test_resources_of_few_persons_are_hidden() -> None:
    released = disclosure.release(outlook(47.0, n_persons=3), PRESET)
    assert released["demand_resources"][["amount", "lo80", "hi80"]].isna().all(axis=None)
    assert released["demand_outlook"]["contacts"].isna().all()


def by_service(persons: dict[str, float], **columns: object) -> pd.DataFrame:
    """Contacts of one year by service: 7 for each person, all services together their sum."""
    contacts = {service: 7.0 * n for service, n in persons.items() if service != "all"}
    contacts["all"] = sum(contacts.values())
    rows = [
        {"service": service, "n_persons": n, **dict.fromkeys(("contacts", "change", "mean"), contacts[service])}
        for service, n in persons.items()
    ]
    same = {"target_group": "all", "year": 2030, "variant": "projection", "lo80": 1.0, "hi80": 1.0, "value": 1.0}
    return pd.DataFrame(rows).assign(**same, **columns)


def declared(table: str, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {table: frame.reindex(columns=list(RESULT_TABLES[table].names))}


def hidden_services(table: str, frame: pd.DataFrame) -> set[str]:
    released = disclosure.release(declared(table, frame), PRESET)[table]
    return set(released.loc[released["suppressed"] != "", "service"])


SUMS = {
    "demand_outlook": {"basis": "model"},
    "demand_drivers": {"factor": "start", "place": 1, "from_year": "2025", "to_year": "2030"},
    "demand_resources": {"resource": "fte", "price_year": "", "amount": 10.0},
    "forecast": {"municipality": "all", "month": "2025-10", "origin": "2025-09", "quantile": 0.5, "method": "theta"},
    "forecast_history": {"municipality": "all", "month": "2025-09", "period": "used", "observed": 100.0},
}


@pytest.mark.parametrize("table", SUMS)
@pytest.mark.parametrize(
    ("persons", "expected"),
    [
        ({"all": 60, "a": 60, "b": 20, "c": 10}, set()),
        ({"all": 60, "a": 60, "b": 20, "c": 4}, {"b", "c"}),  # else c = all − a − b
        ({"all": 60, "a": 60, "b": 3, "c": 2}, {"b", "c"}),
        ({"all": 60, "a": 60, "b": 2, "c": 1}, {"a", "b", "c"}),
        ({"all": 20, "c": 4}, {"all", "c"}),  # nothing else to hide: the whole is c
        ({"a": 60, "b": 20, "c": 4}, {"c"}),  # no whole to subtract from
    ],
)
def test_a_hidden_service_is_not_the_whole_less_the_others(table: str, persons: dict, expected: set) -> None:
    if table == "demand_resources" and "all" in persons:  # contacts would tell another service's resources: the total
        few = {service for service in persons if persons[service] < 5}
        expected = few | {"all"} if few and (len(few) < 2 or sum(persons[one] for one in few) < 5) else few
    assert hidden_services(table, by_service(persons, **SUMS[table])) == expected


def test_variants_years_and_resources_are_judged_on_their_own() -> None:
    few, many = {"all": 60, "a": 60, "b": 20, "c": 4}, {"all": 60, "a": 60, "b": 20, "c": 9}
    rows = pd.concat([by_service(few, basis="model"), by_service(many, basis="model").assign(year=2031)])
    released = disclosure.release(declared("demand_outlook", rows), PRESET)["demand_outlook"]
    assert set(released.loc[released["suppressed"] != "", "year"]) == {2030}


def test_resources_are_hidden_with_contacts_and_else_their_total() -> None:
    """b is hidden with c. Rooms have only a and c: a's contacts would tell its rooms, so that their total is hidden."""
    persons = {"all": 60, "a": 60, "b": 20, "c": 4}
    more = {"price_year": "", "amount": 10.0}
    rooms = by_service({s: n for s, n in persons.items() if s != "b"}, resource="rooms", **more)
    tables = {
        **declared("demand_outlook", by_service(persons, basis="model")),
        **declared("demand_resources", pd.concat([by_service(persons, resource="fte", **more), rooms])),
    }
    released = disclosure.release(tables, PRESET)
    needs = released["demand_resources"]
    found = needs[needs["suppressed"] != ""].groupby("resource")["service"].agg(sorted).to_dict()
    assert found == {"fte": ["b", "c"], "rooms": ["all", "c"]}
    assert needs.loc[needs["suppressed"] != "", ["amount", "lo80", "hi80"]].isna().all(axis=None)
    contacts = released["demand_outlook"].set_index("service")["contacts"]
    assert contacts[contacts.isna()].index.tolist() == ["b", "c"]
    assert contacts["all"] == 590.0  # 7 × 84 = 588


def test_municipalities_do_not_add_up_to_a_service_hidden_for_another() -> None:
    """c has 4 persons; b is hidden with it, and 20 of b's persons live in two municipalities."""
    persons = {"a": {"all": 60, "398": 50, "111": 10}, "b": {"all": 20, "398": 14, "111": 6}, "c": {"all": 4, "398": 4}}
    whole = forecast({"all": 60}, ("all",)).assign(mean=500.0)
    frame = pd.concat([whole, *(forecast(places, (service,)) for service, places in persons.items())])
    released = disclosure.release({"forecast": frame}, PRESET)["forecast"]
    found = released.loc[released["suppressed"] != "", ["service", "municipality"]].drop_duplicates()
    assert found.to_numpy().tolist() == [["b", "all"], ["b", "111"], ["c", "all"], ["c", "398"]]


def determined(unknown: list[tuple[str, str]], services: list[str], places: list[str]) -> set[tuple[str, str]]:
    """Cells that follow from the shown ones: unit vectors in the row space of the sums, over the unknown cells."""
    column = {cell: k for k, cell in enumerate(unknown)}
    sums = [[("all", "all"), *((s, "all") for s in services)]]
    sums += [[(s, "all"), *((s, place) for place in places)] for s in services]
    matrix = np.zeros((len(sums), len(unknown)))
    for i, (whole, *parts) in enumerate(sums):
        for cell, sign in ((whole, -1.0), *((cell, 1.0) for cell in parts)):
            if cell in column:
                matrix[i, column[cell]] = sign
    rank = np.linalg.matrix_rank(matrix) if unknown else 0
    units = np.eye(len(unknown))
    return {cell for cell, k in column.items() if np.linalg.matrix_rank(np.vstack([matrix, units[k]])) == rank}


def test_no_cell_of_few_persons_follows_from_sums_over_services_and_municipalities() -> None:
    rng = np.random.default_rng(7)
    services, places = ["a", "b", "c", "d"], ["398", "111", "016"]
    found, hidden_cells = 0, 0
    for _ in range(40):
        persons = {s: dict(zip(places, rng.integers(0, rng.choice([4, 30]), 3).astype(float))) for s in services}
        frames = [forecast({"all": sum(of.values()), **of}, (s,)) for s, of in persons.items()]
        whole = forecast({"all": max(sum(of.values()) for of in persons.values())}, ("all",))
        released = disclosure.release({"forecast": pd.concat([whole, *frames])}, PRESET)["forecast"]
        exact = pd.concat([whole, *frames]).groupby(["service", "municipality"])["n_persons"].max().to_dict()
        cells = released.loc[released["suppressed"] != "", ["service", "municipality"]].drop_duplicates()
        unknown = list(cells.itertuples(index=False, name=None))
        few = {cell for cell in unknown if 0 < exact[cell] < PRESET.threshold}
        found += len(few & determined(unknown, services, places))
        hidden_cells += len(few)
    assert hidden_cells > 100
    assert found == 0


def test_scores_of_few_persons_are_hidden_and_others_have_three_digits() -> None:
    rows = [
        {"service": service, "n_persons": n, "mase": 13 / 9, "wql": 13 / 9, "coverage80": 7 / 9, "n_origins": 6}
        for service, n in (("a", 50.0), ("c", 2.0))
    ]
    released = disclosure.release(declared("forecast_scores", pd.DataFrame(rows)), PRESET)["forecast_scores"]
    measures = released[["mase", "wql", "coverage80"]]
    assert measures.iloc[0].tolist() == [1.44, 1.44, 0.778]
    assert measures.iloc[1].isna().all()


def test_nothing_is_left_of_a_hidden_ledger_row() -> None:
    numbers = {"months": 3.0, "inside80": 2.0, "inside95": 3.0, "inside80_latest": 1.0}
    shares = {"error_share": 4 / 9, "wql": 13 / 9, "naive_wql": 13 / 9}
    rows = [{"service": service, "n_persons": n, **numbers, **shares} for service, n in (("a", 50.0), ("c", 2.0))]
    released = disclosure.release(declared("forecast_ledger", pd.DataFrame(rows)), PRESET)["forecast_ledger"]
    shown = released[[*numbers, *shares]]
    assert shown.iloc[0].tolist() == [3, 2, 3, 1, 0.444, 1.44, 1.44]
    assert shown.iloc[1].isna().all()


def test_tables_without_rows_pass() -> None:
    names = [name for name in RESULT_TABLES if name.startswith(("forecast", "demand"))]
    empty = {name: pd.DataFrame(columns=list(RESULT_TABLES[name].names)) for name in names}
    assert len(names) >= 8
    assert all(frame.empty for frame in disclosure.release(empty, PRESET).values())
    assert disclosure.release({**empty, "demand_outlook": outlook(50.0)["demand_outlook"]}, PRESET)


def of_debt(table: str, rows: list[dict[str, object]]) -> pd.DataFrame:
    columns = RESULT_TABLES[table]
    frame = pd.DataFrame(rows).assign(target_group="all", service="home_care").reindex(columns=list(columns.names))
    numbers = [c for c in columns.of_kind("count", "estimate", "share") if frame[c].isna().all()]
    return frame.assign(**dict.fromkeys(numbers, 12.0))


def test_hidden_persons_of_a_small_municipality_are_not_the_whole_less_the_others() -> None:
    persons = {"all": 84, "398": 60, "111": 20, "016": 4}
    frame = of_debt("hidden_persons", [{"municipality": place, "n_persons": n} for place, n in persons.items()])
    released = disclosure.release({"hidden_persons": frame}, PRESET)["hidden_persons"]
    assert set(released.loc[released["suppressed"] != "", "municipality"]) == {"016", "111"}


def test_a_small_area_of_a_group_is_not_the_group_less_the_others() -> None:
    areas = {"398": 60, "111": 20, "016": 4}
    rows = [{"axis": "members", "part": "members", "n_persons": 84}, {"axis": "sex", "part": "female", "n_persons": 40}]
    rows += [{"axis": "sex", "part": "male", "n_persons": 44}]
    rows += [{"axis": "area", "part": place, "n_persons": n} for place, n in areas.items()]
    released = disclosure.release({"debt_equity": of_debt("debt_equity", rows)}, PRESET)["debt_equity"]
    assert set(released.loc[released["suppressed"] != "", "part"]) == {"016", "111"}
