"""Every exclusion on the way from a delivered row to an analysed contact: the result table `attrition`.

Each step of a table begins with the rows that the step before left, so that `rows_before` − `excluded` = `rows_after`
holds in every line and nothing is lost between two lines. Steps of a row that breaks several rules: the first rule of
the contract's order. After the shape of IncidencePrevalence's attrition (Raventós et al. 2024, 10.1002/pds.5717).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ennakointi.panel import fates
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.schema import MODES_WITHOUT_CLIENT, TABLES

ANALYSIS = "analysis"  # the place of the contacts' way from the store to the panels
_Step = tuple[str, str, int]  # step, reason, rows that leave
_NOT_ATTENDED = tuple(code for code in TABLES["contacts"]["attendance"].codes if code != "attended")
_FATES = (
    *(("not_attended", fate) for fate in _NOT_ATTENDED),
    *(("without_client", fate) for fate in MODES_WITHOUT_CLIENT),
    *((fate, "") for fate in (fates.OUTSIDE_RESIDENCE, fates.UNCOVERED)),
)


def table(manifest: Mapping[str, Any], panels: Path | None) -> pd.DataFrame:
    """The result table `attrition`.

    Parameters
    ----------
    manifest : of the store
    panels : folder of the quarter's panels; None for a source without persons

    Returns
    -------
    For each delivered table first the rows that came, then those that could not be read, that a mapping excluded, that
    broke a rule and that lie after the as-of date; the last line, `stored`, excludes none and gives what remains.
    Under `analysis` the same of the stored contacts, to those `counted` in the panels of residents.
    """
    rows: list[tuple[object, ...]] = []
    for name, about in manifest["tables"].items():
        mapped = sum(one["rows"] for one in about["excluded"])
        steps = [("delivered", "", 0), *_of_table(about), ("stored", "", 0)]
        rows += _chained(name, about["read"] + mapped, steps)
    if panels is not None:
        by_fate = fates.read(panels).groupby("fate")["contacts"].sum()
        left = {str(fate): int(n) for fate, n in by_fate.items()}
        rows += _chained(ANALYSIS, sum(left.values()), [*_of_contacts(left), (fates.COUNTED, "", 0)])
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["attrition"].names))


def _of_table(about: Mapping[str, Any]) -> Iterator[_Step]:
    """What leaves one contract table before it is stored."""
    yield from (("unreadable", rule, n) for rule, n in about["unreadable"].items())
    by_reason: dict[str, int] = {}
    for one in about["excluded"]:
        by_reason[one["reason"]["en"]] = by_reason.get(one["reason"]["en"], 0) + one["rows"]
    yield from (("excluded", reason, n) for reason, n in by_reason.items())
    yield from (("rejected", rule, n) for rule, n in about["rejected"].items())
    if about["after_as_of"]:
        yield "after_as_of", "", about["after_as_of"]


def _of_contacts(left: Mapping[str, int]) -> Iterator[_Step]:
    """What leaves the stored contacts before the panels."""
    for step, reason in ((fates.LATER_MONTH, ""), *_FATES):
        if n := left.get(reason or step):
            yield step, reason, n


def _chained(name: str, before: int, steps: list[_Step]) -> Iterator[tuple[str, str, str, int, int, int, int]]:
    for place, (step, reason, n) in enumerate(steps, start=1):
        yield name, step, reason, place, before, n, before - n
        before -= n
