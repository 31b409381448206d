"""Which segments to look at first: where need goes unmet, care costs much, and waits are long."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from ennakointi.segmentation.movement import telling
from ennakointi.segmentation.transitions import tidy

LEAST_DAYS = 1.0  # a mean wait is at least this, so that a segment in which nobody waits has a score too


def table(
    scheme: str,
    assigned: pd.Series,
    people: pd.DataFrame,
    unmet: pd.Series,
    measures: Mapping[str, Collection[str]],
    order: Sequence[str],
) -> pd.DataFrame:
    """`segment_ranking` of a scheme: segments by unmet need × cost × delay, each divided by that of all residents.

    A segment is first when more of its persons have a sign of unmet need, its persons cost more, and those of them who
    wait have waited longer. A segment that comes last may need as much as the first: the product tells where the three
    meet, and counts neither persons nor what would help them. Without any sign of unmet need, or without costs, there
    is no score, and the segments stand in the scheme's order.

    Parameters
    ----------
    assigned : segments of the residents, by person.
    people : a row a resident: `person`, `cost_eur_12m` (euros) and `waiting_days` (days of the longest open wait; 0 or
        empty: none).
    unmet : by person, whether there is a sign of unmet need.
    measures : codes of the measures that the parameters name, by segment.
    order : the segments, the gravest first.

    Witness: half of ten persons are in segment A; 2 of A and 1 of the others have a sign, A costs 300 a person and the
    others 100, A waits 30 days and the others 10: (.4/.3) · (300/200) · (30/20) = 3.
    """
    told = people.set_index("person").reindex(assigned.index)
    wait = told["waiting_days"].astype(float).fillna(0.0)
    rows = pd.DataFrame(
        {
            "segment": assigned.astype(object),
            "persons": 1.0,
            "unmet": unmet.reindex(assigned.index, fill_value=False).astype(float),
            "cost": told["cost_eur_12m"].astype(float).fillna(0.0),
            "waits": (wait > 0).astype(float),
            "days": wait,
        }
    )
    sums = rows.groupby("segment").sum().reindex(list(order)).fillna(0.0)
    sums.loc[""] = sums.sum()
    size, waits = (sums[name].where(sums[name] > 0) for name in ("persons", "waits"))
    factors = pd.DataFrame(
        {
            "unmet_share": sums["unmet"] / size,
            "cost_eur_per_person": sums["cost"] / size,
            "delay_days": (sums["days"] / waits).fillna(LEAST_DAYS).clip(lower=LEAST_DAYS),
        }
    )
    every = factors.iloc[-1]
    ranked = factors.drop("").assign(score=(factors / every.where(every > 0)).drop("").prod(axis=1, skipna=False))
    ranked = ranked[sums["persons"].drop("") > 0].sort_values("score", ascending=False, kind="stable")
    few = [telling(n, [u, w], 0.0) for n, u, w in sums.loc[ranked.index, ["persons", "unmet", "waits"]].to_numpy()]
    named = [";".join(measures.get(str(code), ())) for code in ranked.index]
    placed = ranked.assign(place=np.arange(1, len(ranked) + 1), measures=named, n_persons=few, scheme=scheme)
    return tidy(placed.rename_axis("segment").reset_index(), "segment_ranking")
