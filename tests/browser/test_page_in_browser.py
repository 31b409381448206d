"""A page in a real browser: no request, no refused style, nothing wider than the screen."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from ennakointi.periods import Quarter
from ennakointi.report import exporter, figures, markup
from ennakointi.report.exporter import Page
from ennakointi.report.markup import Column
from ennakointi.text import Catalogue

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian package `chromium`)"),
]
PAGE = Page(
    title="Palveluvelka: paljon palveluja käyttävät",
    language="fi",
    quarter=Quarter(2025, 3),
    as_of=date(2025, 9, 30),
    county="Päijät-Häme",
    contact="info@example.fi",
    synthetic=True,
    made_on=date(2025, 10, 12),
    source="synthetic county",
    nav=(("Kooste", "index.html"), ("Palveluvelka", "debt.html")),
)
MEASURE = """<script>addEventListener("load", () => {
  const box = (q) => [...document.querySelectorAll(q)].map(e => e.getBoundingClientRect());
  const texts = box("figure svg text").filter(b => b.width > 0);
  const fills = [...document.querySelectorAll("figure svg path")].map(e => getComputedStyle(e).fill);
  document.title = JSON.stringify({
    scroll: document.documentElement.scrollWidth, inner: innerWidth,
    smallest: Math.min(...texts.map(b => b.height)), texts: texts.length, fills: new Set(fills).size,
    wide: box(".wide")[0].width, narrow: box(".narrow")[0].width,
    requests: performance.getEntriesByType("resource").length });
});</script>"""


def page() -> str:
    catalogue = Catalogue("fi")
    frame = pd.DataFrame(
        {
            "label": ["Suun terveydenhuolto", "Kotihoito"],
            "value": [2.0, 1.0],
            "lo": [1.0, 0.5],
            "hi": [3.0, 1.5],
        }
    )
    chart = figures.bars(frame, catalogue=catalogue, unit="viikkoa", alt="Suun velka on suurin.", caption="Velka")
    columns = [
        Column("label", "Palvelu"),
        *(Column(n, f"Pitkä otsikko {n}", "number", 1) for n in ("value", "lo", "hi")),
    ]
    body = markup.stack(
        markup.headline("Noin 110 000 käyntiä.", lead="Velka pienenee."),
        markup.section("Palveluittain", markup.figure(chart), markup.table(frame, columns, "Velka", catalogue)),
    )
    return exporter.block_page(body, PAGE)


def measured(html: str, width: int, folder: Path) -> dict[str, float]:
    """Numbers that the page tells of itself; the measuring script is let in by a policy of its own."""
    policy = "default-src &#39;none&#39;;"
    assert policy in html
    unlocked = html.replace(policy, f"{policy} script-src 'unsafe-inline';")
    file = folder / "page.html"
    file.write_text(unlocked.replace("</head>", f"{MEASURE}</head>"), encoding="utf-8")
    dumped = subprocess.run(
        [
            str(CHROMIUM),
            *_FLAGS,
            f"--user-data-dir={folder / 'profile'}",
            "--dump-dom",
            f"--window-size={width},900",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    title = re.search(r"<title>(\{.*?\})</title>", dumped)
    assert title is not None
    measures: dict[str, float] = json.loads(title[1])
    return measures


_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--virtual-time-budget=2000",
)


@pytest.mark.parametrize("width", [1280, 320])
def test_the_page_fits_the_screen_and_asks_for_nothing(width: int, tmp_path: Path) -> None:
    measures = measured(page(), width, tmp_path)
    assert measures["scroll"] <= measures["inner"]
    assert measures["requests"] == 0
    assert measures["texts"] > 4
    assert measures["smallest"] >= 11
    assert measures["fills"] >= 3
    shown, not_shown = ("wide", "narrow") if width > 640 else ("narrow", "wide")
    assert measures[shown] > 0
    assert measures[not_shown] == 0
