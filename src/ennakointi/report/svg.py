"""Turns matplotlib's SVG into one that may stand inside a page under a strict content policy.

No style element or attribute, no identifier that could clash, no metadata; text stays text in the page's own
font, and the picture carries its title and description for those who do not see it.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ennakointi",
    "path.simplify": True,
    "hatch.linewidth": 1.0,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_ATTRIBUTE = re.compile(  # presentation attributes of SVG 1.1 that matplotlib writes as styles
    r"(fill|stroke|stop)-[a-z]+|clip-(path|rule)|font-(size|stretch|style|variant|weight)|text-(anchor|decoration)"
    r"|fill|stroke|opacity|color|visibility|image-rendering|dominant-baseline"
)
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"#([A-Za-z_][\w.-]*)")


def render(canvas: Canvas, title: str, description: str) -> str:
    """A drawn canvas as inline SVG, the same text for the same drawing.

    Parameters
    ----------
    canvas : matplotlib.figure.Figure
        Its size in inches times 72 is its size on the screen in pixels.
    title, description : str
        The accessible name, and what the picture shows in words.
    """
    buffer = io.StringIO()
    with mpl.rc_context(_SETTINGS):
        FigureCanvasSVG(canvas).print_svg(buffer, metadata=_NO_METADATA)
    return clean(buffer.getvalue(), title, description)


def clean(text: str, title: str, description: str) -> str:
    """An SVG document without style, metadata and needless identifiers, described in words."""
    root = ET.fromstring(text)
    for element in root.iter():
        _plain(element)
    for parent in list(root.iter()):
        for child in [c for c in parent if c.tag in ("style", "metadata")]:
            parent.remove(child)
    prefix = "f" + hashlib.sha256(f"{text}{title}{description}".encode()).hexdigest()[:8]
    _rename_ids(root, prefix)
    _describe(root, prefix, title, description)
    return ET.tostring(root, encoding="unicode")


def _plain(element: ET.Element) -> None:
    """Names without namespaces, styles as presentation attributes, coordinates with two decimals."""
    element.tag = _local(element.tag)
    attributes = {_local(name): value for name, value in element.attrib.items()}
    attributes |= dict(_presentation(attributes.pop("style", "")))
    element.attrib.clear()
    for name, value in attributes.items():
        if name in ("d", "points", "x", "y", "transform", "x1", "x2", "y1", "y2", "width", "height"):
            value = " ".join(_NUMBER.sub(lambda match: f"{float(match[0]):.2f}", value).split())
        element.set(name, value)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _presentation(style: str) -> Iterator[tuple[str, str]]:
    """The declarations of a style as attributes; the font family is the page's."""
    for declaration in filter(None, (part.strip() for part in style.split(";"))):
        name, value = (part.strip() for part in declaration.split(":", 1))
        if name == "font":
            yield from ((f"font-{part}", match[0]) for part, match in _font(value) if match)
        elif _ATTRIBUTE.fullmatch(name):
            yield name, value
        elif name != "font-family":
            raise ValueError(f"SVG style {name!r}: no attribute says the same, and the page's policy refuses styles")


def _font(value: str) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Size, weight and slant of a CSS `font`."""
    before = re.split(r"[\d.]+px", value)[0]
    yield "size", re.search(r"[\d.]+px", value)
    yield "weight", re.search(r"\b(\d{3}|bold)\b", before)
    yield "style", re.search(r"\b(italic|oblique)\b", before)


def _rename_ids(root: ET.Element, prefix: str) -> None:
    """Keep only identifiers that are referred to, and make them the picture's own."""
    references = {match for e in root.iter() for v in e.attrib.values() for match in _REFERENCE.findall(v) if "#" in v}
    known = sorted({e.get("id", "") for e in root.iter()} & references)
    new = {old: f"{prefix}-{position}" for position, old in enumerate(known)}
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id":
                element.attrib.pop("id")
                if value in new:
                    element.set("id", new[value])
            elif value.startswith(("#", "url(#")):
                element.set(name, _REFERENCE.sub(lambda m: "#" + new.get(m[1], m[1]), value))


def _describe(root: ET.Element, prefix: str, title: str, description: str) -> None:
    width, height = (root.attrib.pop(name).removesuffix("pt") for name in ("width", "height"))
    attributes = {
        "viewBox": f"0 0 {width} {height}",
        "width": width,
        "stroke-linejoin": "round",
        "role": "img",
    }
    root.attrib.clear()
    root.attrib.update(attributes)
    root.set("aria-labelledby", f"{prefix}-t")
    for position, (tag, words) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{prefix}-{tag[0]}"})
        element.text = words
        root.insert(position, element)
    root.set("aria-describedby", f"{prefix}-d")
