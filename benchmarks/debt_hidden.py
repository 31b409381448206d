"""Does the model of persons find the hidden debt that the synthetic county planted?

    python benchmarks/debt_hidden.py [SEEDS] [RESIDENTS]

Counties of seeds 1…SEEDS with their report groups; municipalities whose primary care the register holds throughout.
Relative errors of absent users and of persons with a hidden need, against those that the county counted:

    shipped   the shipped assumptions of needs that are replaced or no longer needed
    matched   the same with the county's own shares, so that what is left is the error of the model of persons
    given     persons behind the county's own hidden contacts (`hidden.persons_of`)

Target: hidden persons of groups, all services together, within 15 % in the median (matched).
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from ennakointi import parameters, phases, sources, store, synthetic
from ennakointi.debt import hidden
from ennakointi.parameters import Parameters
from ennakointi.parameters.debt_documents import Likely
from ennakointi.periods import Quarter, month_text
from ennakointi.workspace import Workspace

AS_OF = date(2025, 9, 30)
KEYS = ["target_group", "service"]
FEWEST = 20  # persons in the truth; fewer have no relative error
TARGET = 0.15


def county(folder: Path, seed: int, residents: int, loaded: Parameters) -> None:
    """A county with the truth of the report groups, prepared up to its panels; one that is there is used again."""
    groups = [group for group in loaded.report_groups if group != "all"]
    if not (folder / "data" / "truth").is_dir():
        rules = {group: loaded.target_groups[group].who for group in groups}
        synthetic.make(folder / "data", residents=residents, seed=seed, until=AS_OF, groups=rules)
    workspace = workspace_of(folder)
    if not (workspace.panels / "panel.json").is_file():
        workspace.create()
        phases.prepare(workspace, loaded, sources.discover(folder / "data"), AS_OF, groups, lambda _: None)


def workspace_of(folder: Path) -> Workspace:
    return Workspace(folder / "work", Quarter(2025, 3))


def matched(loaded: Parameters) -> Parameters:
    """Parameters that hold the county's own shares of missed contacts that are replaced or not needed any more."""
    known = synthetic.calibration().care.services
    lost, services = {}, dict(loaded.services)
    for name, spec in known.items():
        replaced = spec.missed.substituted if spec.missed.substitute else 0.0
        share = spec.missed.unneeded / (1 - replaced)
        lost[name] = Likely(low=share, likely=share, high=share)
        if name in services and spec.missed.substitute:
            services[name] = services[name].model_copy(update={"substitutes": {spec.missed.substitute: 1}})
    told = loaded.debt.lost.model_copy(update={"services": lost})
    return replace(loaded, debt=loaded.debt.model_copy(update={"lost": told}), services=services)


def recover(folder: Path, loaded: Parameters) -> pd.DataFrame:
    """Estimated beside planted by target group and service, with the variant of the estimate."""
    workspace = workspace_of(folder)
    opened, truth = store.open(workspace.store), synthetic.truth(folder / "data")
    places = _places(truth.volumes)
    planted = _summed(truth.users, places, ["absent", "hidden_persons", "persons"])
    rows = []
    for variant, chosen in (("shipped", loaded), ("matched", matched(loaded))):
        found = hidden.estimate(opened, workspace.panels, workspace.memberships, chosen, "residents", 1)
        whole = found.estimates[found.estimates["municipality"] == "all"].set_index(KEYS)
        table = found.estimates[found.estimates["status"] == "estimated"]
        here = _summed(table, places, ["absent", "hidden"], "estimated_").join(planted, how="inner").reset_index()
        ends = [
            whole.loc[list(map(tuple, here[KEYS].to_numpy())), f"hidden_{end}"].to_numpy() for end in ("lo80", "hi80")
        ]
        scale = here["estimated_hidden"] / whole.loc[list(map(tuple, here[KEYS].to_numpy())), "hidden"].to_numpy()
        inside = (ends[0] * scale <= here["hidden_persons"]) & (here["hidden_persons"] <= ends[1] * scale)
        rows.append(here.assign(variant=variant, inside=inside))
        model = found.tables["person_model"]
    return pd.concat([*rows, _given(model, truth.volumes, rows[-1])], ignore_index=True)


