"""Is the planted debt of a synthetic county inside its interval? The debt part of the recovery benchmark."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pandas as pd

from ennakointi import debt, groups, panel, parameters, store, synthetic
from ennakointi.debt import service_series
from ennakointi.panel import Panel
from ennakointi.parameters import Parameters
from ennakointi.periods import month_text
from ennakointi.store import sources

AS_OF = date(2025, 9, 30)


def debt_recovery(seeds: Iterable[int], residents: int = 20_000) -> pd.DataFrame:
    """Planted and estimated debt of `all` at the end of the window, by seed and service.

    The truth is the sum of counterfactual − actual contacts of the synthetic county in the municipalities and
    months of each service's account.

    Returns
    -------
    seed, service, planted, debt, debt_lo80, debt_hi80, debt_lo95, debt_hi95, expected, inside80, inside95.
    """
    return pd.concat([one_county(seed, residents) for seed in seeds], ignore_index=True)


def one_county(seed: int, residents: int) -> pd.DataFrame:
    """Rows of one synthetic county, made in a temporary folder."""
    loaded = parameters.load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = county_panel(folder, seed, residents, loaded)
        volumes = synthetic.truth(folder / "data").volumes
    result = debt.estimate(built, loaded.debt, loaded.services, seed, group=loaded.target_groups["all"])
    found = result.tables["debt_summary"].query("status == 'debt'")
    planted = {s: planted_debt(volumes, built, s, loaded) for s in found["service"] if s != "all"}
    planted["all"] = sum(planted.values())
    columns = ["service", "debt", "debt_lo80", "debt_hi80", "debt_lo95", "debt_hi95", "expected"]
    rows = found[columns].assign(seed=seed, planted=found["service"].map(planted))
    for level in ("80", "95"):
        rows[f"inside{level}"] = rows["planted"].between(rows[f"debt_lo{level}"], rows[f"debt_hi{level}"])
    return rows


def county_panel(folder: Path, seed: int, residents: int, loaded: Parameters) -> Panel:
    """The panel of `all` of a synthetic county."""
    synthetic.make(folder / "data", residents=residents, seed=seed, until=AS_OF)
    built = store.build(sources.discover(folder / "data"), folder / "store", loaded, AS_OF)
    index = groups.build(built, loaded, folder / "memberships", ("all",))
    panel.build(built, index, loaded, folder / "panels")
    return panel.open(folder / "panels", "all")


def planted_debt(volumes: pd.DataFrame, built: Panel, service: str, loaded: Parameters) -> float:
    """Counterfactual − actual contacts of a service in the area and window of its account."""
    account = debt.account_of(built, loaded.debt)
    area, account = service_series.fit_account(built, service, account)
    months = [month_text(m) for m in range(account.window_start, account.window_end + 1)]
    rows = volumes[
        (volumes["target_group"] == "all")
        & (volumes["service"] == service)
        & volumes["municipality"].isin(area)
        & volumes["month"].isin(months)
    ]
    return float((rows["counterfactual"] - rows["actual"]).sum())


if __name__ == "__main__":
    rows = debt_recovery(range(1, 11))
    print(rows.groupby("service")[["inside80", "inside95"]].mean().round(2).to_string())
    services = rows[rows["service"] != "all"]
    shares = services[["inside80", "inside95"]].mean()
    print(f"services × seeds inside 80 %: {shares.iloc[0]:.3f}, inside 95 %: {shares.iloc[1]:.3f}")
