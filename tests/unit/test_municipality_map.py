"""The map: ten made-up municipalities, in metres and in degrees; what is hidden or not there says so."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from page_tables import context

from ennakointi.errors import ParameterError
from ennakointi.pages.area_map import Area, area_map
from ennakointi.report import borders, markup
from ennakointi.report.figures import Figure, MapWords, municipality_map
from ennakointi.text import Catalogue

FI = Catalogue("fi")
CODES = ["016", "081", "098", "111", "142", "316", "398", "560", "576", "781"]
WORDS = MapWords("no number", {"neutral": "differs", "unsure": "within"}, "Not on the map:")
SIDE = 20_000.0
CORNER = np.array([400_000.0, 6_750_000.0])


def square(number: int, corners: int = 1) -> list[list[float]]:
    """The ring of a square of a 5 × 2 board, whose sides have so many steps."""
    start = CORNER + SIDE * np.array([number % 5, number // 5])
    turns = SIDE * np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    steps = [a + (b - a) * t for a, b in pairwise(turns) for t in np.linspace(0, 1, corners, endpoint=False)]
    return [*(start + np.array(steps)).tolist(), (start + turns[-1]).tolist()]


def geometries(codes: list[str] = CODES) -> dict[str, dict]:
    """Squares; one of them with a lake, another with an island."""
    made: dict[str, dict] = {code: {"type": "Polygon", "coordinates": [square(n)]} for n, code in enumerate(codes)}
    hole = (np.array(square(0)) - CORNER - SIDE / 2) * 0.2 + CORNER + SIDE / 2
    made[codes[0]]["coordinates"].append(hole.tolist())
    island = (np.array(square(9)) - square(9)[0]) * 0.2 + square(9)[2] + np.array([SIDE / 2, 0])
    made[codes[-1]] = {"type": "MultiPolygon", "coordinates": [[square(len(codes) - 1)], [island.tolist()]]}
    return made


def frame(**changes: list) -> pd.DataFrame:
    given = {
        "municipality": CODES,
        "label": [f"Kunta {n}" for n in range(10)],
        "value": [0.22, 0.18, 0.15, 0.12, 0.08, 0.06, 0.03, -0.02, np.nan, np.nan],
        "lo": [0.1] * 3 + [-0.1] * 5 + [np.nan] * 2,
        "hi": [0.3] * 8 + [np.nan] * 2,
        "status": ["neutral"] * 3 + ["unsure"] * 7,
        "hidden": [False] * 8 + [True, False],
    }
    return pd.DataFrame({**given, **changes})


def drawn(boundaries: dict[str, dict] | None = None, table: pd.DataFrame | None = None) -> Figure:
    shapes = geometries() if boundaries is None else boundaries
    told = {"unit": "share", "alt": "Largest: Kunta 0, 22 %.", "caption": "Map", "percent": True}
    return municipality_map(frame() if table is None else table, shapes, words=WORDS, catalogue=FI, **told)


@pytest.fixture(scope="module")
def picture() -> Figure:
    return drawn()


def said(svg: str) -> list[str]:
    return [(e.text or "").replace("\u00a0", " ") for e in ET.fromstring(svg).iter("text")]


def shapes_of(svg: str) -> list[ET.Element]:
    """The areas: closed paths with the border's line."""
    return [
        e for e in ET.fromstring(svg).iter("path") if e.get("d", "").rstrip().endswith("z") and e.get("stroke-width")
    ]


def test_every_municipality_is_named_with_its_number_and_interval(picture: Figure) -> None:
    for svg in (picture.svg, picture.narrow):
        words = said(svg)
        assert {f"Kunta {n}" for n in range(10)} <= set(words)
        assert any("22 % (10–30 %)" in one for one in words)
        assert {"differs", "within", "no number", "0 % – 10 %"} <= set(words)


def test_hidden_is_told_from_missing_and_both_have_patterns(picture: Figure) -> None:
    words = said(picture.svg)
    assert words.count("ei näytetä (tietosuoja)") == 2  # in the list and in the legend
    assert words.count("–") == 1
    assert picture.svg.count("<pattern") == 2


def test_pictures_are_safe_small_described_and_the_same_each_time(picture: Figure) -> None:
    assert drawn() == picture
    for svg in (picture.svg, picture.narrow):
        assert markup.faults(svg) == []
        assert len(svg) <= 100_000
        assert "Largest: Kunta 0, 22 %." in svg
        assert all(float(size) >= 12 for size in re.findall(r'font-size="([\d.]+)px"', svg))
    assert 'viewBox="0 0 360' in picture.narrow


def test_a_municipality_without_borders_is_named_under_the_map() -> None:
    few = {code: shape for code, shape in geometries().items() if code not in ("016", "081")}
    assert "Not on the map: Kunta 0 ja Kunta 1" in said(drawn(few).svg)


