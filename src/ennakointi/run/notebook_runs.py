"""Executes notebooks by Papermill, several at a time from one process, and judges whether each one is whole.

Papermill reports "completed" after a kernel was killed or timed out and returns normally after `sys.exit(0)`, so a
notebook counts as good only if nothing was raised, every code cell ran, no output is an error and its last cell left
the end marker of `Study.end`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.exceptions import PapermillExecutionError

from ennakointi.disclosure import END_MARKER
from ennakointi.errors import ParameterError
from ennakointi.report import exporter

KERNEL = "python3"


class _PrivateKernelManager(AsyncKernelManager):
    """Talks to its kernel through Unix sockets in a folder of its own: no port is open, no two kernels collide."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._sockets = tempfile.TemporaryDirectory(prefix="kernel-")
        self.transport = "ipc"
        self.shutdown_wait_time = 0.5  # the notebook is finished: nothing to wait for
        self.ip = f"{self._sockets.name}/s"

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart)
        if not restart:
            self._sockets.cleanup()

    cleanup_resources = _async_cleanup_resources


@dataclass(frozen=True)
class Job:
    """One notebook to run with its parameters; `title` is what the progress line and a failure page call it."""

    name: str
    notebook: Path
    parameters: dict[str, str]
    executed: Path
    title: str
    timeout_seconds: int


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `reason` is empty when the notebook is whole."""

    job: Job
    reason: str
    seconds: float

    @property
    def good(self) -> bool:
        return not self.reason


def check_parameters(notebook: Path, given: Iterable[str]) -> None:
    """Raise ParameterError when the notebook cannot be read or does not declare a parameter that it would be given."""
    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except (OSError, nbformat.reader.NotJSONError, nbformat.validator.ValidationError) as error:
        raise ParameterError(f"{notebook.name}: not a readable notebook ({type(error).__name__})") from error
    declared = "\n".join(c.source for c in cells if "parameters" in c.metadata.get("tags", ()))
    names = {line.split("=")[0].split(":")[0].strip() for line in declared.splitlines() if "=" in line}
    missing = sorted(set(given) - names)
    if missing:
        raise ParameterError(
            f"{notebook.name}: its cell tagged `parameters` does not set {', '.join(missing)}; "
            f"found {', '.join(sorted(names)) or 'none'}"
        )


def fault(notebook: nbformat.NotebookNode) -> str:
    """Why an executed notebook does not count as good, or an empty string."""
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    if not code:
        return "it has no code cells"
    for number, cell in enumerate(code, start=1):
        if any(output.output_type == "error" for output in cell.outputs):
            return f"code cell {number} ended in an error"
        if cell.execution_count is None:
            return f"code cell {number} did not run"
    if not any(END_MARKER in output.get("data", {}) for output in code[-1].outputs):
        return "its last cell did not leave the end marker"
    return exporter.unshowable(notebook)


def execute(job: Job) -> Outcome:
    """Run one notebook; every failure becomes an outcome with its reason, so that the other notebooks go on."""
    started = time.monotonic()
    loop = ensure_event_loop()
    try:
        reason = _papermill(job) or fault(nbformat.read(job.executed, as_version=4))
    finally:
        loop.close()
    return Outcome(job, reason, time.monotonic() - started)


def _papermill(job: Job) -> str:
    job.executed.parent.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "kernel_name": KERNEL,
        "language": "python",
        "execution_timeout": job.timeout_seconds,
        "start_timeout": 120,
        "progress_bar": False,
        "log_output": False,
        "request_save_on_cell_execute": False,
        "kernel_manager_class": _PrivateKernelManager,
        "extra_arguments": ["--IPKernelApp.log_level=50", "--HistoryManager.enabled=False"],
    }
    try:
        papermill.execute_notebook(str(job.notebook), str(job.executed), parameters=job.parameters, **settings)
    except PapermillExecutionError as error:
        return f"{error.ename} in code cell {error.exec_count}"
    except DeadKernelError:
        return "its kernel died"
    except CellTimeoutError:
        return f"a cell took longer than {job.timeout_seconds} seconds"
    except (OSError, RuntimeError, ValueError, nbformat.ValidationError) as error:
        return f"{type(error).__name__} while it was started"
    return ""


def execute_all(
    jobs: Sequence[Job], at_a_time: int, report: Callable[[Outcome, int, int, float], None]
) -> list[Outcome]:
    """Run all jobs, `at_a_time` together; `report` hears (outcome, done, total, seconds left) after each."""
    started, outcomes = time.monotonic(), []
    with ThreadPoolExecutor(at_a_time) as pool:
        for future in as_completed([pool.submit(execute, job) for job in jobs]):
            outcomes.append(future.result())
            left = (time.monotonic() - started) / len(outcomes) * (len(jobs) - len(outcomes))
            report(outcomes[-1], len(outcomes), len(jobs), left)
    order = {job.name: position for position, job in enumerate(jobs)}
    return sorted(outcomes, key=lambda outcome: order[outcome.job.name])
