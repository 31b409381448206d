"""What the disclosure door does with a debt and its parts: one number for one quantity, and balances that are exact.

`debt_summary` is rounded first. Other tables repeat its numbers where they speak of the debt at the end of the window,
and what completes a balance is computed from published parts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = npt.NDArray[np.bool_]

SUMMARY, PARTS, MONTHLY = "debt_summary", "debt_parts", "service_debt"
_MONTH = ["target_group", "service", "month"]
_OF_SUMMARY = ["expected", "debt", "visible", "lost", "hidden", "unexplained"]  # parts that the summary tells too
_CUMULATED = [  # columns of `service_debt` that the summary tells for the end of the window
    *(f"debt{end}" for end in ("", "_lo80", "_hi80", "_lo95", "_hi95", "_weeks")),
    *("gross", "returned", "visible", "hidden", "lost", "unexplained"),
]
_REPEATED: dict[str, tuple[dict[str, list[str]], dict[str, str]]] = {  # rows, and column → column of the summary
    "debt_views": ({"source": ["data"]}, {"value": "debt"}),
    "debt_equity": (
        {"axis": ["members"], "part": ["members"]},
        {"expected": "expected", "debt": "debt", "share": "debt_share"},
    ),
    "debt_sensitivity": (
        {"variant": ["record"], "choice": ["trend", "baseline_year", "window"]},
        {"value": "debt"},
    ),
}
_DERIVED = {  # in this order: a later one may follow from an earlier one
    "unexplained": ("debt", "-visible", "-lost", "-hidden"),
    "observed": ("expected", "-substituted", "-debt"),
    "lost_not_needed": ("lost", "-lost_died", "-lost_moved"),
}


def with_months(exact: Mapping[str, pd.DataFrame], hidden: Mapping[str, Flags]) -> dict[str, Flags]:
    """Hide with a hidden part the other parts of its service and month, which would tell it, and with a hidden row of
    the summary the parts at the end of its window.

    Parameters
    ----------
    exact : unrounded tables by name. hidden : their rows that are hidden already.

    Returns
    -------
    One flag a row of `debt_parts`; nothing without that table.
    """
    if PARTS not in exact:
        return {}
    months = _months(exact[PARTS])
    found = hidden[PARTS] | months.isin(months[hidden[PARTS]])
    if SUMMARY in exact:
        found |= months.isin(_ends(exact[SUMMARY])[hidden[SUMMARY]])
    return {PARTS: found}


def reconciled(released: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables of a debt with the numbers of the summary, their balances computed from published parts.

    Parameters
    ----------
    released : tables by name, rounded and hidden; without `debt_summary` the parts of each month balance all the same

    Returns
    -------
    The tables that changed. Hidden cells stay empty; where a part was never estimated the others stay as they are.
    In every service and month of `debt_parts`: debt = visible + lost + hidden + unexplained, lost = died + moved + not
    needed, expected = observed + substituted + debt.
    """
    changed: dict[str, pd.DataFrame] = {}
    told = None
    if SUMMARY in released:
        summary = released[SUMMARY]
        told = summary.set_index(_ends(summary))
        told = told[~told.index.duplicated()]
        changed |= {name: _repeated(name, released[name], summary) for name in _REPEATED if name in released}
        if MONTHLY in released:
            monthly = released[MONTHLY]
            new = told[_CUMULATED].astype(float).reindex(_months(monthly)).set_axis(monthly.index)
            changed[MONTHLY] = _replaced(monthly, new)
    if PARTS in released:
        changed[PARTS] = _balanced(released[PARTS], told)
    return changed


def _repeated(name: str, frame: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """A table whose rows of record speak of the summary's numbers; what a choice changes is told from them."""
    where, columns = _REPEATED[name]
    of_record = np.logical_and.reduce([frame[column].isin(values) for column, values in where.items()])
    keys = frame[["target_group"]].assign(service=frame.get("service", "all")).astype(str)
    told = summary.set_index(["target_group", "service"])[[*columns.values()]].astype(float)
    new = told[~told.index.duplicated()].reindex(pd.MultiIndex.from_frame(keys)).set_axis([*columns], axis=1)
    new.index = frame.index
    new.loc[~of_record] = np.nan
    found = _replaced(frame, new)
    if "change" not in found:
        return found
    choice = ["target_group", "choice"]
    records = found[found["variant"] == "record"].set_index(choice)["value"]
    record = records[~records.index.duplicated()].reindex(pd.MultiIndex.from_frame(found[choice])).to_numpy()
    return found.assign(change=(found["value"] - record).where(found["change"].notna()))


def _replaced(frame: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Cells that are shown, where there is a new number for them."""
    own = frame[[*new.columns]]
    return frame.assign(**new.where(own.notna() & new.notna(), own))


def _months(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[_MONTH].astype(str))


def _ends(summary: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(summary[["target_group", "service", "until"]].astype(str), names=_MONTH)


def _balanced(parts: pd.DataFrame, told: pd.DataFrame | None) -> pd.DataFrame:
    """`debt_parts` with the summary's numbers, and each month's last terms from its published ones."""
    if parts["value"].isna().all():
        return parts
    cells = parts[[*_MONTH, "part"]].astype(str)
    values = cells.assign(value=parts["value"]).pivot_table("value", _MONTH, "part", aggfunc="first")
    values = values.reindex(columns=sorted({*values.columns, *_OF_SUMMARY, *_DERIVED, *_terms()}))
    if told is not None:
        known = told[_OF_SUMMARY].astype(float).reindex(index=values.index, columns=values.columns)
        values = known.where(known.notna() & values.notna(), values)
    values = _with_room(values)
    for name, terms in _DERIVED.items():
        signed = [-values[term[1:]] if term.startswith("-") else values[term] for term in terms]
        rest = pd.concat(signed, axis=1).sum(axis=1, skipna=False)
        values[name] = rest.where(rest.notna() & values[name].notna(), values[name])
    long = values.rename_axis(columns="part").melt(ignore_index=False).set_index("part", append=True)["value"]
    return parts.assign(value=long.reindex(pd.MultiIndex.from_frame(cells)).to_numpy())


def _terms() -> set[str]:
    return {term.removeprefix("-") for terms in _DERIVED.values() for term in terms}


def _with_room(values: pd.DataFrame) -> pd.DataFrame:
    """No need that ended is counted below zero: 5 died and 6 moved of 11 would be 10 and 10 of 10, and −10 others. What
    died and moved have too much is taken from the larger of the two."""
    died, moved = values["lost_died"], values["lost_moved"]
    over = (died + moved - values["lost"]).clip(lower=0)
    over = over.where((values["lost"] >= 0) & (over <= np.maximum(died, moved)), 0.0)
    return values.assign(lost_died=died - over.where(died >= moved, 0), lost_moved=moved - over.where(died < moved, 0))
