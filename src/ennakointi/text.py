"""What the reader reads: the catalogue of sentences and the formats of numbers and dates per language."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

from babel.core import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from ennakointi.errors import ParameterError
from ennakointi.periods import Quarter, first_day, parse_month

LOCALES = {"fi": "fi", "sv": "sv_FI", "en": "en_GB"}
LOCALE_FOLDER = Path(__file__).parent / "locale"
MINUS, NBSP, EN_DASH, JOINER = "\u2212", "\u00a0", "\u2013", "\u2060"
_PER_CENT = re.compile(r"(?<=[\d}]) %")  # in a sentence that a translator wrote
_WITH_UNIT = re.compile(r"(\{(?:contacts|years|amount)\}) (?=\w)")
_PART_OF_WHOLE = ("covered", "contacts", "inside", "gain", "excess", "unmatched", "area")

Message = str | tuple[str, str]


def N_(msgid: str) -> str:
    """Mark a sentence kept in a constant; it is translated where it is shown."""
    return msgid


class Supported(NamedTuple):
    """An estimate and its interval, rounded alike; `digits` = decimals worth showing."""

    value: float
    lo: float
    hi: float
    digits: int


class Estimate(NamedTuple):
    """The two texts of an estimate: the rounded value, and its interval."""

    value: str
    interval: str


def supported(value: float, lo: float, hi: float) -> Supported:
    """Round an estimate to what its interval supports, and never to more than three significant digits.

    The last digit shown is the one where the half-width has its first digit, one further down when the
    half-width begins with less than 3.55 (Particle Data Group, Review of Particle Physics 2022, §5.3).

    Parameters
    ----------
    value, lo, hi : float
        Estimate and the ends of its interval, in one unit.
    """
    largest = max(abs(value), abs(lo), abs(hi))
    if not all(map(math.isfinite, (value, lo, hi))) or largest == 0:
        return Supported(value, lo, hi, 0)
    finest = math.floor(math.log10(largest)) - 2
    half_width = abs(hi - lo) / 2
    exponent = finest
    if half_width > 0:
        leading = math.floor(math.log10(half_width))
        exponent = max(finest, leading - (half_width / 10.0**leading < 3.55))
    v, low, high = (_round_to(x, exponent) for x in (value, lo, hi))
    return Supported(v, low, high, max(0, -exponent))


def _round_to(value: float, exponent: int) -> float:
    """Nearest multiple of a power of ten, halves away from zero, without the noise of binary fractions."""
    steps = math.floor(abs(value) / 10.0**exponent + 0.5)
    return math.copysign(round(steps * 10.0**exponent, max(0, -exponent)), value) if steps else 0.0


def is_year(slot: str) -> bool:
    """Whether a slot of a sentence holds a year: `year`, `first_year`, or the year that was `wanted`."""
    return slot == "wanted" or slot.endswith("year")


def message_json(msgid: str, values: Mapping[str, Any]) -> str:
    """A sentence and its slots as one cell of a result table."""
    return json.dumps({"message": msgid, "values": dict(values)}, ensure_ascii=False, sort_keys=True)


@cache
def _catalogue(language: str) -> Catalog:
    """The translations of a language; English is the key itself and has no file."""
    path = LOCALE_FOLDER / language / "ennakointi.po"
    if language == "en" or not path.exists():
        return Catalog(locale=None)
    with path.open("rb") as lines:
        return read_po(lines, locale=language, abort_invalid=True)


class Catalogue:
    """Sentences and formats of one language.

    Parameters
    ----------
    language : str
        `fi`, `sv` or `en`. A sentence without translation is shown in English; a test names it.

    Raises
    ------
    ParameterError
        For another language.
    """

    def __init__(self, language: str) -> None:
        if language not in LOCALES:
            raise ParameterError(f"language {language!r}: known are {', '.join(LOCALES)}")
        self.language = language
        self.locale = Locale.parse(LOCALES[language])
        self._messages = _catalogue(language)

    def gettext(self, msgid: str, **slots: object) -> str:
        """The sentence in the reader's language, its `{slots}` filled."""
        return self._translation(msgid, 0).format(**slots)

    def ngettext(self, singular: str, plural: str, n: float, **slots: object) -> str:
        """The sentence for one or for many; the slot `{n}` holds the number as the reader writes it."""
        form = 0 if n == 1 else 1
        text = self._translation((singular, plural), form)
        return text.format(n=self.number(n), **slots)

    def _translation(self, msgid: Message, form: int) -> str:
        """The sentence without slots filled; a number and its unit stay on one line."""
        text = _PER_CENT.sub(self._per_cent, self._sentence(msgid, form))
        return _WITH_UNIT.sub(rf"\1{NBSP}", text)

    def _sentence(self, msgid: Message, form: int) -> str:
        entry = self._messages.get(msgid if isinstance(msgid, str) else msgid[0])
        english = msgid if isinstance(msgid, str) else msgid[form]
        if entry is None or entry.fuzzy or not entry.string:
            return english
        if isinstance(entry.string, str):
            return entry.string
        return entry.string[min(form, len(entry.string) - 1)] or english

    def label(self, labels: Mapping[str, str] | object) -> str:
        """The reader's label of a parameter's `{fi, sv, en}`; Finnish when it has no other."""
        known = labels if isinstance(labels, Mapping) else vars(labels)
        return str(known.get(self.language) or known["fi"])

    @property
    def hidden(self) -> str:
        """The one label of every hidden cell; it does not tell which cells are small."""
        return self.gettext("not shown (privacy)")

    @property
    def missing(self) -> str:
        """What stands where there is no number to show."""
        return EN_DASH

    @property
    def synthetic(self) -> str:
        """The mark of every page, figure and file made from the synthetic county."""
        return self.gettext("SYNTHETIC DATA – the figures do not describe any real region")

    def number(self, value: float, digits: int = 0) -> str:
        """A number with the reader's decimal mark and no-break thousands; not a number = hidden."""
        return self._format(value, "", digits)

    def signed(self, value: float, digits: int = 0) -> str:
        """A change: `+4` or `−4`."""
        return self._format(value, "+", digits)

    def percent(self, share: float, digits: int = 0) -> str:
        """A share as a percentage."""
        return self._format(share * 100, "", digits, self._per_cent)

    def signed_percent(self, share: float, digits: int = 0) -> str:
        """A relative change: `−4 %`."""
        return self._format(share * 100, "+", digits, self._per_cent)

    def significant(self, value: float) -> str:
        """A number with at most three significant digits."""
        rounded = supported(value, value, value)
        digits = 0 if not math.isfinite(value) or rounded.value == int(rounded.value) else rounded.digits
        return self.number(rounded.value, digits)

    def euros(self, value: float) -> str:
        """Euros without cents."""
        if self.language == "en":
            text = self._format(abs(value), "", 0)
            return text if not math.isfinite(value) else f"{MINUS if value < 0 else ''}€{text}"
        return self._format(value, "", 0, f"{NBSP}€")

    def interval(self, lo: float, hi: float, digits: int = 0) -> str:
        """Two ends of an interval; the dash is spaced beside a negative end: it is no minus sign. Lines never break
        there: a joiner follows the dash, after which a no-break space alone would not hold."""
        if not (math.isfinite(lo) and math.isfinite(hi)):
            return self.hidden
        dash = f"{NBSP}{EN_DASH}{JOINER}{NBSP}" if min(lo, hi) < 0 else EN_DASH
        return f"{self.number(lo, digits)}{dash}{self.number(hi, digits)}"

    def estimate(self, value: float, lo: float, hi: float) -> Estimate:
        """A modelled number and its interval, rounded to what the interval supports."""
        rounded = supported(value, lo, hi)
        return Estimate(
            self.number(rounded.value, rounded.digits), self.interval(rounded.lo, rounded.hi, rounded.digits)
        )

    def whole_estimate(self, value: float, lo: float, hi: float) -> Estimate:
        """A modelled number of persons: as `estimate`, and never with decimals."""
        rounded = supported(value, lo, hi)
        digits = min(rounded.digits, 0)
        return Estimate(self.number(rounded.value, digits), self.interval(rounded.lo, rounded.hi, digits))

    def percent_estimate(self, value: float, lo: float, hi: float) -> Estimate:
        """A modelled share and its interval as percentages."""
        rounded = supported(value * 100, lo * 100, hi * 100)
        interval = self.interval(rounded.lo, rounded.hi, rounded.digits)
        return Estimate(
            self._format(rounded.value, "", rounded.digits, self._per_cent),
            interval if interval == self.hidden else interval + self._per_cent,
        )

    @property
    def _per_cent(self) -> str:
        return "%" if self.language == "en" else f"{NBSP}%"

    def _format(self, value: float, sign: str, digits: int, unit: str = "") -> str:
        if not math.isfinite(value):
            return self.hidden
        rounded = _round_to(value, -digits)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        text: str = format_decimal(abs(rounded), format=pattern, locale=self.locale)
        mark = MINUS if rounded < 0 else sign if rounded > 0 else ""
        return f"{mark}{text}{unit}"

    def date(self, day: date) -> str:
        """A date in digits (`30.9.2025`; English `30 September 2025`)."""
        return str(format_date(day, "d MMMM y" if self.language == "en" else "d.M.y", locale=self.locale))

    def month(self, month: str | int) -> str:
        """A month in words: `maaliskuu 2020`."""
        index = parse_month(month) if isinstance(month, str) else int(month)
        return str(format_date(first_day(index), "LLLL y", locale=self.locale))

    def month_short(self, month: str | int) -> str:
        """A month in digits, for axes and tables: `3/2020`."""
        index = parse_month(month) if isinstance(month, str) else int(month)
        return f"{index % 12 + 1}/{index // 12}"

    def quarter(self, quarter: Quarter) -> str:
        """A quarter in words: `3. neljännes 2025 (heinä–syyskuu)`."""
        first, last = (
            str(format_date(first_day(m), "LLLL", locale=self.locale))
            for m in (quarter.first_month, quarter.last_month)
        )
        months = f"{first.removesuffix('kuu')}{EN_DASH}{last}"
        return self.gettext(
            "Quarter {number} of {year} ({months})", number=quarter.number, year=quarter.year, months=months
        )

    def join(self, items: Sequence[str]) -> str:
        """Words as a list: `a, b ja c`."""
        return str(format_list(list(items), locale=self.locale))

    def message(self, cell: str, *alike: str) -> str:
        """The sentence of a `message` cell. Slots named `*share` are percentages, `*_eur` euros, `*month` months and
        those of `is_year` years; other numbers have at most three significant digits. In one sentence for several
        cells of the same words (`alike`) a slot whose numbers differ is their range."""
        contents = [json.loads(one) for one in (cell, *alike)]
        slots = {name: self._range(name, [c["values"][name] for c in contents]) for name in contents[0]["values"]}
        return self.gettext(contents[0]["message"], **slots)

    def _range(self, name: str, values: Sequence[Any]) -> str:
        first = self._slot(name, values[0])
        if all(value == values[0] for value in values):
            return first
        low, high = self._slot(name, min(values)), self._slot(name, max(values))
        dash = f"{NBSP}{EN_DASH}{JOINER}{NBSP}" if min(values) < 0 else EN_DASH
        return low if low == high else f"{low.removesuffix(self._per_cent)}{dash}{high}"

    def _slot(self, name: str, value: Any) -> str:
        if value is None:
            return self.hidden
        if isinstance(value, str):
            return self.month(value) if name.endswith("month") else value
        if name.endswith("month"):
            return self.month(int(value))
        if name.endswith("_eur"):
            return self.euros(value)
        if name.endswith("share"):
            return self._share(name, float(value))
        return f"{value:.0f}" if is_year(name) and math.isfinite(value) else self.significant(value)

    def _share(self, name: str, share: float) -> str:
        """A share in whole per cents; a part is said to be less than 1% or more than 99% where it is no 0 or 100."""
        whole = _round_to(100 * share, 0)
        if name == "share" or name.startswith(_PART_OF_WHOLE):
            if whole == 0 and share > 0:
                return self.gettext("less than {share}", share=self.percent(0.01))
            if whole == 100 and share < 1:
                return self.gettext("more than {share}", share=self.percent(0.99))
            return self.percent(share)
        return self.percent(share, 0 if whole or not share else 1)


