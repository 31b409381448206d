"""Code lists: the ICD-10 and ICPC-2 codes of a condition, one CSV `codes/<concept>.csv` each, with their source."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError, model_validator

from ennakointi.parameters.documents import Document, Text
from ennakointi.parameters.yaml_documents import DocumentFault
from ennakointi.rules.words import Icd10, Icpc2

HEADER = ("system", "code", "meaning", "source")
_CODES: dict[str, TypeAdapter[tuple[str, ...]]] = {"icd10": TypeAdapter(Icd10), "icpc2": TypeAdapter(Icpc2)}


class ListedCode(Document):
    """A code, a prefix or a range such as `I20-I25`, what it means and where the list has it from."""

    system: Literal["icd10", "icpc2"]
    code: Text
    meaning: Text
    source: Text

    @model_validator(mode="after")
    def _written(self) -> ListedCode:
        _CODES[self.system].validate_python((self.code,))
        return self


class CodeList(Document):
    """The codes of one concept."""

    concept: Text
    rows: tuple[ListedCode, ...]

    def codes(self, system: str) -> tuple[str, ...]:
        """Codes, prefixes and ranges of a system, `icd10` or `icpc2`."""
        return tuple(row.code for row in self.rows if row.system == system)


def read_code_list(file: Path) -> tuple[CodeList, bytes]:
    """The list of a CSV file (UTF-8, comma), and the file's content.

    Raises
    ------
    DocumentFault
        The file is no such list: what is wrong in which line.
    """
    content = file.read_bytes()
    try:
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DocumentFault("is not CSV in UTF-8 with commas") from error
    if not lines or tuple(lines[0]) != HEADER:
        raise DocumentFault(f"the first line must be {','.join(HEADER)}")
    rows = [_row(number, line) for number, line in enumerate(lines[1:], start=2)]
    if not rows:
        raise DocumentFault("holds no code")
    written = [(row.system, row.code) for row in rows]
    twice = next((place for place, one in enumerate(written) if one in written[:place]), None)
    if twice is not None:
        raise DocumentFault(f"line {twice + 2}: {' '.join(written[twice])} is listed twice; leave one")
    return CodeList(concept=file.stem, rows=tuple(rows)), content


def _row(number: int, line: list[str]) -> ListedCode:
    if len(line) != len(HEADER):
        raise DocumentFault(f"line {number}: {len(line)} cells; expected {len(HEADER)}: {', '.join(HEADER)}")
    try:
        return ListedCode.model_validate(dict(zip(HEADER, line)))
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(map(str, detail["loc"])) or "code"
        reason = str(detail.get("ctx", {}).get("error", "")) or f"{detail['msg']}; was {detail['input']!r}"
        raise DocumentFault(f"line {number}: {place}: {reason}") from error
