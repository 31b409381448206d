"""The command `ennakointi`: says what it does, ends with a documented code, shows no traceback unless asked."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import date

from ennakointi.arguments import EFFECT_OPTIONS, LISTED
from ennakointi.arguments import parser as arguments_of
from ennakointi.errors import EnnakointiError

# The run's parts go side by side in processes of their own; more threads in each only get in each other's way
# (measured: an evaluation of enrolled persons took 37 CPU-seconds with four threads and 1 with one).
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = arguments_of(ACTIONS).parse_args(arguments)
    for library in ONE_THREAD:
        os.environ.setdefault(library, "1")
    try:
        return int(options.command(options))
    except EnnakointiError as error:
        return _failed(error, options.debug, error.exit_code)
    except KeyboardInterrupt:
        print("ennakointi: interrupted; nothing was published. Continue with --resume.", file=sys.stderr)
        return 4
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last door: an unexpected fault gets a code, not a traceback
        return _failed(error, options.debug, 1)


def _failed(error: Exception, debug: bool, code: int) -> int:
    if debug:
        traceback.print_exc()
    expected = isinstance(error, EnnakointiError)
    said = str(error) if expected else f"unexpected {type(error).__name__}; run again with --debug to see where"
    print(f"ennakointi: {said}", file=sys.stderr)
    return code


def _demo(options: argparse.Namespace) -> int:
    from ennakointi import demo

    options.data, options.quarter, options.mapping = options.work / "demo" / "data", "2025Q3", None
    return demo.tell(_run_options(options), options.residents, options.seed, print)


def _synth(options: argparse.Namespace) -> int:
    from ennakointi import demo

    demo.make(options.folder, options.residents, options.seed, options.parameters, options.region, print)
    return 0


def _template(options: argparse.Namespace) -> int:
    from ennakointi.sources import template

    template.write(options.folder)
    print(f"{options.folder}: one empty CSV for each table of the contract. Only persons and contacts are needed.")
    return 0


def _check(options: argparse.Namespace) -> int:
    from ennakointi import delivery

    if draft := options.draft_mapping:
        return delivery.draft(options.data, draft, options.parameters, options.region, print)
    return delivery.check(options.data, options.mapping, options.parameters, options.region, options.as_of, print)


def _run(options: argparse.Namespace) -> int:
    from ennakointi import run

    return run.run(_run_options(options), print)


def _run_options(options: argparse.Namespace):  # type: ignore[no-untyped-def]
    from ennakointi import run

    return run.Options(
        data=options.data,
        quarter=run.quarter_named(options.quarter, date.today()),
        output=options.output,
        work=options.work,
        parameters=options.parameters,
        notebook_folder=options.notebooks_from,
        region=options.region,
        groups=tuple(options.group or ()),
        notebooks=tuple(options.notebook or ()),
        mode=options.mode,
        as_of=options.as_of,
        jobs=options.jobs,
        languages=tuple(dict.fromkeys(options.language or ["fi"])),
        resume=options.resume,
        mapping=options.mapping,
        made_on=options.made_on,
    )


def _pdf(options: argparse.Namespace) -> int:
    from ennakointi import run
    from ennakointi.run import printing

    release = options.output / str(run.quarter_named(options.quarter, date.today()))
    languages, pages = tuple(options.language or ()), tuple(options.page or ())
    return printing.run(printing.Request(release, languages, pages, options.jobs), print)


def _verify(options: argparse.Namespace) -> int:
    from ennakointi.run import provenance

    return provenance.verify(options.release, print)


def _import_kela(options: argparse.Namespace) -> int:
    from ennakointi.sources import kela

    kela.write(options.files, options.output)
    print(f"{options.output}: ready for `ennakointi run --data {options.output} --quarter …`")
    return 0


def _export_omop(options: argparse.Namespace) -> int:
    from ennakointi import omop, run, sources, store
    from ennakointi import parameters as documents
    from ennakointi.workspace import Workspace

    parameters = documents.load(options.parameters, options.region)
    source = sources.discover(options.data, parameters.mappings, options.mapping)
    workspace = Workspace(options.work, run.quarter_named(options.quarter, date.today()))
    done = omop.export(workspace, source, parameters, options.output, store.limits(parameters))
    print(f"{done.folder}: {done.cohorts} cohorts, {done.rows:,} rows. They hold persons: keep them where work/ is.")
    return 0


def _export_persons(options: argparse.Namespace) -> int:
    from ennakointi import parameters as documents
    from ennakointi import person_exports, run, sources, store
    from ennakointi.workspace import Workspace

    parameters = documents.load(options.parameters, options.region)
    source = sources.discover(options.data, parameters.mappings, options.mapping)
    workspace = Workspace(options.work, run.quarter_named(options.quarter, date.today()))
    done = person_exports.write(workspace, source, parameters, options.export, date.today(), store.limits(parameters))
    print(f"{done.file}: {done.rows:,} rows about persons, to be removed on {done.until}. They stay in work/.")
    return 0


def _backtest(options: argparse.Namespace) -> int:
    from ennakointi import backtest

    request = backtest.Request(
        file=options.file,
        horizon=options.horizon,
        out=options.out,
        frequency=options.frequency,
        season=options.season,
        mode=options.mode,
        jobs=options.jobs,
        seed=options.seed,
        scores=options.scores,
    )
    return backtest.run(request, print, lambda text: print(f"ennakointi: {text}", file=sys.stderr))


def _effect(options: argparse.Namespace) -> int:
    from ennakointi import effect_command

    given = {name: value for name in EFFECT_OPTIONS if (value := getattr(options, name)) is not None}
    request = effect_command.Request(
        options.design, options.data, options.outcome, given, json=options.json, seed=options.seed
    )
    return effect_command.run(request, print)


def _list(options: argparse.Namespace) -> int:
    from ennakointi import parameters as documents

    parameters = documents.load(options.parameters, options.region)
    name = "title" if options.what == "notebooks" else "label"
    for code, thing in getattr(parameters, LISTED[options.what]).items():
        print(f"{code:32s} {getattr(thing, name)[options.language[-1]]}")
    return 0


ACTIONS = {
    "demo": _demo,
    "synth": _synth,
    "template": _template,
    "check": _check,
    "run": _run,
    "pdf": _pdf,
    "verify": _verify,
    "import_kela": _import_kela,
    "export_omop": _export_omop,
    "export_persons": _export_persons,
    "backtest": _backtest,
    "effect": _effect,
    "list": _list,
}