_FUNCTIONS = {"_": 1, "N_": 1, "gettext": 1, "ngettext": 2}


def messages_in(folder: Path) -> list[Message]:
    """Every sentence that the Python files of a folder show to a reader, without repeats, in order.

    Sentences are the literal arguments of `_`, `gettext`, `ngettext` and `N_`, and the message of a `Check`.

    Raises
    ------
    ParameterError
        When a sentence is put together before it is translated (an f-string): no translation can match.
    """
    found: dict[Message, None] = {}
    for path in sorted(folder.rglob("*.py")):
        for message in _messages(ast.parse(path.read_text(encoding="utf-8")), path.name):
            found[message] = None
    return list(found)


def _messages(tree: ast.AST, file: str) -> Iterator[Message]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        arguments = _sentence_arguments(call, name)
        if any(isinstance(a, ast.JoinedStr) for a in arguments):
            raise ParameterError(
                f"{file}, line {call.lineno}: {name}() takes a literal with {{slots}}, not an f-string"
            )
        words = [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if words and len(words) == len(arguments):
            yield words[0] if len(words) == 1 else (words[0], words[1])


def _sentence_arguments(call: ast.Call, name: str) -> list[ast.expr]:
    if name == "Check":
        named = [k.value for k in call.keywords if k.arg == "message"]
        return named or call.args[2:3]
    return call.args[: _FUNCTIONS.get(name, 0)]


def slots(texts: Iterable[str]) -> set[str]:
    """Names of the `{slots}` in some texts."""
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
