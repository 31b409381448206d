"""What the command `ennakointi` understands: its words, options and help; `cli` does what they ask."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ennakointi import __version__
from ennakointi.errors import ParameterError

Actions = Mapping[str, Callable[[argparse.Namespace], int]]  # what is done, by the name of the command
LISTED = {  # what `ennakointi list` shows, and where the parameters hold it
    "groups": "target_groups",
    "notebooks": "notebooks",
    "services": "services",
    "interventions": "interventions",
}
EXIT_CODES = """exit codes:
  0  everything was done
  1  an unexpected fault of the program itself (run again with --debug and report it)
  2  a parameter or an option is wrong; nothing was started
  3  the data cannot be used, or a release is not as its manifest tells; every fault is listed, nothing was published
  4  the run could not finish (disk full, the quarter is taken, interrupted); the earlier release is untouched
  5  the release is published, but at least one page could not be made; the page says so
"""


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2025-09-30") from error


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _periods(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


EFFECT_DESIGNS = ("its", "bsts", "did", "staggered", "synthetic-control", "synthetic-did", "enrolled")
EFFECT_OPTIONS: dict[str, dict[str, Any]] = {  # of the command `effect`, each by its name in the function
    "time": {"metavar": "COL", "help": "the period of a row; of persons the index date, compared within"},
    "unit": {"metavar": "COL", "help": "the unit of a row: an area, a site, a person"},
    "start": {"metavar": "VALUE", "help": "first period under the intervention"},
    "cohort": {"metavar": "COL", "help": "first treated period of each unit; empty or 0 = never"},
    "treated": {"metavar": "UNIT", "action": "append", "help": "a treated unit; may be repeated"},
    "treatment": {"metavar": "COL", "help": "1 = treated, 0 = not; with --start which units, alone also from when"},
    "offset": {"metavar": "COL", "help": "person-time or population of a row"},
    "season": {"metavar": "N", "type": _count, "help": "periods in a season; 1 = none (default: of the periods)"},
    "covariates": {"metavar": "A,B", "type": _names, "help": "columns to adjust for; name^2 and C(name) are known"},
    "predictors": {"metavar": "A,B", "type": _names, "help": "columns that tell the level, or series not affected"},
    "cluster": {"metavar": "COL", "help": "rows that belong together (default: the unit)"},
    "estimand": {"choices": ("att", "ate"), "help": "effect on the treated (default), or on everybody"},
    "estimator": {"choices": ("aipw", "ipw", "balancing"), "help": "of persons (default: aipw)"},
    "event": {"metavar": "COL", "help": "1 = it happened, 0 = followed until then: the outcome is a time"},
    "before": {"metavar": "COL", "help": "the outcome before, on which persons were selected"},
    "comparison": {"choices": ("never", "not_yet"), "help": "whom staggered starts are compared with"},
    "weights": {"metavar": "COL", "help": "weight of a unit"},
    "anticipation": {"metavar": "N", "type": _periods, "help": "periods before the start in which units may react"},
    "washout": {"metavar": "N", "type": _periods, "help": "periods after the start that are left out"},
    "phase_in": {"metavar": "N", "type": _periods, "help": "periods over which the effect builds up"},
}


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Parser(argparse.ArgumentParser):
    """Ends with the documented code for a wrong option, and in one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(ParameterError.exit_code, f"ennakointi: {message} (see ennakointi {'--help'})\n")


