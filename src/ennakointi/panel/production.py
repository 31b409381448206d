"""Who gave the contacts: contacts and persons of a group by provider, service, municipality and month."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from ennakointi.panel.reductions import NO_PROVIDER, added
from ennakointi.schema import PROVIDERS

UNKNOWN = "unknown"
NAMES = (*PROVIDERS, UNKNOWN)


def production(months: nw.LazyFrame, runs: nw.LazyFrame, who: nw.LazyFrame) -> nw.LazyFrame:
    """Contacts and persons of group members by who gave them.

    Parameters
    ----------
    months : `reductions.person_months`
    runs : membership: group, person, from_month, to_month (inclusive)
    who : `reductions.people`

    Returns
    -------
    group, service, municipality, month, provider (place in `schema.PROVIDERS`, -1 = not recorded), contacts,
    persons. Contacts add up over providers to those of `reductions.counts`; a person who met two providers in
    a month stands in both rows.
    """
    by_provider = added(
        months.select("person", "month", "service", "provider", "n"), "person", "month", "service", "provider"
    )
    inside = (nw.col("month") >= nw.col("from_month")) & (nw.col("month") <= nw.col("to_month"))
    members = by_provider.join(runs, on="person").filter(inside).drop("from_month", "to_month")
    return (
        members.join(who.select("person", "municipality"), on="person")
        .group_by("group", "service", "municipality", "month", "provider")
        .agg(nw.col("n").sum().alias("contacts"), nw.len().alias("persons"))
        .with_columns(nw.col("contacts").cast(nw.Int64), nw.col("persons").cast(nw.Int64))
    )


def named(table: pd.DataFrame) -> pd.DataFrame:
    """The table with provider codes replaced by their names; not recorded is `unknown`."""
    codes: Any = table["provider"].replace(NO_PROVIDER, len(PROVIDERS)).to_numpy()
    return table.assign(provider=pd.Categorical.from_codes(codes, pd.Index(NAMES)))


def empty() -> pd.DataFrame:
    """The table of `Panel.production` without rows."""
    codes = {name: pd.Categorical([]) for name in ("service", "municipality")}
    numbers = {name: pd.Series(dtype="int64") for name in ("month", "contacts", "persons")}
    table = pd.DataFrame({**codes, **numbers, "provider": pd.Categorical([], categories=pd.Index(NAMES))})
    return table[["service", "municipality", "month", "provider", "contacts", "persons"]]
