"""The one door out: every published number passes `release`, every finished file passes `check_outputs`."""

from ennakointi.disclosure.presets import (
    EUROS_PER_BASE,
    SHARE_DIGITS,
    DisclosureError,
    Preset,
    round_share,
    round_values,
    shown_count,
)
from ennakointi.disclosure.release import hidden_rows, release
from ennakointi.disclosure.scan import END_MARKER, SHOWN_BY_NOTEBOOKS, check_outputs

__all__ = [
    "END_MARKER",
    "EUROS_PER_BASE",
    "SHARE_DIGITS",
    "SHOWN_BY_NOTEBOOKS",
    "DisclosureError",
    "Preset",
    "check_outputs",
    "hidden_rows",
    "release",
    "round_share",
    "round_values",
    "shown_count",
]
