"""Who gave the contacts: contacts and persons of a group by provider, service, municipality and month."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from ennakointi.panel.reductions import NO_PROVIDER, added, attended, with_client
from ennakointi.schema import PROVIDERS

UNKNOWN = "unknown"
NAMES = (*PROVIDERS, UNKNOWN)
BOUGHT = ("purchased", "third_sector")  # given by suppliers
NO_UNIT = -1


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


def suppliers(contacts: nw.LazyFrame, runs: nw.LazyFrame, who: nw.LazyFrame) -> nw.LazyFrame:
    """Bought contacts of group members by the unit that gave them, which stands for its supplier.

    Parameters
    ----------
    contacts : person, month, service, mode, attendance, provider, unit
    runs, who : as in `production`

    Returns
    -------
    group, service, municipality, month, provider, unit (code of the store, -1 = not recorded), contacts: they add up
    over units to those of `production`.
    """
    bought = contacts.filter(
        attended() & with_client() & nw.col("provider").is_in([PROVIDERS.index(name) for name in BOUGHT])
    ).select(
        "person",
        "month",
        "service",
        provider=nw.col("provider").cast(nw.Int16),
        unit=nw.col("unit").cast(nw.Int32).fill_null(NO_UNIT),
        contacts=nw.lit(1),
    )
    given = added(bought, "person", "month", "service", "provider", "unit").join(runs, on="person")
    inside = (nw.col("month") >= nw.col("from_month")) & (nw.col("month") <= nw.col("to_month"))
    placed = given.filter(inside).join(who.select("person", "municipality"), on="person")
    keys = ("group", "service", "municipality", "month", "provider", "unit")
    return added(placed.select(*keys, "contacts"), *keys)


def named(table: pd.DataFrame) -> pd.DataFrame:
    """The table with provider codes replaced by their names; not recorded is `unknown`."""
    codes: Any = table["provider"].replace(NO_PROVIDER, len(PROVIDERS)).to_numpy()
    return table.assign(provider=pd.Categorical.from_codes(codes, pd.Index(NAMES)))


def empty(*columns: str) -> pd.DataFrame:
    """The table of `Panel.production`, or `Panel.suppliers`, without rows."""
    names = columns or ("service", "municipality", "month", "provider", "contacts", "persons")
    words = {"service": [], "municipality": [], "provider": NAMES}
    return pd.DataFrame(
        {
            name: pd.Categorical([], categories=pd.Index(words[name])) if name in words else pd.Series(dtype="int64")
            for name in names
        }
    )


def no_suppliers() -> pd.DataFrame:
    """The table of `Panel.suppliers` without rows."""
    return empty("service", "municipality", "month", "provider", "unit", "contacts")
