"""Rows of the released tables of need to come, as its page reads them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, record, records, rows
from ennakointi.pages.context import numbers as interval_numbers

EXPECTED = ("expected", "expected_lo80", "expected_hi80")
WIDER = ("expected", "expected_lo90", "expected_hi90")
ALL = "all"


def of(tables: Tables, name: str, outcome: str = "", horizon: int | None = None, **keys: str) -> pd.DataFrame:
    """Rows of a table of one need and one horizon; of every one where it is not given."""
    found = rows(tables, name, **keys)
    if found.empty:
        return found
    if outcome:
        found = found[found["outcome"] == outcome]
    return found if horizon is None else found[found["horizon_months"].astype(int) == horizon]


def outcomes(tables: Tables, context: PageContext) -> list[str]:
    """Every need of the released tables, in the order of the parameters."""
    known = [str(code) for name in ("need_demand", "need_models") for code in rows(tables, name).get("outcome", ())]
    order = [code for code in context.labels.get("need", {}) if code in set(known)]
    return list(dict.fromkeys([*order, *known]))


def horizons(tables: Tables) -> list[int]:
    """Months ahead, the longest first."""
    known = [int(m) for name in ("need_demand", "need_models") for m in rows(tables, name).get("horizon_months", ())]
    return sorted(set(known), reverse=True)


def pairs(tables: Tables, context: PageContext) -> Iterator[tuple[str, int]]:
    """Every need with each of its horizons, the longest first."""
    for outcome in outcomes(tables, context):
        for horizon in horizons(tables):
            if any(len(of(tables, name, outcome, horizon)) for name in ("need_demand", "need_models")):
                yield outcome, horizon


def model(tables: Tables, outcome: str, horizon: int) -> Row | None:
    """The model whose predictions are used; None where there is none, for a reason or because it was not fitted."""
    found = of(tables, "need_models", outcome, horizon, of_record="yes")
    return next((row for row in records(found) if not _text(row["reason"])), None)


def reason(tables: Tables, outcome: str, horizon: int) -> str:
    """Why there is no model of a need, as the released message; empty where there is one or none was sought."""
    if model(tables, outcome, horizon) is not None:
        return ""
    found = records(of(tables, "need_models", outcome, horizon))
    return next((text for row in found if (text := _text(row["reason"]))), "")


def used(tables: Tables, name: str, outcome: str, horizon: int, **keys: str) -> pd.DataFrame:
    """Rows of a table of the model whose predictions are used."""
    own = model(tables, outcome, horizon)
    found = of(tables, name, outcome, horizon, **keys)
    return found if own is None or found.empty else found[found["model"] == own["model"]]


def expected(
    tables: Tables, outcome: str, horizon: int, target_group: str = ALL, municipality: str = ALL
) -> Row | None:
    """Expected persons with a need: the row of all services, or the only one that there is."""
    found = of(tables, "need_demand", outcome, horizon, target_group=target_group, municipality=municipality)
    if found.empty:
        return None
    whole = found[found["service"] == ALL]
    return record(whole if len(whole) else found)


def contacts(tables: Tables, outcome: str, horizon: int) -> list[Row]:
    """Contacts of those persons with each service, the most first; hidden ones last."""
    found = of(tables, "need_demand", outcome, horizon, target_group=ALL, municipality=ALL)
    if found.empty:
        return []
    told = [row for row in records(found) if is_shown(row, "contacts") or is_hidden(row, "contacts")]
    services = [row for row in told if row["service"] != ALL] or told
    return sorted(services, key=lambda row: -row["contacts"] if is_shown(row, "contacts") else 1.0)


def keys_of(tables: Tables, column: str, **keys: str) -> list[str]:
    """Values of a key of `need_demand` other than `all`, each once."""
    found = rows(tables, "need_demand", **keys)
    return [] if found.empty else [str(v) for v in dict.fromkeys(found[column]) if v != ALL]


def known_before(tables: Tables, outcome: str, horizon: int, target_group: str = ALL) -> Row | None:
    """How many of those to whom a need came were known before to any of the right services."""
    found = of(tables, "early_identification", outcome, horizon, target_group=target_group)
    if found.empty:
        return None
    whole = found[found["service"] == ALL]
    return record(whole if len(whole) else found)


def interval(row: Row, columns: tuple[str, str, str] = EXPECTED) -> tuple[float, float, float] | None:
    """A shown number and its interval, or None."""
    return interval_numbers(row, columns) if is_shown(row, *columns) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
