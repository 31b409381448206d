"""Rounding of estimates against published rules and examples."""

from __future__ import annotations

import pytest

from ennakointi.text import supported


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [(0.827, 0.119, (0.83, 2)), (0.827, 0.367, (0.8, 1))],
)
def test_the_particle_data_group_s_own_examples(value: float, error: float, shown: tuple[float, int]) -> None:
    """Review of Particle Physics 2022, §5.3: .827 ± .119 gives .83 ± .12, .827 ± .367 gives .8 ± .4."""
    rounded = supported(value, value - error, value + error)
    assert (rounded.value, rounded.digits) == shown


@pytest.mark.parametrize(
    ("value", "lo", "hi"),
    [(110_000, 70_000, 160_000), (25_000, 18_000, 33_000), (12, 5, 19)],
)
def test_the_outline_s_sentences_keep_their_numbers(value: float, lo: float, hi: float) -> None:
    """The dummy numbers of the report outline are already rounded as their intervals allow."""
    assert supported(value, lo, hi)[:3] == (value, lo, hi)


def test_worked_by_hand() -> None:
    assert supported(113_400, 71_230, 158_900)[:3] == (110_000, 70_000, 160_000)
    assert supported(-2.437, -3.1, -1.8)[:3] == (-2.4, -3.1, -1.8)
    assert supported(123_456, 123_456, 123_456)[:3] == (123_000, 123_000, 123_000)
