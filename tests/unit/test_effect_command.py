"""The command `effect`: every design from a file, JSON as promised, and refusals that write nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ennakointi import cli

KEYS = {"design", "estimate", "lo95", "hi95", "p_value", "relative", "relative_lo95", "relative_hi95", "n"}
TOLD = {"checks", "sentence"}
AREAS, MONTHS, START = 24, 40, 28


def panel(seed: int = 1) -> pd.DataFrame:
    """Area × month counts with an own level and a common season; areas 1–8 fall by 30 % from month 28 on."""
    rng = np.random.default_rng(seed)
    area, month = np.repeat(np.arange(1, AREAS + 1), MONTHS), np.tile(np.arange(MONTHS), AREAS)
    treated = area <= 8
    level = 200 * np.exp(rng.normal(0, 0.2, AREAS)[area - 1] + 0.1 * np.sin(month / 2))
    visits = rng.poisson(level * np.where(treated & (month >= START), 0.7, 1.0))
    first = np.where(treated, START, 0)
    return pd.DataFrame(
        {"area": area, "month": month, "visits": visits, "treated": treated.astype(int), "first": first}
    )


def persons(seed: int = 1) -> pd.DataFrame:
    """Older persons take part more often and visit more; taking part halves the visits."""
    rng = np.random.default_rng(seed)
    age = rng.normal(70, 8, 2_000)
    joined = rng.random(2_000) < 1 / (1 + np.exp(-(age - 72) / 6))
    visits = rng.poisson(np.exp((age - 70) / 20) * np.where(joined, 1.0, 2.0))
    return pd.DataFrame({"age": age.round(1), "joined": joined.astype(int), "visits": visits, "index": age.round() % 4})


AREA = "--time month --unit area"
CASES = {
    "its": ("--time month --start 28", "path"),
    "bsts": ("--time month --start 28", "path"),
    "did": (f"{AREA} --treatment treated --start 28", "event_study"),
    "staggered": (f"{AREA} --cohort first", "group_time"),
    "synthetic-control": (f"{AREA} --treated 1 --start 28", "donor_weights"),
    "synthetic-did": (f"{AREA} --treated 1 --treated 2 --start 28", "time_weights"),
    "enrolled": ("--treatment joined --covariates age,age^2 --time index", "balance"),
}


def run(design: str, options: str, frame: pd.DataFrame, folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    data, out = folder / "data.csv", folder / "effect.json"
    frame.to_csv(data, index=False)
    given = ["--data", str(data), "--outcome", "visits", *options.split(), "--json", str(out), *more]
    code = cli.main(["effect", design, *given])
    return code, json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}


def data_of(design: str) -> pd.DataFrame:
    if design == "enrolled":
        return persons()
    frame = panel()
    return frame[frame["area"] == 1] if design in ("its", "bsts") else frame


@pytest.mark.parametrize("design", CASES)
def test_every_design_finds_the_planted_effect_and_writes_what_was_promised(design: str, tmp_path: Path) -> None:
    options, part = CASES[design]
    code, found = run(design, options, data_of(design), tmp_path)
    assert code == 0
    assert KEYS | TOLD | {part} <= set(found)
    assert found["lo95"] <= found["estimate"] <= found["hi95"]
    planted = -0.5 if design == "enrolled" else -0.3
    assert found["relative_lo95"] <= planted <= found["relative_hi95"]
    assert found["p_value"] <= 0.05
    assert all(set(check) == {"check", "passed", "critical", "message"} for check in found["checks"])
    assert found["sentence"].startswith("visits: ")


def test_the_file_type_separator_and_seed_change_nothing(tmp_path: Path) -> None:
    options = CASES["did"][0]
    _, once = run("did", options, panel(), tmp_path)
    panel().to_parquet(tmp_path / "data.parquet")
    panel().to_csv(tmp_path / "semicolon.csv", sep=";", index=False)
    for name in ("data.parquet", "semicolon.csv"):
        out = tmp_path / f"{name}.json"
        given = ["--data", str(tmp_path / name), "--outcome", "visits", *options.split(), "--json", str(out)]
        assert cli.main(["effect", "did", *given]) == 0
        assert json.loads(out.read_text(encoding="utf-8")) == once


REFUSALS = {
    "needs --start": ("its", "--time month", 2),
    "has no use for --cohort": ("its", "--time month --start 28 --cohort first", 2),
    "no column 'mnth' in the data – did you mean 'month'": ("did", "--time mnth --unit area --cohort first", 2),
    "lies outside the data": ("did", f"{AREA} --treatment treated --start 99", 3),
    "repeat a period": ("its", "--time month --start 28", 3),
    "told nowhere": ("synthetic-control", AREA, 2),
}


@pytest.mark.parametrize("said", REFUSALS)
def test_a_refusal_is_one_line_with_its_code_and_writes_nothing(
    said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design, options, expected = REFUSALS[said]
    code, found = run(design, options, panel(), tmp_path)
    assert (code, found) == (expected, {})
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_a_file_that_is_not_there_empty_or_the_target_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    shared = ["--outcome", "visits", "--time", "month", "--start", "28"]
    assert cli.main(["effect", "its", "--data", str(tmp_path / "no.csv"), *shared]) == 2
    assert cli.main(["effect", "its", "--data", str(empty), *shared]) == 3
    assert cli.main(["effect", "its", "--data", str(empty), *shared, "--json", str(empty)]) == 2
    assert empty.read_text() == ""
    assert "cannot be read" in capsys.readouterr().err
