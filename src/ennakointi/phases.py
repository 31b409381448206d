"""The phases of a quarter before anything is rendered: prepare, compute, plan.

*prepare* validates the source and lays down the store, the memberships and the panels. *compute* makes every result,
unrounded, as parts under `work/<quarter>/parts/`. *plan* puts the parts together, sends them through the one door and
leaves what may be published in `work/<quarter>/published/`; notebooks and pages read nothing else.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from ennakointi import (
    debt_part,
    disclosure,
    effectiveness,
    features,
    forecast,
    groups,
    headlines,
    need,
    panel,
    quality,
    segments_part,
    store,
)
from ennakointi.debt import deviation
from ennakointi.effectiveness import evidence, ranking
from ennakointi.errors import EnnakointiError, ParameterError
from ennakointi.forecast import score_ledger
from ennakointi.forecast.checks import within_all
from ennakointi.forecast.need import scenarios
from ennakointi.panel import projection
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter, first_day
from ennakointi.quality import attrition, data_fields, history, reconciliation
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.result_tables.needs import NEED_TABLES
from ennakointi.result_tables.segments import SEGMENT_TABLES
from ennakointi.schema import AGGREGATE_TABLE
from ennakointi.sources import Source
from ennakointi.workspace import Say, Workspace, read_json, read_tables, write_json, write_tables

QUALITY = "quality"  # the part of what was measured of the data; scored when parts are gathered
FORECAST = "forecast"  # the kind of part, and its main table
NEED, PREDICTIONS = "need", "need_predictions"  # the kind of part, and what it tells of persons, for `work/` alone
log = logging.getLogger(__name__)


def prepare(
    workspace: Workspace,
    parameters: Parameters,
    source: Source,
    as_of: date,
    chosen: Sequence[str],
    say: Say,
) -> store.Store:
    """Validate, store, and reduce to memberships and panels; raises DataError with every fault."""
    limits = store.limits(parameters)
    built = store.build(source, workspace.store, parameters, as_of, limits, quarantine=workspace.quarantine)
    say(_rows(built))
    if is_aggregate(built):
        return built
    counted = quality.counted(built, parameters)
    needed = [one.target_group for one in effectiveness.known(parameters, built).values()]
    index = groups.build(built, _allowed(parameters, built), workspace.memberships, [*chosen, *needed])
    panel.build(built, index, parameters, workspace.panels, counted.who)
    features.build(built, index, parameters, workspace.features, workspace.quarter)
    return built


def _allowed(parameters: Parameters, built: store.Store) -> Parameters:
    """Nobody stands behind a synthetic row, so a synthetic source needs no legal basis for any register."""
    if not built.synthetic:
        return parameters
    controllers = {code for group in parameters.target_groups.values() for code in group.controllers}
    return replace(parameters, legal_basis=dict.fromkeys(controllers, "synthetic"))


def _rows(built: store.Store) -> str:
    tables = built.manifest["tables"].values()
    read, quarantined = sum(t["read"] for t in tables), sum(t["quarantined"] for t in tables)
    return f"  {read:,} rows read, {quarantined:,} quarantined, {built.n_persons:,} persons"


def is_aggregate(opened: store.Store) -> bool:
    """Whether the source holds counts only, no persons."""
    return AGGREGATE_TABLE in opened.tables and "persons" not in opened.tables


def chosen_groups(parameters: Parameters, asked: Sequence[str]) -> tuple[str, ...]:
    """The groups of a run: those asked for, or the region's report groups; `all` is always among the computed."""
    unknown = [group for group in asked if group not in parameters.target_groups]
    if unknown:
        raise ParameterError(
            f"--group {unknown[0]!r}: no such target group; `ennakointi list groups` shows all of them"
        )
    return tuple(asked) or parameters.report_groups


