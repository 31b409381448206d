"""Executed notebooks as pages: our blocks and the notebook's own paragraphs, nothing else gets through.

A page needs no JavaScript and asks nothing of the network; its policy allows its one style sheet only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from ennakointi.disclosure import END_MARKER, SHOWN_BY_NOTEBOOKS
from ennakointi.errors import EnnakointiError, RunError
from ennakointi.periods import Quarter
from ennakointi.report import markup
from ennakointi.report.markup import Block
from ennakointi.text import Catalogue

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGE_NAMES = {"fi": "Suomeksi", "sv": "På svenska", "en": "In English"}


class ReportError(RunError):
    """A notebook holds an output that a page must not show."""


@dataclass(frozen=True)
class Page:
    """What stands around the content of a page; every text is ready in the page's language.

    Attributes
    ----------
    nav : ((title, href), …) of the site, in order; `current` is the href of this page.
    languages : ((code, href), …) of the same page in other languages.
    as_of, made_on : the day the data are complete to, and the day the page was made.
    source : name of the data source.
    provenance : ((term, text), …) of "How these figures were computed".
    contact : an e-mail address, or a text.
    more : ((title, href), …) of the pages about the report: methods, glossary, files, accessibility, quarters.
    logo : the county's logo as a `data:` address, or empty.
    colours : ((CSS variable without its dashes, `#rrggbb`), …) that take the place of those of the style sheet.
    """

    title: str
    language: str
    quarter: Quarter
    as_of: date
    county: str
    contact: str
    synthetic: bool
    made_on: date
    source: str
    nav: tuple[tuple[str, str], ...] = ()
    current: str = ""
    languages: tuple[tuple[str, str], ...] = ()
    provenance: tuple[tuple[str, str], ...] = ()
    more: tuple[tuple[str, str], ...] = ()
    logo: str = ""
    colours: tuple[tuple[str, str], ...] = ()


def unshowable(notebook: NotebookNode) -> str:
    """Why an executed notebook cannot be shown, or an empty string: its outputs must be blocks of `markup`."""
    try:
        _body(notebook)
    except ReportError as error:
        return str(error)
    return ""


def page(notebook: NotebookNode | Path, page: Page, after: Block | None = None, before: Block | None = None) -> str:
    """An executed notebook as a page.

    Parameters
    ----------
    notebook : NotebookNode or Path
        Its Markdown cells and the blocks its code cells display; the code itself is left out.
    page : Page
        What stands around.
    after, before : Block, optional
        Content after and above that of the notebook.

    Raises
    ------
    ReportError
        When an output is an error, a stream, or not a block of `markup`: only blocks have passed the door.
    """
    executed = nbformat.read(notebook, as_version=4) if isinstance(notebook, Path) else notebook
    above, below = ([_cell(block)] if block is not None else [] for block in (before, after))
    executed = new_notebook(cells=[*above, *executed.cells, *below])
    html, _ = _PageExporter().from_notebook_node(executed, {"page": page})
    return str(html)


def block_page(block: Block, page: Page) -> str:
    """A page of one block, without a notebook."""
    html, _ = _PageExporter().from_notebook_node(new_notebook(cells=[_cell(block)]), {"page": page})
    return str(html)


def failure(page: Page, part: str) -> str:
    """The page that stands where a part of the run failed."""
    return block_page(failure_block(Catalogue(page.language), part), page)


def failure_block(catalogue: Catalogue, part: str) -> Block:
    """What failed, and that the rest is whole."""
    _ = catalogue.gettext
    return markup.callout(
        _("This page could not be made."),
        _("The part that failed: {part}.", part=part),
        _("The other pages of the quarter are whole. The log of the run tells the cause."),
        tone="warning",
    )


def _cell(block: Block) -> NotebookNode:
    data = {"text/html": block._repr_html_()}
    return new_code_cell(outputs=[new_output("display_data", data=data)])


class _PageExporter(TemplateExporter):
    """nbconvert's exporter with our template; it renders the cells itself, so that nothing slips through."""

    def __init__(self) -> None:
        super().__init__(
            template_name="ennakointi",
            extra_template_basedirs=[str(TEMPLATES)],
            default_preprocessors=[],
            file_extension=".html",
        )

    def _create_environment(self) -> jinja2.Environment:
        environment = super()._create_environment()
        environment.autoescape = True
        environment.undefined = jinja2.StrictUndefined
        return environment

    def from_notebook_node(
        self, nb: NotebookNode, resources: Any = None, **settings: Any
    ) -> tuple[Any, dict[str, Any]]:
        about: Page = resources["page"]
        words = _words(about)
        style = _style(about, words)
        body = _marked(_unique(_body(nb)), about)
        more = {
            "page": about,
            "words": words,
            "language_names": LANGUAGE_NAMES,
            "style": style,
            "policy": content_policy(style),
            "body": body,
            "contents": re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', body, re.DOTALL),
        }
        html: tuple[Any, dict[str, Any]] = super().from_notebook_node(nb, more, **settings)
        return html


