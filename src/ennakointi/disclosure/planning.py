"""The disclosure plan of a release: what is hidden over all its tables, attacked before anything is published."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.disclosure import hiding, supplier_rules
from ennakointi.disclosure.areas import PLACES, Areas, earlier_by_area, merged, quarterly, small, told_by_area
from ennakointi.disclosure.attacker import satisfied
from ennakointi.disclosure.hiding import Hidden
from ennakointi.disclosure.presets import DisclosureError, Preset
from ennakointi.disclosure.protection import protect
from ennakointi.disclosure.relations import Combined, Earlier, combined, told
from ennakointi.disclosure.release import declared, rounded
from ennakointi.disclosure.systems import Flags
from ennakointi.result_tables import RESULT_TABLES

Strings = npt.NDArray[np.str_]

ROUNDS = 10  # of hiding more and attacking again; each one hides more, and most releases need one
log = logging.getLogger(__name__)


class Exemption(Protocol):
    """Rows that are shown all the same, for a reason that somebody answers for; `rows`: values by key column."""

    @property
    def name(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def rows(self) -> Mapping[str, Sequence[str]]: ...
    @property
    def reason(self) -> str: ...
    @property
    def approver(self) -> str: ...


@dataclass(frozen=True, eq=False)
class Plan:
    """What may be published, and what a reviewer must know of it.

    Attributes
    ----------
    released : tables as they may be published.
    review : table, rule (few_persons, few_suppliers, sums, attack, or exempted:<name>), rows, reason: one row a rule.
    hidden : by table the keys of hidden rows, the rule, and the persons behind them; never leaves `work/`.
    attacked : numbers of the attack: cells, relations, demands, told_before (cells that an earlier release or an
        exemption has told, so that hiding cannot protect them).
    """

    released: dict[str, pd.DataFrame]
    review: pd.DataFrame
    hidden: dict[str, pd.DataFrame]
    attacked: dict[str, int]


def plan(
    tables: Mapping[str, pd.DataFrame],
    preset: Preset,
    earlier: Mapping[str, Earlier] | None = None,
    exemptions: Sequence[Exemption] = (),
    areas: Areas | None = None,
) -> Plan:
    """Hide what must be hidden in all tables together, attack the result, and round what is left.

    Rows of few persons go first, then by the classical rule the others of their sums and what follows from them, and at
    last what it takes until no reader can exclude a small count or bound another hidden one more tightly than the
    preset allows, who knows the preset, the rounding, every declared relation, and the last release.

    Parameters
    ----------
    tables : unrounded results. earlier : the same tables of the last release. exemptions : those in force. areas :
        municipalities of each area, which take their place in groups of few persons (`areas.small`), and in those that
        the last release told by area.

    Raises
    ------
    DisclosureError
        When the attack succeeds whatever is hidden, and no earlier release or exemption explains it.
    """
    exact, before = _by_area(quarterly(declared(tables, preset)), earlier or {}, areas or {}, preset.threshold)
    known = {name: told(exact[name], RESULT_TABLES[name], one) for name, one in before.items()}
    exempt = _exempt(exact, exemptions)
    few = _without(hiding.primary(exact, preset), exempt)
    classic = _without(hiding.complete(exact, few, known, preset.threshold), exempt)
    final, made, exposed = _attacked(exact, classic, known, before, exempt, preset)
    if exposed and not (before or exemptions):
        raise DisclosureError(
            f"the release tells {exposed} small counts whatever is hidden of it; nothing is published. The tables "
            "hold relations that the preset cannot protect: choose a stricter preset in disclosure.yml"
        )
    rules = _rules(exact, few, classic, final)
    numbers = {"cells": len(made.system.values), "relations": len(made.system.low), "told_before": exposed}
    review = pd.DataFrame([*_counted(rules), *_exempted(exact, exempt, exemptions)])
    log.info("disclosure: %s cells, %s relations attacked, %s told before", *numbers.values())
    return Plan(rounded(exact, final, preset), review, _listed(exact, rules), numbers)


def _by_area(
    exact: Mapping[str, pd.DataFrame], earlier: Mapping[str, Earlier], areas: Areas, threshold: int
) -> tuple[dict[str, pd.DataFrame], dict[str, Earlier]]:
    """The tables and those of the last release with areas in the place of municipalities where that is needed."""
    before = {name: one for name, one in earlier.items() if name in exact}
    groups = small(exact, areas, threshold) | told_by_area({name: one.exact for name, one in before.items()}, areas)
    for name in PLACES.keys() & before.keys():
        one = before[name]
        before[name] = Earlier(*earlier_by_area(one.exact, one.shown, name, areas, groups), one.preset)
    return merged(exact, areas, groups), before


def _attacked(
    exact: Mapping[str, pd.DataFrame],
    hidden: Hidden,
    known: Mapping[str, Flags],
    earlier: Mapping[str, Earlier],
    exempt: Mapping[str, Flags],
    preset: Preset,
) -> tuple[Hidden, Combined, int]:
    """Hide more until the attack fails; the number of cells that no hiding protects."""
    for _ in range(ROUNDS):
        made = combined(exact, hidden, earlier, preset, exempt)
        found = protect(made.system)
        more = {
            name: flags | np.append(found.hidden, False)[made.units[name]] if name in made.units else flags
            for name, flags in hidden.items()
        }
        more = _without(hiding.complete(exact, more, known, preset.threshold), exempt)
        if all((more[name] == hidden[name]).all() for name in hidden):
            return hidden, made, len(found.exposed)
        hidden = more
    made = combined(exact, hidden, earlier, preset, exempt)
    return hidden, made, len(satisfied(made.system, made.system.must))


def _exempt(exact: Mapping[str, pd.DataFrame], exemptions: Sequence[Exemption]) -> dict[str, Flags]:
    """Rows that are shown for a stated reason."""
    found = {name: np.zeros(len(frame), dtype=bool) for name, frame in exact.items()}
    for one in exemptions:
        if one.table in exact:
            frame = exact[one.table]
            rows = [frame[column].astype(str).isin(values).to_numpy() for column, values in one.rows.items()]
            found[one.table] |= np.logical_and.reduce(rows)
    return found


def _without(hidden: Mapping[str, Flags], exempt: Mapping[str, Flags]) -> Hidden:
    return {name: flags & ~exempt[name] for name, flags in hidden.items()}


def _rules(exact: Mapping[str, pd.DataFrame], few: Hidden, classic: Hidden, final: Hidden) -> dict[str, Strings]:
    """The rule that hid each row of each table; empty where it is shown."""
    return {
        name: np.select(
            [few[name] & supplier_rules.hidden(exact[name]), few[name], classic[name], final[name]],
            ["few_suppliers", "few_persons", "sums", "attack"],
            "",
        )
        for name in final
    }


def _counted(rules: Mapping[str, Strings]) -> list[dict[str, object]]:
    return [
        {"table": name, "rule": rule, "rows": int((found == rule).sum()), "reason": ""}
        for name, found in sorted(rules.items())
        for rule in ("few_persons", "few_suppliers", "sums", "attack")
        if (found == rule).any()
    ]


def _exempted(
    exact: Mapping[str, pd.DataFrame], exempt: Mapping[str, Flags], exemptions: Sequence[Exemption]
) -> list[dict[str, object]]:
    return [
        {
            "table": one.table,
            "rule": f"exempted:{one.name}",
            "rows": int(exempt[one.table].sum()),
            "reason": f"{one.reason} ({one.approver})",
        }
        for one in exemptions
        if one.table in exact
    ]


def _listed(exact: Mapping[str, pd.DataFrame], rules: Mapping[str, Strings]) -> dict[str, pd.DataFrame]:
    """Hidden rows by table: their keys, the rule, and the persons behind them."""
    listed = {}
    for name, found in rules.items():
        table = RESULT_TABLES[name]
        columns = [*table.of_kind("key"), *([table.persons] if table.persons else [])]
        rows = exact[name].loc[found != "", columns].assign(rule=found[found != ""])
        if len(rows):
            listed[name] = rows.drop_duplicates()
    return listed
