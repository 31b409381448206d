"""Figures of segments: every word legible, inside the picture and beside no other; what is hidden is said."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from test_figures import word_boxes, words

from ennakointi.report import figures, markup
from ennakointi.report.figures import Figure, MoveWords
from ennakointi.text import Catalogue

WORDS = {"catalogue": Catalogue("fi"), "alt": "Mitä kuvassa näkyy.", "caption": "Otsikko"}
NAMES = [
    "Ei palveluja",
    "Satunnaista tukea tarvitsevat",
    "Palvelutarve ennakoitavissa",
    "Monialaista tukea tarvitsevat",
]
SHARES = np.array(
    [
        [0.7, 0.25, 0.01, 0.002, 0.003, 0.035],
        [0.18, 0.7, 0.08, 0.01, 0.005, 0.025],
        [0.03, 0.14, 0.72, 0.06, 0.03, 0.02],
        [np.nan, 0.04, 0.09, 0.78, 0.08, 0.01],
    ]
)


def pairs() -> Figure:
    frame = pd.DataFrame({"label": NAMES, "first": [0.3, 0.48, 0.16, 0.06], "second": [0.0, 0.17, np.nan, 0.5]})
    return figures.pairs(frame, first="Osuus asukkaista", second="Osuus kustannuksista", unit="Osuus, %", **WORDS)


def concentration() -> Figure:
    top = np.array([0.01, 0.1, 0.5])
    curves = [("Kustannukset", top, np.array([0.3, 0.7, 0.98])), ("Käynnit", top, np.array([0.1, 0.4, 0.9]))]
    return figures.concentration(curves, equal="Yhtä paljon", below="asukkaista", unit="kaikesta", **WORDS)


def moves(shares: np.ndarray = SHARES) -> Figure:
    frame = pd.DataFrame(shares, index=NAMES, columns=[*NAMES, "Kuollut", "Muuttanut pois"])
    said = MoveWords("↓ vuosi sitten", "nyt →", "sama segmentti", "vaativampi tuki", "kevyempi tuki")
    return figures.moves(frame, gone=2, words=said, **WORDS)


def overlap() -> Figure:
    parts = [{"M1"}, {"M1", "M3"}, {"M2"}]
    frame = pd.DataFrame({"parts": parts, "value": [4000.0, 200.0, np.nan]})
    sets = {"M1": "Kallein kymmenesosa", "M2": "Vähintään neljä eri palvelua", "M3": "Sosiaali- ja terveyspalveluja"}
    return figures.overlap(frame, sets, unit="Henkilöt", **WORDS)


drawn = cache(lambda make: make())
each = pytest.mark.parametrize("make", [pairs, concentration, moves, overlap], ids=lambda make: make.__name__)


@each
def test_pictures_are_safe_small_described_and_alike_each_time(make: Callable[[], Figure]) -> None:
    figure = drawn(make)
    for picture in (figure.svg, figure.narrow):
        assert markup.faults(picture) == []
        assert "Mitä kuvassa näkyy." in picture
        assert len(picture) < 60_000
    assert make() == figure


@each
def test_words_are_legible_and_cover_nothing(make: Callable[[], Figure]) -> None:
    figure = drawn(make)
    for picture, wide in ((figure.svg, 760), (figure.narrow, 360)):
        assert min(float(size) for size in re.findall(r'font-size="([\d.]+)px"', picture)) >= 12
        boxes = list(word_boxes(picture))
        assert all(left >= -2 and right <= wide + 2 for left, _, right, _ in boxes)
        for one, two in combinations(boxes, 2):
            assert one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]


def test_each_bar_has_its_number_and_a_hidden_one_its_words() -> None:
    said = words(drawn(pairs).svg).replace("\u00a0", " ")
    assert "30 %" in said
    assert "6,0 %" in said
    assert "ei näytetä (tietosuoja)" in said


def test_cells_of_moves_are_shares_and_hidden_ones_are_in_the_legend() -> None:
    assert "ei näytetä (tietosuoja)" in words(drawn(moves).narrow)
    whole = moves(np.nan_to_num(SHARES))
    assert "ei näytetä" not in words(whole.svg)
    assert words(whole.svg).count("70\u00a0%") == 2  # those who stay in the two lightest segments


def test_combinations_have_a_disc_for_each_reading_that_holds() -> None:
    full = re.findall(r'fill="#1b2733"', drawn(overlap).svg)
    assert len(full) >= 4  # one, two and one reading
    assert "4 000" in words(drawn(overlap).svg).replace("\u00a0", " ")
