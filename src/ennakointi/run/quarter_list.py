"""The list of published quarters beside the releases: `outputs/index.html`, and one file for each other language."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

from ennakointi import disclosure
from ennakointi.errors import RunError
from ennakointi.pages import quarters
from ennakointi.pages.quarters import Published
from ennakointi.periods import Quarter
from ennakointi.report import exporter
from ennakointi.run.frames import ABOUT, ACCESSIBILITY, INDEX, Release, frame, quarters_file
from ennakointi.text import LOCALES, Catalogue


def write(folder: Path, release: Release) -> None:
    """Write the list anew from the releases that lie in the folder; a reader sees the old list or the new one.

    Parameters
    ----------
    folder : where the releases of the quarters lie
    release : the one just put in place; its languages are those of the list

    Raises
    ------
    RunError
        When the list cannot be written; the quarter itself is published.
    """
    stage = folder / ".quarters.new"
    try:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        for language in release.languages:
            (stage / quarters_file(release.languages, language)).write_text(
                _page(folder, release, language), encoding="utf-8"
            )
        disclosure.check_outputs(stage, release.forbidden)
        for path in stage.iterdir():
            path.chmod(0o644)
            os.replace(path, folder / path.name)
        for language in set(LOCALES) - set(release.languages[1:]):
            (folder / f"index.{language}.html").unlink(missing_ok=True)
    except OSError as error:
        raise RunError(
            f"{folder}: the list of quarters could not be written ({error.strerror}); the quarter {release.quarter} "
            "is published. Check the folder's permissions, then run again with --resume"
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _page(folder: Path, release: Release, language: str) -> str:
    catalogue = Catalogue(language)
    links = tuple((code, quarters_file(release.languages, code)) for code in release.languages)
    pages = f"{release.quarter}/" if language == release.languages[0] else f"{release.quarter}/{language}/"
    page = replace(
        frame(release, language),
        title=catalogue.gettext("Published quarters"),
        nav=(),
        more=((catalogue.gettext(ABOUT[ACCESSIBILITY]), f"{pages}{ACCESSIBILITY}"),),
        provenance=(),
        languages=links if len(links) > 1 else (),
    )
    return exporter.block_page(quarters.quarters(list(_published(folder, language)), catalogue), page)


def _published(folder: Path, language: str) -> Iterator[Published]:
    """Every finished release with the opening sentence of its summary, in the language if it has it."""
    for place in folder.iterdir():
        if not re.fullmatch(r"\d{4}Q[1-4]", place.name) or not (place / INDEX).is_file():
            continue
        own = place / language / INDEX
        first = own if own.is_file() else place / INDEX
        page = first.read_text(encoding="utf-8")
        found = re.search(r'<p class="lead">(.*?)</p>', page, re.DOTALL)
        line = unescape(re.sub(r"<[^>]+>", "", found[1])).strip() if found else ""
        synthetic = any(Catalogue(code).synthetic in unescape(page) for code in LOCALES)
        yield Published(Quarter.parse(place.name), first.relative_to(folder).as_posix(), line, synthetic)
