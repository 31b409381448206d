"""What the disclosure door does with forecasts beyond the rules of every table: resources follow from contacts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = npt.NDArray[np.bool_]

ALL = "all"  # services add up to this row
_OUTLOOK = ["target_group", "service", "year", "variant"]
_FOLLOWS = {"amount": "contacts", "lo80": "lo80", "hi80": "hi80"}


def with_outlook(resources: pd.DataFrame, hidden: Flags, outlook: pd.DataFrame, hidden_outlook: Flags) -> Flags:
    """Hide the resources of services whose contacts are hidden: resources are contacts times known coefficients. No
    further service is hidden for them, because its contacts would tell what it needs; `sums` then hides the total."""
    gone = outlook.loc[hidden_outlook & (outlook["service"] != ALL).to_numpy(), _OUTLOOK]
    if gone.empty:
        return hidden
    flags: Flags = hidden | pd.MultiIndex.from_frame(resources[_OUTLOOK]).isin(pd.MultiIndex.from_frame(gone))
    return flags


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
