"""Hidden debt in persons: expected users who are absent, from a model of each person's use before the disruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from scipy import stats

from ennakointi import groups, panel
from ennakointi.debt import service_series
from ennakointi.debt.hidden import absent, features, service_models, tables
from ennakointi.debt.hidden.absent import persons_of as persons_of
from ennakointi.debt.hidden.features import YEAR, Floats, Plan
from ennakointi.debt.hidden.service_models import Errors, Fitted, Reliability
from ennakointi.debt.hidden.tables import Needs, Told
from ennakointi.debt.service_series import Account, ServiceSeries
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.panel.population_time import CLIENTS
from ennakointi.parameters.cross_checks import ALL
from ennakointi.periods import month_text
from ennakointi.results import Result
from ennakointi.rules.words import COUNTY
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.groups import GroupIndex
    from ennakointi.panel import Panel
    from ennakointi.parameters import Parameters
    from ennakointi.parameters.debt_documents import DebtSettings
    from ennakointi.store import Store

PLACEBOS = 2  # earlier periods, a year apart, on which the models are tested
_MEMBERS_BEHIND = 50.0  # contacts at which the ratio of later members' use to that of the first ones counts half
_Z80 = float(stats.norm.ppf(0.9))

_CLIENTS = N_("The data hold clients only. Persons who never came cannot be seen in them.")
_TOO_SHORT = N_("The data begin too late to train and to test a model of use before the window.")
_TOO_EARLY = N_("The data end before the window does.")
_ENDOGENOUS = N_(
    "Use of services itself decides who belongs to the group. When use falls, the group shrinks, "
    "and a comparison of expected and observed users would mislead."
)
_LATE = N_("The group can be told only from {month} on, after the disruption began.")
_NO_AREA = N_("The register holds no area from the baseline to the end of the window.")


@dataclass(frozen=True, eq=False)
class HiddenUse(Result):
    """Table `hidden_persons` of every group, and `person_model`: what persons tell of each target group × service.

    `person_model` counts the contacts of the group's members of every month, like the accounts: `net_missing` at the
    end of the window with `net_missing_sd` (the models' error in placebo periods and chance), `expected`,
    `correlation` of the error with that of a level carried on by age and sex, `died_per_month` and `moved_per_month`
    of the service's expected users, `expected_users`, `observed_users` and `hidden` persons, and what
    `persons_of` needs: `expected_present`, `expected_stayed`, `n_persons`, `persons_shape`.
    """

    main: ClassVar[str] = "hidden_persons"


def estimate(
    opened: Store, panels: Path, memberships: Path, parameters: Parameters, counted: str, seed: int
) -> HiddenUse:
    """Absent users and persons with a hidden need, by target group, service and municipality.

    For each service a model of a person's contacts (`use_model`) is trained on the latest undisturbed period of the
    window's length and calendar months and applied to the residents at the window's start, with their own use before
    it. Expected users are those of them who lived here through the window: who died or moved is not absent. The sums
    are corrected by what the model got wrong for a group in the period it was trained on. Errors are those of the same
    models one and two years earlier. Groups are those who were members in the month before the window.

    Hidden needs are the missing contacts that are neither queued nor lost (`tables.told`), shared out over persons by
    their expected use (`absent.persons_with_hidden_need`): what the accounts say of hidden contacts can be put in their
    place by `persons_of`.

    Parameters
    ----------
    panels, memberships : folders that `panel.build` and `groups.build` left
    counted : whom `persons` holds: `residents`, `clients` or `unknown`
    """
    index, everyone, settings = groups.open(memberships), panel.open(panels, ALL), parameters.debt
    account = _account(everyone, settings)
    why = _impossible(account, everyone.first_month, counted)
    month, services = month_text(settings.window_last), [s for s in parameters.services if s in everyone.services]
    parts: list[dict[str, pd.DataFrame]] = []
    if why:
        parts += [tables.refused(group, [ALL], month, {ALL: why}) for group in index.ids]
        return _result(parts, settings.model_dump(), everyone)
    held = _held(everyone, account, services)
    work = _Work(opened, panels, index, parameters, everyone, account, held, seed)
    found, trust = _main(work), service_models.reliability(_placebos(work))
    of_all: Told | None = None
    for group in (ALL, *(one for one in index.ids if one != ALL)):
        refusal = _refusal(group, index, parameters, account.window_start)
        if refusal:
            parts.append(tables.refused(group, [ALL], month, {ALL: refusal}))
            continue
        told, rows = _of_group(work, found, trust, group, of_all)
        of_all = told if group == ALL else of_all
        parts.append(rows)
    return _result(parts, settings.model_dump(), everyone)


@dataclass(frozen=True, eq=False)
class _Work:
    """What the steps of an estimate share; `series` are of the services that the register holds through the window."""

    opened: Store
    panels: Path
    index: GroupIndex
    parameters: Parameters
    everyone: Panel
    account: Account
    series: Mapping[str, ServiceSeries]
    seed: int

    @property
    def services(self) -> list[str]:
        return list(self.opened.codes("contacts", "service"))

    @property
    def places(self) -> list[str]:
        """Municipalities in the order of `Cohort.municipality`, whose -1 is the last one."""
        return [*self.opened.codes("persons", "municipality"), UNKNOWN_MUNICIPALITY]

    @property
    def months(self) -> int:
        return self.account.window_end - self.account.window_start + 1

    @property
    def shift(self) -> int:
        """Whole years between the window and the period that its models are trained on."""
        return _shift(self.account)


def _account(everyone: Panel, settings: DebtSettings) -> Account:
    first = max(everyone.first_month, everyone.available_from)
    return Account(
        history_start=first,
        baseline_start=max(first, settings.baseline_first),
        baseline_end=settings.baseline_last,
        window_start=settings.window_first,
        window_end=settings.window_last,
        last=everyone.last_month,
    )


def _shift(account: Account) -> int:
    return YEAR * -(-(account.window_end - account.window_start + 1) // YEAR)


def _impossible(account: Account, first_month: int, counted: str) -> str:
    """Why nothing can be said, or empty."""
    if counted == CLIENTS:
        return message_json(_CLIENTS, {})
    if account.last < account.window_end:
        return message_json(_TOO_EARLY, {})
    if account.window_start - 2 * _shift(account) - YEAR < first_month:
        return message_json(_TOO_SHORT, {})
    return ""


def _refusal(group: str, index: GroupIndex, parameters: Parameters, window_start: int) -> str:
    """Why a group gets no estimate, or empty."""
    if parameters.target_groups[group].endogenous:
        return message_json(_ENDOGENOUS, {})
    since = index.available_from[group]
    return message_json(_LATE, {"month": month_text(since)}) if since > window_start - 1 else ""


def _held(everyone: Panel, account: Account, services: Sequence[str]) -> dict[str, ServiceSeries]:
    """Series of the services with an area that the register holds from the baseline to the end of the window."""
    built = {s: service_series.build(everyone, s, account, "member_py") for s in services}
    return {s: one for s, one in built.items() if one.municipalities and one.account.window_end >= account.window_end}


def _main(work: _Work) -> Fitted:
    """The models applied to the window."""
    return _fitted(work, work.account.window_start, work.account.window_start - work.shift)


def _placebos(work: _Work) -> list[Errors]:
    """Errors of the models in undisturbed periods before the window."""
    first = work.everyone.first_month
    targets = [work.account.window_start - work.shift - YEAR * back for back in range(PLACEBOS)]
    return [
        service_models.errors(_fitted(work, target, target - work.shift), _carried_on(work, target))
        for target in targets
        if target - work.shift - YEAR >= first
    ]


def _fitted(work: _Work, target: int, trained: int) -> Fitted:
    """Models of the period from `trained` on, applied to the one from `target` on."""
    plan = Plan(
        store=work.opened,
        person_months=work.panels / "person_months",
        index=work.index,
        months=work.months,
        history=min(2 * YEAR, trained - work.everyone.first_month),
        groups=work.index.ids,
        controllers=[COUNTY, *work.parameters.legal_basis],
    )
    train, apply = features.cohort(plan, trained), features.cohort(plan, target)
    held = _covered(work.everyone, trained - plan.history, target + work.months - 1)
    areas = [
        [m for m in work.series[s].municipalities if (s, m) in held] if s in work.series else [] for s in work.services
    ]
    return service_models.fitted(train, apply, areas, work.places, work.seed)


def _covered(everyone: Panel, first: int, last: int) -> set[tuple[str, str]]:
    """Services and municipalities that the register holds from one month to another."""
    inside = everyone.coverage[everyone.coverage["month"].between(first, last)]
    whole = inside.groupby(["service", "municipality"], observed=True)["covered"].all()
    return set(whole.index[whole.to_numpy()])


def _carried_on(work: _Work, target: int) -> Floats:
    """(S + 1,) log observed / expected of a period at the level of the year before it, by age and sex; NaN unknown."""
    errors = np.full(len(work.services) + 1, np.nan)
    for place, service in enumerate(work.services):
        series = work.series.get(service)
        start = target - int(series.months[0]) if series is not None else -1
        if series is None or start < YEAR:
            continue
        year, period = slice(start - YEAR, start), slice(start, start + work.months)
        level = series.observed[year].sum() / max(series.expected[year].sum(), 1e-9)
        seen, expected = series.observed[period].sum(), series.expected[period].sum() * level
        errors[place] = np.log(seen / expected) if seen > 0 and expected > 0 else np.nan
    return errors


def _of_group(
    work: _Work, found: Fitted, trust: Reliability, group: str, of_all: Told | None
) -> tuple[Told, dict[str, pd.DataFrame]]:
    """What persons tell of a group, and its rows of both tables."""
    place, names = work.index.ids.index(group), [*work.services, ALL]
    use = absent.group_use(found, place, len(work.places))
    needs = _needs(work, found, group, place)
    told = tables.told(use, trust, needs, of_all)
    month, expected = month_text(work.account.window_end), use.expected.sum(axis=0)
    kept = [i for i, service in enumerate(names) if service == ALL or (service in work.series and expected[i] > 0)]
    rows = tables.of_group(group, names, work.places, month, found, place, told, trust, needs, kept)
    unheld = [s for s in work.parameters.services if s in work.everyone.services and s not in work.series]
    refused = tables.refused(group, unheld, month, dict.fromkeys(unheld, message_json(_NO_AREA, {})))
    return told, {
        name: pd.concat([table, refused[name]], ignore_index=True) if unheld else table for name, table in rows.items()
    }


def _needs(work: _Work, found: Fitted, group: str, place: int) -> Needs:
    """How a group's needs end, from the parameters and the queue."""
    lost, counts = work.parameters.debt.lost, panel.open(work.panels, group)
    at_once = [lost.services.get(service, lost.at_once) for service in work.services]
    return Needs(
        at_once=np.array([one.likely for one in at_once]),
        at_once_sd=np.array([(one.high - one.low) / (2 * _Z80) for one in at_once]),
        passes=lost.per_month.likely,
        queued=np.array([_queued(work, counts, service) for service in work.services]),
        substitution=_substitution(work),
        scale=_scale(work, found, counts, place),
        months=work.months,
    )


def _substitution(work: _Work) -> Floats:
    """(S, S) as in `Needs`."""
    table = np.full((len(work.services), len(work.services)), np.nan)
    for row, service in enumerate(work.services):
        if service in work.parameters.services:
            for other, coefficient in work.parameters.services[service].substitutes.items():
                if other in work.services:
                    table[row, work.services.index(other)] = coefficient
    return table


def _queued(work: _Work, counts: Panel, service: str) -> float:
    """Contacts in the queue at the end of the window beyond those at the same time of the baseline's years."""
    if service not in work.series:
        return 0.0
    area, account = work.series[service].municipalities, work.account
    rows = counts.queue[(counts.queue["service"] == service) & counts.queue["municipality"].isin(area)]
    waiting = rows.groupby("month")["waiting"].sum()
    before = [
        m for m in range(account.window_end % YEAR, account.baseline_end + 1, YEAR) if m >= account.baseline_start
    ]
    if not before or not len(rows):
        return 0.0
    usual = waiting.reindex(before, fill_value=0).mean()
    return float(waiting.get(account.window_end, 0) - usual) * work.parameters.services[service].contacts_per_episode


def _scale(work: _Work, found: Fitted, counts: Panel, place: int) -> Floats:
    """(S,) contacts of each month's members per contact of the first month's, in the trained period.

    1 for all residents, whose later arrivals are in the cohort.
    """
    start = work.account.window_start - work.shift
    inside = counts.counts[counts.counts["month"].between(start, start + work.months - 1)]
    scale = np.ones(len(work.services))
    of_first = found.used[found.train.member[:, place]].sum(axis=0)
    if counts.available_from >= start:
        return scale
    for at, service in enumerate(work.services):
        if service in work.series:
            area = work.series[service].municipalities
            rows = inside[(inside["service"] == service) & inside["municipality"].isin(area)]
            scale[at] = (rows["contacts"].sum() + _MEMBERS_BEHIND) / (of_first[at] + _MEMBERS_BEHIND)
    return scale


def _result(parts: Sequence[Mapping[str, pd.DataFrame]], settings: Mapping[str, Any], everyone: Panel) -> HiddenUse:
    names = ("hidden_persons", "person_model")
    together = {name: pd.concat([part[name] for part in parts if len(part[name])], ignore_index=True) for name in names}
    return HiddenUse(together, settings, (), everyone.as_of)
