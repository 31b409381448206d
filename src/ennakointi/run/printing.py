"""Prints the pages of a release as PDF by headless Chromium: tagged, with bookmarks, title and language.

The PDF say the same as the pages and no more: Chromium is given no network, the times it writes become the made-on
date of the release, and links that it resolved to this machine's folders lead to the files beside the PDF again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from ennakointi import disclosure
from ennakointi.errors import ParameterError, RunError
from ennakointi.run import crate, provenance
from ennakointi.workspace import Say

FOLDER = crate.PRINTED
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_SECONDS = 180
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--generate-pdf-document-outline",
    "--no-pdf-header-footer",  # its own would name the folder and the hour; page.css numbers the pages
)
_ADDRESS = re.compile(rb"/URI \(((?:\\.|[^()\\])*)\)")
_TIME = re.compile(rb"(/(?:CreationDate|ModDate) \(D:)\d{14}[^)]*\)")


@dataclass(frozen=True)
class Request:
    """What to print; empty languages and pages mean all of the release. `release` is `outputs/<quarter>`."""

    release: Path
    languages: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    jobs: int = 1


def run(request: Request, say: Say) -> int:
    """Print the pages into `<release>/pdf/`, all or none, and add them to the manifest; returns 0.

    Raises
    ------
    ParameterError
        There is no release, or it lacks the language or the page.
    RunError
        Chromium is not installed or fails; earlier PDF stay.
    """
    pages = _pages(request)
    browser = _browser()
    started = provenance.now()
    with tempfile.TemporaryDirectory(prefix="print-") as scratch:
        stage = Path(scratch) / FOLDER
        printer = _Printer(request.release.resolve(), browser, Path(scratch), stage, frozenset(pages))
        with ThreadPoolExecutor(request.jobs) as pool:
            for done, page in enumerate(pool.map(printer.put, pages), start=1):
                say(f"  [{done}/{len(pages)}] {page}")
        disclosure.check_outputs(stage, (str(request.release.resolve().parent), str(Path.home())))
        target = request.release / FOLDER
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(stage, target, copy_function=shutil.copyfile)
    provenance.add_printed(request.release, {page: _printed(page) for page in pages}, _version(browser), started)
    say(f"Printed {target}")
    return 0


def _pages(request: Request) -> list[str]:
    """The pages to print, from the release's folder."""
    languages = provenance.scope(request.release).get("languages")
    if not languages:
        raise ParameterError(f"{request.release}: holds no release; run the quarter first, or give its --output")
    for language in request.languages:
        if language not in languages:
            raise ParameterError(f"--language {language}: the release is in {', '.join(languages)}")
    folders = {code: "" if code == languages[0] else f"{code}/" for code in request.languages or languages}
    there = {path.relative_to(request.release).as_posix() for path in request.release.rglob("*.html")}
    names = {name for folder in folders.values() for name in there if _of(folder, name)}
    for page in request.pages:
        if not any(f"{folder}{page}" in names for folder in folders.values()):
            raise ParameterError(f"--page {page}: is no page of the release; give a name such as index.html")
    wanted = {f"{folder}{page}" for folder in folders.values() for page in request.pages}
    return sorted(names & wanted if request.pages else names)


def _of(folder: str, name: str) -> bool:
    return name.startswith(folder) and "/" not in name.removeprefix(folder)


def _browser() -> str:
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise RunError(
        f"Chromium is not installed; install it (Debian package `chromium`). Looked for {', '.join(BROWSERS)}"
    )


def _version(browser: str) -> str:
    told = subprocess.run([browser, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+(\.\d+)+", told)
    return found[0] if found else "unknown"


def _printed(page: str) -> str:
    return f"{FOLDER}/{page.removesuffix('.html')}.pdf"


@dataclass(frozen=True)
class _Printer:
    """Prints pages of `release` into `stage`; `pages` are all that are printed, so that links between them hold."""

    release: Path
    browser: str
    scratch: Path
    stage: Path
    pages: frozenset[str]

    def put(self, page: str) -> str:
        """Print one page and return its name."""
        raw = self._raw(page)
        target = self.stage.parent / _printed(page)
        target.parent.mkdir(parents=True, exist_ok=True)
        made_on = date.fromisoformat(provenance.made_on(self.release))
        target.write_bytes(tidy(raw, made_on, lambda address: self._address(page, address)))
        return page

    def _raw(self, page: str) -> bytes:
        """What Chromium prints, in a profile of its own that knows neither this user nor a network."""
        with tempfile.TemporaryDirectory(prefix="profile-", dir=self.scratch) as profile:
            output = Path(profile) / "page.pdf"
            root = ("--no-sandbox",) if os.geteuid() == 0 else ()  # Chromium's sandbox refuses to run as root
            places = (f"--user-data-dir={profile}", f"--print-to-pdf={output}", (self.release / page).as_uri())
            environment = {**os.environ, "TZ": "UTC", "HOME": profile}
            try:
                done = subprocess.run(
                    [self.browser, *_OPTIONS, *root, *places],
                    capture_output=True,
                    check=False,
                    timeout=TIMEOUT_SECONDS,
                    env=environment,
                )
            except subprocess.TimeoutExpired as error:
                raise RunError(f"{page}: Chromium took longer than {TIMEOUT_SECONDS} seconds; try again") from error
            if done.returncode or not output.exists():
                raise RunError(f"{page}: Chromium could not print it (code {done.returncode}); the earlier PDF stay")
            return output.read_bytes()

    def _address(self, page: str, address: str) -> str:
        """A link to a file of the release, or to the list of quarters above it, from where the PDF of `page` lies;
        others are left as they are."""
        parts = urlsplit(address)
        if parts.scheme != "file":
            return address
        name = os.path.relpath(unquote(parts.path), self.release)
        if not Path(self.release, name).resolve().is_relative_to(self.release.parent):
            raise RunError(f"{page}: a link leads out of the releases; it is not printed")
        target = _printed(name) if name in self.pages else name
        return quote(os.path.relpath(target, Path(_printed(page)).parent)) + (
            f"#{parts.fragment}" if parts.fragment else ""
        )


def tidy(pdf: bytes, made_on: date, address: Callable[[str], str]) -> bytes:
    """A PDF of Chromium with the made-on date as its time, and with other addresses.

    What is put in is as long as what it replaces, filled up with spaces, because a PDF lists its objects by byte.

    Raises
    ------
    RunError
        When a folder of the machine would remain, or an address is longer than the one it replaces.
    """

    def dated(found: re.Match[bytes]) -> bytes:
        return _filled(found, found[1] + f"{made_on:%Y%m%d}000000Z)".encode())

    def addressed(found: re.Match[bytes]) -> bytes:
        given = re.sub(rb"\\(.)", rb"\1", found[1]).decode("latin-1")
        escaped = re.sub(r"([()\\])", r"\\\1", address(given))
        return _filled(found, b"/URI (" + escaped.encode("latin-1") + b")")

    cleaned = _ADDRESS.sub(addressed, _TIME.sub(dated, pdf))
    if b"file:/" in cleaned:
        raise RunError("the PDF names a folder of this machine; it is not kept")
    return cleaned


def _filled(found: re.Match[bytes], text: bytes) -> bytes:
    if len(text) > len(found[0]):
        raise RunError("a link of the PDF would become longer than it was; put the release in a folder further down")
    return text.ljust(len(found[0]))
