"""The command `backtest`: what it writes, what it says, how it ends; the scores worked out by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import backtest, cli
from ennakointi.forecast import engine, series
from ennakointi.forecast.engine import EngineSettings
from ennakointi.forecast.series import HIGH80, HIGH95, LEVELS, LOW80, LOW95, EngineForecast, SeriesSet, Windows

HEAD = "series,period,value\n"
LONG = HEAD + "B,2024-01,4\nB,2024-02,8\nA,2024-01,12\nA,2024-02,8\nnone,2024-01,\n"


def windows() -> Windows:
    """Two origins of three series; the first, A, has outcomes 12 and 8 at one origin.

    Its forecast is 10 at every level but the ends of the intervals: 80 % [9, 11], 95 % [7, 13]. The naive says 14
    and 8, its error in the sample is 4. B is forecast without an error, the third series has no backtest.
    """
    observed = np.full((3, 2, 2), np.nan)
    observed[0, 0], observed[1, :] = (12, 8), 5
    quantiles = np.full((3, 2, 2, len(LEVELS)), np.nan)
    quantiles[0], quantiles[1] = 10, 5
    for level, value in ((LOW95, 7), (LOW95 + 1, 8), (LOW80, 9), (HIGH80, 11), (HIGH80 + 1, 12), (HIGH95, 13)):
        quantiles[0, ..., level] = value
    naive = np.full((3, 2, 2), np.nan)
    naive[0], naive[1] = (14, 8), 6
    return Windows(np.array([2, 3]), observed, quantiles, naive, np.array([4, 2, np.nan]))


class FakeEngine:
    """Quantiles that grow with the level; remembers what it was asked."""

    def __init__(self, tested: Windows | None) -> None:
        self.tested = tested
        self.asked: list[tuple[SeriesSet, int, EngineSettings]] = []

    def __call__(self, series: SeriesSet, horizon: int, settings: EngineSettings) -> EngineForecast:
        self.asked.append((series, horizon, settings))
        quantiles = np.tile(np.array(LEVELS), (len(series), horizon, 1))
        quantiles[-1] = np.nan
        methods = ("ensemble",) * (len(series) - 1) + ("refused",)
        return EngineForecast(series.keys, quantiles, quantiles[..., 6], methods, self.tested)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    made = FakeEngine(windows())
    monkeypatch.setattr(engine, "forecast", made)
    return made


def source(folder: Path, text: str = LONG) -> Path:
    path = folder / "long.csv"
    path.write_text(text, encoding="utf-8")
    return path


def command(path: Path, *options: str, horizon: int = 2) -> int:
    out = () if "--out" in options else ("--out", str(path.parent / "out.csv"))
    return cli.main(["backtest", str(path), "--horizon", str(horizon), *out, *options])


def test_forecasts_of_every_series_in_the_order_of_the_file(tmp_path: Path, fake: FakeEngine) -> None:
    assert command(source(tmp_path)) == 0
    found = pd.read_csv(tmp_path / "out.csv")
    assert list(found.columns) == ["series", "period", "quantile", "value"]
    assert len(found) == 3 * 2 * 13
    assert found["series"].unique().tolist() == ["B", "A", "none"]
    assert found.groupby("series")["period"].unique().map(list).to_dict() == {
        "A": ["2024-03", "2024-04"],
        "B": ["2024-03", "2024-04"],
        "none": ["2024-02", "2024-03"],
    }
    assert found["quantile"].unique().tolist() == list(LEVELS)
    known = found[found["series"] != "none"]
    assert (known["value"] == known["quantile"]).all()
    assert found.loc[found["series"] == "none", "value"].isna().all()


def test_what_it_says(tmp_path: Path, fake: FakeEngine, capsys: pytest.CaptureFixture[str]) -> None:
    command(source(tmp_path))
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0] == "long.csv: 3 series of 1–2 periods (months, season 12)."
    assert lines[1] == "1 period inside a series has no value: taken as not known and filled, not as zero."
    assert lines[2] == "3 series: 2 ensemble, 1 refused."
    assert lines[3].startswith("Backtests inside the file, 2 origins, 2 periods ahead, 2 series")
    assert lines[4].split() == ["MASE", "WQL", "80", "%", "95", "%", "bias"]
    # pooled: errors 2, 2 of scale 4 and four of 0: MASE 1/6; losses 2 · 16.4 / 9 (below) over 12 + 8 + 4 · 5
    assert lines[5].split() == ["engine", "0.167", "0.0911", "0.67", "1.00", "+0.0", "%"]
    assert lines[6].split() == ["seasonal", "naive", "0.417", "0.1500", "–", "–", "+15.0", "%"]
    assert lines[7] == "The engine's absolute error is 60 % below the naive's."
    assert lines[8] == f"{tmp_path / 'out.csv'}: 78 rows."
    assert said.err == "ennakointi: 1 of 3 series without any value are not forecast, their rows are empty: none\n"


def test_scores_by_series_are_those_worked_out_by_hand(tmp_path: Path, fake: FakeEngine) -> None:
    assert command(source(tmp_path), "--scores", str(tmp_path / "scores.csv")) == 0
    found = pd.read_csv(tmp_path / "scores.csv")
    assert list(found.columns) == [
        *("series", "model", "mase", "wql", "coverage80", "coverage95", "bias", "n_origins"),
    ]
    assert found["series"].tolist() == ["B", "B", "A", "A", "none", "none"]
    assert found["model"].tolist() == ["engine", "seasonal_naive"] * 3
    ours, naive = (row for _, row in found[found["series"] == "A"].set_index("model").iterrows())
    # pinball: levels .2 … .8, at 12 and 8 together: 2 each, 7 levels; .1: 3 · .1 + 1 · .9 = 1.2; .9 alike
    assert ours["wql"] == pytest.approx(2 * (7 * 2 + 1.2 + 1.2) / 9 / 20)
    assert (ours["mase"], ours["coverage80"], ours["coverage95"], ours["bias"]) == (0.5, 0, 1, 0)
    assert (naive["mase"], naive["wql"], naive["bias"]) == (0.25, 0.1, 0.1)
    assert np.isnan(naive["coverage80"])
    assert found["n_origins"].tolist() == [2, 2, 1, 1, 0, 0]
    assert found.loc[found["series"] == "B", "mase"].tolist() == [0, 0.5]
    assert found.loc[found["series"] == "none", ["mase", "wql", "bias"]].isna().all(axis=None)


def test_options_reach_the_engine(tmp_path: Path, fake: FakeEngine) -> None:
    options = ("--frequency", "M", "--season", "6", "--mode", "fast", "--jobs", "2", "--seed", "5")
    assert command(source(tmp_path), *options, horizon=3) == 0
    given, horizon, settings = fake.asked[0]
    assert (given.keys, given.seasons, given.frequency, horizon) == (("A", "B", "none"), (6,), "M", 3)
    assert (settings.mode, settings.jobs, settings.seed) == ("fast", 2, 5)


def test_a_file_without_backtests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "forecast", FakeEngine(None))
    assert command(source(tmp_path), "--scores", str(tmp_path / "scores.parquet")) == 0
    assert "No series is long enough for a backtest: there are no scores." in capsys.readouterr().out
    found = pd.read_parquet(tmp_path / "scores.parquet")
    assert found["n_origins"].tolist() == [0] * 6


def test_plain_numbers_are_taken_for_months_and_it_says_so(
    tmp_path: Path, fake: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    path = source(tmp_path, HEAD + "A,1,3\nB,1,3\nC,1,3\n")
    command(path)
    assert "plain numbers and were taken for months" in capsys.readouterr().out
    command(path, "--season", "12")
    assert "plain numbers" not in capsys.readouterr().out


WRONG = [
    (("--horizon", "0"), 2, "'0' is not a whole number above 0"),
    (("--horizon", "5000"), 2, "at most 1000 periods"),
    (("--season", "1.5"), 2, "'1.5' is not a whole number above 0"),
    (("--frequency", "Q"), 2, "invalid choice: 'Q'"),
    (("--frequency", "W"), 2, "months such as 2024-01"),
    (("--seed", "-1"), 2, "--seed -1"),
    (("--out", "long.csv"), 2, "is also the file to be read"),
    (("--out", "out.txt"), 2, "must end in .csv or .parquet"),
    (("--scores", "out.csv"), 2, "is also --out"),
    (("--scores", "absent/scores.csv"), 2, "does not exist"),
]


@pytest.mark.parametrize(("options", "code", "said"), WRONG, ids=[" ".join(one[0]) for one in WRONG])
def test_wrong_options_end_with_their_code_and_write_nothing(
    tmp_path: Path,
    fake: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    source(tmp_path)
    monkeypatch.chdir(tmp_path)
    try:
        ended = cli.main(["backtest", "long.csv", "--horizon", "2", "--out", "out.csv", *options])
    except SystemExit as stopped:
        ended = int(stopped.code or 0)
    told = capsys.readouterr().err
    assert (ended, said in told, told.count("\n")) == (code, True, 1), told
    assert not fake.asked
    assert [path.name for path in tmp_path.iterdir()] == ["long.csv"]


def test_data_that_cannot_be_used_end_with_3(
    tmp_path: Path, fake: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(source(tmp_path, LONG + "A,2024-01,5\n")) == 3
    assert capsys.readouterr().err == (
        "ennakointi: long.csv, line 7: series 'A', period 2024-01 stands on line 4 already (1 row repeats a series and "
        "period): keep one of them, or add them up\n"
    )
    assert not (tmp_path / "out.csv").exists()


def test_interrupted_ends_with_4_and_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> EngineForecast:
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "forecast", interrupted)
    (tmp_path / "out.csv").write_text("old", encoding="utf-8")
    assert command(source(tmp_path)) == 4
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "old"


def test_an_engine_that_errs_more_than_the_naive_is_called_so(tmp_path: Path) -> None:
    tested = windows()
    worse = Windows(tested.back, tested.observed, tested.quantiles + 20, tested.naive, tested.scale)
    made = FakeEngine(worse)(SeriesSet(("A", "B", "C"), (np.ones(1),) * 3, None, "M", (12,)), 2, EngineSettings())
    told = list(backtest.results(made, backtest.Request(tmp_path / "in.csv", 2, tmp_path / "out.csv")))
    assert "ABOVE the naive's" in told[-2]


def test_the_guide_names_every_option_way_and_score(capsys: pytest.CaptureFixture[str]) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "backtest.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        cli.main(["backtest", "--help"])
    options = set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {"--help", "--debug"}
    assert len(options) == 8
    ways = {getattr(series, name) for name in ("ENSEMBLE", "THETA", "LEVEL", "ZERO", "REFUSED")}
    columns = "series, model, mase, wql, coverage80, coverage95, bias, n_origins"
    assert not [word for word in {*options, *(f"| `{way}` |" for way in ways), columns} if word not in guide]
