"""Effects from any tidy table, one function a design: `effect.did(frame, outcome="visits", time="month", …)`.

Each takes a DataFrame and names of its columns, and returns an `Estimate`: the effect with its 95 % interval, a
p-value, what was checked, tables of the design, and one plain sentence. The command `ennakointi effect` does the same
from a file. Which design for which question: docs/effects.md.
"""

from ennakointi.causal.bsts import bsts
from ennakointi.causal.did import did
from ennakointi.causal.enrolled import enrolled
from ennakointi.causal.estimates import Estimate, Numbers
from ennakointi.causal.its import its
from ennakointi.causal.staggered import staggered
from ennakointi.causal.synthetic_control import synthetic_control
from ennakointi.causal.synthetic_did import synthetic_did

__all__ = [
    "Estimate",
    "Numbers",
    "bsts",
    "did",
    "enrolled",
    "its",
    "staggered",
    "synthetic_control",
    "synthetic_did",
]
