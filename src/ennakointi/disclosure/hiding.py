"""Which rows of a release are hidden, and for what: few persons, the other parts of their sums, what follows."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.disclosure import debt_rules, effect_rules, forecast_rules
from ennakointi.disclosure.presets import Preset
from ennakointi.disclosure.primary import hidden_rows, with_neighbours
from ennakointi.disclosure.sums import with_others
from ennakointi.result_tables import RESULT_TABLES

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Hidden = dict[str, Flags]
Tables = Mapping[str, pd.DataFrame]


def primary(exact: Tables, preset: Preset) -> Hidden:
    """Rows that may not be shown by themselves, by table."""
    return {name: hidden_rows(frame, RESULT_TABLES[name], preset) for name, frame in exact.items()}


def complete(exact: Tables, hidden: Mapping[str, Flags], told: Mapping[str, Flags], threshold: int) -> Hidden:
    """Hide with hidden rows the other parts of their sums, the months around them, and whatever follows from them.

    Parameters
    ----------
    exact : unrounded tables. hidden : their rows that are hidden already. told : rows that an earlier release showed
        as they are; a table without an entry has none.

    Returns
    -------
    One flag a row of each table; nothing that was hidden is shown again.
    """
    found = dict(hidden)
    twins = _twins(exact)
    while True:
        before = {name: flags.copy() for name, flags in found.items()}
        follow = {name for name in found if not all(one.spread for one in RESULT_TABLES[name].sums)}
        found |= _in_sums(exact, found, told, threshold, set(found) - follow)
        found |= _following(exact, found)
        found |= _in_sums(exact, found, told, threshold, follow)
        for (one, row), (other, same) in twins:
            both = found[one][row] | found[other][same]
            found[one][row], found[other][same] = both, both
        if all((found[name] == before[name]).all() for name in found):
            return found


def _in_sums(
    exact: Tables, hidden: Hidden, told: Mapping[str, Flags], threshold: int, names: Collection[str]
) -> Hidden:
    """The rows that go with the hidden ones of their sums, and of their months where rows cumulate."""
    found: Hidden = {}
    for name in names:
        frame, table = exact[name], RESULT_TABLES[name]
        nothing = np.zeros(len(frame), dtype=bool)
        found[name] = hidden[name] | with_others(frame, table, hidden[name], told.get(name, nothing), threshold)
        if table.cumulates:
            found[name] = with_neighbours(frame, table, found[name], threshold)
    return found


def _following(exact: Tables, hidden: Hidden) -> Hidden:
    """Resources are hidden with the contacts that they follow from, parts of a debt with the others of their month,
    and with an effect what tells of it."""
    found: Hidden = {}
    of, own = "demand_outlook", "demand_resources"
    if {of, own} <= set(exact):
        found[own] = forecast_rules.with_outlook(exact[own], hidden[own], exact[of], hidden[of])
    return found | debt_rules.with_months(exact, hidden) | effect_rules.with_effects(exact, hidden)


def _twins(exact: Tables) -> list[tuple[tuple[str, Ints], tuple[str, Ints]]]:
    """Rows of two tables that tell the same persons and contacts: months of the account and of the forecast."""
    one, other, keys = "service_debt", "forecast_history", ["target_group", "service", "month"]
    if not {one, other} <= set(exact):
        return []
    months = exact[one][[*keys, "observed", "n_persons"]].assign(row=np.arange(len(exact[one])))
    county = exact[other].assign(same=np.arange(len(exact[other])))
    county = county[county["municipality"] == "all"][[*keys, "observed", "n_persons", "same"]]
    both = months.merge(county, on=[*keys, "observed", "n_persons"])
    return [((one, both["row"].to_numpy()), (other, both["same"].to_numpy()))]
