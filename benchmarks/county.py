"""Wall time and peak memory of a whole run on a synthetic county.

    python benchmarks/county.py [RESIDENTS] [MODE] [JOBS]

The memory is the largest sum over the run's processes of their proportional share of pages (PSS), sampled twice a
second, so that pages shared between processes count once. Target at 205,000 residents: under 3 GB.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path


def proportional_bytes(process: int) -> int:
    """PSS of a process and of its descendants, in bytes."""
    total, open_list = 0, [process]
    while open_list:
        one = open_list.pop()
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
            total += sum(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
            for task in Path(f"/proc/{one}/task").iterdir():
                open_list += map(int, (task / "children").read_text(encoding="ascii").split())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def measured(command: list[str]) -> tuple[int, float, int]:
    """Exit code, seconds and peak bytes of a command with its children."""
    started, peak = time.monotonic(), 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            peak = max(peak, proportional_bytes(process.pid))
            time.sleep(0.5)
    return process.returncode, time.monotonic() - started, peak


def main(residents: str = "205000", mode: str = "full", jobs: str = "2") -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        program = [sys.executable, "-m", "ennakointi"]
        data, places = str(place / "data"), ["--work", str(place / "work"), "--output", str(place / "outputs")]
        asked = ["--quarter", "2025Q3", "--mode", mode, "--jobs", jobs]
        steps = {
            "synth": [*program, "synth", data, "--residents", residents],
            "run": [*program, "run", "--data", data, *asked, *places],
        }
        for name, command in steps.items():
            code, seconds, peak = measured(command)
            print(f"{name}: {residents} residents, exit {code}, {seconds:.0f} s, peak {peak / 1e9:.2f} GB")
            if code:
                sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
