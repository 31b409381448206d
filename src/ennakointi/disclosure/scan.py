"""The last look before a release is put in place: every finished file is read once more."""

from __future__ import annotations

import getpass
import json
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ennakointi.disclosure.presets import DisclosureError

_KINDS_OF_FILE = frozenset([".html", ".csv", ".json", ".ipynb", ".txt", ".md"])
END_MARKER = "application/vnd.ennakointi.end+json"  # in the output of a notebook's last cell
SHOWN_BY_NOTEBOOKS = frozenset(["text/html", "text/plain", END_MARKER])
_FORBIDDEN = {
    "a path of the machine": re.compile(r"(?<![\w.:/])/(home|root|tmp|Users|mnt|media|private)/[\w.-]|\b[A-Z]:\\+\w"),
    "a column of persons": re.compile(
        r"<th(?![^>]*row)[^>]*>\s*person_id\b|[\"']person_id[\"']\s*:|\A([^\n]*,)?person_id(,|\n)"
    ),
    "hidden data": re.compile(r"application/(vnd\.(dataresource|jupyter|plotly|vega|papermill)|x-parquet)"),
}


def check_outputs(folder: Path, forbidden: Iterable[str] = ()) -> None:
    """Read every finished file once more before it is published.

    Parameters
    ----------
    folder : Path
        The finished release.
    forbidden : iterable of str
        More texts that must not occur, such as the folders of the data and of the work.

    Raises
    ------
    DisclosureError
        Naming the file and the kind of what was found, never the text itself.
    """
    patterns = dict(_FORBIDDEN)
    names = [name for name in (_user(), socket.gethostname()) if len(name) > 4]
    for kind, texts in (
        ("a name of the user or the machine", names),
        ("a folder of this run", list(forbidden)),
    ):
        if texts:
            words = "|".join(re.escape(text) for text in texts)
            patterns[kind] = re.compile(rf"(?<!\w)(?:{words})(?!\w)")
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        for kind in _found(path, patterns):
            raise DisclosureError(f"{path.relative_to(folder)}: holds {kind}; nothing is published")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""


def _found(path: Path, patterns: Mapping[str, re.Pattern[str]]) -> Iterator[str]:
    if path.suffix not in _KINDS_OF_FILE:
        yield f"data in a form that is not checked ({path.suffix or 'no suffix'})"
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".ipynb" and _hidden_outputs(json.loads(text)):
        yield "hidden data"
    yield from (kind for kind, pattern in patterns.items() if pattern.search(text))


def _hidden_outputs(notebook: Mapping[str, Any]) -> bool:
    """Whether a notebook carries more than its page shows: streams, errors, data in other forms."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    return any(set(output.get("data", ["none"])) - SHOWN_BY_NOTEBOOKS for output in outputs)
