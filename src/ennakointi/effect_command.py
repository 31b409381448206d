"""The command `effect`: the effect of an intervention from any tidy table, by a named design."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ennakointi import effect
from ennakointi.effect import Estimate
from ennakointi.errors import DataError, ParameterError, RunError

Say = Callable[[str], None]

WHO = ("start", "cohort", "treated", "treatment")


@dataclass(frozen=True)
class Design:
    """A design of the command: its function, the options it must have, and those it may have."""

    estimate: Callable[..., Estimate]
    needs: tuple[str, ...]
    takes: tuple[str, ...]
    about: str


DESIGNS: Mapping[str, Design] = {
    "its": Design(
        effect.its,
        ("time", "start"),
        ("offset", "season", "covariates", "washout", "phase_in"),
        "one series before and after: segmented regression",
    ),
    "bsts": Design(
        effect.bsts,
        ("time", "start"),
        ("predictors", "season"),
        "one series and series that the intervention cannot change: Bayesian structural time series",
    ),
    "did": Design(
        effect.did,
        ("time",),
        ("unit", *WHO, "offset", "covariates", "cluster"),
        "units that start together against units that do not: difference in differences",
    ),
    "staggered": Design(
        effect.staggered,
        ("time", "unit"),
        (*WHO, "offset", "weights", "covariates", "cluster", "comparison", "anticipation"),
        "units that start at different times: Callaway and Sant'Anna",
    ),
    "synthetic-control": Design(
        effect.synthetic_control,
        ("time", "unit"),
        ("start", "treated", "treatment", "predictors"),
        "one or few treated units against a weighted mix of others",
    ),
    "synthetic-did": Design(
        effect.synthetic_did,
        ("time", "unit"),
        ("start", "treated", "treatment", "covariates"),
        "the same with weights of units and of periods",
    ),
    "enrolled": Design(
        effect.enrolled,
        ("treatment",),
        ("time", "unit", "offset", "covariates", "cluster", "estimand", "event", "estimator", "before"),
        "persons who took part against persons like them",
    ),
}


@dataclass(frozen=True)
class Request:
    """What the user asked for; `options` holds the given ones only, by their name in the function."""

    design: str
    data: Path
    outcome: str
    options: Mapping[str, Any]
    json: Path | None = None
    seed: int = 0


def run(request: Request, say: Say) -> int:
    """Estimate, say the result in a few lines, and write it as JSON where asked; returns the exit code.

    Raises
    ------
    ParameterError
        An option that the design does not know or needs, a column or a unit that is not there.
    DataError
        The data cannot give this effect; nothing was written.
    RunError
        The JSON file could not be written.
    """
    _check(request)
    options = dict(request.options)
    frame = _read(request.data)
    if request.design == "enrolled":
        options = _of_persons(options)
    found = DESIGNS[request.design].estimate(frame, outcome=request.outcome, seed=request.seed, **options)
    if request.json is not None:
        _write(request.json, found.to_json())
    for line in found.lines():
        say(line)
    return 0


def _check(request: Request) -> None:
    """Refuse what cannot work before anything is read."""
    design, command = DESIGNS[request.design], f"effect {request.design}"
    for name in design.needs:
        if name not in request.options:
            raise ParameterError(f"{command} needs {_option(name)}")
    for name in request.options:
        if name not in (*design.needs, *design.takes):
            known = ", ".join(map(_option, (*design.needs, *design.takes)))
            raise ParameterError(f"{command} has no use for {_option(name)}; it takes {known}")
    if (out := request.json) is not None:
        if out.resolve() == request.data.resolve():
            raise ParameterError(f"--json {out} is the file to be read: give another name")
        if out.is_dir() or not out.parent.is_dir():
            raise ParameterError(f"--json {out}: {'is a folder' if out.is_dir() else 'its folder does not exist'}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _of_persons(options: dict[str, Any]) -> dict[str, Any]:
    """Persons of one index date are compared with persons of the same: `--time` becomes categories of its own, and
    a person's rows (`--unit`) are one cluster."""
    time, unit = options.pop("time", None), options.pop("unit", None)
    options.setdefault("covariates", ())
    if time is not None:
        options["covariates"] = (*options["covariates"], f"C({time})")
    if unit is not None:
        options.setdefault("cluster", unit)
    return options


def _write(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, never half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise RunError(f"--json {path}: could not be written ({error.strerror}); choose another folder") from error
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path) -> pd.DataFrame:
    """A CSV (comma, semicolon or tab; UTF-8) or a Parquet file."""
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pq.read_table(path).to_pandas(ignore_metadata=True)
        return _csv(path)
    except OSError as error:
        raise ParameterError(f"--data {path}: cannot be read ({error.strerror or 'no such file'})") from error
    except pd.errors.EmptyDataError:
        raise DataError(f"--data {path}: the file is empty") from None
    except pd.errors.ParserWarning:
        raise DataError(f"--data {path}: rows have more values than the header has names; name every column") from None
    except (UnicodeDecodeError, pd.errors.ParserError, pa.ArrowInvalid) as error:
        reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "is no tidy CSV or Parquet file"
        raise DataError(f"--data {path}: {reason}; save it as UTF-8 CSV with one header line, or as Parquet") from None


def _csv(path: Path) -> pd.DataFrame:
    """Numbers have a decimal point, or a comma where commas do not part the columns; a row longer than the header is
    refused, for its values would move under other names."""
    with path.open("rb") as file:
        lines = (line.decode("utf-8-sig", errors="replace") for line in iter(lambda: file.readline(100_000), b""))
        header = next((line for line in lines if line.strip()), "")
    separator = max(",;\t", key=header.count)
    decimal = "." if separator == "," else ","
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        frame = pd.read_csv(
            path, sep=separator, decimal=decimal, encoding="utf-8-sig", low_memory=False, index_col=False
        )
    frame.columns = frame.columns.str.strip()
    return frame if decimal == "." else frame.apply(_with_points)


def _with_points(column: pd.Series) -> pd.Series:
    """Numbers with a decimal point in a file that could have had commas."""
    if column.dtype != object:
        return column
    numbers = pd.to_numeric(column, errors="coerce")
    return column if (numbers.isna() & column.notna()).any() else numbers
