"""Hidden need in persons: the model of use, absent users, and persons with a hidden need."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_county

from ennakointi import groups, panel, parameters, phases, sources, store, synthetic
from ennakointi.debt import hidden
from ennakointi.debt.hidden import absent, features, service_models, tables, use_model
from ennakointi.debt.hidden.features import Cohort, Plan
from ennakointi.debt.hidden.service_models import Errors, Fitted
from ennakointi.debt.hidden.tables import Needs
from ennakointi.periods import Quarter, month_index
from ennakointi.workspace import Workspace

ORIGIN = month_index(2019, 7)
UNTIL = date(2025, 9, 30)


# The numbers, by hand


def test_classes_of_use_part_users_at_the_median_the_eighth_and_the_nineteenth_of_ten_and_twenty() -> None:
    assert features.use_classes(np.arange(11, dtype=np.float32)).tolist() == [0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3]
    assert features.use_classes(np.zeros(3, np.float32)).tolist() == [0, 0, 0]


def test_the_chance_of_use_is_one_half_at_one_contact_and_shape_one() -> None:
    assert use_model.chance(np.array([1.0]), 1.0)[0] == pytest.approx(0.5)
    assert use_model.chance(np.array([1.0]), 1e9)[0] == pytest.approx(1 - np.exp(-1))


def test_the_shape_makes_the_model_have_as_many_users_as_there_were() -> None:
    assert use_model.dispersion(np.ones(2), 1.0) == pytest.approx(1.0, rel=1e-6)
    assert use_model.dispersion(np.ones(2), 1.9) == pytest.approx(use_model.LARGEST_DISPERSION)


def cohort(used: np.ndarray, **changed: np.ndarray) -> Cohort:
    """Persons (n,) who stayed, with contacts (n, S); parts replaced by `changed`."""
    n = len(used)
    yes, no = np.ones(n, bool), np.zeros(n, bool)
    parts = {
        "traits": np.zeros((n, len(features.TRAITS)), np.float32),
        "last": np.zeros(used.shape, np.float32),
        "earlier": np.zeros(used.shape, np.float32),
        "used": used.astype(np.float32),
        "years": np.full(n, 22 / 12),
        "stayed": yes,
        "present": yes,
        "died": no,
        "moved": no,
        "member": yes[:, None],
        "municipality": np.zeros(n, np.int64),
    }
    return Cohort(**{**parts, **changed})


def known(train: Cohort, apply: Cohort, trained: np.ndarray, applied: np.ndarray) -> Fitted:
    """Models whose expectations (n, S) are given; shape and spread 1."""
    total = [np.column_stack([a, a.sum(axis=1)]).astype(float) for a in (trained, applied, train.used, apply.used)]
    ones = np.ones(trained.shape[1] + 1)
    return Fitted(train, apply, *total, ones, ones)


def test_persons_with_a_hidden_need_by_hand() -> None:
    """One and two contacts, each hidden with chance ½: ½ + ¾ persons; twice as many of the same in the window."""
    then = np.array([[1.0], [2.0]])
    found = known(cohort(then), cohort(np.zeros((4, 1))), then, np.tile(then, (2, 1)))
    persons = absent.persons_with_hidden_need(found, 0, np.array([0.5]), 1)
    modelled = sum(1 - 1 / (1 + 0.5 * m) for m in (1, 2))
    weight = absent.GROUP_WEIGHT
    whole = (1.25 + weight) / (modelled + weight)
    factor = (1.25 + absent.PLACE_WEIGHT * whole) / (modelled + absent.PLACE_WEIGHT)
    assert persons[0] == pytest.approx(np.full(2, 2 * modelled * factor))
    assert (absent.persons_with_hidden_need(found, 0, np.zeros(1), 1) == 0).all()


def test_many_persons_are_counted_as_the_trained_period_counted_them() -> None:
    """Half of 20,000 persons have four contacts, half none, whatever the model says of each."""
    then = np.repeat([[4.0], [0.0]], 10_000, axis=0)
    found = known(cohort(then), cohort(then), np.full((20_000, 1), 2.0), np.full((20_000, 1), 2.0))
    persons = absent.persons_with_hidden_need(found, 0, np.array([0.1]), 1)
    assert persons[0, 0] == pytest.approx(10_000 * (1 - 0.9**4), rel=0.02)


def test_the_curve_of_persons_meets_the_number_it_was_made_for() -> None:
    shape = absent.curve_shape(300.0, 0.1, 8_000.0, 1_000.0)
    found = absent.persons_of(np.array([0.0, 900.0, 90_000.0]), 9_000.0, 8_000.0, 1_000.0, shape)
    assert found[:2] == pytest.approx([0.0, 300.0])
    assert 300 < found[2] < 1_000
    assert (absent.persons_of(np.ones(2), 0.0, 0.0, 0.0, 1.0) == 0).all()


def test_placebo_errors_beyond_chance() -> None:
    """Errors of ±10 % of which chance explains nothing, and all."""
    error = np.array([0.1, -0.1, 0.1, np.nan])
    none, all_of_it = np.zeros(4), np.full(4, 0.01)
    sure = service_models.reliability([Errors(error, error, none, none, error)])
    assert (sure.contacts, sure.users, sure.correlation) == pytest.approx((0.1, 0.1, 0.98))
    assert service_models.reliability([Errors(error, error, all_of_it, all_of_it, -error)]).contacts < 1e-6


# A planted cohort


def planted(n: int, missing: float, seed: int) -> tuple[Fitted, np.ndarray]:
    """Two services used by gamma-Poisson persons who keep half of their frailty; in the window a share is missing."""
    generator = np.random.default_rng(seed)
    found, whole = [], np.zeros((n, 2))
    for share in (0.0, missing):
        lasting = generator.gamma(2, 0.5, (n, 1))
        rate = lasting * np.array([1.0, 0.3])
        before, earlier = (generator.poisson(rate).astype(np.float32) for _ in range(2))
        whole = generator.poisson(rate * generator.gamma(2, 0.5, (n, 1)) * 22 / 12)
        traits = np.zeros((n, len(features.TRAITS)), np.float32)
        traits[:, 4], traits[:, 5] = before.sum(axis=1), earlier.sum(axis=1)
        used = generator.binomial(whole, 1 - share)
        found.append(cohort(used, traits=traits, last=before, earlier=earlier))
    return service_models.fitted(found[0], found[1], [["398"]] * 2, ["398"], 1), whole


def needs(services: int = 2) -> Needs:
    """Every missing contact is an open need."""
    zero = np.zeros(services)
    return Needs(zero, zero, 0.0, zero, np.full((services, services), np.nan), np.ones(services), 22)


def test_a_planted_share_of_missing_contacts_is_found_and_its_persons_counted() -> None:
    found, whole = planted(6_000, 0.2, seed=1)
    use = absent.group_use(found, 0, 1)
    none = service_models.Reliability(0.0, 0.0, 0.0, 0.0)
    told = tables.told(use, none, needs(), None)
    assert told.share == pytest.approx([0.2, 0.2], abs=0.05)
    assert told.sd[0] < told.sd[1] < 0.05
    assert use.users.sum(axis=0)[:2] == pytest.approx((whole > 0).sum(axis=0), rel=0.03)
    missing = whole - found.observed[:, :2]
    persons = absent.persons_with_hidden_need(found, 0, np.full(2, 0.2), 1)
    assert persons[0, :2] == pytest.approx((missing > 0).sum(axis=0), rel=0.06)
    assert persons[0, 2] == pytest.approx((missing.sum(axis=1) > 0).sum(), rel=0.06)


def test_without_a_disruption_nobody_is_absent() -> None:
    found, _ = planted(6_000, 0.0, seed=2)
    use = absent.group_use(found, 0, 1)
    half = 3 * np.sqrt(use.users_noise)
    assert (np.abs(use.users - use.came) <= half + 0.02 * use.users).all()


def test_who_died_or_moved_is_not_absent() -> None:
    """Half of the persons leave: they are not expected users."""
    found, _ = planted(4_000, 0.0, seed=3)
    gone = np.arange(4_000) % 2 == 0
    left = {"stayed": ~gone, "present": ~gone, "died": gone & (np.arange(4_000) % 4 == 0)}
    apply = cohort(found.apply.used, **left, moved=gone & ~left["died"])
    whole, half = (absent.group_use(one, 0, 1) for one in (found, replace(found, apply=apply)))
    assert (half.persons.sum(), whole.persons.sum()) == (2_000, 4_000)
    assert half.users.sum(axis=0) == pytest.approx(whole.users.sum(axis=0) / 2, rel=0.06)
    assert half.present[0] == pytest.approx(0.5, abs=0.05)


def test_the_share_of_users_who_leave_in_a_month_by_hand() -> None:
    """Of two persons with one contact each, one dies after 10 of 20 months: one of 5 + 10 months."""
    one = np.ones((2, 1))
    first = cohort(one, years=np.array([10, 20]) / 12, died=np.array([True, False]), stayed=np.array([False, True]))
    use = absent.group_use(known(first, cohort(one), one, one), 0, 1)
    assert use.died_per_month == pytest.approx([1 / 15, 1 / 15])
    assert (use.moved_per_month == 0).all()


# From the store


def people() -> pd.DataFrame:
    """Stays; dies in the period; moves away in it; arrives in it; is born in it; left before it."""
    frame = pd.DataFrame({"person_id": ["s", "d", "m", "a", "b", "e"]})
    frame["birth_date"] = pd.to_datetime(["1950-07-01"] * 4 + ["2019-09-01", "1950-07-01"])
    frame["sex"], frame["municipality"] = "female", "398"
    frame["resident_from"] = pd.to_datetime([None, None, None, "2019-08-10", None, None])
    frame["resident_to"] = pd.to_datetime([None, None, "2019-10-31", None, None, "2019-06-30"])
    frame["death_date"] = pd.to_datetime([None, "2019-08-31", None, None, None, None])
    return frame


def contacts() -> pd.DataFrame:
    rows = [
        ("s", "2019-01-15", "primary_care"),
        ("s", "2018-03-15", "primary_care"),
        ("s", "2019-07-01", "primary_care"),
        ("s", "2019-12-31", "emergency"),
        ("s", "2020-01-01", "emergency"),
        ("d", "2019-08-01", "primary_care"),
        ("a", "2019-07-20", "emergency"),
        ("a", "2019-11-20", "emergency"),
    ]
    frame = pd.DataFrame(rows, columns=["person_id", "started_at", "service"])
    frame["started_at"] = pd.to_datetime(frame["started_at"])
    return frame.assign(contact_id=[f"k{i}" for i in range(len(frame))], mode="in_person", attendance="attended")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[store.Store, Path, Path]:
    """A store of six persons, its memberships and its panels."""
    folder = tmp_path_factory.mktemp("hidden")
    statuses = pd.DataFrame({"person_id": ["s", "s"], "status": ["unemployed", "disability_pension"]})
    statuses["controller"] = ["employment", "kela"]
    statuses["start_date"], statuses["end_date"] = pd.to_datetime("2019-01-01"), pd.NaT
    built = small_county.build_store(
        folder, date(2020, 1, 31), persons=people(), contacts=contacts(), statuses=statuses
    )
    memberships, panels = folder / "work" / "memberships", folder / "work" / "panels"
    index = groups.build(built, small_county.parameters(), memberships, ["all"])
    panel.build(built, index, small_county.parameters(), panels)
    return built, memberships, panels


def test_a_cohort_from_the_store(small: tuple[store.Store, Path, Path]) -> None:
    built, memberships, panels = small
    index = groups.open(memberships)
    plan = Plan(built, panels / "person_months", index, 6, 17, index.ids, ["employment"])
    found = features.cohort(plan, ORIGIN)
    assert len(found.years) == 5  # who left before is not there
    s, d, m, a, b = (row(found, *traits) for traits in ((0, 1), (0, 1, "died"), (0, 1, "moved"), (1, 1), (2, 0)))
    services = built.codes("contacts", "service")
    primary, emergency = services.index("primary_care"), services.index("emergency")
    assert (found.last[s, primary], found.earlier[s, primary]) == (1, 1)
    assert (found.used[s, primary], found.used[s, emergency], found.used[d, primary]) == (1, 1, 1)
    assert found.used[a, emergency] == 1  # the contact before the arrival does not count
    assert np.flatnonzero(found.stayed).tolist() == [s]
    assert found.present[[s, a, b, d, m]].tolist() == [True, True, True, False, False]
    assert found.years[d] == pytest.approx(62 / 365.25, abs=1e-3)
    assert found.traits[[b, s], 0].tolist() == pytest.approx([0, 69])
    assert found.member[:, 0].all()
    statuses = dict(zip(built.codes("statuses", "status"), found.traits[s, len(features.TRAITS) :], strict=True))
    assert statuses == {"unemployed": 1, "disability_pension": 0}  # no basis for the other controller


def row(found: Cohort, arrival: int, old: int, end: str = "present") -> int:
    """The person with an arrival, 0 = born in the period, and an end of the stay."""
    chosen = (found.traits[:, 2] == arrival) & ((found.traits[:, 0] > 1) == old) & getattr(found, end)
    assert chosen.sum() == 1
    return int(np.flatnonzero(chosen)[0])


@pytest.mark.parametrize(("counted", "why"), [("clients", "clients only"), ("residents", "before the window does")])
def test_what_cannot_be_known_is_refused(small: tuple[store.Store, Path, Path], counted: str, why: str) -> None:
    built, memberships, panels = small
    found = hidden.estimate(built, panels, memberships, small_county.parameters(), counted, 1)
    assert found.estimates["status"].tolist() == ["refused"]
    assert why in found.estimates["reason"][0]
    assert found.tables["person_model"]["net_missing"].isna().all()


# A synthetic county


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A county of 5,000 with its panels for everybody and for the old."""
    return made(tmp_path_factory.mktemp("hidden_county"), disruption=True)


