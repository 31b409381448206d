"""A page looks the same with its content policy and without: nothing on it needs a style that the policy refuses."""

from __future__ import annotations

import io
import re
import subprocess
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from external_tools import tool
from matplotlib import image
from matplotlib.backends.backend_svg import FigureCanvasSVG

from ennakointi.periods import Quarter
from ennakointi.report import exporter, figures, markup, sheet, svg
from ennakointi.report.exporter import Page
from ennakointi.text import Catalogue

pytestmark = pytest.mark.browser
FI = Catalogue("fi")
PAGE = Page(
    title="Palveluvelka",
    language="fi",
    quarter=Quarter(2025, 3),
    as_of=date(2025, 9, 30),
    county="Päijät-Häme",
    contact="info@example.fi",
    synthetic=True,
    made_on=date(2025, 10, 12),
    source="synthetic county",
)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def drawn(width: int) -> sheet.Canvas:
    """What matplotlib writes as styles: hatches, dashes, see-through marks, turned bold words, a picture of a cloud."""
    drawing = sheet.Sheet(width, 300)
    axes = drawing.axes(50, 20, width - 60, 220)
    random = np.random.default_rng(1)
    axes.plot(*random.normal(size=(2, 400)), "o", alpha=0.3, markersize=4, rasterized=True)
    axes.bar([0, 1], [1, -1], hatch="//", edgecolor=sheet.MAIN, facecolor=sheet.WINDOW, alpha=0.6)
    axes.axhline(0.5, linestyle="--", color=sheet.SECOND)
    drawing.say(20, 200, "Käyntejä", weight="bold", style="italic", rotation=90, ha="center")
    return drawing.canvas


def raw() -> str:
    """The same picture as matplotlib writes it, styles and all."""
    file = io.StringIO()
    FigureCanvasSVG(drawn(760)).print_svg(file, metadata={"Date": None})
    return file.getvalue()[file.getvalue().index("<svg") :]


def page() -> str:
    bars = pd.DataFrame(
        {"label": ["Suun terveydenhuolto", "Kotihoito"], "value": [2.0, 1.0], "lo": [1, 0.5], "hi": 3.0}
    )
    pictures = [
        figures.bars(bars, catalogue=FI, unit="viikkoa", alt="Suun velka on suurin.", caption="Velka"),
        sheet.both_widths(drawn, "Pilvi.", "Pilvi"),
    ]
    return exporter.block_page(markup.stack(*map(markup.figure, pictures)), PAGE)


def without_policy(html: str) -> str:
    freed, n = re.subn(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", html)
    assert n == 1
    return freed


def screenshot(html: str, folder: Path, name: str) -> np.ndarray:
    (folder / f"{name}.html").write_text(html, encoding="utf-8")
    places = [f"--user-data-dir={folder / 'profile'}", f"--screenshot={folder / name}.png", "--window-size=900,1500"]
    command = [tool("chromium", "chromium"), *FLAGS, *places, (folder / f"{name}.html").as_uri()]
    subprocess.run(command, capture_output=True, timeout=60, check=True)
    pixels: np.ndarray = image.imread(folder / f"{name}.png")
    return pixels


@pytest.mark.slow
def test_the_policy_changes_no_pixel(tmp_path: Path) -> None:
    html = page()
    assert html.count("<image") == 2
    with_policy, free = screenshot(html, tmp_path, "with"), screenshot(without_policy(html), tmp_path, "without")
    assert with_policy.std() > 0.05  # there is something to see
    assert np.array_equal(with_policy, free)


@pytest.mark.slow
def test_the_policy_would_change_a_picture_with_styles(tmp_path: Path) -> None:
    html = page().replace("<figcaption>", f"{raw()}<figcaption>", 1)  # the exporter would not let it through
    assert not np.array_equal(screenshot(html, tmp_path, "with"), screenshot(without_policy(html), tmp_path, "without"))


def test_a_style_that_no_attribute_can_say_is_refused() -> None:
    text = '<svg width="1pt" height="1pt"><g style="mix-blend-mode: multiply"/></svg>'
    with pytest.raises(ValueError, match="mix-blend-mode"):
        svg.clean(text, "T", "D")
