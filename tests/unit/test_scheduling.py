"""The schedule that the documentation gives is one that systemd and cron take, and it meets every quarter once."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pytest

from ennakointi import arguments, cli, run

GUIDE = (Path(__file__).parents[2] / "docs" / "scheduling.md").read_text(encoding="utf-8")
SERVICE, TIMER = re.findall(r"```ini\n(.*?)```", GUIDE, re.S)
CRON = re.search(r"```cron\n(.*?)\n```", GUIDE, re.S).group(1)  # type: ignore[union-attr]


def run_options(command: str) -> argparse.Namespace:
    words = shlex.split(command.split(".venv/bin/ennakointi ")[1].split("||")[0])
    return arguments.parser(cli.ACTIONS).parse_args(words)


@pytest.mark.parametrize("command", [re.search(r"ExecStart=(.*)", SERVICE).group(1), CRON])  # type: ignore[union-attr]
def test_the_scheduled_command_is_one_the_program_takes(command: str) -> None:
    options = run_options(command)
    assert options.quarter == "previous"
    assert options.resume


def test_cron_runs_once_after_each_quarter_and_takes_that_quarter() -> None:
    minute, hour, day, months, weekday = CRON.split()[:5]
    assert (minute.isdecimal(), hour.isdecimal(), weekday) == (True, True, "*")
    starts = [date(2026, int(month), int(day)) for month in months.split(",")]
    assert [str(run.quarter_named("previous", start)) for start in starts] == [
        "2025Q4",
        "2026Q1",
        "2026Q2",
        "2026Q3",
    ]
    assert all(
        run.quarter_named("previous", s).end < s <= run.quarter_named("previous", s).end + timedelta(31) for s in starts
    )


def test_exit_codes_in_the_guide_are_those_of_the_command() -> None:
    guide = dict(re.findall(r"^\| (\d) \| ([^|;(]+)", GUIDE, re.M))
    command = dict(re.findall(r"^  (\d)  ([^;(\n]+)", arguments.EXIT_CODES, re.M))
    assert set(guide) == set(command) == set("012345")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = "/srv/ennakointi/.venv/bin/ennakointi"
    (tmp_path / "ennakointi.service").write_text(SERVICE.replace(program, "/bin/true"), encoding="utf-8")
    (tmp_path / "ennakointi.timer").write_text(TIMER, encoding="utf-8")
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in checked.stderr.splitlines() if "ennakointi" in line]
    assert not ours
    calendar = re.search(r"OnCalendar=(.*)", TIMER).group(1)  # type: ignore[union-attr]
    subprocess.run(["systemd-analyze", "calendar", calendar], check=True, capture_output=True)