def parser(actions: Actions) -> argparse.ArgumentParser:
    """The parser of the command; `options.command` of what it reads is one of the actions."""
    known = _Parser(
        prog="ennakointi",
        description="Quarterly analyses for a wellbeing services county: service debt, effects, reports.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    known.add_argument("--version", action="version", version=__version__)
    known.set_defaults(debug=False)
    commands = known.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_run_commands(commands, actions)
    _add_data_commands(commands, actions)
    _add_exports(commands, actions)
    _add_backtest_command(commands, actions)
    _add_effect_command(commands, actions)
    return known


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--debug", action="store_true", help="show the traceback of a fault")
    parser.add_argument("--parameters", type=Path, help="a folder of parameter documents that replace the shipped")
    parser.add_argument("--region", default="paijat-hame", help="region in regions.yml (default: %(default)s)")


def _mapping(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mapping", metavar="ID", help="mapping document for tables that are not the contract's")


def _synthetic_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--residents", type=_count, default=20_000, help="size of the county (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same data (default: %(default)s)")


def _run_settings(parser: argparse.ArgumentParser, mode: str) -> None:
    parser.add_argument("--output", type=Path, default=Path("outputs"), help="default: %(default)s")
    parser.add_argument("--work", type=Path, default=Path("work"), help="secure folder, default: %(default)s")
    parser.add_argument("--notebooks-from", type=Path, help="a folder of notebooks that replace the shipped")
    parser.add_argument("--group", action="append", metavar="ID", help="only this target group; may be repeated")
    parser.add_argument("--notebook", action="append", metavar="ID", help="only this notebook; may be repeated")
    parser.add_argument("--mode", choices=("fast", "full"), default=mode, help="default: %(default)s")
    parser.add_argument("--as-of", type=_date, help="what was known on this day (default: the quarter's last day)")
    parser.add_argument("--made-on", type=_date, help="the day that the pages name (default: today)")
    parser.add_argument("--jobs", type=_count, default=_cores(), help="at a time (default: %(default)s)")
    parser.add_argument("--language", action="append", choices=("fi", "sv", "en"), help="may be repeated (default: fi)")
    parser.add_argument("--resume", action="store_true", help="keep what an earlier, interrupted run finished")


def _add_run_commands(commands: argparse._SubParsersAction, actions: Actions) -> None:
    demo = commands.add_parser("demo", help="make a synthetic county and run two quarters on it")
    _common(demo)
    _synthetic_size(demo)
    _run_settings(demo, "fast")
    demo.set_defaults(command=actions["demo"])
    run = commands.add_parser("run", help="run a quarter: validate, compute, protect, publish")
    run.add_argument("--data", type=Path, required=True, help="folder of the contract's tables")
    _mapping(run)
    run.add_argument("--quarter", required=True, help="for example 2025Q3, or `previous` for the last whole one")
    _common(run)
    _run_settings(run, "full")
    run.set_defaults(command=actions["run"])
    pdf = commands.add_parser("pdf", help="print the pages of a release by Chromium, into <output>/<quarter>/pdf")
    pdf.add_argument("--quarter", required=True, help="a quarter that has been published")
    pdf.add_argument("--output", type=Path, default=Path("outputs"), help="default: %(default)s")
    pdf.add_argument("--language", action="append", choices=("fi", "sv", "en"), help="may be repeated (default: all)")
    pdf.add_argument("--page", action="append", metavar="FILE", help="for example index.html; may be repeated")
    pdf.add_argument("--jobs", type=_count, default=_cores(), help="at a time (default: %(default)s)")
    pdf.add_argument("--debug", action="store_true", help="show the traceback of a fault")
    pdf.set_defaults(command=actions["pdf"])
    verify = commands.add_parser("verify", help="compare the files of a release with the hashes of its manifest")
    verify.add_argument("release", type=Path, metavar="FOLDER", help="for example outputs/2025Q3")
    verify.add_argument("--debug", action="store_true", help="show the traceback of a fault")
    verify.set_defaults(command=actions["verify"])


def _add_data_commands(commands: argparse._SubParsersAction, actions: Actions) -> None:
    synth = commands.add_parser("synth", help="write a synthetic county with its truth")
    synth.add_argument("folder", type=Path)
    _common(synth)
    _synthetic_size(synth)
    synth.set_defaults(command=actions["synth"])
    template = commands.add_parser("template", help="write an empty CSV with headers for every table")
    template.add_argument("folder", type=Path)
    template.add_argument("--debug", action="store_true")
    template.set_defaults(command=actions["template"])
    check = commands.add_parser("check", help="validate a folder of tables and list every fault")
    check.add_argument("data", type=Path)
    _mapping(check)
    check.add_argument("--as-of", type=_date, default=None)
    drafted = "draft a mapping document from tables with unknown headers (default: %(const)s)"
    check.add_argument("--draft-mapping", nargs="?", type=Path, const=Path("mapping-draft.yml"), help=drafted)
    _common(check)
    check.set_defaults(command=actions["check"])
    imports = commands.add_parser("import", help="turn published files into the contract's tables")
    sources = imports.add_subparsers(required=True, metavar="SOURCE", parser_class=_Parser)
    kela = sources.add_parser("kela", help="Kela's weekly medicine purchases by wellbeing services county")
    kela.add_argument("files", nargs="+", type=Path)
    kela.add_argument("--output", type=Path, default=Path("work/kela"), help="default: %(default)s")
    kela.add_argument("--debug", action="store_true")
    kela.set_defaults(command=actions["import_kela"])
    listing = commands.add_parser("list", help="what the parameters hold")
    listing.add_argument("what", choices=tuple(LISTED))
    listing.add_argument("--language", action="append", choices=("fi", "sv", "en"), default=["fi"])
    _common(listing)
    listing.set_defaults(command=actions["list"])


def _add_exports(commands: argparse._SubParsersAction, actions: Actions) -> None:
    exports = commands.add_parser("export", help="write results for another program of the secure environment")
    targets = exports.add_subparsers(required=True, metavar="TARGET", parser_class=_Parser)
    cohorts = targets.add_parser("omop", help="target groups as OMOP cohort and cohort_definition")
    cohorts.add_argument("--data", type=Path, required=True, help="the data that the quarter was run on")
    _mapping(cohorts)
    cohorts.add_argument("--quarter", required=True, help="a quarter that has been run")
    cohorts.add_argument("--work", type=Path, default=Path("work"), help="secure folder, default: %(default)s")
    cohorts.add_argument("--output", type=Path, help="default: work/<quarter>/omop")
    _common(cohorts)
    cohorts.set_defaults(command=actions["export_omop"])
    persons = targets.add_parser("persons", help="segments or risks of persons, where person_exports.yml allows it")
    persons.add_argument("export", metavar="ID", help="an export of person_exports.yml")
    persons.add_argument("--data", type=Path, required=True, help="the data that the quarter was run on")
    _mapping(persons)
    persons.add_argument("--quarter", required=True, help="a quarter that has been run")
    persons.add_argument("--work", type=Path, default=Path("work"), help="secure folder, default: %(default)s")
    _common(persons)
    persons.set_defaults(command=actions["export_persons"])


def _add_backtest_command(commands: argparse._SubParsersAction, actions: Actions) -> None:
    backtest = commands.add_parser("backtest", help="forecast the series of a file, and score forecasts made inside it")
    backtest.add_argument("file", type=Path, metavar="FILE", help="CSV or Parquet with columns series, period, value")
    backtest.add_argument("--horizon", type=_count, required=True, metavar="H", help="periods after each series' last")
    backtest.add_argument("--out", type=Path, required=True, metavar="FILE", help="forecasts, .csv or .parquet")
    backtest.add_argument("--scores", type=Path, metavar="FILE", help="scores by series, .csv or .parquet")
    told = "months, weeks or days (default: what the periods are; plain numbers: months)"
    backtest.add_argument("--frequency", choices=("M", "W", "D"), help=told)
    backtest.add_argument("--season", type=_count, metavar="S", help="periods in a season; 1 = no season")
    backtest.add_argument("--mode", choices=("fast", "full"), default="full", help="default: %(default)s")
    backtest.add_argument("--jobs", type=_count, default=_cores(), help="at a time (default: %(default)s)")
    backtest.add_argument("--seed", type=int, default=1, help="same seed, same forecasts (default: %(default)s)")
    backtest.add_argument("--debug", action="store_true", help="show the traceback of a fault")
    backtest.set_defaults(command=actions["backtest"])


def _add_effect_command(commands: argparse._SubParsersAction, actions: Actions) -> None:
    effect = commands.add_parser("effect", help="the effect of an intervention, from any tidy table")
    effect.add_argument("design", choices=EFFECT_DESIGNS)
    effect.add_argument(
        "--data", type=Path, required=True, metavar="FILE", help="CSV or Parquet, one row a measurement"
    )
    effect.add_argument("--outcome", required=True, metavar="COL", help="what the intervention was to change")
    for name, settings in EFFECT_OPTIONS.items():
        effect.add_argument(f"--{name.replace('_', '-')}", dest=name, **settings)
    effect.add_argument("--json", type=Path, metavar="OUT", help="write the result as JSON")
    effect.add_argument("--seed", type=int, default=0, help="same seed, same numbers (default: %(default)s)")
    effect.add_argument("--debug", action="store_true", help="show the traceback of a fault")
    effect.set_defaults(command=actions["effect"])
