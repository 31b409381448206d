"""The command `backtest`: forecasts of any set of series in a file, and how forecasts made inside it have done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ennakointi.backtest import files
from ennakointi.backtest.files import LongFile
from ennakointi.errors import ParameterError, RunError
from ennakointi.forecast import engine, window_scores
from ennakointi.forecast.series import REFUSED, EngineForecast
from ennakointi.forecast.window_scores import ENGINE, MEASURES, NAIVE
from ennakointi.written_periods.formats import NUMBER

Say = Callable[[str], None]

LONGEST_HORIZON = 1_000


@dataclass(frozen=True)
class Request:
    """What the user asked for; see the options of `ennakointi backtest`."""

    file: Path
    horizon: int
    out: Path
    frequency: str | None = None
    season: int | None = None
    mode: str = "full"
    jobs: int = 1
    seed: int = 0
    scores: Path | None = None


def run(request: Request, say: Say, warn: Say) -> int:
    """Read the file, forecast every series, write the forecasts and show the scores; returns the exit code.

    Raises
    ------
    ParameterError
        An option that cannot be followed; nothing was read.
    DataError
        The file cannot be used; nothing was written.
    RunError
        Interrupted, or the disk is full; no file is half written.
    """
    _check(request)
    long = files.read(request.file, request.frequency, request.season)
    for sentence in told(long, request):
        say(sentence)
    try:
        settings = engine.EngineSettings(mode=request.mode, seed=request.seed, jobs=request.jobs)
        made = engine.forecast(long.series, request.horizon, settings)
        files.write(files.forecasts(long, made), request.out, long.is_text)
        if request.scores:
            files.write(score_table(long, made), request.scores, long.is_text)
    except KeyboardInterrupt:
        raise RunError("interrupted; files that were not finished are as they were") from None
    for sentence in results(made, request):
        say(sentence)
    if refused := [name for name, method in zip(made.keys, made.methods) if method == REFUSED]:
        shown = ", ".join(refused[:5]) + (", …" if len(refused) > 5 else "")
        n = f"{len(refused)} of {len(made.keys)} series"
        warn(f"{n} without any value are not forecast, their rows are empty: {shown}")
    return 0


def _check(request: Request) -> None:
    if request.horizon > LONGEST_HORIZON:
        raise ParameterError(f"--horizon {request.horizon}: at most {LONGEST_HORIZON} periods")
    if request.seed < 0:
        raise ParameterError(f"--seed {request.seed}: expected a whole number from 0 up")
    files.check_target(request.out, "--out", {"the file to be read": request.file})
    if request.scores:
        others = {"the file to be read": request.file, "--out": request.out}
        files.check_target(request.scores, "--scores", others)


def told(long: LongFile, request: Request) -> Iterator[str]:
    """What was read and what was assumed."""
    yield long.text()
    if long.grid.kind == NUMBER and request.frequency is None and request.season is None:
        taken = "years" if long.series.seasons == (1,) else "months"
        yield f"The periods are plain numbers and were taken for {taken}; say otherwise with --frequency or --season."
    if long.missing:
        n = f"{long.missing:,} periods inside the series have" if long.missing > 1 else "1 period inside a series has"
        yield f"{n} no value: taken as not known and filled, not as zero."
    if long.ignored:
        yield f"Columns that are not used: {', '.join(long.ignored)}."


def results(made: EngineForecast, request: Request) -> Iterator[str]:
    """What was forecast and how, and the scores of the backtests."""
    counted = ", ".join(f"{n:,} {method}" for method, n in Counter(made.methods).most_common())
    yield f"{len(made.keys):,} series: {counted}."
    if made.windows is None or not (known := window_scores.judged(made.windows)).any():
        yield "No series is long enough for a backtest: there are no scores."
    else:
        n_series, origins = int(known.any(axis=(1, 2)).sum()), known.any(axis=(0, 2)).sum()
        yield (
            f"Backtests inside the file, {origins} origins, {request.horizon} periods ahead, {n_series:,} series "
            "(80 % and 95 %: share of outcomes inside the interval):"
        )
        yield from _lines(pd.DataFrame(window_scores.rows(made.windows)))
    yield f"{request.out}: {made.quantiles.size:,} rows."


def _lines(table: pd.DataFrame) -> Iterator[str]:
    """Overall scores as a small table."""
    yield f"{'':16s}{'MASE':>8s}{'WQL':>9s}{'80 %':>7s}{'95 %':>7s}{'bias':>9s}"
    for row in table.to_dict("records"):
        mase, wql, inside80, inside95, bias = (row[measure] for measure in MEASURES)
        cells = [f"{mase:8.3f}", f"{wql:9.4f}", f"{inside80:7.2f}", f"{inside95:7.2f}", f"{100 * bias:+7.1f} %"]
        widths = (8, 9, 7, 7, 9)
        shown = ["–".rjust(width) if "nan" in cell else cell for cell, width in zip(cells, widths)]
        yield f"{row['model'].replace('_', ' '):16s}{''.join(shown)}"
    ours, naive = (float(value) for value in table["mase"])
    if naive > 0:
        change = 100 * (1 - ours / naive)
        yield f"The engine's absolute error is {abs(change):.0f} % {'below' if change >= 0 else 'ABOVE'} the naive's."


def score_table(long: LongFile, made: EngineForecast) -> pa.Table:
    """Scores by series, in the order of the file: series, model, mase, wql, coverage80, coverage95, bias, n_origins.

    A series without a backtest has its rows, with no scores and no origins.
    """
    rows = []
    for i in long.order:
        one = made.windows and made.windows.only([int(i)])
        none = [{"model": model, **dict.fromkeys(MEASURES, np.nan), "n_origins": 0} for model in (ENGINE, NAIVE)]
        rows += window_scores.rows(one) if one is not None else none
    table = pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False)
    return table.add_column(0, "series", long.columns(np.repeat(long.order, 2)))