@cache
def _sheet() -> str:
    return (TEMPLATES / "ennakointi" / "page.css").read_text(encoding="utf-8")


def _style(about: Page, words: dict[str, str]) -> str:
    """The style sheet, and after it what is the page's own: the county's colours, the words at the edges of paper."""
    variables = dict(about.colours)
    variables["running"] = _css_text(f"{about.county} · {words['quarter']} · {about.title}")
    variables["running-note"] = _css_text(about.synthetic * words["synthetic"])
    own = "".join(f"--{name}: {value}; " for name, value in variables.items())
    return f"{_sheet()}:root {{ {own}}}\n"


def _css_text(text: str) -> str:
    """A text as a CSS string: what is neither a letter nor a digit stands as its code, so that nothing ends the string
    or the style."""
    return '"' + "".join(one if one.isalnum() else f"\\{ord(one):x} " for one in text) + '"'


def content_policy(style: str) -> str:
    """The content policy of a page: its one style sheet by hash, embedded images, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _words(about: Page) -> dict[str, str]:
    catalogue = Catalogue(about.language)
    _ = catalogue.gettext
    return {
        "skip": _("Skip to the content"),
        "pages": _("Pages"),
        "languages": _("Languages"),
        "contents": _("On this page"),
        "synthetic": catalogue.synthetic,
        "quarter": catalogue.quarter(about.quarter),
        "complete_to": _("Data complete to {date}", date=catalogue.date(about.as_of)),
        "made_on": _("Made on {date}", date=catalogue.date(about.made_on)),
        "source": _("Source: {source}", source=about.source),
        "provenance": _("How these figures were computed"),
        "about": _("About this report"),
        "contact": _("Questions and feedback:"),
    }


def _body(notebook: NotebookNode) -> str:
    """Paragraphs and blocks in order; a heading and its lead-in go where every block under them is empty."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "markdown":
            parts.append((_prose(cell.source), []))
        elif cell.cell_type == "code":
            parts[-1][1].extend(_shown(cell, number))
    kept = [(lead, *blocks) for lead, blocks in parts if not blocks or any(block.strip() for block in blocks)]
    return "\n".join(piece for part in kept for piece in part if piece.strip())


def _shown(cell: NotebookNode, number: int) -> Iterator[str]:
    for output in cell.outputs:
        if output.output_type not in ("display_data", "execute_result"):
            raise ReportError(f"cell {number}: its output is a {output.output_type}; only blocks may be shown")
        if END_MARKER in output.data:
            continue
        if "text/html" not in output.data or set(output.data) - SHOWN_BY_NOTEBOOKS:
            kinds = ", ".join(sorted(output.data))
            raise ReportError(f"cell {number}: its output is {kinds}; end the cell in a block of `markup`")
        try:
            yield markup.content("".join(output.data["text/html"]))
        except EnnakointiError as error:
            raise ReportError(f"cell {number}: {error}") from error


class _Prose(IPythonRenderer):
    """Markdown of the notebook; its first-level heading is for JupyterLab, the page has its own."""

    def heading(self, text: str, level: int, **_attributes: Any) -> str:
        return "" if level == 1 else f'<h{level} id="{markup.slug(text)}">{text}</h{level}>'


def _prose(source: str) -> str:
    renderer = _Prose(escape=True, allow_harmful_protocols=False, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(source))


def _unique(body: str) -> str:
    """Identifiers that occur once: figures and tables without one are numbered, and so is what occurs again."""
    seen: dict[str, int] = {}

    def again(name: str) -> str:
        seen[name] = seen.get(name, 0) + 1
        return name if seen[name] == 1 else f"{name}-{seen[name]}"

    def numbered(match: re.Match[str]) -> str:
        kind = f"{match[1]} without a name"
        seen[kind] = seen.get(kind, 0) + 1
        return f'<{match[1]} id="{match[1]}-{seen[kind]}"{match[2]}'

    body = re.sub(r'(<(?:h[2-4]|figure|table) id=")([^"]+)(")', lambda m: m[1] + again(m[2]) + m[3], body)
    body = re.sub(r"<(figure|table)(?! id=)([ >])", numbered, body)

    def picture(match: re.Match[str]) -> str:
        prefix = re.search(r'aria-labelledby="(f[0-9a-f]{8})-t"', match[0])
        return match[0] if prefix is None else match[0].replace(prefix[1], again(prefix[1]))

    return re.sub(r"<svg\b.*?</svg>", picture, body, flags=re.DOTALL)


def _marked(body: str, about: Page) -> str:
    """Figures of synthetic data say so themselves, because they are copied elsewhere."""
    if not about.synthetic:
        return body
    return body.replace(
        "</figcaption>", f" <strong>{escape(Catalogue(about.language).synthetic)}</strong></figcaption>"
    )