def made(folder: Path, *, disruption: bool) -> Path:
    loaded, old = parameters.load(), "older_people"
    rules = {old: loaded.target_groups[old].who}
    settings = synthetic.SyntheticSettings(disruption=disruption)
    synthetic.make(folder / "data", residents=5_000, seed=3, until=UNTIL, groups=rules, settings=settings)
    workspace = Workspace(folder / "work", Quarter(2025, 3))
    workspace.create()
    phases.prepare(workspace, loaded, sources.discover(folder / "data"), UNTIL, [old], lambda _: None)
    return folder


def estimated(folder: Path) -> hidden.HiddenUse:
    workspace = Workspace(folder / "work", Quarter(2025, 3))
    opened = store.open(workspace.store)
    return hidden.estimate(opened, workspace.panels, workspace.memberships, parameters.load(), "residents", 1)


@pytest.mark.slow
def test_the_hidden_need_of_a_county_is_found(county: Path) -> None:
    """One county of 5,000: the planted number of absent users in nine services of ten inside three times the interval's
    half width, and the persons of everybody with a hidden need of any service within a third; counties of 20,000 are in
    `benchmarks/debt_hidden.py`. The municipalities add up."""
    found, truth = estimated(county), synthetic.truth(county / "data").users
    table = found.estimates[found.estimates["municipality"] == "398"].set_index(["target_group", "service"])
    planted = truth[truth["municipality"] == "398"].astype({"target_group": str, "service": str})
    both = table.join(planted.set_index(["target_group", "service"]), rsuffix="_planted", how="inner")
    half = 3 * (both["absent_hi80"] - both["absent_lo80"]) / 2 + 3
    single = both[both.index.get_level_values("service") != "digital_pathway"]
    assert ((single["absent"] - single["absent_planted"]).abs() <= half[single.index]).mean() > 0.9
    for group in ("all", "older_people"):
        row = both.loc[(group, "all")]
        assert row["n_persons"] == pytest.approx(row["persons"], rel=0.005)  # but those with a non-disclosure order
        assert row["hidden_lo80"] < row["hidden"] < row["hidden_hi80"]
        assert abs(row["hidden"] - row["hidden_persons"]) < row["hidden_hi80"] - row["hidden_lo80"]
    assert both.loc[("all", "all"), "hidden"] == pytest.approx(both.loc[("all", "all"), "hidden_persons"], rel=1 / 3)
    parts = found.estimates[found.estimates["status"] == "estimated"].groupby(["target_group", "service"])
    for _, rows in parts:
        whole = rows["municipality"] == "all"
        assert rows.loc[~whole, "absent"].sum() == pytest.approx(rows.loc[whole, "absent"].sum())


