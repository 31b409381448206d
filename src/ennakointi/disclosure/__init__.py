"""The one door out: every published number passes `plan`, every finished file passes `check_outputs`."""

from ennakointi.disclosure.planning import Plan, plan
from ennakointi.disclosure.presets import (
    EUROS_PER_BASE,
    SHARE_DIGITS,
    DisclosureError,
    Preset,
    round_share,
    round_values,
    shown_count,
)
from ennakointi.disclosure.previous import last, remember
from ennakointi.disclosure.primary import hidden_rows
from ennakointi.disclosure.release import release
from ennakointi.disclosure.scan import END_MARKER, SHOWN_BY_NOTEBOOKS, check_outputs

__all__ = [
    "END_MARKER",
    "EUROS_PER_BASE",
    "SHARE_DIGITS",
    "SHOWN_BY_NOTEBOOKS",
    "DisclosureError",
    "Plan",
    "Preset",
    "check_outputs",
    "hidden_rows",
    "last",
    "plan",
    "release",
    "remember",
    "round_share",
    "round_values",
    "shown_count",
]
