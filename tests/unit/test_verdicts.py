"""The rules that turn an interval and its checks into a verdict."""

from __future__ import annotations

import numpy as np
import pytest

from ennakointi.effectiveness import verdicts
from ennakointi.effectiveness.verdicts import Interval
from ennakointi.results import Check

GOOD = (Check("balance", True, ""),)
DOUBT = (Check("leave_one_out", False, ""),)
BROKEN = (Check("pre_trend", False, "", critical=True),)


@pytest.mark.parametrize(
    ("interval", "level", "checks", "expected"),
    [
        ((-0.20, -0.30, -0.06), "moderate", GOOD, "works"),
        ((-0.20, -0.30, -0.06), "weak", GOOD, "probably_works"),
        ((-0.20, -0.30, -0.06), "moderate", BROKEN, "cannot_say"),
        ((-0.10, -0.20, -0.01), "moderate", GOOD, "probably_works"),
        ((-0.01, -0.04, 0.02), "moderate", GOOD, "no_meaningful_effect"),
        ((-0.02, -0.04, -0.01), "moderate", GOOD, "no_meaningful_effect"),
        ((0.20, 0.01, 0.40), "moderate", GOOD, "probably_harmful"),
        ((-0.10, -0.30, 0.10), "moderate", GOOD, "cannot_say"),
        ((-0.10, np.nan, np.nan), "moderate", GOOD, "cannot_say"),
    ],
)
def test_verdict_when_fewer_is_better_and_five_per_cent_matters(
    interval: tuple[float, float, float], level: str, checks: tuple[Check, ...], expected: str
) -> None:
    assert verdicts.verdict(Interval(*interval), "fewer", 0.05, level, checks) == expected


def test_more_is_better_turns_the_signs() -> None:
    assert verdicts.verdict(Interval(0.2, 0.06, 0.3), "more", 0.05, "moderate", GOOD) == "works"
    assert verdicts.verdict(Interval(-0.2, -0.3, -0.06), "more", 0.05, "moderate", GOOD) == "probably_harmful"


@pytest.mark.parametrize(
    ("design", "checks", "sizes", "expected"),
    [
        ("did", GOOD, (5, 5), "strong"),
        ("did", GOOD, (4, 9), "moderate"),
        ("did", DOUBT, (5, 5), "weak"),
        ("did", BROKEN, (5, 5), "none"),
        ("did", (Check("pre_trend", None, ""),), (5, 5), "moderate"),
        ("cohort", GOOD, (500, 5000), "moderate"),
        ("cohort", DOUBT, (500, 5000), "weak"),
        ("its", GOOD, (1, 0), "weak"),
        ("its", DOUBT, (1, 0), "none"),
        ("before_after", GOOD, (500, 0), "none"),
        ("cohort", (Check("decision_date", False, ""),), (500, 5000), "moderate"),
    ],
)
def test_evidence_level(design: str, checks: tuple[Check, ...], sizes: tuple[int, int], expected: str) -> None:
    assert verdicts.evidence_level(design, checks, *sizes) == expected


def test_small_data_lower_the_published_level_unless_the_interval_is_beyond() -> None:
    small = (Check("detectable", False, ""),)
    assert verdicts.published_level("moderate", "probably_works", small) == "weak"
    assert verdicts.published_level("moderate", "works", small) == "moderate"
    assert verdicts.published_level("moderate", "probably_works", GOOD) == "moderate"
    assert verdicts.published_level("moderate", "cannot_say", GOOD) == "none"


def test_holm_by_hand() -> None:
    """0.01 × 3, then 0.03 × 2 and 0.04 × 1, never falling."""
    assert verdicts.holm(np.array([0.04, 0.01, 0.03])) == pytest.approx([0.06, 0.03, 0.06])
    assert verdicts.holm(np.array([0.9, 0.8])) == pytest.approx([1.0, 1.0])
    assert len(verdicts.holm(np.array([]))) == 0


def test_no_evidence_gives_no_verdict_and_small_data_never_raise_the_level() -> None:
    assert verdicts.verdict(Interval(-0.2, -0.3, -0.06), "fewer", 0.05, "none", DOUBT) == "cannot_say"
    assert verdicts.verdict(Interval(0.0, -0.01, 0.01), "fewer", 0.05, "none", DOUBT) == "cannot_say"
    assert verdicts.published_level("none", "probably_works", (Check("detectable", False, ""),)) == "none"
