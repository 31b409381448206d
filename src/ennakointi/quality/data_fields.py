"""The data dictionary with what was delivered: the result table `data_fields`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ennakointi.parameters.dictionary_documents import DataDictionary
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.schema import TABLES


def table(manifest: Mapping[str, Any], dictionary: DataDictionary) -> pd.DataFrame:
    """Every column of the data contract, in its order, with the rows that were delivered and those that have a value.

    `rows` and `filled` are of the rows that could be read, before any was rejected; a table that was not delivered
    has neither. `owner` is in English; pages take it from the dictionary in the reader's language.
    """
    rows = []
    for declared in TABLES.values():
        about = manifest["tables"].get(declared.name)
        delivered = about["read"] - sum(about["unreadable"].values()) if about else None
        owner = dictionary.owner(declared.name).en
        for column in declared.columns:
            filled = about["filled"].get(column.name, 0) if about else None
            rows.append(
                {
                    "table": declared.name,
                    "column": column.name,
                    "kind": column.kind,
                    "required": "yes" if column.required else "no",
                    "delivered": "yes" if filled else "no",
                    "owner": owner,
                    "rows": delivered,
                    "filled": filled,
                    "filled_share": filled / delivered if filled is not None and delivered else None,
                }
            )
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["data_fields"].names)).astype(
        {"rows": "Int64", "filled": "Int64", "filled_share": "float64"}
    )
