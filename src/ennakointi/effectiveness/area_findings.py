"""Effects of a roll-out: areas against areas that have not started, or one series before and after."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ennakointi.causal import difference, event_time, honest, person_checks, rollout
from ennakointi.causal.areas import AreaPanel, Bools
from ennakointi.causal.difference import Cells
from ennakointi.causal.rollout import BASE_MONTHS, RolloutEffect
from ennakointi.effectiveness import chooser, effect_checks, series_findings
from ennakointi.effectiveness.chooser import BESIDE, RECORD, Choice
from ennakointi.effectiveness.findings import Finding, refused
from ennakointi.effectiveness.verdicts import Interval
from ennakointi.errors import DataError
from ennakointi.parameters.effect_documents import EffectSettings, Intervention
from ennakointi.results import Check
from ennakointi.text import N_

NOT_HELD = N_("The register does not hold the areas long enough before the start.")


def choices(intervention: Intervention, panel: AreaPanel, settings: EffectSettings) -> tuple[Choice, ...]:
    """The designs that the registration and the shape of the data allow."""
    found = chooser.shape(panel, intervention.comparison != "none")
    return chooser.of_areas(found, settings.minimum_before_months)


def findings(
    intervention: Intervention,
    panel: AreaPanel,
    control: AreaPanel | None,
    settings: EffectSettings,
    chosen: Sequence[Choice],
    excluded: int,
    seed: int,
) -> list[Finding]:
    """The design of record first, then those beside it; one refusal when no design is feasible.

    `excluded` : areas that were left out of the comparison because the intervention may reach them.
    """
    role = {choice.design: choice.role for choice in chosen}
    washout = intervention.washout_months
    found: list[Finding] = []
    if role.get("did") == RECORD:
        found = _compared(panel, control, settings, washout, excluded, seed)
    before = settings.minimum_before_months
    if role.get("its") == RECORD:
        found = [series_findings.interrupted(panel, before, washout, seed, record=True)]
    if not found and role.get("did") == RECORD:
        return [refused(NOT_HELD, "did")]
    if not found:
        reason = next((one for one in chosen if one.role == chooser.NOT_FEASIBLE), chosen[0])
        return [refused(reason.reason, reason.design, dict(reason.values))]
    beside = [design for design, its in role.items() if its == BESIDE]
    others = [series_findings.beside(design, panel, before, washout, seed) for design in beside]
    return [*found, *(one for one in others if one is not None)]


def _compared(
    panel: AreaPanel, control: AreaPanel | None, settings: EffectSettings, washout: int, excluded: int, seed: int
) -> list[Finding]:
    """The comparison of areas, and beside it other ways to treat the largest one."""
    largest = rollout.dominant_area(panel)
    cells = _cells(panel, washout)
    effect = rollout.rollout_effect(panel, settings.permutations, seed, largest, cells)
    if effect is None:
        return []
    with_all = (
        None if largest is None else rollout.rollout_effect(panel, settings.permutations, seed, cells=cells, studies=0)
    )
    checks = effect_checks.of_rollout(
        effect,
        rollout.placebo_effect(panel, settings.permutations, seed, largest),
        rollout.leave_one_out(panel, effect.treated, largest, washout),
        with_all,
        panel,
    )
    checks += _other_ways(panel, effect, washout, largest, seed)
    checks.append(effect_checks.spill_over(excluded))
    code = None if largest is None else panel.areas[largest]
    checks.append(person_checks.negative_control(_control_p(control, code, settings, washout, seed)))
    found = [_did(effect, panel, "did", tuple(checks), _over_time(panel, effect, largest, settings, seed))]
    if with_all is not None and largest is not None:
        without = panel.without(largest)
        alone = rollout.rollout_effect(without, settings.permutations, seed, cells=_cells(without, washout), studies=0)
        found.append(_did(with_all, panel, "did_all_areas"))
        found += [] if alone is None else [_did(alone, without, "did_without_largest")]
    return found


def _cells(panel: AreaPanel, washout: int) -> Cells:
    """The covered years before the start against every three months after it, the washout left out."""
    return rollout.group_time_cells(panel, washout)


def _other_ways(panel: AreaPanel, effect: RolloutEffect, washout: int, largest: int | None, seed: int) -> list[Check]:
    """The effect with equal weights of the areas, without the first months, and under parting developments."""
    bounds = (effect.effect.lo95, effect.effect.hi95)
    after = _cells(panel, washout + series_findings.WASHOUT_TRIED)
    later = rollout.rollout_effect(panel, 1, seed, largest, after, studies=0)
    equal = _with_equal_weights(panel, washout, largest)
    return [
        effect_checks.alternative(equal, bounds),
        effect_checks.washout(None if later is None else later.effect.estimate, bounds),
        effect_checks.parting_trends(_breakdown(panel, effect, largest, seed)),
    ]


def _with_equal_weights(panel: AreaPanel, washout: int, largest: int | None) -> float:
    """The log effect when every area counts alike: Callaway & Sant'Anna's simple aggregate."""
    planned = rollout.planned(panel, _cells(panel, washout))
    assert planned is not None
    weight = (planned.weight > 0).astype(float)
    if largest is not None:
        weight = np.where(rollout.own_cells(panel.starts, planned.cells, largest), 0.0, weight)
    coefficient, usable = difference.coefficients(panel.starts[None], planned.cells, weight, panel.comparison)
    change = np.nan_to_num(rollout.change_at(planned)(np.zeros(1))[0])
    return float((coefficient[0] * change).sum()) if usable[0] else np.nan


def _breakdown(panel: AreaPanel, effect: RolloutEffect, largest: int | None, seed: int) -> float | None:
    """How many times the largest yearly parting before the start the developments could part after it, before the
    average effect could be none (Rambachan & Roth 2023); None when it cannot be told, NaN when there is no effect."""
    if not np.isfinite(effect.effect.lo95):
        return None
    found = event_time.effect_by_time(
        panel, len(panel.areas) * 100, seed, effect.effect.estimate, largest, event_time.YEARS, BASE_MONTHS
    )
    n_before = 0 if found is None else int((found.period < 0).sum())
    if found is None or n_before in (0, len(found.period)):
        return None
    try:
        return honest.breakdown(
            found.effect, found.covariance, n_before, len(found.period) - n_before, l="average", seed=seed
        )
    except DataError:
        return None


def _over_time(
    panel: AreaPanel, effect: RolloutEffect, largest: int | None, settings: EffectSettings, seed: int
) -> pd.DataFrame | None:
    found = event_time.effect_by_time(panel, settings.permutations, seed, effect.effect.estimate, largest)
    if found is None:
        return None
    columns = {
        "since_start": found.period,
        "relative": np.expm1(found.effect),
        "lo95": np.expm1(found.lo95),
        "hi95": np.expm1(found.hi95),
        "n_persons": found.persons,
    }
    return pd.DataFrame(columns)


def _control_p(
    control: AreaPanel | None, largest: str | None, settings: EffectSettings, washout: int, seed: int
) -> float | None:
    if control is None:
        return None
    exclude = control.areas.index(largest) if largest in control.areas else None
    found = rollout.rollout_effect(control, settings.permutations, seed, exclude, _cells(control, washout), studies=0)
    return None if found is None else found.effect.p_value


def _persons(panel: AreaPanel, treated: Bools) -> float:
    """Persons behind the effect: those after the start or those of the year before it, whichever are fewer. Of each
    area the month with the most, which bounds its distinct persons from below; NaN when none are known."""
    if np.isnan(panel.persons[treated]).all():
        return np.nan
    since = panel.months - panel.starts[:, None]
    known = np.where(treated[:, None] & ~np.isnan(panel.persons), panel.persons, 0)
    parts = (known * (since >= 0), known * ((since < 0) & (since >= -BASE_MONTHS)))
    return float(min((total for part in parts if (total := part.max(axis=1).sum())), default=0))


def _did(
    effect: RolloutEffect,
    panel: AreaPanel,
    design: str,
    checks: tuple[Check, ...] = (),
    over_time: pd.DataFrame | None = None,
) -> Finding:
    found = effect.effect
    return Finding(
        design=design,
        log=Interval(found.estimate, found.lo95, found.hi95),
        p_value=found.p_value,
        rate=effect.rate_after,
        detectable=effect.detectable,
        crude=effect.crude,
        expected=effect.crude - found.estimate,
        n_treated=int(effect.treated.sum()),
        n_comparison=int(effect.comparison.sum()),
        counted="areas",
        n_persons=_persons(panel, effect.treated),
        start=int(panel.starts[effect.treated].min()),
        checks=checks,
        record=design == "did",
        over_time=over_time,
    )
