"""One quarter, start to end: prepare → compute → plan → render → publish, resumable and all or nothing."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from ennakointi import __version__, person_exports, phases, sources, study
from ennakointi import parameters as documents
from ennakointi.errors import ParameterError, RunError
from ennakointi.parameters import Parameters
from ennakointi.parameters.documents import Notebook
from ennakointi.periods import Quarter, first_day
from ennakointi.run import provenance, rendering
from ennakointi.run.frames import Release, page_file
from ennakointi.run.notebook_runs import Job, Outcome, check_parameters, execute_all
from ennakointi.sources import Source
from ennakointi.workspace import Say, Workspace, fingerprint, read_json, write_json

log = logging.getLogger(__name__)
PAGES_FAILED = 5
JUDGING = (  # applied to finished results
    "quality.yml",
    "data_dictionary.yml",
    "disclosure.yml",
    "notebooks.yml",
    "reporting.yml",
    "glossary.yml",
    "indicators.yml",
    "person_exports.yml",
)


@dataclass(frozen=True)
class Options:
    """What the command was asked; empty groups and notebooks mean those that the parameters report."""

    data: Path
    quarter: Quarter
    output: Path = Path("outputs")
    work: Path = Path("work")
    parameters: Path | None = None
    notebook_folder: Path | None = None
    region: str = "paijat-hame"
    groups: tuple[str, ...] = ()
    notebooks: tuple[str, ...] = ()
    mode: str = "full"
    as_of: date | None = None
    jobs: int = 1
    languages: tuple[str, ...] = ("fi",)
    resume: bool = False
    mapping: str | None = None
    made_on: date | None = None

    @property
    def cut(self) -> date:
        """The as-of date: what was known on this day."""
        return self.as_of or self.quarter.end


def quarter_named(text: str, today: date) -> Quarter:
    """`2025Q3`, or `previous` = the last quarter that has ended."""
    if text == "previous":
        return Quarter(today.year, (today.month - 1) // 3 + 1).previous
    return Quarter.parse(text)


def run(options: Options, say: Say) -> int:
    """Run the quarter; returns 0, or 5 when the release stands but a page could not be made."""
    started = provenance.now()
    parameters = documents.load(options.parameters, options.region)
    chosen = phases.chosen_groups(parameters, options.groups)
    notebooks = chosen_notebooks(parameters, options)
    _check_dates(options)
    _check_release(options, chosen, list(notebooks))
    workspace = Workspace(options.work, options.quarter)
    with _private_files(), workspace.locked(), _logged(workspace):
        person_exports.remove_expired(options.work, date.today())
        source = sources.discover(options.data, parameters.mappings, options.mapping)
        basis = _basis(source, options, parameters, chosen)
        _prepare(workspace, parameters, source, options, chosen, basis, say)
        names = phases.part_names(workspace, parameters, chosen, list(notebooks))
        _write_settings(workspace, options, names, basis)
        say(f"Computing {len(names)} parts")
        failed = phases.compute(workspace, parameters, names, options.mode, options.jobs, basis, say)
        released = phases.plan(workspace, parameters, [name for name in names if name not in failed])
        jobs = notebook_jobs(workspace, parameters, notebooks, chosen, released, options.languages)
        facts = phases.write_context(workspace, _links(jobs))
        say(f"Rendering {len(jobs)} notebooks")
        outcomes = _render(workspace, jobs, options.jobs, say)
        target = options.output / str(options.quarter)
        scope = {"groups": chosen, "notebooks": list(notebooks), "languages": options.languages}
        files = {name: path for name, (_, path) in notebooks.items()}
        manifest = provenance.facts(options, parameters, workspace, files, scope, names, started)
        release = Release(parameters, options.quarter, facts, outcomes, released, manifest, _forbidden(options))
        rendering.publish(target, release)
        phases.remember_release(workspace, parameters)
    return _finish(target, failed, outcomes, say)


def _check_dates(options: Options) -> None:
    """A quarter can be told only from its first day on, and a part of it only when asked for by --as-of."""
    if options.cut < first_day(options.quarter.first_month):
        raise ParameterError(f"--as-of {options.cut}: is before the quarter {options.quarter} begins")
    if options.as_of is None and options.cut > date.today():
        raise ParameterError(f"--quarter {options.quarter}: has not ended; give --as-of for what is known so far")
    if options.made_on is not None and options.made_on < options.cut:
        raise ParameterError(f"--made-on {options.made_on}: is before the data's last day {options.cut}")


def _check_release(options: Options, chosen: Sequence[str], notebooks: Sequence[str]) -> None:
    """A narrower run does not take the place of a fuller release."""
    there = provenance.scope(options.output / str(options.quarter))
    asked = {"groups": chosen, "notebooks": notebooks, "languages": options.languages}
    lost = sorted({name for kind, names in there.items() for name in names if name not in asked[kind]})
    if lost:
        raise ParameterError(
            f"--output {options.output}: holds a fuller release of {options.quarter}, with {', '.join(lost)}; "
            "run all of it, or give another --output"
        )


def _finish(target: Path, failed: Sequence[str], outcomes: Sequence[Outcome], say: Say) -> int:
    broken = [outcome for outcome in outcomes if not outcome.good]
    for outcome in broken:
        say(f"FAILED {outcome.job.title}: {outcome.reason}")
    say(f"Published {target / 'index.html'}" + (f" with {len(broken)} failed pages" if broken else ""))
    return PAGES_FAILED if failed or broken else 0


def _basis(source: Source, options: Options, parameters: Parameters, chosen: Sequence[str]) -> str:
    """What finished work depends on: the data's files, the documents, the version, the options that shape numbers."""
    paths = [file.path for _, file in source.files if file.path]
    paths += [source.folder / source.server.file] if source.server and source.server.file else []
    tables = [(file.name, file.columns, file.types) for _, file in source.files if not file.path]
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    shaping = (options.region, options.mode, options.cut, tuple(chosen), __version__)
    residents = (parameters.quality.residents.model_dump(), parameters.quality.of_residents.model_dump())
    shown = (*JUDGING, *(f"comments/{quarter}.yml" for quarter in parameters.comments))
    attached = [file.name for file in parameters.reporting.attachments]
    digests = {name: digest for name, digest in parameters.digests.items() if name not in (*shown, *attached)}
    return fingerprint(sorted(files), tables, digests, residents, shaping)


