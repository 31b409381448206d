"""Borders of areas from GeoJSON to pixels: projected, thinned alike on both sides, so that neighbours never part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.path import Path

from ennakointi.errors import ParameterError
from ennakointi.report.sheet import Floats

FINEST, MOST_CORNERS = 0.5, 2500  # pixels between corners, and how many corners a map may have
METRES_PER_DEGREE = 111_320.0

Rings = dict[str, list[Floats]]
Corner = tuple[float, float]


def metres(geometries: Mapping[str, Mapping[str, Any]]) -> Rings:
    """Corners of each area's rings in metres, shape (n, 2) each, the last one not repeated.

    Degrees (WGS84) are projected so that distances are true at the middle latitude; metres stay.

    Raises
    ------
    ParameterError
        When a border has no corners, or corners that are no pairs of finite numbers.
    """
    found = {code: _rings(code, geometry) for code, geometry in geometries.items()}
    if not found:
        return {}
    corners = np.concatenate([ring for rings in found.values() for ring in rings])
    if np.abs(corners[:, 0]).max() > 180 or np.abs(corners[:, 1]).max() > 90:
        return found
    shrink = np.cos(np.radians(corners[:, 1].mean()))
    stretch = METRES_PER_DEGREE * np.array([shrink, 1.0])
    return {code: [ring * stretch for ring in rings] for code, rings in found.items()}


def _rings(code: str, geometry: Mapping[str, Any]) -> list[Floats]:
    wrong = f"reporting.yml, boundaries: the border of {code} "
    told = "; give a GeoJSON file of polygons in metres (ETRS-TM35FIN) or in degrees (WGS84)"
    try:
        polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
        rings = [np.array([corner[:2] for corner in ring], dtype=np.float64) for part in polygons for ring in part]
    except (TypeError, ValueError, KeyError) as error:
        raise ParameterError(f"{wrong}has corners that are no pairs of numbers{told}") from error
    usable = [ring[:-1] if (ring[0] == ring[-1]).all() else ring for ring in rings if len(ring) > 3]
    if not usable or not all(ring.shape[1:] == (2,) and np.isfinite(ring).all() for ring in usable):
        raise ParameterError(f"{wrong}has no ring of at least three finite corners{told}")
    return usable


def pixels(rings: Rings, room: tuple[float, float]) -> tuple[Rings, tuple[float, float]]:
    """Rings in pixels, north up, as large as a room allows and with few corners; and width and height of the map."""
    corners = np.concatenate([ring for own in rings.values() for ring in own])
    low, high = corners.min(axis=0), corners.max(axis=0)
    spread = np.maximum(high - low, 1e-9)
    scale = float(min(np.array(room) / spread))
    drawn = {code: [_snapped((r - low) * scale, float(spread[1]) * scale) for r in own] for code, own in rings.items()}
    drawn = {code: [r for r in own if len(r) > 2] or own[:1] for code, own in drawn.items()}
    owners = _owners(drawn)
    far = FINEST
    while True:
        thin = {code: [_thinned(ring, owners, far) for ring in own] for code, own in drawn.items()}
        if sum(len(ring) for own in thin.values() for ring in own) <= MOST_CORNERS:
            return thin, (float(spread[0] * scale), float(spread[1] * scale))
        far *= 1.5


def _snapped(ring: Floats, tall: float) -> Floats:
    """Corners on a fine grid with y down, without repeated ones."""
    down = np.column_stack([ring[:, 0], tall - ring[:, 1]])
    on_grid = np.round(down / FINEST) * FINEST
    return on_grid[np.any(on_grid != np.roll(on_grid, 1, axis=0), axis=1)]


def _owners(rings: Rings) -> dict[Corner, frozenset[str]]:
    """The areas that share each corner."""
    found: dict[Corner, set[str]] = {}
    for code, own in rings.items():
        for corner in (tuple(corner) for ring in own for corner in ring.tolist()):
            found.setdefault(corner, set()).add(code)
    return {corner: frozenset(codes) for corner, codes in found.items()}


def _thinned(ring: Floats, owners: Mapping[Corner, frozenset[str]], far: float) -> Floats:
    """A ring whose stretches between the same areas are each thinned in one direction only, the same for both sides."""
    corners: list[Corner] = [(x, y) for x, y in ring.tolist()]
    starts = [i for i, corner in enumerate(corners) if owners[corner] != owners[corners[i - 1]]]
    ends = [start - 1 for start in [*starts[1:], *(start + len(corners) for start in starts[:1])]]
    if not starts:
        first = corners.index(min(corners))
        apart = ((ring - ring[first]) ** 2).sum(axis=1).tolist()
        second = max(range(len(corners)), key=lambda i: (apart[i], corners[i]))
        starts, ends = sorted((first, second)), [max(first, second), min(first, second) + len(corners)]
    kept: list[Corner] = []
    for start, end in zip(starts, ends, strict=True):
        stretch = [corners[i % len(corners)] for i in range(start, end + 1)]
        turned = stretch[0] > stretch[-1]
        line = _douglas_peucker(np.array(stretch[::-1] if turned else stretch), far)
        kept += [(x, y) for x, y in (line[::-1] if turned else line).tolist()]
    whole = [corner for i, corner in enumerate(kept) if corner != kept[i - 1]]
    return np.array(whole) if len(whole) > 2 else ring


def _douglas_peucker(line: Floats, far: float) -> Floats:
    """A line with fewer corners, none further than `far` from it (Douglas and Peucker 1973)."""
    kept = np.zeros(len(line), dtype=bool)
    kept[[0, -1]] = True
    spans = [(0, len(line) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        chord, inner = line[last] - line[first], line[first + 1 : last] - line[first]
        length = float(np.hypot(*chord))
        across = np.abs(chord[0] * inner[:, 1] - chord[1] * inner[:, 0]) / length if length else np.hypot(*inner.T)
        middle = first + 1 + int(np.argmax(across))
        if across[middle - first - 1] > far:
            kept[middle] = True
            spans += [(first, middle), (middle, last)]
    return line[kept]


def area(ring: Floats) -> float:
    """Signed area: positive where corners run clockwise on the screen."""
    x, y = ring.T
    return float(0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def outline(rings: Sequence[Floats]) -> Path:
    """All rings of an area as one path; a ring inside an odd number of others is a hole and runs backwards."""
    outlines = [Path(ring) for ring in rings]
    parts = []
    for number, ring in enumerate(rings):
        inside = sum(other.contains_point(ring[0]) for i, other in enumerate(outlines) if i != number)
        wanted = -1.0 if inside % 2 else 1.0
        run = ring if area(ring) * wanted >= 0 else ring[::-1]
        parts.append(Path(np.vstack([run, run[:1]]), closed=True))
    return Path.make_compound_path(*parts)
