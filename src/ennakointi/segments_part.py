"""The part of a quarter about segments: who is in them, how they move, what comes, and where persons find their way.

Puts together `features`, `segmentation` and the population projection. The model of the latent classes is kept in
`work/history/`, so that the next quarter gives the same classes the same meaning.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ennakointi import features, quality
from ennakointi.features import Features
from ennakointi.panel import projection
from ennakointi.panel.projection import Projection
from ennakointi.parameters import Parameters
from ennakointi.parameters.latent_documents import StabilityLimits
from ennakointi.parameters.segmentation_documents import LATENT
from ennakointi.periods import Quarter
from ennakointi.rules import feature_conditions as conditions
from ennakointi.segmentation import (
    agreement,
    concentration,
    guidance,
    latent_scheme,
    movement,
    multi_service,
    profiles,
    ranking,
    rule_based,
    stability,
    transitions,
)
from ennakointi.segmentation import projection as segment_projection
from ennakointi.segmentation.latent_scheme import LatentResult
from ennakointi.segmentation.transitions import History
from ennakointi.store import Store
from ennakointi.workspace import Workspace, read_json, write_json

PART = "segments"
ASSIGNMENTS = "segment_assignments"  # of persons: stays in work/
PERSON_COLUMNS = ("person_id", "scheme", "segment", "probability")
MODEL, MODELS = "latent_model", "segment_models"
CLIENTS = "clients"
REFUSED, PROJECTION, GUIDANCE = "refused", "projection", "guidance"  # what is missing, in the place of a measure

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class _Quarters:
    """Features and segments of the residents over the quarters.

    `now` holds every feature that the profiles read; `use` only contacts and cost. `orders`: segments of each scheme
    from the gravest.
    """

    now: pd.DataFrame
    use: Mapping[str, pd.DataFrame]
    assigned: Mapping[str, Mapping[str, pd.Series]]
    orders: Mapping[str, tuple[str, ...]]
    people: Mapping[str, pd.DataFrame]

    @property
    def last(self) -> Mapping[str, pd.Series]:
        """Segments by scheme of the run's own quarter."""
        return self.assigned[max(self.assigned)]

    def history(self, scheme: str) -> History:
        of_scheme = {quarter: segments[scheme] for quarter, segments in self.assigned.items() if scheme in segments}
        return History(self.orders[scheme], of_scheme, self.people)


def compute(workspace: Workspace, parameters: Parameters, opened: Store, seed: int) -> Tables:
    """Every table of segments, and the segments of persons and the model of the classes for `work/`."""
    known, quarter = features.open(workspace.features), str(workspace.quarter)
    clients_only = quality.counted(opened, parameters).who == CLIENTS
    now = _described(known, quarter, _columns(known, parameters), clients_only)
    found = latent_scheme.estimate_latent(
        rule_based.residents(now), parameters.segmentation.latent, seed, quarter, _earlier(workspace, opened)
    )
    told = _over_quarters(known, parameters, now, found, clients_only)
    moved, no_projection = _movements(told, parameters, opened, clients_only, seed)
    guided, no_guidance = _guidance(told, parameters, opened, known)
    refused = dict(rule_based.assignments(now, parameters.segmentation, known.missing).refused)
    refused |= {LATENT: found.refused} if found.refused else {}
    reasons = {REFUSED: refused, PROJECTION: no_projection, GUIDANCE: no_guidance}
    return {
        **_profiles(told, parameters, known, found),
        **moved,
        **guided,
        **found.tables,
        "segment_stability": _cards(told, found, parameters.segmentation.latent.stability, reasons),
        ASSIGNMENTS: _of_persons(told.assigned[quarter], found),
        MODEL: pd.DataFrame({"model": [json.dumps(found.model)], "source": [opened.source_name]}),
    }


def remember(workspace: Workspace, tables: Mapping[str, pd.DataFrame]) -> None:
    """Keep the model of the classes for later quarters, and the segments of persons among the results."""
    model = tables[MODEL].iloc[0]
    content = {"model": json.loads(model["model"]), "source": model["source"]}
    write_json(workspace.history / MODELS / f"{workspace.quarter}.json", content)
    tables[ASSIGNMENTS].to_parquet(workspace.results / f"{ASSIGNMENTS}.parquet", index=False)


