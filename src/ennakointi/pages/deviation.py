"""The page of an aggregate source with a short baseline: deviations from the expected, never a debt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pandas as pd

from ennakointi.pages import deviation_words
from ennakointi.pages.context import PageContext, Row, Tables, numbers, record, records
from ennakointi.panel.aggregates import KEYS
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column

PERIODS_LISTED = 53
SERIES_LISTED = 20


@dataclass(frozen=True, eq=False)
class DeviationPage:
    """Deviations of an aggregate source (weekly, monthly or daily) in one target group.

    Parameters
    ----------
    tables : mapping of released tables
        `deviation`.
    target_group : str
        Id of the group.
    context : PageContext
        Quarter, language and labels; `area` is the region's own area.
    """

    tables: Tables
    target_group: str
    context: PageContext

    @property
    def _series(self) -> pd.DataFrame:
        return deviation_words.own_series(self.tables, self.target_group, self.context)

    @property
    def _main(self) -> pd.DataFrame:
        return deviation_words.main_series(self._series)

    @property
    def _nothing(self) -> bool:
        """Whether there is no number to show at all: the answer says so, and nothing stands under it."""
        return deviation_words.shown(self._main).empty

    def answer(self) -> Block:
        """The largest deviation named, the latest one, and that this is no debt."""
        _ = self.context.catalogue.gettext
        if self._nothing:
            return markup.paragraph(_("There is no series to show."))
        main = self._main
        area = self.context.label("area", str(main["area"].iloc[0]))
        sentences = (
            deviation_words.largest_sentence(main, self.context),
            deviation_words.outside_sentence(main, self.context),
            deviation_words.level_sentence(main, self.context),
            _("This is a deviation, not a service debt: the comparison period is shorter than 24 months."),
        )
        lead = f"{area}. {deviation_words.title(main, self.context)}."
        return markup.headline(*filter(None, sentences), lead=lead)

    def over_time(self) -> Block:
        """The series beside what was expected, its largest deviations marked; missing periods stay gaps."""
        _ = self.context.catalogue.gettext
        if self._nothing:
            return markup.stack()
        main = self._main
        picture = figures.deviation(
            main.rename(columns={"expected_lo80": "lo", "expected_hi80": "hi"}),
            catalogue=self.context.catalogue,
            unit=self.context.label("measure", str(main["measure"].iloc[0])),
            alt=deviation_words.largest_sentence(main, self.context),
            caption=_("{title}, observed and expected", title=deviation_words.title(main, self.context)),
            observed_label=_("Observed"),
            expected_label=_("Expected, with the 80% forecast interval"),
            marks=self._marks(main),
        )
        return markup.stack(
            markup.figure(picture, self._periods(main, PERIODS_LISTED), _("Numbers as a table")),
            self._gaps(main),
        )

    def _marks(self, main: pd.DataFrame) -> tuple[tuple[str, str], ...]:
        """The largest deviation of the window and of the whole series, each once, in the order of time."""
        tops = (
            deviation_words.largest(deviation_words.in_window(main, self.context)),
            deviation_words.largest(main),
        )
        marks = {
            str(row["period_start"])[:10]: deviation_words.period(row, self.context) for row in tops if row is not None
        }
        return tuple(sorted(marks.items()))

    def _periods(self, series: pd.DataFrame, most: int) -> Block:
        """The periods that stray furthest, in the order of time."""
        _ = self.context.catalogue.gettext
        known = deviation_words.shown(series)
        strayed = known.loc[known["deviation_share"].abs().nlargest(most).index].sort_values("period_start")
        texts = [self._period_cells(row) for row in records(strayed)]
        columns = [
            Column("period", _("Period")),
            Column("observed", _("Observed"), "number", format=str),
            Column("expected", _("Expected (80% forecast interval)"), "number", format=str),
            Column("share", _("Deviation"), "number", format=str),
        ]
        caption = _("Largest deviations: {title}", title=deviation_words.title(series, self.context))
        return markup.table(pd.DataFrame(texts), columns, caption, self.context.catalogue)

    def _period_cells(self, row: Row) -> dict[str, str]:
        catalogue = self.context.catalogue
        expected = catalogue.estimate(*numbers(row, deviation_words.EXPECTED))
        return {
            "period": deviation_words.period(row, self.context),
            "observed": catalogue.number(row["observed"]),
            "expected": f"{expected.value} ({expected.interval})",
            "share": catalogue.signed_percent(row["deviation_share"]),
        }

    def _gaps(self, series: pd.DataFrame) -> Block | None:
        """The periods that the source does not hold; they are not zero."""
        _ = self.context.catalogue.gettext
        hidden = series["suppressed"].astype(str).str.split(";").map(lambda names: "observed" in names)
        gaps = series[series["observed"].isna() & ~hidden]
        if gaps.empty:
            return None
        named = [deviation_words.period(row, self.context) for row in records(gaps.head(10))]
        return markup.note(
            _("Missing from the source, not zero: {periods}.", periods=self.context.catalogue.join(named))
        )

    def by_service(self) -> Block:
        """The largest series of the area by what was observed, furthest from the expected first."""
        _ = self.context.catalogue.gettext
        if self._nothing:
            return markup.stack()
        measure = self._main["measure"].iloc[0]
        series = self._series[self._series["measure"] == measure]
        parts = [part for _key, part in series.groupby(KEYS, sort=False)]
        large = sorted(parts, key=lambda part: -part["observed"].sum())[:SERIES_LISTED]
        cells = [self._series_cells(part) for part in large if not deviation_words.shown(part).empty]
        frame = pd.DataFrame(cells).sort_values("size", ascending=False)
        columns = [
            Column("title", _("Series")),
            Column("period", _("Largest deviation in")),
            Column("share", _("Largest deviation"), "signed_percent"),
            Column("level", _("Last year from the comparison level"), "signed_percent"),
        ]
        caption = _(
            "Largest series, {measure}; largest deviation in {span}",
            measure=self.context.label("measure", str(measure)),
            span=self.context.span(*self.context.window),
        )
        note = _("The other series stand in the tables of the quarter.")
        return markup.table(frame, columns, caption, self.context.catalogue, note=note)

    def _series_cells(self, series: pd.DataFrame) -> dict[str, object]:
        window = deviation_words.in_window(series, self.context)
        known = deviation_words.shown(series) if window.empty else window
        top = record(known.sort_values("deviation_share", key=abs), -1)
        return {
            "title": self.context.label("service", str(top["service"])),
            "period": deviation_words.period(top, self.context),
            "share": top["deviation_share"],
            "level": deviation_words.last_year_share(series),
            "size": abs(top["deviation_share"]),
        }

    def certainty(self) -> Block:
        """What the short baseline allows and what it does not."""
        _ = self.context.catalogue.gettext
        if self._nothing:
            return markup.stack()
        known = deviation_words.shown(self._main)
        first, last = (date.fromisoformat(str(known["period_start"].iloc[i])[:10]) for i in (0, -1))
        return markup.bullets(
            _("In 8 cases of 10 an ordinary period lies inside the forecast interval (80%)."),
            _("The comparison period is too short for a trend, so deviations are not added up."),
            _("The source holds only totals: it does not tell who waits or what replaced the missing events."),
            _(
                "The series runs from {first} to {last}.",
                first=self.context.catalogue.date(first),
                last=self.context.catalogue.date(last),
            ),
        )

    def definitions(self) -> Block:
        """The words and the method, folded."""
        _ = self.context.catalogue.gettext
        terms = markup.definitions(
            (
                _("Deviation"),
                _("Observed compared with what the level and season of the comparison period suggest."),
            ),
            (
                _("Forecast interval"),
                _("The range that holds an ordinary period with a probability of 80%."),
            ),
            (
                _("Why not a debt"),
                _(
                    "A service debt needs at least 24 months of earlier data, so that trend and season can "
                    "be told apart."
                ),
            ),
        )
        return markup.details(_("Definitions"), terms)