def part_names(
    workspace: Workspace, parameters: Parameters, chosen: Sequence[str], notebooks: Sequence[str]
) -> list[str]:
    """What is to be computed for this source, each part on its own: `debt.all`, `effect.team_model`, ..."""
    opened = store.open(workspace.store)
    if is_aggregate(opened):
        whole = [name for name, one in effectiveness.known(parameters, opened).items() if one.rollout == "county"]
        return [QUALITY, "deviation", *(f"effect.{name}" for name in whole)]
    with_all = dict.fromkeys(["all", *chosen])
    present = [group for group in with_all if group in groups.open(workspace.memberships).available]
    interventions = list(effectiveness.known(parameters, opened))
    return (
        [QUALITY, "groups", "volumes", debt_part.HIDDEN]
        + [f"forecast.{group}" for group in present]
        + [f"debt.{group}" for group in present]
        + [f"effect.{intervention}" for intervention in interventions]
        + _person_parts(parameters, notebooks)
    )


def _person_parts(parameters: Parameters, notebooks: Sequence[str]) -> list[str]:
    """Segments and needs, which no other part reads: only where a notebook of the run shows them."""
    shown = {table for name in notebooks for table in parameters.notebooks[name].needs}
    segments = [segments_part.PART] if shown & {table.name for table in SEGMENT_TABLES} else []
    outcomes = parameters.need.outcomes if shown & {table.name for table in NEED_TABLES} else ()
    return segments + [f"{NEED}.{outcome}" for outcome in outcomes]


def seed_of(name: str) -> int:
    """The seed of a part: the CRC-32 of its name. All forecasts share one, so that groups draw the same futures."""
    kind = name.partition(".")[0]
    return zlib.crc32((FORECAST if kind == FORECAST else name).encode())


@threadpool_limits.wrap(limits=1)
def compute_part(workspace: Workspace, parameters: Parameters, name: str, mode: str) -> dict[str, pd.DataFrame]:
    """Compute one part; returns result tables by name, unrounded.

    One thread: parts go side by side, and the threads of linear algebra wait for each other (measured beside other
    work: an evaluation of enrolled persons took 126 seconds with four threads and 10 with one).
    """
    kind, _, key = name.partition(".")
    opened = store.open(workspace.store)
    seed = seed_of(name)
    parameters = parameters.in_mode(mode)
    if kind == QUALITY:
        return quality.measure(opened, parameters)
    if kind == "groups":
        return groups.open(workspace.memberships).tables()
    if kind == "volumes":
        return {"volumes": panel.volumes(workspace.panels)}
    if kind == "deviation":
        return dict(deviation.estimate(panel.from_aggregate(opened, parameters), parameters.debt).tables)
    if kind == "debt":
        return debt_part.compute(workspace, parameters, opened, key, seed)
    if kind == debt_part.HIDDEN:
        return debt_part.hidden_use(workspace, parameters, opened, seed)
    if kind == segments_part.PART:
        return segments_part.compute(workspace, parameters, opened, seed)
    if kind == NEED:
        clients_only = quality.counted(opened, parameters).who == segments_part.CLIENTS
        return need.estimate(key, opened, features.open(workspace.features), parameters, seed, clients_only)
    if kind == FORECAST:
        return _forecast(workspace, parameters, opened, key, mode)
    intervention = effectiveness.known(parameters, opened)[key]
    found = evidence.gather(opened, workspace.panels, workspace.memberships, intervention, parameters, seed)
    return dict(effectiveness.evaluate(intervention, found, parameters.effects, seed).tables)


def _forecast(
    workspace: Workspace, parameters: Parameters, opened: store.Store, key: str, mode: str
) -> dict[str, pd.DataFrame]:
    """Forecasts of a group, with the population projection and the scenarios that concern it."""
    made = forecast.estimate(
        panel.open(workspace.panels, key),
        projection.table(opened),
        parameters.forecast,
        scenarios.known(parameters.scenarios, key, opened.synthetic),
        parameters.services,
        seed_of(FORECAST),
        group=parameters.target_groups[key],
        mode=mode,
    )
    return dict(made.tables)


