"""All interventions beside each other: by evidence and net benefit, and what is still needed to know more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal.areas import LEVEL, Floats
from ennakointi.effectiveness import verdicts
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import N_

Row = Mapping[Any, Any]

_VERDICTS = (
    verdicts.WORKS,
    verdicts.PROBABLY_WORKS,
    verdicts.NO_MEANINGFUL_EFFECT,
    verdicts.PROBABLY_HARMFUL,
    verdicts.CANNOT_SAY,
)
_COSTS = ["cost_unit", "nmb_eur", "nmb_lo95", "nmb_hi95"]
_REMEDIES = {  # what a failed check asks for
    "comparison": N_("A comparison: areas or persons that do not have the intervention yet."),
    "pre_trend": N_("Comparison areas that developed alike before the start."),
    "negative_control": N_("A fairer comparison: an outcome that the intervention cannot change differed too."),
    "smallest_p": N_("More areas: with so few of them a chance finding cannot be ruled out."),
    "balance": N_("Comparison persons with the same history and traits."),
    "overlap": N_("More comparison persons like those who took part."),
}


def benjamini_hochberg(p_values: Floats) -> Floats:
    """(k,) p-values adjusted so that of the findings kept at a level at most that share is false.

    Benjamini & Hochberg 1995, Journal of the Royal Statistical Society B 57:289–300; NaN stays NaN and is not counted.
    """
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known])]
    adjusted = np.full(len(p_values), np.nan)
    steps = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted


def table(effects: pd.DataFrame, checks: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """`intervention_ranking`: one row for each intervention, the best evidence first, then the largest net benefit.

    Parameters
    ----------
    effects, checks, costs : the tables `effects`, `effect_checks` and `cost_effectiveness` of all interventions.
    """
    primary = effects[(effects["record"] == "record") & (effects["role"] == "primary")]
    keys = ["intervention", "outcome"]
    joined = primary.merge(costs[[*keys, *_COSTS]], on=keys, how="left").reset_index(drop=True)
    joined["cost_unit"] = joined["cost_unit"].fillna("")
    joined["p_bh"] = benjamini_hochberg(joined["p_value"].to_numpy(float))
    failed = checks[checks["passed"] == "no"]
    joined["needed"] = [
        json.dumps(_needed(row, failed[(failed[keys] == [row["intervention"], row["outcome"]]).all(axis=1)]))
        for row in joined.to_dict("records")
    ]
    level = joined["evidence_level"].map(verdicts.LEVELS.index)
    verdict = joined["verdict"].map(_VERDICTS.index)
    benefit = joined["nmb_eur"].astype(float).fillna(-np.inf)
    order = np.lexsort((joined["intervention"], -benefit, verdict, -level))
    ranked = joined.iloc[order].assign(rank=np.arange(1.0, len(joined) + 1))
    return ranked[list(RESULT_TABLES["intervention_ranking"].names)].reset_index(drop=True)


def _needed(row: Row, failed: pd.DataFrame) -> list[dict[str, Any]]:
    """What would have to be known or done before more can be said, the most important first."""
    names = set(failed["check"])
    needed = [{"message": text, "values": {}} for name, text in _REMEDIES.items() if name in names]
    needed += [json.loads(message) for message in failed.loc[failed["check"] == "decision_date", "message"]]
    smallest, important = row["minimum_detectable_effect"], row["smallest_important"]
    if row["verdict"] in (verdicts.CANNOT_SAY, verdicts.PROBABLY_WORKS) and not smallest <= important:
        values = {"important_share": important} | ({"smallest_share": smallest} if np.isfinite(smallest) else {})
        said = _MORE if np.isfinite(smallest) else _MUCH_MORE
        needed.append({"message": said, "values": values})
    if row["p_value"] <= LEVEL < row["p_bh"]:
        needed.append({"message": _TOGETHER, "values": {}})
    if np.isfinite(row["relative_lo95"]) and not np.isfinite(row["nmb_eur"]):  # without an effect costs say nothing
        needed.append({"message": _COSTS_NEEDED, "values": {}})
    return needed


_MORE = N_(
    "More participants, more areas or a longer follow-up: the data would show a change of {smallest_share}, and "
    "{important_share} would matter."
)
_MUCH_MORE = N_("Many more participants or areas: a change of {important_share} would matter and cannot be seen yet.")
_TOGETHER = N_("A second look at new data: with this many interventions one such finding can come by chance.")
_COSTS_NEEDED = N_("Costs beside the effect: they need registered costs and an outcome that is counted.")
