"""What was found of single services, each finding once with the services that it concerns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ennakointi.pages.context import PageContext, Row, check_value
from ennakointi.report import markup
from ennakointi.report.markup import Block
from ennakointi.text import Catalogue


def told_once(found: Iterable[tuple[Any, Any]], context: PageContext) -> list[str]:
    """Sentences of (service, message cell), in the order of their first service.

    Cells that differ in numbers alone are one sentence with the ranges of the numbers; a finding of all services, or
    without a sentence, names none.
    """
    alike: dict[str, tuple[list[str], list[str]]] = {}
    for service, cell in found:
        services, cells = alike.setdefault(_words(cell), ([], []))
        services.append(str(service))
        cells.append(str(cell))
    return [told for services, cells in alike.values() if (told := _sentence(services, cells, context))]


def checks(found: Iterable[Row], context: PageContext) -> list[tuple[bool | None, str]]:
    """Rows of checks with their `passed`, each outcome and finding once."""
    by_outcome: dict[bool | None, list[Row]] = {}
    for row in found:
        by_outcome.setdefault(check_value(row["passed"]), []).append(row)
    return [
        (passed, told)
        for passed, rows in by_outcome.items()
        for told in told_once(((row["service"], row["message"]) for row in rows), context)
    ]


def shown(items: Sequence[tuple[bool | None, str]], catalogue: Catalogue) -> list[Block]:
    """Checks as the reader meets them: those that are not in order, and the others folded under their number."""
    whole = [item for item in items if item[0]]
    open_ones = [item for item in items if not item[0]]
    title = catalogue.gettext("In order ({n})", n=len(whole))
    return [
        *([markup.checks(open_ones, catalogue)] if open_ones else []),
        *([markup.details(title, markup.checks(whole, catalogue))] if whole else []),
    ]


def _words(cell: Any) -> str:
    """What two cells must share to be told as one: all but the numbers."""
    text = str(cell or "")
    if not text.startswith("{"):
        return text
    content = json.loads(text)
    kept = {name: None if _is_number(value) else str(value) for name, value in content["values"].items()}
    return json.dumps([content["message"], kept], sort_keys=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sentence(services: list[str], cells: list[str], context: PageContext) -> str:
    single = cells[0].startswith("{")
    words = context.catalogue.message(*cells) if single else context.words(cells[0])
    names = list(dict.fromkeys(context.label("service", code) for code in services))
    if not words or "all" in services:
        return words
    if len(names) == 1:
        return f"{names[0]}: {words}"
    return context.catalogue.gettext(
        "{finding} Services: {services}.", finding=words, services=context.catalogue.join(names)
    )
