"""Names of statistical classes that nobody has named: what sets each apart, from the released answers."""

from __future__ import annotations

import pandas as pd

from ennakointi.pages.context import PageContext, Tables, rows

LATENT = "latent"  # the scheme of the latent classes
_MOST = 2  # items in a name
_LEAST = 0.1  # how much commoner an item is than among everybody and in the next class, on average


def distinguishing(items: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Items of each class that set it apart from everybody and from the class where they are next commonest, the most
    distinguishing first.

    Parameters
    ----------
    items : released rows of `class_items`; an answer other than 0 means that the thing was observed. Hidden cells
        count as nobody.
    """
    if items.empty:
        return {}
    observed = items.assign(seen=items["n_persons"].where(items["answer"].astype(str) != "0", 0))
    seen, known = (observed.pivot_table(c, "segment", "item", "sum") for c in ("seen", "n_persons"))
    share, everybody = seen / known.clip(lower=1), seen.sum() / known.sum().clip(lower=1)
    found = {}
    for segment, own in share.iterrows():
        others = share.drop(index=segment)
        nearest = others.max() if len(others) else everybody
        more = (own - (everybody + nearest) / 2).sort_values(ascending=False, kind="stable")
        found[str(segment)] = tuple(str(item) for item in more.index[:_MOST] if more[item] >= _LEAST)
    return found


def class_name(tables: Tables, context: PageContext, segment: str) -> str:
    """`Class 1: depression, diabetes`; a class that nothing sets apart has few needs."""
    _, number = context.catalogue.gettext, segment.rpartition("_")[2]
    found = distinguishing(rows(tables, "class_items", scheme=LATENT))
    if segment not in found:
        return _("Class {number}", number=number)
    names = "; ".join(context.label("item", item) for item in found[segment])
    if not names:
        return _("Class {number}: few needs", number=number)
    return _("Class {number}: {names}", number=number, names=names)
