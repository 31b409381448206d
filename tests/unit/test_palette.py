"""Colours that stand together differ also for the colour-blind, and are seen on paper."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ennakointi.report import clearing_figure, effect_time_figure, fate_figure, municipality_map, sheet

# Severity 1.0 of Machado, Oliveira & Fernandes 2009 (IEEE TVCG 15:1291), on linear RGB.
VISIONS = {
    "full": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
WHITE = np.array([0.95047, 1.0, 1.08883])

TOGETHER = {  # colours of one figure, and the least distance that tells them apart
    "raises and lowers": ([sheet.MAIN, sheet.SECOND], 40),
    "statuses": (list(sheet.TONES.values()), 15),
    "lines": ([colour for colour, *_ in clearing_figure.STYLES], 12),
    "arms": ([colour for colour, *_ in effect_time_figure.ARMS], 40),
    "parts": ([c for name, (c, _) in fate_figure.FILLS.items() if name != fate_figure.UNKNOWN], 15),
    "shades below zero": ([sheet.PAPER, *municipality_map.LESS], 5),
    "shades above zero": ([sheet.PAPER, *municipality_map.MORE], 5),
    "sides of zero": ([municipality_map.LESS[0], municipality_map.MORE[0]], 10),
}


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE 1976 L*a*b* of linear RGB; D65."""
    x = np.array(XYZ) @ rgb / WHITE
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(first: str, second: str, vision: str) -> float:
    seen = [lab(np.clip(np.array(VISIONS[vision]) @ linear(colour), 0, 1)) for colour in (first, second)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def contrast(first: str, second: str) -> float:
    dark, light = sorted(float(np.array(XYZ)[1] @ linear(colour)) for colour in (first, second))
    return (light + 0.05) / (dark + 0.05)


def test_the_simulation_knows_what_the_eye_does() -> None:
    """Red and green fall together without the red cones; grey stays grey; black and white are 100 apart."""
    assert distance("#c00000", "#404000", "protanopia") < 0.4 * distance("#c00000", "#404000", "full")
    assert distance("#000000", "#ffffff", "full") == pytest.approx(100, abs=0.01)
    assert distance("#777777", "#777777", "deuteranopia") == 0
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("name", TOGETHER)
def test_colours_of_one_figure_are_told_apart(name: str, vision: str) -> None:
    colours, least = TOGETHER[name]
    assert min(distance(a, b, vision) for a, b in combinations(colours, 2)) >= least


@pytest.mark.parametrize(
    "colour",
    [sheet.MAIN, sheet.SECOND, sheet.THIRD, sheet.FOURTH, sheet.QUIET, sheet.EDGE, *sheet.TONES.values()],
)
def test_what_is_drawn_is_seen_on_paper(colour: str) -> None:
    """WCAG 2.1, 1.4.11: 3:1; the edge of a ribbon too, because its fill is pale."""
    assert contrast(colour, sheet.PAPER) >= 3


@pytest.mark.parametrize("ground", [*municipality_map.LESS, *municipality_map.MORE, sheet.WINDOW, sheet.QUARTER])
def test_words_are_read_on_every_shade(ground: str) -> None:
    assert contrast(sheet.INK, ground) >= 4.5


def test_the_depths_of_a_ribbon_differ() -> None:
    assert all(distance(sheet.INNER, sheet.OUTER, vision) >= 5 for vision in VISIONS)
    assert all(distance(sheet.OUTER, sheet.PAPER, vision) >= 5 for vision in VISIONS)


def test_a_status_has_its_own_shape_too() -> None:
    assert len(set(sheet.SHAPES.values())) == len(sheet.TONES) == len(set(sheet.TONES.values()))