@pytest.mark.slow
def test_the_model_of_persons_serves_the_accounts(county: Path) -> None:
    """What all members missed, by service, is told with its error; the curve of persons meets the table's number."""
    model = estimated(county).tables["person_model"].set_index(["target_group", "service"])
    of_all = model.loc["all"].drop("all")
    missing = synthetic.truth(county / "data").volumes
    months = missing["month"].astype(str).between("2020-03", "2021-12")
    known_ones = missing[(missing["target_group"] == "all") & months & missing["covered"]]
    sums = known_ones.groupby("service", observed=True)[["counterfactual", "actual"]].sum()
    planted = (sums["counterfactual"] - sums["actual"]).reindex(of_all.index)
    error = (of_all["net_missing"] - planted) / of_all["net_missing_sd"]
    assert (error[of_all["expected"] > 200].abs() < 2.5).mean() > 0.9
    assert of_all["died_per_month"].between(0, 0.05).all()
    assert of_all["correlation"].between(0, 1).all()
    one = of_all.loc["oral_health"]
    sizes = [one[name] for name in ("expected_present", "expected_stayed", "n_persons", "persons_shape")]
    contacts = np.linspace(0, float(one["expected_present"]), 50)
    persons = hidden.persons_of(contacts, *sizes)
    assert persons.min() <= one["hidden"] <= persons.max() < one["n_persons"]
    assert (np.diff(persons) >= 0).all()


@pytest.mark.slow
def test_a_county_without_a_disruption_has_nobody_absent(tmp_path: Path) -> None:
    found = estimated(made(tmp_path, disruption=False))
    rows = found.estimates[(found.estimates["municipality"] == "all") & (found.estimates["target_group"] == "all")]
    inside = (rows["absent_lo80"] <= 0) & (rows["absent_hi80"] >= 0)
    assert inside.mean() > 0.65
    whole = rows.set_index("service").loc["all"]
    assert whole["hidden"] < 0.15 * whole["n_persons"]
