"""The nearest known word to a misspelt one, for error messages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

_OFTEN = 10  # a code nobody resembles is shown only when this many rows hold it


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """` – did you mean 'x'?` for the nearest known word, or nothing when none is near."""
    near = difflib.get_close_matches(str(given), [str(word) for word in known], n=1, cutoff=0.6)
    return f" – did you mean {near[0]!r}?" if near else ""


def describe_code(code: str, n: int, listed: Sequence[str]) -> str | None:
    """A code with its rows and the listed code it resembles; None where it could be a person's data."""
    alike = difflib.get_close_matches(code.lower(), listed, n=1, cutoff=0.7)
    if len(code) > 40 or len(re.findall(r"\d", code)) > 3 or (not alike and n < _OFTEN):
        return None
    return f"{code!r} × {n}" + (f" (did you mean {alike[0]!r}?)" if alike else "")
