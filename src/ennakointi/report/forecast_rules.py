"""What the disclosure door does with forecasts beyond the rules of every table: sums over municipalities, and what
follows from contacts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = npt.NDArray[np.bool_]

_SUM = ["target_group", "service", "month"]
_OUTLOOK = ["target_group", "service", "year", "variant"]
_FOLLOWS = {"amount": "contacts", "lo80": "lo80", "hi80": "hi80"}


def with_other_municipalities(frame: pd.DataFrame, hidden: Flags, threshold: int) -> Flags:
    """Hide with a hidden municipality of a service so many others that their sum tells of `threshold` persons.

    A service's municipalities add up to the county's number of the month: one that is hidden alone would be the
    county less the others. The smallest of the others are hidden with it, until at least two are hidden and at least
    `threshold` persons stand behind them together. Where the county's own row is hidden there is nothing to subtract
    from.

    Parameters
    ----------
    frame : rows of `forecast` or `forecast_history` of all groups. hidden : rows that are hidden already.

    Returns
    -------
    One flag a row.
    """
    if not hidden.any():
        return hidden
    sums = frame.groupby(_SUM, sort=False, observed=True).ngroup().to_numpy()
    concerned = np.isin(sums, sums[hidden])
    table = frame.loc[concerned, ["municipality", "n_persons"]].assign(sum=sums[concerned], hidden=hidden[concerned])
    places = table.groupby(["sum", "municipality"], as_index=False, sort=False, observed=True).max()
    county = places["municipality"] == "all"
    unknown = places.loc[county & places["hidden"], "sum"]  # a county's number that is hidden itself
    parts = places[~county & ~places["sum"].isin(unknown)]
    parts = parts[parts.groupby("sum")["hidden"].transform("any")]
    chosen = pd.MultiIndex.from_frame(_hidden_together(parts, threshold))
    result = hidden.copy()
    result[concerned] |= pd.MultiIndex.from_frame(table[["sum", "municipality"]]).isin(chosen)
    return result


def _hidden_together(parts: pd.DataFrame, threshold: int) -> pd.DataFrame:
    """Of every sum the municipalities that are hidden: as many as it takes, the smallest first; those without persons
    hide nothing and come last."""
    persons = parts["n_persons"].fillna(0)
    order = parts.assign(shown=~parts["hidden"], nobody=persons == 0, persons=persons).sort_values(
        ["sum", "shown", "nobody", "persons", "municipality"]
    )
    groups = order.groupby("sum")
    enough = (groups["persons"].cumsum() >= threshold) & (groups.cumcount() >= 1)
    before = enough.astype(int).groupby(order["sum"]).cumsum() - enough.astype(int)
    return order.loc[before == 0, ["sum", "municipality"]]


def from_published_contacts(
    resources: pd.DataFrame, outlook: pd.DataFrame, exact_outlook: pd.DataFrame
) -> pd.DataFrame:
    """`demand_resources` as they follow from the contacts of `demand_outlook` that are published.

    Parameters
    ----------
    resources, outlook : released. exact_outlook : the same outlook unrounded.

    Returns
    -------
    `resources` times published per exact contacts; rows without contacts in the outlook stay as they are.
    """
    if resources.empty or outlook.empty:
        return resources
    ratios = exact_outlook[_OUTLOOK].reset_index(drop=True)
    for own, of in _FOLLOWS.items():
        exact = exact_outlook[of].astype(float).to_numpy()
        published = outlook[of].astype(float).to_numpy()
        ratios[own] = np.divide(published, exact, out=np.ones(len(exact)), where=np.isfinite(published) & (exact != 0))
    matched = resources[_OUTLOOK].merge(ratios, on=_OUTLOOK, how="left", validate="many_to_one")
    scale = matched[list(_FOLLOWS)].fillna(1.0).to_numpy()
    return resources.assign(**{own: resources[own] * scale[:, k] for k, own in enumerate(_FOLLOWS)})
