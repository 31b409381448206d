"""The nearest known word to a misspelt one, for error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """` – did you mean 'x'?` for the nearest known word, or nothing when none is near."""
    near = difflib.get_close_matches(str(given), [str(word) for word in known], n=1, cutoff=0.6)
    return f" – did you mean {near[0]!r}?" if near else ""