def _places(volumes: pd.DataFrame) -> set[str]:
    """Municipalities whose primary care the register holds from 2017 to 2021."""
    months = volumes["month"].astype(str)
    inside = volumes[(volumes["service"] == "primary_care") & months.between("2017-01", "2021-12")]
    held = inside.groupby("municipality", observed=True)["covered"].all()
    return set(held.index[held].astype(str))


def _summed(table: pd.DataFrame, places: set[str], columns: list[str], prefix: str = "") -> pd.DataFrame:
    kept = table[table["municipality"].isin(places)].astype(dict.fromkeys(KEYS, str))
    return kept.groupby(KEYS)[columns].sum().add_prefix(prefix)


def _given(model: pd.DataFrame, volumes: pd.DataFrame, here: pd.DataFrame) -> pd.DataFrame:
    """Persons behind the planted hidden contacts of single services, in the share of them that the places have."""
    end = volumes[(volumes["month"].astype(str) == month_text(synthetic_end())) & volumes["covered"]]
    contacts = end.astype(dict.fromkeys(KEYS, str)).groupby(KEYS)["hidden"].sum()
    told = model[(model["status"] == "estimated") & (model["service"] != "all")].set_index(KEYS)
    rows = []
    for row in here[here["service"] != "all"].itertuples():
        one = told.loc[(row.target_group, row.service)]
        known = np.array([float(contacts.get((row.target_group, row.service), 0.0))])
        sizes = (one[name] for name in ("expected_present", "expected_stayed", "n_persons", "persons_shape"))
        persons = float(hidden.persons_of(known, *map(float, sizes))[0])
        share = row.estimated_hidden / one["hidden"] if one["hidden"] > 0 else np.nan
        rows.append({**row._asdict(), "variant": "given", "estimated_hidden": persons * share})
    return pd.DataFrame(rows).drop(columns="Index")


def synthetic_end() -> int:
    """Last month of the county's disruption."""
    disruption = synthetic.calibration().care.disruption
    return int(disruption.first) + len(disruption.factors) - 1


def table(found: pd.DataFrame) -> pd.DataFrame:
    """Relative errors by variant and kind of cell."""
    together = found["service"] == "all"
    everybody = found["target_group"] == "all"
    kinds = {
        "groups, all services": together,
        "groups of 1,000, all services": together & (found["persons"] >= 1000),
        "all residents by service": everybody & ~together,
        "groups by service": ~everybody & ~together,
    }
    rows = []
    for variant, part in found.groupby("variant", sort=False):
        for kind, chosen in kinds.items():
            cells = part[chosen.loc[part.index]]
            needs, missing = cells[cells["hidden_persons"] >= FEWEST], cells[cells["absent"] >= FEWEST]
            error = needs["estimated_hidden"] / needs["hidden_persons"] - 1
            absent = missing["estimated_absent"] / missing["absent"] - 1
            rows.append(
                {
                    "variant": variant,
                    "cells": kind,
                    "n": len(needs),
                    "hidden_error": error.abs().median(),
                    "hidden_bias": error.median(),
                    "inside80": needs["inside"].mean(),
                    "n_absent": len(missing),
                    "absent_error": absent.abs().median(),
                    "absent_bias": absent.median(),
                }
            )
    return pd.DataFrame(rows).query("n > 0")


def main(seeds: str = "10", residents: str = "20000", folder: str = "") -> None:
    """`folder`: where counties are kept; a temporary one unless given."""
    loaded, found = parameters.load(), []
    with tempfile.TemporaryDirectory() as name:
        for seed in range(1, int(seeds) + 1):
            place = Path(folder or name) / f"c{seed}"
            county(place, seed, int(residents), loaded)
            found.append(recover(place, loaded).assign(seed=seed))
            print(f"seed {seed}", flush=True)
    every = pd.concat(found, ignore_index=True)
    print(table(every).round(3).to_string(index=False))
    aim = every[(every["variant"] == "matched") & (every["service"] == "all") & (every["hidden_persons"] >= FEWEST)]
    error = (aim["estimated_hidden"] / aim["hidden_persons"] - 1).abs().median()
    verdict = "met" if error <= TARGET else "MISSED"
    print(f"hidden persons of groups: {error:.3f} in the median, target {TARGET}: {verdict}")


if __name__ == "__main__":
    main(*sys.argv[1:])
