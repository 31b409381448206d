"""The picture of clearing: every line is named where it reaches the wanted chance, at both widths."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from ennakointi.report.clearing_figure import STYLES, TALL, Curve, clearing_curves
from ennakointi.report.figures import Figure
from ennakointi.text import Catalogue

X = np.linspace(0, 100, 11)


def drawn(*needed: float) -> Figure:
    """Chances that rise evenly to 1 at 1.25 × the needed capacity; none rises when it is not a number."""
    curves = [
        Curve(
            f"scenario {n}",
            X,
            np.minimum(X / (1.25 * at), 1) if np.isfinite(at) else 0 * X,
            at,
            f"+{n}",
            (f"work {n}",),
        )
        for n, at in enumerate(needed)
    ]
    words = {"title": "Chance of being clear", "x_label": "a week", "alt": "The finding.", "caption": "Caption"}
    return clearing_curves(curves, wanted=0.8, catalogue=Catalogue("fi"), **words)


def words(picture: str) -> str:
    return " ".join((e.text or "").replace("\u00a0", " ") for e in ET.fromstring(picture).iter("text"))


def markers(picture: str) -> dict[str, tuple[float, float]]:
    """Pixels of the marker of each line, by colour."""
    root = ET.fromstring(picture)
    found = {}
    for use in root.iter("use"):
        colour = use.get("fill", "")
        if colour in {style[0] for style in STYLES}:
            found[colour] = (float(use.get("x", "0")), float(use.get("y", "0")))
    return found


def level(picture: str) -> float:
    """Height of the line of the wanted chance: the darkest rule across."""
    paths = [e for e in ET.fromstring(picture).iter("path") if e.get("stroke") == "#1b2733"]
    return min(float(re.findall(r"[\d.]+", e.get("d", ""))[1]) for e in paths)


def test_a_line_is_marked_where_it_reaches_the_wanted_chance() -> None:
    """Lines that need 30, 50 and 70 of 100: on the line of 80 %, 20 hundredths of the axis apart."""
    picture = drawn(30, 50, 70).svg
    places = [markers(picture)[colour] for colour, *_ in STYLES[:3]]
    assert [y for _x, y in places] == pytest.approx([level(picture)] * 3, abs=0.5)
    assert places[2][0] - places[1][0] == pytest.approx(places[1][0] - places[0][0], abs=0.05)


def test_the_marks_of_a_line_stand_on_it() -> None:
    curve = Curve("one", X, X / 100, 35.0, "+35")
    assert curve.mark == (35.0, pytest.approx(0.35))


@pytest.mark.parametrize("needed", [np.nan, 180.0])
def test_a_line_that_does_not_get_there_is_named_at_its_end(needed: float) -> None:
    curve = Curve("one", X, X / 200, needed, "–")
    assert curve.mark == (100.0, 0.5)
    picture = drawn(40, needed).svg
    assert markers(picture)[STYLES[1][0]][0] > markers(picture)[STYLES[0][0]][0]
    assert "scenario 1" in words(picture)


def test_every_line_is_named_with_its_number_at_both_widths() -> None:
    figure = drawn(30, 50, 70)
    for picture in (figure.svg, figure.narrow):
        said = words(picture)
        assert all(f"+{n} scenario {n}" in said for n in range(3))
        assert all(word in said for word in ("Chance of being clear", "a week", "80 %", "100 %", "0 %"))
    assert "work 2" in words(figure.svg)
    assert "work 2" not in words(figure.narrow)


def test_lines_differ_without_their_colours() -> None:
    assert len({str(dashes) + marker for _colour, marker, dashes in STYLES}) == len(STYLES)
    assert TALL > 150


def test_a_wanted_chance_near_a_tick_takes_its_place() -> None:
    curve = Curve("one", X, X / 100, 85.0, "+85")
    given = {"title": "Chance", "x_label": "a week", "alt": "The finding.", "caption": "Caption"}
    said = words(clearing_curves([curve], wanted=0.85, catalogue=Catalogue("fi"), **given).svg)
    assert "85 %" in said
    assert "80 %" not in said
    assert "100 %" in said
