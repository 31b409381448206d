"""Whether the numbers can be trusted: the data measured once, and scored against quality.yml as often as it changes.

Categories of checks: Kahn et al. 2016, eGEMs 4(1):1244, doi 10.13063/2327-9214.1244.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ennakointi.parameters import Parameters
from ennakointi.quality import contract, measures, residents, scoring, trust
from ennakointi.quality.residents import Counted as Counted
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.store import Store


def measure(opened: Store, parameters: Parameters) -> dict[str, pd.DataFrame]:
    """Tables of measures `quality_*`: the store is read once, and nothing depends on quality.yml.

    Of the parameters only the sectors of services.yml are used.
    """
    return measures.of_store(opened, parameters.services)


def score(
    measured: Mapping[str, pd.DataFrame],
    manifest: Mapping[str, Any],
    parameters: Parameters,
    late: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """The result tables `data_quality`, `trust` and `volume_breaks`; no data are read.

    Parameters
    ----------
    measured : what `measure` gave.
    manifest : the store's manifest.
    parameters : `quality` (thresholds), `breaks`, `region`, `interventions` and `services` are used.
    late : rows of `quality_counts` (check, table, column, detail, rows, failed) about contacts that came in late.
    """
    if late is not None and len(late):
        counts = pd.concat([measured["quality_counts"], late], ignore_index=True)
        measured = {**measured, "quality_counts": counts}
    evidence = scoring.Evidence(measured, manifest, parameters)
    found = [*contract.findings(manifest, parameters.quality), *scoring.findings(evidence)]
    names = list(RESULT_TABLES["data_quality"].names)
    quality = pd.DataFrame([one.row() for one in found], columns=names)
    kinds = {"rows": "Int64", "failed": "Int64", "share": "float64", "limit_rows": "float64", "limit_share": "float64"}
    return {
        "data_quality": quality.astype(kinds).sort_values(names[:3], ignore_index=True),
        "trust": trust.table(found, manifest, parameters.quality),
        "volume_breaks": evidence.breaks.table,
    }


def counted(opened: Store, parameters: Parameters) -> Counted:
    """Whether `persons` holds the region's residents or only clients; reads persons and population, nothing else."""
    connection = opened.connection()
    found = residents.judge(residents.of_store(opened, connection), parameters.quality)
    connection.close()
    return found
