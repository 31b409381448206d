"""What the disclosure door does with forecasts and with parts of a debt beyond the rules of every table: sums over
municipalities, services and strata, and what follows from contacts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = npt.NDArray[np.bool_]

ALL = "all"  # municipalities add up to this row, and so do services
MEMBERS = "members"  # axis and part of the row of a whole group
_OUTLOOK = ["target_group", "service", "year", "variant"]
_SERVICES = {  # table → keys of the sums of services
    "demand_outlook": ["target_group", "year", "variant"],
    "demand_drivers": ["target_group", "variant", "factor"],
    "demand_resources": ["target_group", "year", "variant", "resource"],
}
_FOLLOWS = {"amount": "contacts", "lo80": "lo80", "hi80": "hi80"}


def with_others(table: str, frame: pd.DataFrame, hidden: Flags, threshold: int) -> Flags:
    """Hide what would be the whole less the others, in `forecast`, `forecast_history`, the tables of the outlook,
    `hidden_persons` and `debt_equity`.

    Parameters
    ----------
    frame : rows of all groups. hidden : rows that are hidden already.

    Returns
    -------
    One flag a row; those of other tables as they are.
    """
    if table in _SERVICES:
        return _of_sums(frame, hidden, threshold, _SERVICES[table], "service")
    if table == "hidden_persons":
        return _of_sums(frame, hidden, threshold, ["target_group", "service"], "municipality")
    if table == "debt_equity":
        return _of_strata(frame, hidden, threshold)
    if table not in ("forecast", "forecast_history"):
        return hidden
    county = (frame["municipality"] == ALL).to_numpy()
    while True:  # a service that is hidden for another one must not be the sum of its municipalities either
        found = hidden.copy()
        found[county] = _of_sums(frame[county], hidden[county], threshold, ["target_group", "month"], "service")
        found = _of_sums(frame, found, threshold, ["target_group", "service", "month"], "municipality")
        if (found == hidden).all():
            return found
        hidden = found


def _of_strata(frame: pd.DataFrame, hidden: Flags, threshold: int) -> Flags:
    """Areas, age bands and sexes of `debt_equity` add up to the group, which is a row of its own among the members."""
    group = ((frame["axis"] == MEMBERS) & (frame["part"] == MEMBERS)).to_numpy()
    axes = [axis for axis in frame["axis"].unique() if axis != MEMBERS]
    wholes = [frame[group].assign(axis=axis, part=ALL) for axis in axes]
    flags = np.concatenate([hidden, np.tile(hidden[group], len(axes))])
    keys = ["target_group", "service", "axis"]
    return _of_sums(pd.concat([frame, *wholes], ignore_index=True), flags, threshold, keys, "part")[: len(frame)]


def with_outlook(
    resources: pd.DataFrame, hidden: Flags, outlook: pd.DataFrame, hidden_outlook: Flags, threshold: int
) -> Flags:
    """Hide the resources of services whose contacts are hidden, and totals of a resource that would tell one of them.

    Resources are contacts times known coefficients. No further service is hidden, because its contacts would tell what
    it needs: where too few of a resource's services are hidden, their total is.
    """
    gone = outlook.loc[hidden_outlook & (outlook["service"] != ALL).to_numpy(), _OUTLOOK]
    follow = hidden | pd.MultiIndex.from_frame(resources[_OUTLOOK]).isin(pd.MultiIndex.from_frame(gone))
    return _of_sums(resources, follow, threshold, _SERVICES["demand_resources"], "service", others=False)


def _of_sums(
    frame: pd.DataFrame, hidden: Flags, threshold: int, keys: list[str], part: str, others: bool = True
) -> Flags:
    """Hide with a hidden part so many others of its sum that what is left of the whole tells of `threshold` persons.

    The smallest of the others are hidden, until at least two are hidden and at least `threshold` persons stand behind
    them together; where they are too few, the whole is hidden, and without `others` always then. Where the whole is
    hidden for its own few persons there is nothing to subtract from; where it is hidden for something else, its parts
    must not add up to it.
    """
    if not hidden.any():
        return hidden
    sums = frame.groupby(keys, sort=False, observed=True).ngroup().to_numpy()
    concerned = np.isin(sums, sums[hidden])
    rows = frame.loc[concerned, [part, "n_persons"]].assign(sum=sums[concerned], hidden=hidden[concerned])
    cells = rows.groupby(["sum", part], as_index=False, sort=False, observed=True).max()
    whole, enough = cells[part] == ALL, cells["n_persons"] >= threshold
    known = cells["sum"].isin(cells.loc[whole & (enough | ~cells["hidden"]), "sum"])
    parts = cells[known & (cells["hidden"] if not others else cells["hidden"] | ~whole)]
    parts = parts[parts.groupby("sum")["hidden"].transform("any")]
    result = hidden.copy()
    result[concerned] |= pd.MultiIndex.from_frame(rows[["sum", part]]).isin(_hidden_together(parts, part, threshold))
    return result


def _hidden_together(parts: pd.DataFrame, part: str, threshold: int) -> pd.MultiIndex:
    """Of every sum the parts that are hidden: as many as it takes, the smallest first; those without persons hide
    nothing and come last. Where all of them are not enough, the whole as well."""
    persons = parts["n_persons"].fillna(0).where(parts[part] != ALL, 0)
    order = parts.assign(shown=~parts["hidden"], nobody=persons == 0, persons=persons).sort_values(
        ["sum", "shown", "nobody", "persons", part]
    )
    groups = order.groupby("sum")
    enough = (groups["persons"].cumsum() >= threshold) & (groups.cumcount() >= 1)
    before = enough.astype(int).groupby(order["sum"]).cumsum() - enough.astype(int)
    safe = set(order.loc[enough, "sum"])
    wholes = order.loc[~order["sum"].isin(safe), ["sum"]].assign(**{part: ALL})
    return pd.MultiIndex.from_frame(pd.concat([order.loc[before == 0, ["sum", part]], wholes]))


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
