"""What became of every stored contact: counted in the panels, or why not, by service and year.

The fates, in the order in which they are asked: `later_month` (after the panel's last month), not attended
(`no_show`, `cancelled_client`, `cancelled_provider`), without a client (`administrative`, `professional`),
`outside_residence` (the person was no resident of the month), `uncovered` (the register does not hold the cell), and
`counted`.
"""

from __future__ import annotations

from pathlib import Path

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.panel import reductions
from ennakointi.panel.axes import Axes
from ennakointi.schema import MODES, TABLES

FILE = "contact_fates.parquet"
LATER_MONTH, OUTSIDE_RESIDENCE, UNCOVERED, COUNTED = "later_month", "outside_residence", "uncovered", "counted"
_KEYS = ["service", "year"]


def table(contacts: nw.LazyFrame, recorded: pd.DataFrame, axes: Axes) -> pd.DataFrame:
    """Every stored contact once.

    Parameters
    ----------
    contacts : all stored contacts: month, service, mode, attendance
    recorded : service, year, contacts (in covered cells), uncovered: those of residents that can count

    Returns
    -------
    service (code of the contract), year, fate, contacts
    """
    seen = _before_residence(contacts, axes.last_month)
    by_fate = seen.pivot_table("contacts", index=_KEYS, columns="fate", aggfunc="sum", fill_value=0)
    placed = recorded.set_index(_KEYS).reindex(by_fate.index, fill_value=0)
    by_fate[UNCOVERED] = placed["uncovered"]
    by_fate[OUTSIDE_RESIDENCE] = by_fate.get(COUNTED, 0) - placed["contacts"] - placed["uncovered"]
    by_fate[COUNTED] = placed["contacts"]
    fates = by_fate.reset_index().melt(_KEYS, var_name="fate", value_name="contacts")
    fates["service"] = fates["service"].map(dict(enumerate(axes.services)))
    return fates[fates["contacts"] > 0].sort_values([*_KEYS, "fate"], ignore_index=True)


def read(folder: Path) -> pd.DataFrame:
    """The fates as a build left them in its folder."""
    return pd.read_parquet(folder / FILE)


def _before_residence(contacts: nw.LazyFrame, last_month: int) -> pd.DataFrame:
    """service, year, fate, contacts: what the contact alone decides; `counted` where nothing speaks against it."""
    grouped = (
        contacts.with_columns(
            year=nw.col("month") // 12,
            later=nw.col("month") > last_month,
            attended=reductions.attended(),
            with_client=reductions.with_client(),
        )
        .group_by("service", "year", "later", "attended", "with_client", "attendance", "mode")
        .agg(nw.len().alias("contacts"))
    )
    rows = grouped.collect("pandas").to_native()
    attendance = np.array(TABLES["contacts"]["attendance"].codes)[rows["attendance"].fillna(0).to_numpy(np.int64)]
    mode = np.array(MODES)[rows["mode"].to_numpy(np.int64)]
    conditions = [rows["later"].to_numpy(bool), ~rows["attended"].to_numpy(bool), ~rows["with_client"].to_numpy(bool)]
    rows["fate"] = np.select(conditions, [np.full(len(rows), LATER_MONTH), attendance, mode], COUNTED)
    return rows.groupby([*_KEYS, "fate"], as_index=False)["contacts"].sum()