def compute(
    workspace: Workspace,
    parameters: Parameters,
    names: Sequence[str],
    mode: str,
    jobs: int,
    basis: str,
    say: Say,
) -> list[str]:
    """Compute all parts that are not finished on the same basis, each after those that it needs; returns the names of
    those that failed."""
    known = dict.fromkeys(part for name in names for part in (*debt_part.needs(name), name))
    todo = [n for n in known if read_json(workspace.part(n) / "about.json").get("basis") != basis]
    run = Parallel(n_jobs=jobs, return_as="generator_unordered")
    failed: list[str] = []
    done = 0
    for wave in _waves(todo):
        ready = [name for name in wave if not set(debt_part.needs(name)) & set(failed)]
        for name in set(wave) - set(ready):
            log.error("part %s: a part that it needs has failed", name)
            failed.append(name)
        for name, fault in run(delayed(_finish_part)(workspace, parameters, name, mode, basis) for name in ready):
            done += 1
            say(f"  [{done}/{len(todo)}] {name}{f' FAILED: {fault}' if fault else ''}")
            if fault:
                log.error("part %s: %s", name, fault)
                failed.append(name)
    return failed


def _waves(names: Sequence[str]) -> list[list[str]]:
    """The parts in the order in which they can be computed: those of a wave need only parts of the waves before."""
    waves: dict[int, list[str]] = {}
    for name in names:
        waves.setdefault(len(debt_part.needs(name)), []).append(name)
    return [waves[depth] for depth in sorted(waves)]


def _finish_part(workspace: Workspace, parameters: Parameters, name: str, mode: str, basis: str) -> tuple[str, str]:
    try:
        write_tables(workspace.part(name), compute_part(workspace, parameters, name, mode), {"basis": basis})
    except EnnakointiError as error:
        return name, str(error)
    except Exception as error:
        log.exception("part %s", name)
        return name, f"{type(error).__name__}: {error}"
    return name, ""