def _earlier(workspace: Workspace, opened: Store) -> dict[str, Any] | None:
    """The model of the latest earlier quarter of the same source."""
    files: list[Path] = sorted((workspace.history / MODELS).glob("*.json"))
    for file in reversed(files):
        kept = read_json(file)
        if (
            Quarter.parse(file.stem).first_month < workspace.quarter.first_month
            and kept["source"] == opened.source_name
            and kept["model"] is not None
        ):
            return dict(kept["model"])
    return None


def _columns(known: Features, parameters: Parameters) -> list[str]:
    """The features that segments, their profiles and the latent classes read."""
    settings = parameters.segmentation
    wanted = profiles.columns(settings, tuple(parameters.services), known.columns)
    return list(dict.fromkeys([*wanted, *latent_scheme.columns(settings.latent, known.columns)]))


def _described(known: Features, quarter: str, columns: list[str], clients_only: bool) -> pd.DataFrame:
    """Persons of a quarter; where the register holds clients only, those with a contact in 24 months, since nothing
    tells who else lives here."""
    frame = known.read(quarter, columns)
    return frame[frame["contacts_24m"] > 0].reset_index(drop=True) if clients_only else frame


def _over_quarters(
    known: Features, parameters: Parameters, now: pd.DataFrame, found: LatentResult, clients_only: bool
) -> _Quarters:
    """The segments of every quarter; a scheme that misses data has none."""
    settings, columns = parameters.segmentation, _columns(known, parameters)
    assigned: dict[str, dict[str, pd.Series]] = {}
    use = {}
    for quarter in known.quarters:
        last = quarter == known.quarters[-1]
        frame = now if last else _described(known, quarter, columns, clients_only)
        segments = dict(rule_based.assignments(frame, settings, known.missing).segments)
        if found.model is not None:
            held = rule_based.residents(frame)
            segments[LATENT] = (
                found.assignment if last else latent_scheme.assign_latent(held, settings.latent, found.model)[0]
            )
        assigned[quarter] = segments
        use[quarter] = frame[["person", "state", profiles.CONTACTS, profiles.COST]]
    orders = {name: scheme.codes for name, scheme in settings.schemes.items()} | {LATENT: found.order}
    return _Quarters(now, use, assigned, orders, transitions.people(known, known.quarters))


def _profiles(told: _Quarters, parameters: Parameters, known: Features, found: LatentResult) -> Tables:
    """Sizes over the quarters; who is in the segments of the last one, what they use, and how use concentrates."""
    settings, now = parameters.segmentation, told.now
    quarters = list(told.assigned)[-settings.quarters_shown :]
    alike = {LATENT: found.bootstrap_ari} if LATENT in told.last else {}
    return {
        "segments": profiles.sizes({q: (told.use[q], told.assigned[q]) for q in quarters}, alike),
        "segment_residents": profiles.people(now, told.last),
        "segment_services": profiles.services(now, told.last, tuple(parameters.services)),
        "segment_groups": profiles.groups(now, told.last),
        "segment_signs": profiles.signs(now, told.last, settings, known.missing),
        "concentration": concentration.table(now),
        "multi_service": multi_service.table(now, settings, known.missing),
        "segment_agreement": agreement.table(told.last),
        "segment_ranking": _ranking(told, parameters, known),
    }


def _ranking(told: _Quarters, parameters: Parameters, known: Features) -> pd.DataFrame:
    settings = parameters.segmentation
    has, _ = rule_based.unmet_need(told.now, settings, known.missing)
    if has is None:
        return transitions.tidy(pd.DataFrame(), "segment_ranking")
    held = rule_based.residents(told.now)
    parts = [
        ranking.table(name, segments, held, has, _measures(settings.schemes.get(name)), told.orders[name])
        for name, segments in told.last.items()
    ]
    return _stacked(parts, "segment_ranking")


def _measures(scheme: Any) -> dict[str, tuple[str, ...]]:
    return {} if scheme is None else {code: segment.measures for code, segment in scheme.segments.items()}


