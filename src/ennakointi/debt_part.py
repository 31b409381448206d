"""The part of a quarter about one group's service debt: the accounts, what became of the need, and clearing it.

Puts the methods together that know nothing of each other: `debt` and `queues`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd

from ennakointi import debt, panel, quality
from ennakointi.debt import borrowing, equity, hidden, production, sensitivity, views
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.ledger import Ledger
from ennakointi.debt.lost import Fading
from ennakointi.panel import Panel
from ennakointi.parameters import Parameters
from ennakointi.queues import clearing, pressure, service_queue
from ennakointi.queues.clearing import Remaining
from ennakointi.store import Store
from ennakointi.text import N_, message_json
from ennakointi.workspace import Workspace, read_tables

ALL = "all"
HIDDEN, EVERYONE = "hidden", "debt.all"  # the parts that a group's debt needs
CALIBRATION, PERSON_MODEL = "debt_calibration", "person_model"  # tables of parts that no report shows
MONTHS_OF_GROWTH = 12

_NO_QUEUE = N_("The register holds no queue of this service.")
_NO_HIDDEN = N_("Hidden need is not known and not counted.")


def needs(part: str) -> tuple[str, ...]:
    """The parts that must be finished before a part of debt."""
    if not part.startswith("debt."):
        return ()
    return (HIDDEN,) if part == EVERYONE else (HIDDEN, EVERYONE)


def compute(
    workspace: Workspace, parameters: Parameters, opened: Store, key: str, seed: int
) -> dict[str, pd.DataFrame]:
    """Every table of service debt of one target group."""
    settings, services = parameters.debt, parameters.services
    counts = panel.open(workspace.panels, key)
    found = accounts(workspace, parameters, counts, seed)
    structural = {s: _structural(counts, parameters, one) for s, one in found.services.items()}
    known = {s: value for s, value in structural.items() if np.isfinite(value)}
    estimated = debt.estimate(counts, settings, services, found, known)
    summary = estimated.tables["debt_summary"]
    persons = dict(zip(summary["service"].astype(str), summary["n_persons"].astype(float), strict=True))
    in_force = views.known(parameters.expert_views, key, opened.synthetic, counts.as_of)
    everyone, group = panel.open(workspace.panels, ALL), parameters.target_groups[key]
    others = debt.Accounts({}, {}, found.factors)
    if key != ALL and found.ledgers:
        rest = equity.others(counts, everyone)
        others = debt.accounts(rest, settings, services, seed, group=group, calibrated=found.factors)
    cleared = _cleared(counts, parameters, found, opened.synthetic, seed)
    left = clearing.to_clear(cleared["debt_clearance"])
    return {
        **estimated.tables,
        **cleared,
        "queue_pressure": pressure.table(counts, services, settings.queues, seed),
        "debt_equity": equity.table(
            counts, everyone, found.ledgers, others.ledgers, uses_care=group.uses_care, seed=seed
        ),
        "debt_production": production.table(counts, found.ledgers, parameters.disclosure.suppliers),
        "debt_views": views.table(key, found.ledgers, in_force, float(settings.data_weight), persons),
        "debt_sensitivity": sensitivity.table(
            counts, settings, services, seed, group=group, record=found, to_clear=left
        ),
        **({CALIBRATION: calibration_table(found.factors)} if key == ALL else {}),
    }


def hidden_use(workspace: Workspace, parameters: Parameters, opened: Store, seed: int) -> dict[str, pd.DataFrame]:
    """What persons tell of hidden need, for every group of the run."""
    counted = quality.counted(opened, parameters)
    return dict(hidden.estimate(opened, workspace.panels, workspace.memberships, parameters, counted.who, seed).tables)


def accounts(workspace: Workspace, parameters: Parameters, counts: Panel, seed: int) -> debt.Accounts:
    """The accounts of a group; what its own data do not tell comes from the part of all residents."""
    key = counts.target_group
    told = read_tables(workspace.part(HIDDEN))[PERSON_MODEL]
    everyone, borrowed = {}, None
    if key != ALL:
        tables = read_tables(workspace.part(EVERYONE))
        of_all = borrowing.person_models(told[told["target_group"] == ALL])
        everyone = borrowing.everyone(tables["service_debt"], of_all)
        borrowed = calibration_of(tables[CALIBRATION])
    return debt.accounts(
        counts,
        parameters.debt,
        parameters.services,
        seed,
        group=parameters.target_groups[key],
        borrowed=borrowed,
        persons=told[told["target_group"] == key],
        prior=everyone,
    )


def calibration_table(factors: Calibration) -> pd.DataFrame:
    """A calibration as a table of months, for the parts of groups."""
    known = {field.name: getattr(factors, field.name) for field in fields(factors) if field.name != "borrowed"}
    return pd.DataFrame({name: values for name, values in known.items() if values is not None})


def calibration_of(table: pd.DataFrame) -> Calibration:
    columns: dict[str, Any] = {str(name): table[name].to_numpy(float) for name in table.columns}
    return Calibration(**columns)


def _structural(counts: Panel, parameters: Parameters, account: Ledger) -> float:
    """Contacts that waited beyond the target queue at the end of the baseline; NaN where no queue is known."""
    service, series = parameters.services[account.series.service], account.series
    referrals = pressure.structural(
        counts,
        series.service,
        series.account.baseline_end,
        parameters.debt.queues,
        service.care_guarantee,
        series.municipalities,
    )
    return referrals * float(service.contacts_per_episode)


def _cleared(
    counts: Panel, parameters: Parameters, found: debt.Accounts, synthetic: bool, seed: int
) -> Mapping[str, pd.DataFrame]:
    """What clearing the rest takes: the queue beyond the expected one, and the hidden need that comes back."""
    remaining = {
        s: _remaining(counts, one, found.fading[s], float(parameters.services[s].contacts_per_episode), seed)
        for s, one in found.services.items()
        if one.terms.visible is not None and one.series.account.last == counts.last_month
    }
    unknown = message_json(N_("The account of this service ends before the data do, or its queue is not known."), {})
    refusals = {s: why.message for s, why in found.refusals.items() if s != ALL}
    refusals |= dict.fromkeys((s for s in found.services if s not in remaining), unknown)
    return clearing.estimate(
        counts.target_group,
        remaining,
        parameters.debt.clearing,
        parameters.debt.return_shares,
        parameters.services,
        counts.last_month,
        synthetic,
        seed,
        refusals,
    )


def _remaining(counts: Panel, account: Ledger, fade: Fading, per_episode: float, seed: int) -> Remaining:
    """What one service has left at the end of the data, and how its queue has moved in the last year."""
    series, terms = account.series, account.terms
    assert terms.visible is not None
    draws, last = len(terms.net), series.account.last
    listed = service_queue.read(counts, series.service, last - MONTHS_OF_GROWTH, last, series.municipalities)
    growth = month_sd = np.zeros(draws)
    if listed is not None:
        changes = np.diff(listed.size) * per_episode
        rng = np.random.default_rng(seed ^ zlib.crc32(series.service.encode()))
        growth, month_sd = clearing.monthly_growth(changes, draws, rng)
    left = np.zeros((draws, MONTHS_OF_GROWTH + 1)) if terms.hidden is None else terms.hidden[:, -MONTHS_OF_GROWTH - 1 :]
    ended = fade.without_care * left[:, :-1].sum(axis=1)
    missing = [_NO_HIDDEN] if terms.hidden is None else []
    missing += [_NO_QUEUE] if listed is None else []
    return Remaining(
        queue=terms.visible[:, -1],
        hidden=left[:, -1],
        growth=growth,
        month_sd=month_sd,
        returned=(left[:, 0] - left[:, -1] - ended) / MONTHS_OF_GROWTH,
        passing=fade.without_care,
        normal_month=float(account.expected[-MONTHS_OF_GROWTH:].mean()),
        n_persons=float(series.persons[-MONTHS_OF_GROWTH:].max()),
        reason=message_json(missing[0], {}) if missing else "",
        hidden_known=terms.hidden is not None,
    )
