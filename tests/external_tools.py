"""Programs that are no Python packages: the browser, Node, the spelling checkers.

A test whose program is not there skips and says which Debian package has it; where `CI` is set it fails, so that no
run of the whole suite passes by skipping. `.ci/run` installs all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

BROWSER_TESTS = Path(__file__).parent / "browser"


def absent(what: str) -> None:
    """Skip the test, or fail it where every tool must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"needs {what}, and CI=true says that it is there")
    pytest.skip(f"needs {what}")


def tool(program: str, package: str) -> str:
    """Where a program is."""
    found = shutil.which(program)
    if found is None:
        absent(f"{program} (Debian package `{package}`)")
    return str(found)


def in_browser(jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What `browser/accessibility.js` answers to its jobs, in their order."""
    node, chromium = tool("node", "nodejs"), tool("chromium", "chromium")
    own = BROWSER_TESTS / "node_modules"
    folders = [own] if own.exists() else [Path(f) for f in os.environ.get("NODE_PATH", "").split(os.pathsep) if f]
    modules = next((f for f in folders if (f / "axe-core").exists() and (f / "playwright-core").exists()), None)
    if modules is None:
        absent("axe-core and playwright-core (`npm install --prefix tests/browser`)")
    environment = {**os.environ, "CHROMIUM": chromium, "NODE_PATH": str(modules)}
    done = subprocess.run(
        [node, str(BROWSER_TESTS / "accessibility.js")],
        input=json.dumps([{**job, "page": str(job["page"])} for job in jobs]),
        capture_output=True,
        text=True,
        timeout=30 + 30 * len(jobs),
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def misspelt(words: Iterable[str], language: str) -> set[str]:
    """The words that Finnish voikko (`fi`) or Swedish hunspell (`sv`) does not know."""
    if language == "fi":
        command = [tool("voikkospell", "libvoikko-dev")]
    else:
        command = [tool("hunspell", "hunspell"), "-d", "sv_SE", "-i", "utf-8", "-l"]
    text = "\n".join(sorted(set(words)))
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        absent(f"the {language} dictionary (Debian package `{'voikko-fi' if language == 'fi' else 'hunspell-sv'}`)")
    lines = done.stdout.splitlines()
    return {line.removeprefix("W: ") for line in lines if line.startswith("W: ")} if language == "fi" else set(lines)