def test_degrees_and_metres_give_the_same_map() -> None:
    """Degrees of WGS84 around 61° north: a degree of longitude is cos 61° of one of latitude."""
    middle = 61.0
    flat = borders.METRES_PER_DEGREE * np.array([np.cos(np.radians(middle)), 1.0])

    def to_degrees(rings: list) -> list:
        return [((np.array(ring) - CORNER - [0, SIDE]) / flat + [25.0, middle]).tolist() for ring in rings]

    metres = {code: {"type": "Polygon", "coordinates": [square(n)]} for n, code in enumerate(CODES)}
    degrees = {code: {"type": "Polygon", "coordinates": to_degrees(g["coordinates"])} for code, g in metres.items()}
    one, two = (borders.pixels(borders.metres(given), (400, 520)) for given in (metres, degrees))
    assert one[1] == pytest.approx(two[1], rel=0.002)
    assert one[1][0] / one[1][1] == pytest.approx(5 / 2)
    np.testing.assert_allclose(one[0]["398"][0], two[0]["398"][0], atol=1)


def test_north_is_up() -> None:
    placed, _ = borders.pixels(borders.metres(geometries()), (400, 520))
    assert placed["316"][0][:, 1].max() <= placed["016"][0][:, 1].min() + 1e-9  # the second row lies north of the first


def test_neighbours_keep_a_common_border_when_it_is_thinned() -> None:
    """A crooked border of 4,000 corners between two squares: the same corners stay on both sides."""
    rng = np.random.default_rng(5)
    crooked = np.column_stack([SIDE + np.cumsum(rng.normal(0, 40, 4000)), np.linspace(0, SIDE, 4000)])
    crooked[[0, -1], 0] = SIDE
    west = [[0.0, 0.0], *crooked.tolist(), [0.0, SIDE]]
    east = [[2 * SIDE, SIDE], *crooked[::-1].tolist(), [2 * SIDE, 0.0]]
    rings = {"west": [np.array(west)], "east": [np.array(east)]}
    placed, _ = borders.pixels(rings, (400, 520))
    sides = [{tuple(corner) for corner in placed[name][0].tolist()} for name in ("west", "east")]
    middle = [{corner for corner in side if 20 < corner[0] < 380} for side in sides]
    assert middle[0] == middle[1]
    assert 10 < len(middle[0]) < 1000
    assert sum(len(own[0]) for own in placed.values()) <= borders.MOST_CORNERS


def test_a_lake_is_a_hole() -> None:
    path = borders.outline(borders.pixels(borders.metres(geometries()), (400, 520))[0]["016"])
    first, hole = path.to_polygons(closed_only=True)
    assert borders.area(np.array(first)) * borders.area(np.array(hole)) < 0


@pytest.mark.parametrize(
    ("boundaries", "told"),
    [
        ({"091": {"type": "Polygon", "coordinates": [square(0)]}}, "found 091"),
        ({}, "found nothing"),
        ({"016": {"type": "Polygon", "coordinates": [[["a", 1], [2, 3], [4, 5], [1, 1]]]}}, "border of 016"),
        ({"016": {"type": "Polygon", "coordinates": [[[1, 1], [2, 2]]]}}, "at least three"),
        ({"016": {"type": "Polygon"}}, "border of 016"),
    ],
)
def test_wrong_borders_are_told_with_what_to_do(boundaries: dict[str, dict], told: str) -> None:
    with pytest.raises(ParameterError, match=told) as caught:
        drawn(boundaries)
    assert "reporting.yml, boundaries" in str(caught.value)
    assert re.search(r"[Gg]ive", str(caught.value))


def test_changes_have_their_sign_and_sides_their_shades() -> None:
    table = frame(value=[0.12, 0.03, 0.01, -0.01, -0.02, -0.03, -0.04, -0.12, np.nan, np.nan])
    told = {"unit": "change", "alt": "Largest: +12 %.", "caption": "Map", "percent": True, "signed": True}
    words = said(municipality_map(table, geometries(), words=WORDS, catalogue=FI, **told).svg)
    assert any(one.startswith("+12 %") for one in words)
    assert any(one.startswith("−12 %") for one in words)


def test_a_page_draws_the_map_only_where_there_are_borders() -> None:
    plain = context("fi")
    areas = [Area("398", 0.2, 0.1, 0.3), Area("111", hidden=True), Area("999", 0.5, 0.4, 0.6)]
    told = {"unit": "share", "alt": "Largest: Lahti.", "caption": "Shares"}
    assert area_map(areas, plain, **told) is None
    labels = {**plain.labels, "area": {"398": "Lahti", "111": "Heinola", "county:07": "Päijät-Häme"}}
    made = area_map(areas, replace(plain, labels=labels, boundaries=geometries()), **told)
    assert made is not None
    words = said(made.svg)
    assert {"Lahti", "Heinola", "ei näytetä (tietosuoja)"} <= set(words)
    assert "Päijät-Häme" not in words


def test_the_municipalities_of_an_area_have_its_share() -> None:
    plain = context("fi")
    labels = {**plain.labels, "area": {"398": "Lahti", "111": "Heinola", "098": "Hollola", "north": "Pohjoinen"}}
    told = replace(plain, labels=labels, boundaries=geometries(), areas={"north": ("111", "098")})
    made = area_map([Area("north", 0.2, 0.1, 0.3)], told, unit="share", alt="Largest.", caption="Shares")
    alone = [Area("111", 0.2, 0.1, 0.3), Area("098", 0.2, 0.1, 0.3)]
    assert made is not None
    assert made.svg == area_map(alone, told, unit="share", alt="Largest.", caption="Shares").svg
