"""The installed wheel works in an empty folder: notebooks and parameters come with it, and `./parameters` wins."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("quarter")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the unpacked wheel, as an installation would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def ennakointi(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "ennakointi", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_quarter_runs_from_an_empty_folder(installed: Path, tmp_path: Path, quarter) -> None:
    data = str(quarter.folder / "data")
    options = ["--quarter", "2025Q3", "--mode", "fast", "--group", "all", "--notebook", "data_quality"]
    done = ennakointi(installed, tmp_path, "run", "--data", data, *options)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "outputs" / "2025Q3" / "data_quality.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs", "work"]


def test_own_parameters_beside_the_work_win_over_the_shipped(installed: Path, tmp_path: Path) -> None:
    shipped = ennakointi(installed, tmp_path, "list", "notebooks", "--language", "en")
    assert "Service debt" in shipped.stdout
    (tmp_path / "parameters").mkdir()
    own = (ROOT / "parameters" / "notebooks.yml").read_text(encoding="utf-8").replace("Service debt", "Our own debt")
    (tmp_path / "parameters" / "notebooks.yml").write_text(own, encoding="utf-8")
    assert "Our own debt" in ennakointi(installed, tmp_path, "list", "notebooks", "--language", "en").stdout
