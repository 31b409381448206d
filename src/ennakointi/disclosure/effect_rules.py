"""What the disclosure door does with effects beyond the rules of every table: what tells of hidden ones goes too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = npt.NDArray[np.bool_]

EFFECTS, RANKING = "effects", "intervention_ranking"
_OUTCOME = ["intervention", "outcome", "target_group"]
_INTERVENTION = ["intervention", "target_group"]
_COURSE = ("effect_series", "effect_time")
_COSTS = ("cost_effectiveness", "cost_curve", "cost_plane")
_OF_EFFECT = (EFFECTS, *_COURSE, *_COSTS, "effect_checks", "effect_designs")


def with_effects(exact: Mapping[str, pd.DataFrame], hidden: Mapping[str, Flags]) -> dict[str, Flags]:
    """Hide with an effect of record everything that is told of its outcome; with costs the rest of them and the place
    in the ranking; and with a quarter of one arm the other arm and the effect of that quarter.

    Parameters
    ----------
    exact : unrounded tables by name. hidden : their rows that are hidden already, one flag a row.

    Returns
    -------
    Flags of the tables of effects that are there. In tables without numbers they empty the slots of the sentences.
    """
    found = {name: hidden[name].copy() for name in (*_OF_EFFECT, RANKING) if name in exact}
    quarters = _keys(exact, found, _COURSE, [*_OUTCOME, "since_start"])
    _hide(exact, found, _COURSE, quarters)
    if EFFECTS in found:
        records = exact[EFFECTS]["record"].to_numpy() == "record"
        of_record = exact[EFFECTS][found[EFFECTS] & records]
        _hide(exact, found, _OF_EFFECT, of_record[_OUTCOME].drop_duplicates())
        _hide(exact, found, (RANKING,), of_record.loc[of_record["role"] != "secondary", _INTERVENTION])
    costs = _keys(exact, found, _COSTS, _OUTCOME)
    _hide(exact, found, _COSTS, costs)
    _hide(exact, found, (RANKING,), costs[_INTERVENTION])
    return found


def _keys(
    exact: Mapping[str, pd.DataFrame], hidden: Mapping[str, Flags], tables: tuple[str, ...], columns: list[str]
) -> pd.DataFrame:
    """Keys of the hidden rows of some tables."""
    parts = [exact[name].loc[hidden[name], columns] for name in tables if name in hidden]
    return pd.concat(parts).drop_duplicates() if parts else pd.DataFrame(columns=columns)


def _hide(
    exact: Mapping[str, pd.DataFrame], hidden: Mapping[str, Flags], tables: tuple[str, ...], keys: pd.DataFrame
) -> None:
    """Set the flags of the rows of some tables that have one of the keys."""
    if keys.empty:
        return
    wanted = pd.MultiIndex.from_frame(keys)
    for name in tables:
        if name in hidden:
            hidden[name][pd.MultiIndex.from_frame(exact[name][list(keys.columns)]).isin(wanted)] = True