def _prepare(
    workspace: Workspace,
    parameters: Parameters,
    source: Source,
    options: Options,
    chosen: Sequence[str],
    basis: str,
    say: Say,
) -> None:
    ready = workspace.folder / "prepared.json"
    if options.resume and read_json(ready).get("basis") == basis:
        say("Data: kept from the earlier run")
        return
    ready.unlink(missing_ok=True)
    for folder in (
        workspace.folder / "parts",
        workspace.results,
        workspace.published,
        workspace.review,
        workspace.notebooks,
    ):
        shutil.rmtree(folder, ignore_errors=True)
    say(f"Data: {options.data}, as of {options.cut}")
    phases.prepare(workspace, parameters, source, options.cut, chosen, say)
    write_json(ready, {"basis": basis})


def _write_settings(workspace: Workspace, options: Options, names: Sequence[str], basis: str) -> None:
    folder = options.parameters.resolve() if options.parameters else None
    content = {
        "parameters": str(folder) if folder else None,
        "region": options.region,
        "mode": options.mode,
        "parts": list(names),
        "basis": basis,
    }
    write_json(workspace.settings, content)


def chosen_notebooks(parameters: Parameters, options: Options) -> dict[str, tuple[Notebook, Path]]:
    """The notebooks of the run in their order, each found and checked before anything starts."""
    unknown = [name for name in options.notebooks if name not in parameters.notebooks]
    if unknown:
        raise ParameterError(f"--notebook {unknown[0]!r}: not in notebooks.yml; see `ennakointi list notebooks`")
    chosen = {}
    for name, notebook in sorted(parameters.notebooks.items(), key=lambda item: item[1].order):
        if options.notebooks and name not in options.notebooks:
            continue
        path = documents.find("notebooks", f"{name}.ipynb", options.notebook_folder)
        given = ["quarter", "language"] + (["target_group"] if notebook.per == "group" else [])
        check_parameters(path, given)
        chosen[name] = (notebook, path)
    return chosen


