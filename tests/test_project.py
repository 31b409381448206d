"""The project's documents agree with each other: packages, lock, notebooks in git, licence."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"python-duckdb": "duckdb", "matplotlib-base": "matplotlib"}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def split(requirement: str) -> tuple[str, str]:
    name, limits = re.fullmatch(r"([A-Za-z0-9_.-]+)(.*)", requirement).groups()  # type: ignore[union-attr]
    return name.lower(), limits.replace(" ", "")


def test_environment_yml_says_what_pyproject_says() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    found = dict(split(line) for line in conda if isinstance(line, str) and line != "pip")
    python = found.pop("python")
    assert {CONDA_NAMES.get(name, name): limits for name, limits in found.items()} == dict(
        split(line) for line in project()["dependencies"]
    )
    assert python == project()["requires-python"]


def locked(name: str) -> dict[str, str]:
    """The entries of a lock by package."""
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text(encoding="utf-8").strip())
    return {re.match(r"([a-z0-9_.-]+)==", entry).group(1): entry for entry in entries}  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "extra"), [("requirements.lock", "dev"), ("requirements-bench.lock", "bench")])
def test_lock_pins_every_dependency_by_hash_and_holds_no_address(name: str, extra: str) -> None:
    pinned = locked(name)
    assert all("--hash=sha256:" in entry for entry in pinned.values())
    assert "://" not in "".join(pinned.values())
    declared = project()["dependencies"] + project()["optional-dependencies"][extra]
    missing = {split(line)[0].replace("_", "-") for line in declared} - set(pinned)
    assert not missing


def test_the_peers_of_the_benchmark_move_no_package_of_the_project() -> None:
    own, bench = locked("requirements.lock"), locked("requirements-bench.lock")
    assert {name for name in own.keys() & bench.keys() if own[name].split()[0] != bench[name].split()[0]} == set()
    assert own.keys().isdisjoint({split(line)[0] for line in project()["optional-dependencies"]["bench"]})


def test_only_the_benchmarks_use_what_the_bench_extra_adds() -> None:
    conda = (ROOT / "environment.yml").read_text(encoding="utf-8")
    code = {
        part: [file.read_text(encoding="utf-8") for file in (ROOT / part).rglob("*.py")]
        for part in ("src", "benchmarks")
    }
    for line in project()["optional-dependencies"]["bench"]:
        name = split(line)[0]
        imported = re.compile(rf"^\s*(import|from) {name.replace('-', '_')}\b", re.M)
        assert name not in conda
        assert not any(imported.search(text) for text in code["src"])
        assert any(imported.search(text) for text in code["benchmarks"])


def test_make_bench_installs_its_lock_by_hash() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (rule,) = re.findall(r"^\$\(PEERS\):[^\n]*\n(?:\t[^\n]*\n?)+", makefile, re.M)
    assert "--require-hashes" in rule
    assert "-r requirements-bench.lock" in rule
    assert "bench: $(PEERS)" in makefile


def test_versions_that_shape_numbers_are_held() -> None:
    declared = dict(split(line) for line in project()["dependencies"])
    assert declared["pandas"] == ">=2.2,<3"
    assert declared["statsforecast"] == ">=2.1"
    assert declared["duckdb"] == ">=2,<3"
    assert project()["license"] == "EUPL-1.2"


def test_git_holds_no_data_and_no_notebook_outputs() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = listed.stdout.splitlines()
    data = [f for f in files if f.endswith((".parquet", ".duckdb", ".csv", ".xlsx"))]
    assert not [f for f in data if not f.startswith("parameters/codes/")]  # lists of codes are parameters
    for name in (f for f in files if f.endswith(".ipynb") and (ROOT / f).exists()):
        cells = json.loads((ROOT / name).read_text(encoding="utf-8"))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), name


def test_every_make_target_of_the_house_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(
        re.search(rf"^{target}:", makefile, re.M) for target in ("demo", "test", "test-all", "lint", "lab", "bench")
    )


@pytest.mark.xdist_group("told")
def test_tests_that_share_a_dear_fixture_stay_on_one_worker(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("one process, or not by groups: make test goes by groups")
    assert request.node.nodeid.endswith("@told")


def test_packages_of_the_browser_tests_are_pinned_and_name_no_registry() -> None:
    file = (ROOT / "tests" / "browser" / "package.json").read_text(encoding="utf-8")
    assert "://" not in file
    versions = json.loads(file)["dependencies"]
    assert set(versions) == {"axe-core", "playwright-core"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())
    assert not list((ROOT / "tests" / "browser").glob("*lock*"))
    assert "npm install --prefix tests/browser" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
