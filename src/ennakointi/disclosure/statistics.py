"""The door for numbers of one's own: counts, rates, sums, means, quantiles, survival, coefficients as they may leave.

Every function takes rows of persons or of events and a preset, and returns a table whose hidden cells are empty and
named in the column `suppressed`. What is shown is rounded; a cell is judged by the distinct persons behind it.
Complementary cells are hidden within one table; tables that overlap are the reader's and the reviewer's to compare.

Sources: Hundepool et al. 2012, Statistical Disclosure Control, 10.1002/9781118348239 (dominance, complementary cells);
Griffiths et al. 2019, Handbook on Statistical Disclosure Control for Outputs (quantiles, models); OpenSAFELY,
documentation of disclosure control (rates and curves from rounded counts); sdcLog for R (largest contributor ≤ 85 %).
"""

from ennakointi.disclosure.contributions import Dominance, means, sums
from ennakointi.disclosure.crosstab import crosstab
from ennakointi.disclosure.distributions import histogram, quantiles
from ennakointi.disclosure.shares import coefficients, rates
from ennakointi.disclosure.survival_steps import survival

__all__ = [
    "Dominance",
    "coefficients",
    "crosstab",
    "histogram",
    "means",
    "quantiles",
    "rates",
    "sums",
    "survival",
]