def notebook_jobs(
    workspace: Workspace,
    parameters: Parameters,
    notebooks: dict[str, tuple[Notebook, Path]],
    chosen: Sequence[str],
    released: dict[str, pd.DataFrame],
    languages: Sequence[str],
) -> list[Job]:
    """One job per notebook, group and language, where there is a result to show."""
    jobs = []
    for name, (notebook, path) in notebooks.items():
        subjects = [g for g in chosen if _has_results(notebook, g, released)] if notebook.per == "group" else [""]
        for language in languages:
            for group in subjects:
                page = f"{name}-{group}" if group else name
                given = {"quarter": str(workspace.quarter), "language": language}
                label = parameters.target_groups[group].label if group else None
                title = ": ".join(t[language] for t in (notebook.title, label) if t is not None)
                jobs.append(
                    Job(
                        name=page if language == languages[0] else f"{language}/{page}",
                        notebook=path,
                        parameters={**given, **({"target_group": group} if group else {})},
                        executed=workspace.notebooks / language / f"{page}.ipynb",
                        title=title,
                        timeout_seconds=parameters.run.notebook_timeout_seconds,
                    )
                )
    return jobs


def _has_results(notebook: Notebook, group: str, released: dict[str, pd.DataFrame]) -> bool:
    tables = [released[name] for name in notebook.needs if name in released]
    return any("target_group" in table and group in set(table["target_group"]) for table in tables)


def _render(workspace: Workspace, jobs: Sequence[Job], at_a_time: int, say: Say) -> list[Outcome]:
    def report(outcome: Outcome, done: int, total: int, left: float) -> None:
        state = f"{outcome.seconds:.0f} s" if outcome.good else f"FAILED: {outcome.reason}"
        say(f"  [{done}/{total}] {outcome.job.title}: {state}, about {left:.0f} s left")
        log.info("notebook %s: %s", outcome.job.name, outcome.reason or "whole")

    os.environ[study.PUBLISHED] = str(workspace.published.resolve())
    os.environ[study.WORK] = str(workspace.work.resolve())
    try:
        return execute_all(jobs, at_a_time, report)
    finally:
        del os.environ[study.PUBLISHED], os.environ[study.WORK]


def _links(jobs: Sequence[Job]) -> list[tuple[str, str, str]]:
    """Notebook, target group and page, so that pages can lead to each other."""
    places = {(job.notebook.stem, job.parameters.get("target_group", "")) for job in jobs}
    return [(notebook, group, page_file(notebook, group)) for notebook, group in sorted(places)]


def _forbidden(options: Options) -> tuple[str, ...]:
    """Places of this machine that no published file may name."""
    return tuple(sorted({str(path.resolve()) for path in (options.data, options.work, options.output, Path.home())}))


@contextmanager
def _logged(workspace: Workspace) -> Iterator[None]:
    handler = logging.FileHandler(workspace.log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    level, root.level = root.level, logging.INFO
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()


@contextmanager
def _private_files() -> Iterator[None]:
    """Files made in `work/` are for this user only; what is published is opened for reading when it is put in place."""
    before = os.umask(0o077)
    try:
        yield
    except OSError as error:
        raise RunError(
            f"work folder: cannot be written ({error.strerror}); nothing was published. Free some space, then run "
            "again with --resume"
        ) from error
    finally:
        os.umask(before)
