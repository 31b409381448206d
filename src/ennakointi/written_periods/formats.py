"""Periods as files write them (months, weeks, days, plain numbers), read onto a regular grid and written back alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from ennakointi.errors import DataError
from ennakointi.periods import day_date, day_number, month_index

Ints = npt.NDArray[np.int64]
Where = Callable[[int], str]  # where one of the different periods stands in the file, first

MONTH, WEEK, DAY, NUMBER = "month", "week", "day", "number"
FITTING = {MONTH: ("M",), WEEK: ("W",), DAY: ("M", "W", "D"), NUMBER: ("M", "W", "D")}  # frequencies of a kind
YEARS = range(1900, 2101)  # anything else is a misspelt year
_MOST = 0.8  # share of the different periods that makes a form, or a grid, the file's own: the rest are faults
_TOKEN = re.compile(r"\{(\w)(?::0(\d)d)?\}")
_TIME = re.compile(r"(\S{8,10})([T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)")
_WHOLE = re.compile(r"(-?\d+)(\.0+)")  # a whole number that was stored as a float
KNOWN = (
    "months as 2024-03, 2024M03 or 202403, weeks as 2024-W05, days as 2024-03-31 or 31.3.2024, or whole numbers 1, 2, "
    "3, …; quarters and years as whole numbers with --season 4 or 1"
)


@dataclass(frozen=True)
class Form:
    """One way to write a period: `template` as `str.format` takes it, with y, m, d, w or n; `tail` follows each one.

    The number of a month is its month index, of a week the weeks since 1970-01-05, of a day the days since 1970-01-01.
    """

    kind: str
    template: str
    tail: str = ""

    @property
    def pattern(self) -> re.Pattern[str]:
        def field(token: re.Match[str]) -> str:
            name, width = token[1], token[2]
            digits = r"\d{4}" if name == "y" else r"\d" * int(width) if width else r"[1-9]\d?"
            return f"(?P<{name}>{r'-?[0-9]+' if name == 'n' and not width else digits})"

        parts = _TOKEN.split(self.template)[::3]
        tokens = [*map(field, _TOKEN.finditer(self.template)), ""]
        return re.compile("".join(re.escape(part) + token for part, token in zip(parts, tokens)), re.ASCII)

    def numbers(self, texts: Sequence[str]) -> list[int | None]:
        """The number of each period; None where the text is not written so or the calendar does not have it."""
        pattern = self.pattern
        return [self._number(match.groupdict()) if (match := pattern.fullmatch(text)) else None for text in texts]

    def _number(self, parts: dict[str, str]) -> int | None:
        part = {name: int(text) for name, text in parts.items()}
        if self.kind == NUMBER:
            return part["n"] if abs(part["n"]) < 2**53 else None
        if part["y"] not in YEARS:
            return None
        try:
            if self.kind == WEEK:
                return (day_number(date.fromisocalendar(part["y"], part["w"], 1)) - 4) // 7
            day = date(part["y"], part["m"], part.get("d", 1))
        except ValueError:
            return None
        return day_number(day) if self.kind == DAY else month_index(day.year, day.month)

    def text(self, number: int) -> str:
        """A period as the file writes it."""
        return self.template.format(**_parts(self.kind, number)) + self.tail


def _parts(kind: str, number: int) -> dict[str, int]:
    if kind == NUMBER:
        return {"n": number}
    if kind == MONTH:
        return {"y": number // 12, "m": number % 12 + 1}
    day = day_date(7 * number + 4 if kind == WEEK else number)
    iso = day.isocalendar()
    return {"y": iso.year, "w": iso.week} if kind == WEEK else {"y": day.year, "m": day.month, "d": day.day}


PLAIN = Form(NUMBER, "{n}")
SIX_DIGITS, SIX_DIGIT_WEEKS = Form(MONTH, "{y}{m:02d}"), Form(WEEK, "{y}{w:02d}")
FORMS = (
    *(Form(DAY, text) for text in ("{y}-{m:02d}-{d:02d}", "{y}/{m:02d}/{d:02d}", "{y}{m:02d}{d:02d}")),
    *(Form(DAY, text) for text in ("{d:02d}.{m:02d}.{y}", "{d}.{m}.{y}")),
    *(Form(MONTH, text) for text in ("{y}-{m:02d}", "{y}/{m:02d}", "{y}M{m:02d}", "{m:02d}/{y}", "{m}/{y}")),
    *(Form(WEEK, text) for text in ("{y}-W{w:02d}", "{y}W{w:02d}")),
    SIX_DIGITS,
    SIX_DIGIT_WEEKS,
)


def read(texts: Sequence[str], frequency: str | None, where: Where) -> tuple[Form, Ints]:
    """How the periods of a file are written, and their numbers.

    Parameters
    ----------
    texts : the different periods of the file.
    frequency : a frequency that is given, decides where six digits may be a month or a week.

    Raises
    ------
    DataError
        Nothing that is known, several ways in one file, times of the day, a day that the calendar does not have.
    """
    bare, tail = _without_tail(texts, where)
    forms = sorted(FORMS, key=lambda form: frequency is not None and frequency not in FITTING[form.kind])
    read = {form: form.numbers(bare) for form in forms}
    counts = {form: len(texts) - numbers.count(None) for form, numbers in read.items()}
    if frequency != "W" and counts[SIX_DIGITS] >= _MOST * len(texts):
        counts[SIX_DIGIT_WEEKS] = 0  # one misspelt month does not make weeks of all months
    form = max(counts, key=counts.__getitem__)  # of equals the first
    numbers, known = read[form], counts[form]
    if known < _MOST * len(texts) and (counted := _counted(bare)):
        form, numbers, known = counted, counted.numbers(bare), len(texts)
    if known < len(texts):
        odd = numbers.index(None)
        if known == 0:
            raise DataError(f"{where(odd)}: period {_shown(texts[odd])} cannot be read: write {KNOWN}")
        example = _shown(next(text for text, number in zip(texts, numbers) if number is not None))
        raise DataError(
            f"{where(odd)}: period {_shown(texts[odd])} is not in the calendar, or not written like {example} "
            f"as most are ({len(texts) - known} of {len(texts)} different periods): write all of them in one way"
        )
    return Form(form.kind, form.template, tail), np.array(numbers, np.int64)


def _counted(texts: Sequence[str]) -> Form | None:
    """Plain numbers, as they are or with leading zeros; None when there is anything else."""
    if any(number is None for number in PLAIN.numbers(texts)):
        return None
    widths = {len(text) for text in texts}
    padded = len(widths) == 1 and any(text.startswith("0") and text != "0" for text in texts)
    return Form(NUMBER, f"{{n:0{widths.pop()}d}}") if padded else PLAIN


def _without_tail(texts: Sequence[str], where: Where) -> tuple[list[str], str]:
    """The periods without the time of day, or the `.0`, that follows every one of them."""
    for pattern in (_TIME, _WHOLE):
        found = [pattern.fullmatch(text) for text in texts]
        tails = {match[2] if match else "" for match in found}
        if len(tails) == 1 and all(found):
            return [match[1] for match in found if match], tails.pop()
        if pattern is _TIME and all(found):
            odd = next(i for i, match in enumerate(found) if match and found[0] and match[2] != found[0][2])
            raise DataError(f"{where(odd)}: {times_differ([tail.strip('T ') for tail in sorted(tails)[:3]])}")
    return list(texts), ""


def times_differ(times: Sequence[str]) -> str:
    """What is wrong with periods shorter than a day, and what to do."""
    return (
        f"the periods differ in their time of day ({', '.join(times)}, …), and the shortest period is a day: add up "
        "the values of a day, or number the periods 1, 2, 3, … and give --season 24"
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= 30 else text[:30] + "…")


@dataclass(frozen=True)
class Grid:
    """The regular grid that periods lie on: consecutive positions are consecutive periods.

    `anchor`: of days counted as months the day of the month (31 = the last one), as weeks the weekday (0 = Monday).
    """

    kind: str
    frequency: str
    anchor: int = 0

    @property
    def name(self) -> str:
        """The grid in words."""
        if self.kind == NUMBER:
            return "numbers"
        if self.kind != DAY or self.frequency == "D":
            return {"M": "months", "W": "weeks", "D": "days"}[self.frequency]
        if self.frequency == "W":
            return f"weeks, each dated on its {WEEKDAYS[self.anchor]}"
        return "months, each dated on " + ("its last day" if self.anchor == 31 else f"day {self.anchor}")

    def positions(self, numbers: Ints) -> Ints:
        """Positions of periods."""
        if self.kind != DAY or self.frequency == "D":
            return numbers
        return (numbers - 4) // 7 if self.frequency == "W" else _month_and_day(numbers)[0]

    def numbers(self, positions: Ints) -> Ints:
        """Periods of positions: what `positions` turns back, on the grid."""
        if self.kind != DAY or self.frequency == "D":
            return positions
        if self.frequency == "W":
            return positions * 7 + 4 + self.anchor
        first, length = _month_span(positions)
        return first + np.minimum(self.anchor, length) - 1

    def misses(self, numbers: Ints) -> npt.NDArray[np.bool_]:
        """Which periods do not lie on the grid."""
        return np.asarray(self.numbers(self.positions(numbers)) != numbers)


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def grid(kind: str, numbers: Ints, frequency: str | None) -> Grid | None:
    """The grid of a frequency, or the coarsest that most of the different periods lie on; None if one date tells none.

    Dates are months when they share the day of the month or are month-ends, weeks when they share the weekday, else
    days.
    """
    if kind != DAY:
        return Grid(kind, frequency or FITTING[kind][0])
    if frequency is None and len(numbers) < 2:
        return None
    months, days = _month_and_day(numbers)
    usual = int(np.bincount(days).argmax())
    weekday = int(np.bincount((numbers - 4) % 7).argmax())
    tried = [Grid(DAY, "M", 31), Grid(DAY, "M", usual), Grid(DAY, "W", weekday), Grid(DAY, "D")]
    fit = {one: 1 - one.misses(numbers).mean() for one in tried if frequency in (None, one.frequency)}
    best = max(fit, key=lambda one: round(fit[one], 9) if one.frequency == "M" else -1)
    if frequency:
        return best if frequency == "M" else next(iter(fit))
    if fit[best] >= _MOST and len(np.unique(months)) > 1:
        return best
    return next(one for one in (tried[2], tried[3]) if fit[one] >= _MOST)


def _month_and_day(numbers: Ints) -> tuple[Ints, Ints]:
    """Month index and day of the month of day numbers."""
    days = numbers.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    return months.astype(np.int64) + 12 * 1970, (days - months.astype("datetime64[D]")).astype(np.int64) + 1


def _month_span(months: Ints) -> tuple[Ints, Ints]:
    """First day number and length of month indices."""
    start = (months - 12 * 1970).astype("datetime64[M]")
    first = start.astype("datetime64[D]").astype(np.int64)
    return first, (start + 1).astype("datetime64[D]").astype(np.int64) - first
