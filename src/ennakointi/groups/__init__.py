"""Who is in which target group in which month: runs of membership per person bucket, sizes and overlaps."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ennakointi import rules
from ennakointi.groups.store_history import StoreHistory
from ennakointi.parameters import TargetGroup
from ennakointi.parameters.cross_checks import ALL
from ennakointi.periods import day_date, day_number, month_of, month_text
from ennakointi.rules import Rule
from ennakointi.rules.evaluation import Memo
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS
from ennakointi.text import N_, message_json

INDEX = "groups.json"
DATA_MISSING = N_("Data missing: {tables}.")
NO_LEGAL_BASIS = N_("Needs a register of another controller ({controllers}), and no legal basis is named for it.")
TOO_SHORT = N_("The data begin too late for the group's look-back.")
_RUN_SCHEMA = pa.schema(
    [("group", pa.int16()), ("person", pa.int32()), ("from_month", pa.int32()), ("to_month", pa.int32())]
)


class Settings(Protocol):
    """What is needed of `parameters.Parameters`."""

    @property
    def target_groups(self) -> Mapping[str, TargetGroup]: ...

    @property
    def report_groups(self) -> tuple[str, ...]: ...

    @property
    def legal_basis(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class GroupIndex:
    """The groups of a quarter.

    Attributes
    ----------
    folder : where the runs lie.
    ids : groups that could be formed; a group's code in the files is its place here.
    available_from : first month index in which each of them can be told.
    missing : why the other groups could not be formed, as `text.message_json`.
    incomplete : tables that a group's rule names and the data lack; the group is formed without them.
    endogenous : groups defined by use itself.
    last_month : the month of `sizes` and `overlap`: the last one that ended by the as-of date.
    sizes, overlap : (g,) members and (g, g) persons in both groups in that month.
    """

    folder: Path
    ids: tuple[str, ...]
    available_from: Mapping[str, int]
    missing: Mapping[str, str]
    incomplete: Mapping[str, tuple[str, ...]]
    endogenous: frozenset[str]
    last_month: int
    overlap: NDArray[np.int64]

    @property
    def available(self) -> tuple[str, ...]:
        return self.ids

    @property
    def sizes(self) -> NDArray[np.int64]:
        return np.diag(self.overlap)

    def file(self, bucket: int) -> Path:
        """Parquet of a bucket: group (place in `ids`), person, from_month, to_month (inclusive)."""
        return _file(self.folder, bucket)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Result tables `target_groups` and `group_overlap`, unrounded."""
        return {"target_groups": self._groups(), "group_overlap": self._overlap()}

    def _groups(self) -> pd.DataFrame:
        asked = [*self.ids, *self.missing]
        size = dict(zip(self.ids, self.sizes.tolist(), strict=True))
        members = pd.Series([size.get(group) for group in asked], dtype=float)
        residents = float(size[ALL])
        return pd.DataFrame(
            {
                "target_group": asked,
                "available_from": [month_text(self.available_from[group]) if group in size else "" for group in asked],
                "endogenous": ["yes" if group in self.endogenous else "no" for group in asked],
                "missing": [self.missing.get(group, "") for group in asked],
                "incomplete": [";".join(self.incomplete.get(group, ())) for group in asked],
                "n_persons": members,
                "share": members / residents,
                "residents": [residents if group in size else None for group in asked],
            }
        )

    def _overlap(self) -> pd.DataFrame:
        told = [i for i, group in enumerate(self.ids) if self.available_from[group] <= self.last_month]
        rows = [(self.ids[i], self.ids[j], int(self.overlap[i, j])) for i in told for j in told if i != j]
        return pd.DataFrame(rows, columns=["target_group", "other", "n_persons"])


def build(store: Store, parameters: Settings, folder: Path, chosen: Sequence[str] = ()) -> GroupIndex:
    """Evaluate the groups month by month and write their runs of membership.

    Parameters
    ----------
    store
        The compact store.
    parameters
        Target groups of the region and the legal bases.
    folder
        Emptied first; it gets `bucket=NN.parquet` (see `GroupIndex.file`) and `groups.json`.
    chosen
        Groups to form, the region's report groups unless told; `all` is always among them.

    Returns
    -------
    GroupIndex
        A group is missing, not empty, before its `available_from`, without its tables, and without a legal
        basis for the registers of other controllers that it needs.
    """
    wanted = list(dict.fromkeys([ALL, *(chosen or parameters.report_groups)]))
    last_month = min(store.last_month, month_of(day_date(day_number(store.as_of) + 1)) - 1)
    formed, missing, incomplete = _formed(wanted, store, parameters, last_month)
    ids = tuple(formed)
    since = {group: rules.earliest_month(rule, store.first_month) for group, rule in formed.items()}
    available = {group: month for group, month in since.items() if month is not None}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    overlap = np.zeros((len(ids), len(ids)), np.int64)
    connection = store.connection()
    try:
        for bucket in range(BUCKETS):
            history = StoreHistory(store, bucket, store.first_month, last_month - store.first_month + 1, connection)
            overlap += _write_bucket(_file(folder, bucket), history, formed, available)
    finally:
        connection.close()
    endogenous = frozenset(group for group in wanted if parameters.target_groups[group].endogenous)
    index = GroupIndex(folder, ids, available, missing, incomplete, endogenous, last_month, overlap)
    _save(index)
    return index


