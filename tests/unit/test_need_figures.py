"""The small curves of several needs: their ticks, their lines, and one fact that is yes or no."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from ennakointi.report import figures
from ennakointi.report.figures import CurveWords, Panel
from ennakointi.text import Catalogue

X = np.linspace(0, 0.075, 11)  # its scale has ticks at 2.5 %


def curves(*frames: pd.DataFrame, **panel: tuple[tuple[float, str], ...]) -> figures.Figure:
    panels = [Panel(f"Tarve {number}", "havainto", frame, **panel) for number, frame in enumerate(frames)]
    return figures.curve_panels(
        panels,
        words=CurveWords("ylös", "sivulle", "käyrä", "vertailu"),
        catalogue=Catalogue("fi"),
        alt="mitä näkyy",
        caption="otsikko",
        percent_x=True,
        percent_y=True,
        dots=True,
    )


def test_panels_tell_their_ticks_apart_and_name_their_lines() -> None:
    frame = pd.DataFrame({"x": X, "y": 1.1 * X, "reference": X})
    drawn = curves(frame, frame)
    ticks = set(re.findall(r">([\d,]+)\s%<", drawn.svg))
    assert {"2,5", "5,0", "7,5"} <= ticks  # never 3 and 8
    assert all(word in drawn.svg for word in ("Tarve 1", "käyrä", "vertailu", "↑ ylös", "→ sivulle"))
    assert "mitä näkyy" in drawn.narrow


def test_the_places_of_a_yes_or_no_are_words() -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0], "y": [0.01, 0.04]})
    drawn = curves(frame, x_words=((0.0, "ei"), (1.0, "kyllä")))
    assert ">ei<" in drawn.svg
    assert ">kyllä<" in drawn.svg


@pytest.mark.parametrize("y", [[0.0], [np.nan], [1.0], [-0.2]])
def test_a_panel_of_one_point_is_drawn(y: list[float]) -> None:
    assert "<svg" in curves(pd.DataFrame({"x": [0.1], "y": y})).svg