def _movements(
    told: _Quarters, parameters: Parameters, opened: Store, clients_only: bool, seed: int
) -> tuple[Tables, dict[str, str]]:
    """Moves between segments, time in them, the segments of the coming years; by scheme why those are missing."""
    histories = {name: told.history(name) for name in told.last}
    ahead, sexes = (None, ()) if clients_only else _population(parameters, opened)
    projected: list[pd.DataFrame] = []
    reasons: dict[str, str] = {}
    for name, history in histories.items():
        made, missing = segment_projection.table(
            name,
            history,
            ahead,
            sexes,
            parameters.segmentation.movement,
            parameters.forecast.outlook_years,
            parameters.panel.age_bands,
            seed ^ zlib.crc32(name.encode()),
        )
        projected.append(made)
        if missing:
            reasons[name] = next(iter(missing.values()))
    tables = {
        "segment_transitions": _stacked([transitions.table(*one) for one in histories.items()], "segment_transitions"),
        "segment_movement": _stacked([movement.table(*one) for one in histories.items()], "segment_movement"),
        "segment_projection": _stacked(projected, "segment_projection"),
    }
    return tables, reasons


def _population(parameters: Parameters, opened: Store) -> tuple[Projection | None, tuple[str, ...]]:
    """The newest projection of the region's municipalities that the data hold, and its sexes."""
    table = projection.table(opened)
    variants = projection.variants(table)
    if table is None or not variants:
        return None, ()
    held = set(table.loc[table["variant"] == variants[-1], "municipality"].astype(str))
    sexes = tuple(sorted(set(table["sex"].astype(str))))
    area = [code for code in parameters.region.municipalities if code in held]
    return projection.build(table, variants[-1], area, sexes), sexes


def _stacked(parts: list[pd.DataFrame], name: str) -> pd.DataFrame:
    full = [part for part in parts if len(part)]
    return pd.concat(full, ignore_index=True) if full else transitions.tidy(pd.DataFrame(), name)


def _guidance(told: _Quarters, parameters: Parameters, opened: Store, known: Features) -> tuple[Tables, dict[str, str]]:
    """Where persons find their way, in the quarters whose sizes are told; by indicator why it is missing."""
    settings = parameters.segmentation
    quarters = list(told.assigned)[-settings.quarters_shown :]
    plans = None
    if "plan_24m" not in known.missing:
        plans = {quarter: _planned(known, quarter, parameters) for quarter in quarters}
    asked = [Quarter.parse(one) for one in quarters]
    table, reasons = guidance.table(opened, asked, settings.movement, plans)
    return {"guidance": table}, reasons


def _planned(known: Features, quarter: str, parameters: Parameters) -> pd.DataFrame:
    """Residents: whether each is a multi-service client by a reading of the settings, and has a plan."""
    settings = parameters.segmentation
    asked = [settings.readings[code].who for code in settings.movement.plan_readings]
    columns = set().union(*(conditions.features(one) for one in asked)) | {"person", "state", "plan_24m"}
    held = rule_based.residents(known.read(quarter, sorted(columns)))
    multi = pd.concat([pd.Series(conditions.evaluate(one, held)) for one in asked], axis=1).any(axis=1)
    return pd.DataFrame({"multi": multi, "plan": held["plan_24m"].fillna(False).astype(bool)})


def _cards(
    told: _Quarters, found: LatentResult, limits: StabilityLimits, missing: Mapping[str, Mapping[str, str]]
) -> pd.DataFrame:
    """The stability card of every scheme: that of the classes, and for rules sizes and who stays a year; and why what
    is not there is missing."""
    parts = [found.tables["segment_stability"]]
    for name in told.last:
        if name == LATENT:
            parts.append(stability.card(LATENT, [stability.kept_year(told.history(name))], limits))
        else:
            parts.append(stability.of_rules(name, told.history(name), limits))
    absent = [
        {"scheme": code, "measure": what, "passed": "not_checked", "message": reason}
        for what, reasons in missing.items()
        for code, reason in reasons.items()
    ]
    return _stacked([*parts, transitions.tidy(pd.DataFrame(absent), "segment_stability")], "segment_stability")


def _of_persons(assigned: Mapping[str, pd.Series], found: LatentResult) -> pd.DataFrame:
    """person_id (the quarter's own number of a person), scheme, segment and probability, 1 by rule."""
    parts = []
    for scheme, segments in assigned.items():
        probability = found.probability.reindex(segments.index).to_numpy() if scheme == LATENT else 1.0
        columns = {"person_id": segments.index, "scheme": scheme, "segment": segments.astype(str).to_numpy()}
        parts.append(pd.DataFrame({**columns, "probability": probability}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(PERSON_COLUMNS))