def plan(workspace: Workspace, parameters: Parameters, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Put the parts together, release them under the disclosure rules, keep both forms, and remember the quarter."""
    results = gather(workspace, parameters, names)
    if QUALITY in names:
        volumes = read_tables(workspace.part(QUALITY))["quality_volumes"]
        opened = store.open(workspace.store)
        history.remember(workspace.history, workspace.quarter, opened, volumes, results["data_quality"])
    if FORECAST in results:
        score_ledger.remember(*_of_forecasts(workspace, results))
    write_tables(workspace.results, results, {})
    _keep_persons(workspace, names)
    rules, source = parameters.disclosure, store.open(workspace.store).source_name
    earlier = disclosure.last(workspace.history, workspace.quarter, source)
    exempt, areas = rules.in_force(str(workspace.quarter)), parameters.region.merged_areas
    planned = disclosure.plan(results, rules.current, earlier, exempt, areas)
    _write_review(workspace, planned)
    if "indicators" in planned.released:
        headlines.remember(workspace.history, _told(workspace, parameters, results), planned.released["indicators"])
    write_tables(workspace.published, planned.released, {})
    return planned.released


def _keep_persons(workspace: Workspace, names: Sequence[str]) -> None:
    """What is told of persons, among the results of `work/` only: no report reads it."""
    if segments_part.PART in names:
        segments_part.remember(workspace, read_tables(workspace.part(segments_part.PART)))
    told = [read_tables(workspace.part(name)).get(PREDICTIONS) for name in names if name.startswith(f"{NEED}.")]
    if told := [one for one in told if one is not None and len(one)]:
        kept = pd.concat(told, ignore_index=True).rename(columns={"person": "person_id"})
        kept.to_parquet(workspace.results / f"{PREDICTIONS}.parquet", index=False)


def _write_review(workspace: Workspace, planned: disclosure.Plan) -> None:
    """The reviewer's log of what was hidden and why; it names rows, so it stays in `work/`."""
    write_tables(workspace.review, planned.hidden, {"attacked": planned.attacked})
    planned.review.to_csv(workspace.review / "review.csv", index=False)


def remember_release(workspace: Workspace, parameters: Parameters) -> None:
    """Keep what was published, so that the next release does not give away what this one hid."""
    exact, released = read_tables(workspace.results), read_tables(workspace.published)
    source, preset = store.open(workspace.store).source_name, parameters.disclosure.current
    areas = parameters.region.merged_areas
    disclosure.remember(workspace.history, workspace.quarter, source, exact, released, preset, areas)


def gather(workspace: Workspace, parameters: Parameters, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The result tables of parts; the quality of the data is scored here from what was measured, forecasts are
    compared with those of all residents, earlier forecasts with what has come, and interventions with each other."""
    results = _together([read_tables(workspace.part(name)) for name in names if name != QUALITY])
    if FORECAST in results:
        results = _together([results, {"forecast_checks": within_all(results[FORECAST])}])
        ledger = score_ledger.scored(*_of_forecasts(workspace, results))
        results |= {"forecast_ledger": ledger} if len(ledger) else {}
    if "effects" in results:
        of_effects = (results[name] for name in ("effects", "effect_checks", "cost_effectiveness"))
        results["intervention_ranking"] = ranking.table(*of_effects)
    if QUALITY in names:
        results |= _quality(workspace, parameters)
        now, opened = _told(workspace, parameters, results), store.open(workspace.store)
        given = headlines.given(opened)
        results |= headlines.tables(workspace.history, now, parameters, given, opened.n_persons)
    return results


def _told(workspace: Workspace, parameters: Parameters, results: Mapping[str, pd.DataFrame]) -> headlines.Told:
    """The headline figures of a quarter and what explains their change in the next one."""
    opened = store.open(workspace.store)
    mode = str(read_json(workspace.settings).get("mode", "full"))
    register = headlines.Register(opened.source_name, opened.n_persons, mode, parameters.disclosure.current.threshold)
    return headlines.told(workspace.quarter, register, parameters, results)


def _of_forecasts(
    workspace: Workspace, results: Mapping[str, pd.DataFrame]
) -> tuple[Path, Quarter, str, pd.DataFrame, pd.DataFrame]:
    """What the score ledger needs of a quarter."""
    source = store.open(workspace.store).source_name
    return workspace.history, workspace.quarter, source, results[FORECAST], results["forecast_history"]


def _quality(workspace: Workspace, parameters: Parameters) -> dict[str, pd.DataFrame]:
    """What is known of the data: checks and trust, fields, attrition, reconciliation, and the trend by quarter."""
    opened = store.open(workspace.store)
    panels = None if is_aggregate(opened) else workspace.panels
    measured = read_tables(workspace.part(QUALITY))
    volumes = measured["quality_volumes"]
    late = history.late(workspace.history, workspace.quarter, opened, volumes)
    scored = quality.score(measured, opened.manifest, parameters, late)
    external, region = parameters.quality.reconciliation, parameters.region
    return {
        **scored,
        "data_fields": data_fields.table(opened.manifest, parameters.data_dictionary),
        "attrition": attrition.table(opened.manifest, panels),
        "reconciliation": reconciliation.table(opened, panels, volumes, external, region.county_code),
        "quality_trend": history.trend(workspace.history, workspace.quarter, opened, scored["data_quality"]),
    }


def _together(parts: Sequence[dict[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Rows of the same result table from several parts in one table, in the declared order of columns."""
    tables: dict[str, list[pd.DataFrame]] = {}
    for part in parts:
        for name, table in part.items():
            if name in RESULT_TABLES:  # a part also keeps what only other parts read
                tables.setdefault(name, []).append(table[list(RESULT_TABLES[name].names)])
    return {
        name: pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
        for name, frames in tables.items()
    }


def complete_to(opened: store.Store) -> date:
    """The day that the data reach: the as-of date, or the end of the last month with data where that is earlier."""
    return min(opened.as_of, first_day(opened.last_month + 1) - timedelta(days=1))


def write_context(workspace: Workspace, links: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """What pages must know of the source without seeing it: name, dates, what is missing, labels, links."""
    opened = store.open(workspace.store)
    aggregate = is_aggregate(opened)
    facts = {
        "as_of": complete_to(opened).isoformat(),
        "synthetic": opened.synthetic,
        "source": opened.source_name,
        "missing": [] if aggregate else sorted(opened.manifest["missing_tables"]),
        "aggregate": aggregate,
        "labels": opened.manifest["source"].get("labels", {}),
        "unavailable": opened.manifest["unavailable"],
        "links": list(links),
    }
    write_json(workspace.context, facts)
    return facts
