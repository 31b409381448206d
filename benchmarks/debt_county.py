"""Does the ledger of service debt find what the synthetic county planted, term by term?

    python benchmarks/debt.py county [SEEDS] [RESIDENTS] [JOBS]

Each seed makes a county, prepares it and computes the debt of every report group as a quarter does, once well
specified (what the ledger assumes of lost needs and of substitutes is what was planted) and once mis-specified (a third
of the needs goes to private care outside the register, the return of contacts wanes, and the assumptions are the
shipped ones). Every term at the window's end is compared with the planted one: by service of all residents, and the
total debt of every group with at least 1,000 members. Targets: inside the 80 % interval in 72–88 %, mis-specified at
least 60 %.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from ennakointi import debt, debt_part, panel, parameters, phases, sources, store, synthetic
from ennakointi.debt import checks as debt_checks
from ennakointi.debt.ledger import Ledger
from ennakointi.parameters import Parameters
from ennakointi.parameters.debt_documents import Likely
from ennakointi.periods import Quarter, month_text
from ennakointi.synthetic import SyntheticSettings
from ennakointi.workspace import Workspace, write_tables

AS_OF = date(2025, 9, 30)
MISSPECIFIED = SyntheticSettings(private_leakage=0.3, waning_return=True)
LEAST_MEMBERS = 1_000
TERMS = (
    "substituted",
    "visible",
    "lost_died",
    "lost_moved",
    "lost_not_needed",
    "lost",
    "hidden",
    "unexplained",
    "debt",
)


def informed(loaded: Parameters) -> Parameters:
    """The parameters with what the generator planted: needs that pass, shares not needed at once, substitutes."""
    care = synthetic.calibration().care
    planted = {code: one.missed for code, one in care.services.items()}
    at_once = {
        code: _about(one.unneeded / (1 - (one.substituted if one.substitute else 0))) for code, one in planted.items()
    }
    lost = loaded.debt.lost.model_copy(update={"services": at_once, "per_month": _about(care.disruption.needs_pass)})
    services = {
        code: one.model_copy(update={"substitutes": {planted[code].substitute: 1.0}})
        if code in planted and planted[code].substitute
        else one.model_copy(update={"substitutes": {}})
        for code, one in loaded.services.items()
    }
    return replace(loaded, debt=loaded.debt.model_copy(update={"lost": lost}), services=services)


def _about(value: float) -> Likely:
    return Likely(low=0.9 * value, likely=value, high=1.1 * value)


def recover(seed: int, residents: int, misspecified: bool) -> pd.DataFrame:
    """seed, target_group, service, term, planted, value, lo80, hi80, inside80, inside95, members, failed."""
    loaded = parameters.load()
    ours = loaded if misspecified else informed(loaded)
    report = [g for g in loaded.report_groups if not loaded.target_groups[g].endogenous]
    with tempfile.TemporaryDirectory() as name:
        data, workspace = Path(name) / "data", Workspace(Path(name) / "work", Quarter(2025, 3))
        rules = {g: loaded.target_groups[g].who for g in report if g != "all"}
        options = MISSPECIFIED if misspecified else SyntheticSettings()
        synthetic.make(data, residents=residents, seed=seed, until=AS_OF, groups=rules, settings=options)
        workspace.create()
        phases.prepare(workspace, ours, sources.discover(data), AS_OF, report, lambda _: None)
        found = terms(workspace, ours, synthetic.truth(data).volumes, report, seed)
    return found.assign(seed=seed)


def terms(
    workspace: Workspace, ours: Parameters, truth: pd.DataFrame, report: Sequence[str], seed: int
) -> pd.DataFrame:
    """Every term of the ledgers of some groups of a prepared workspace beside the planted one."""
    opened = store.open(workspace.store)
    write_tables(workspace.part(debt_part.HIDDEN), debt_part.hidden_use(workspace, ours, opened, seed), {})
    rows = []
    for group in ["all", *(g for g in report if g != "all")]:
        counts = panel.open(workspace.panels, group)
        found = debt_part.accounts(workspace, ours, counts, seed)
        if group == "all":
            made = debt.estimate(counts, ours.debt, ours.services, found)
            factors = {debt_part.CALIBRATION: debt_part.calibration_table(found.factors)}
            write_tables(workspace.part(debt_part.EVERYONE), {**made.tables, **factors}, {})
        planted = truth[truth["target_group"] == group]
        rows.append(compared(found, planted, ours).assign(target_group=group, members=_members(counts)))
    return pd.concat(rows, ignore_index=True)


def _members(counts: panel.Panel) -> float:
    time = counts.person_time
    return float(time[time["month"] == counts.last_month]["member_py"].sum() * 12)


def compared(found: debt.Accounts, planted: pd.DataFrame, ours: Parameters) -> pd.DataFrame:
    """Every term of every service and of `all` beside the planted one."""
    true = {service: _planted(planted, service, account) for service, account in found.services.items()}
    if true:
        true["all"] = {term: sum(one[term] for one in true.values()) for term in TERMS}
    rows = []
    for service in true:
        account = found.ledgers[service]
        end = account.window_months - 1
        failed = any(check.passed is False for check in debt_checks.of_account(account))
        for term, draws in account.terms.named():
            ends = [account.interval(draws, level) for level in (0.80, 0.95)]
            value = {
                f"{side}{level}": pair[i][end]
                for level, pair in zip((80, 95), ends, strict=True)
                for i, side in ((0, "lo"), (1, "hi"))
            }
            row = {"service": service, "term": term, "planted": true[service][term], "value": draws[:, end].mean()}
            rows.append({**row, **value, "expected": account.expected[: end + 1].sum(), "failed": failed})
    frame = pd.concat([pd.DataFrame(rows), _left(found, planted)], ignore_index=True)
    for level in (80, 95):
        frame[f"inside{level}"] = frame["planted"].between(frame[f"lo{level}"], frame[f"hi{level}"])
    return frame


def _left(found: debt.Accounts, planted: pd.DataFrame) -> pd.DataFrame:
    """What is left at the end of the data, by service and together: `visible_now` and `hidden_now`."""
    rows = []
    for service, account in found.services.items():
        calendar = account.series.account
        here = (planted["service"] == service) & planted["municipality"].isin(account.series.municipalities)
        stock = planted[here & (planted["month"] == month_text(calendar.last))].sum(numeric_only=True)
        for term, name in (("visible", "postponed"), ("hidden", "hidden")):
            draws = getattr(account.terms, term)
            if draws is not None:
                ends = dict(zip(("lo80", "hi80", "lo95", "hi95"), np.quantile(draws[:, -1], [0.1, 0.9, 0.025, 0.975])))
                row = {"service": service, "term": f"{term}_now", "planted": float(stock[name]), **ends}
                rows.append({**row, "value": draws[:, -1].mean(), "expected": account.expected.sum(), "failed": False})
    every = pd.DataFrame(rows)
    if every.empty:
        return every
    sums = every.groupby("term", as_index=False)[["planted", "value", "expected"]].sum()
    whole = found.ledgers["all"].terms
    for at, term in enumerate(sums["term"]):
        draws = getattr(whole, term.removesuffix("_now"))[:, -1]
        sums.loc[at, ["lo80", "hi80", "lo95", "hi95"]] = np.quantile(draws, [0.1, 0.9, 0.025, 0.975])
    return pd.concat([every, sums.assign(service="all", failed=False)], ignore_index=True)


def _planted(volumes: pd.DataFrame, service: str, account: Ledger) -> Mapping[str, float]:
    """The planted terms of a service in the area and window of its account, contacts."""
    calendar = account.series.account
    rows = volumes[(volumes["service"] == service) & volumes["municipality"].isin(account.series.municipalities)]
    months = [month_text(m) for m in range(calendar.window_start, calendar.window_end + 1)]
    flow = rows[rows["month"].isin(months)].sum(numeric_only=True)
    stock = rows[rows["month"] == months[-1]].sum(numeric_only=True)
    lost = {name: float(flow[name]) for name in ("lost_died", "lost_moved", "lost_not_needed")}
    substituted = float(flow["substituted"] - flow["replacing"])
    return {
        **lost,
        "lost": sum(lost.values()),
        "substituted": substituted,
        "debt": float(flow["counterfactual"] - flow["actual"]) - substituted,
        "visible": float(stock["postponed"]),
        "hidden": float(stock["hidden"]),
        "unexplained": float(flow["membership"] + flow["lost_elsewhere"]),
    }


def coverage(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """Covered shares with a 95 % interval from bootstrapped seeds."""
    rng, seeds = np.random.default_rng(1), frame["seed"].unique()
    rows = []
    for name, part in frame.groupby(by):
        sums = part.groupby("seed")["inside80"].agg(["sum", "count"]).reindex(seeds, fill_value=0).to_numpy()
        drawn = sums[rng.integers(0, len(seeds), (1000, len(seeds)))].sum(axis=1)
        low, high = np.nanquantile(drawn[:, 0] / np.maximum(drawn[:, 1], 1), [0.025, 0.975])
        error = ((part["value"] - part["planted"]) / part["expected"]).median()
        rows.append((name, part["inside80"].mean(), low, high, part["inside95"].mean(), error, len(part)))
    return pd.DataFrame(rows, columns=[by, "inside80", "lo", "hi", "inside95", "median_error", "cells"])


def report(frame: pd.DataFrame) -> None:
    """Print what the issue asks for."""
    services = frame[(frame["target_group"] == "all") & (frame["service"] != "all")]
    known = services[(services["planted"] != 0) | (services["lo80"] != services["hi80"])]
    print(coverage(known, "term").round(3).to_string(index=False))
    print(f"all terms: {known['inside80'].mean():.3f} of {len(known)} cells")
    totals = frame[(frame["service"] == "all") & (frame["term"] == "debt") & (frame["members"] >= LEAST_MEMBERS)]
    print(coverage(totals, "target_group").round(3).to_string(index=False))
    print(f"total debt of groups: {totals['inside80'].mean():.3f} of {len(totals)} cells")
    whole = frame[(frame["service"] == "all") & (frame["members"] >= LEAST_MEMBERS)]
    print("terms of all services together, groups of 1,000 and more")
    print(coverage(whole[whole["term"] != "substituted"], "term").round(3).to_string(index=False))


def main(seeds: str = "20", residents: str = "20000", jobs: str = "2") -> None:
    run = Parallel(n_jobs=int(jobs))
    for misspecified in (False, True):
        made = run(delayed(recover)(seed, int(residents), misspecified) for seed in range(1, int(seeds) + 1))
        print("\nmis-specified" if misspecified else "\nwell specified")
        report(pd.concat(made, ignore_index=True))