def open(folder: Path) -> GroupIndex:  # noqa: A001 - callers read `groups.open`
    """The index that `build` left in a folder."""
    kept = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    return GroupIndex(
        folder=folder,
        ids=tuple(kept["ids"]),
        available_from=kept["available_from"],
        missing=kept["missing"],
        incomplete={group: tuple(tables) for group, tables in kept["incomplete"].items()},
        endogenous=frozenset(kept["endogenous"]),
        last_month=kept["last_month"],
        overlap=np.array(kept["overlap"], np.int64),
    )


def _formed(
    wanted: Sequence[str], store: Store, parameters: Settings, last_month: int
) -> tuple[dict[str, Rule], dict[str, str], dict[str, tuple[str, ...]]]:
    """The rules that the data and the law allow, why the others are missing, and what some go without."""
    formed: dict[str, Rule] = {}
    missing: dict[str, str] = {}
    incomplete: dict[str, tuple[str, ...]] = {}
    for group in wanted:
        definition = parameters.target_groups[group]
        rule, lacking = rules.reduce_to(definition.who, _tables(store))
        without_basis = sorted(definition.controllers - parameters.legal_basis.keys())
        if without_basis:
            missing[group] = message_json(NO_LEGAL_BASIS, {"controllers": ", ".join(without_basis)})
        elif rule is None:
            missing[group] = message_json(DATA_MISSING, {"tables": ", ".join(sorted(lacking))})
        elif (since := rules.earliest_month(rule, store.first_month)) is None or since > last_month:
            missing[group] = message_json(TOO_SHORT, {})
        else:
            formed[group] = rule
            if lacking:
                incomplete[group] = tuple(sorted(lacking))
    return formed, missing, incomplete


def _tables(store: Store) -> frozenset[str]:
    """Tables at hand; diagnoses may stand in the contacts instead of a table of their own."""
    in_contacts = {"diagnosis", "diagnosis_system"} <= store.columns("contacts")
    return store.tables | ({"diagnoses"} if in_contacts else set())


def _write_bucket(
    file: Path, history: StoreHistory, formed: Mapping[str, Rule], available: Mapping[str, int]
) -> NDArray[np.int64]:
    """Runs of one bucket; returns (g, g) persons in both groups in the last month."""
    memo: Memo = {}
    tables, now = [], []
    for code, (group, rule) in enumerate(formed.items()):
        members = rules.evaluate(rule, history, memo)
        members[:, : available[group] - history.first_month] = False
        now.append(members[:, -1].astype(np.int32))
        tables.append(_runs(members, code, history))
    pq.write_table(pa.concat_tables(tables), file, compression="zstd")
    last = np.stack(now)
    return (last @ last.T).astype(np.int64)


def _runs(members: NDArray[np.bool_], code: int, history: StoreHistory) -> pa.Table:
    """Unbroken months of membership, by person and month."""
    edge = np.zeros((len(members), 1), np.int8)
    change = np.diff(members.view(np.int8), axis=1, prepend=edge, append=edge)
    row, start = np.nonzero(change == 1)
    _, end = np.nonzero(change == -1)
    columns = (
        np.full(len(row), code),
        row * BUCKETS + history.bucket,
        start + history.first_month,
        end - 1 + history.first_month,
    )
    return pa.table(list(columns), schema=_RUN_SCHEMA)


def _file(folder: Path, bucket: int) -> Path:
    return folder / f"bucket={bucket:02d}.parquet"


def _save(index: GroupIndex) -> None:
    kept = {
        "ids": index.ids,
        "available_from": index.available_from,
        "missing": index.missing,
        "incomplete": index.incomplete,
        "endogenous": sorted(index.endogenous),
        "last_month": index.last_month,
        "overlap": index.overlap.tolist(),
    }
    (index.folder / INDEX).write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
