"""The last look before a release is put in place: every finished file is read once more."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from ennakointi.disclosure.file_texts import END_MARKER, READABLE, SHOWN_BY_NOTEBOOKS, Unreadable, texts, unwanted
from ennakointi.disclosure.presets import DisclosureError

__all__ = ["END_MARKER", "SHOWN_BY_NOTEBOOKS", "check_outputs"]

Found = Callable[[str], bool]

_SHORTEST_NAME = 5  # a user called "root" or "me" would be found in every other word
_LONGEST_NUMBER = 9  # digits of a person's id that could as well be a number of the report
_PATH = re.compile(  # begins with a letter that is rare in numbers: the search is then fast
    r"/(?<![\w.:/]/)(?:home|root|tmp|Users|mnt|media|private|srv|opt|var)/[\w.-]|:(?<=\b[A-Z]:)\\+\w|file:(?=/)"
)
_PERSON = "(?:person|professional|household)_id|hetu|henkilotunnus"
_PERSON_WORDS = ("_id", "hetu", "henkilotunnus")
_PERSONS = re.compile(
    rf"<th(?![^>]*row)[^>]*>\s*(?:{_PERSON})\b|[\"'](?:{_PERSON})[\"']\s*:|\A([^\n]*,)?(?:{_PERSON})(,|\n)"
)
_DATA = re.compile(r"application/(vnd\.(dataresource|jupyter|plotly|vega|papermill)|x-parquet)")
_IDENTITY_CODE = re.compile(r"[-+A-FU-Y](?<=(?<!\w)\d{6}.)(\d{3})([0-9A-FHJ-NPR-Y])(?!\w)")
_CONTROL = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def check_outputs(folder: Path, forbidden: Iterable[str] = (), persons: Iterable[object] = ()) -> None:
    """Read every finished file once more before it is published: pages with their attributes and pictures, tables,
    documents, notebooks with their outputs and metadata, workbooks and PDF unpacked.

    Parameters
    ----------
    folder : Path
        The finished release.
    forbidden : iterable of str
        More texts that must not occur, such as the folders of the data and of the work.
    persons : iterable
        Identifiers of persons that must not occur. Plain numbers of up to nine digits are not looked for: any number
        of the report could be one.

    Raises
    ------
    DisclosureError
        Naming the file and the kind of what was found, never the text itself.
    """
    names = [name for name in (_user(), socket.gethostname()) if len(name) >= _SHORTEST_NAME]
    looked_for: dict[str, Found] = {
        "a folder of this run": _words([text for text in forbidden if text]),
        "a path of the machine": lambda text: bool(_PATH.search(text)),
        "a column of persons": lambda text: any(word in text for word in _PERSON_WORDS) and bool(_PERSONS.search(text)),
        "hidden data": lambda text: "application/" in text and bool(_DATA.search(text)),
        "a personal identity code": _identity_code,
        "a name of the user or the machine": _words(names),
        "a person's identifier": _identifiers({str(one) for one in persons}),
    }
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        for kind in _found(path, looked_for):
            raise DisclosureError(f"{path.relative_to(folder)}: holds {kind}; nothing is published")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return ""


def _found(path: Path, looked_for: dict[str, Found]) -> Iterator[str]:
    if path.suffix not in READABLE:
        yield f"data in a form that is not checked ({path.suffix or 'no suffix'})"
        return
    try:
        yield from unwanted(path)
        for text in texts(path):
            yield from (kind for kind, found in looked_for.items() if found(text))
    except Unreadable as error:
        yield str(error)


def _words(words: Collection[str]) -> Found:
    """Whether one of some texts stands in a text by itself, not inside a longer word."""
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")
    return lambda text: any(word in text for word in words) and bool(pattern.search(text))


def _identity_code(text: str) -> bool:
    """Whether a Finnish personal identity code stands in a text: date, sign of the century, number, right control."""
    for match in _IDENTITY_CODE.finditer(text):
        date = text[match.start() - 6 : match.start()]
        if "01" <= date[:2] <= "31" and "01" <= date[2:4] <= "12" and _CONTROL[int(date + match[1]) % 31] == match[2]:
            return True
    return False


def _identifiers(persons: set[str]) -> Found:
    """Whether one of many identifiers stands in a text: words of their letters and lengths are looked up in the set."""
    wanted = {one for one in persons if one and not (one.isdigit() and len(one) <= _LONGEST_NUMBER)}
    if not wanted:
        return lambda text: False
    letters = re.escape("".join(sorted(set().union(*wanted))))
    lengths = sorted({len(one) for one in wanted})
    pattern = re.compile(rf"(?<![{letters}])[{letters}]{{{lengths[0]},{lengths[-1]}}}(?![{letters}])")
    return lambda text: not wanted.isdisjoint(pattern.findall(text))
