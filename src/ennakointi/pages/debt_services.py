"""Service debt by service, by its kind, and by who produces the services."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import debt_words, reasons
from ennakointi.pages.context import (
    DEBT_KINDS,
    PageContext,
    Row,
    Tables,
    intervals,
    is_hidden,
    is_shown,
    record,
    records,
    rough,
    rows,
)
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_, Catalogue

DRAWN, LISTED = 12, 6  # services in the picture and in the table on the page; all of them are folded
PROVIDERS = {
    "own": N_("own production"),
    "purchased": N_("purchased services"),
    "third_sector": N_("organisations"),
    "unknown": N_("producer not known"),
}
_FEW_SUPPLIERS = N_(
    "Purchased services and those of organisations are not shown when few suppliers gave them, one gave nearly all, or "
    "it is not recorded who did. Then other figures that would tell them are hidden too."
)
DIRECTIONS = {"growing": N_("growing"), "shrinking": N_("shrinking"), "unclear": N_("unclear")}
MONTHLY = ("before", "expected", "window", "gap", "latest")


def single(tables: Tables, target_group: str) -> pd.DataFrame:
    """Rows of `debt_summary` of single services: neither all of them nor those of a kind."""
    found = rows(tables, "debt_summary", target_group=target_group)
    return found if found.empty else found[~found["service"].isin({"all", *DEBT_KINDS})]


def leaning(services: pd.DataFrame) -> pd.Series:
    """Which rows of `debt_summary` lean in part on the numbers of all residents."""
    return services["own_weight"] < 1


@dataclass(frozen=True, eq=False)
class ServiceSection:
    """Where the debt is. `tables`: released `debt_summary`, `queue_pressure` and `debt_production`."""

    tables: Tables
    target_group: str
    context: PageContext

    def block(self) -> Block:
        """Bars and a table of the services, the kinds of debt, who produces, and what could not be computed."""
        _ = self.context.catalogue.gettext
        services = single(self.tables, self.target_group)
        if services.empty:
            return markup.paragraph(_("There are no services to show."))
        computed = services[services["status"] == "debt"].sort_values("debt_weeks", ascending=False)
        return markup.stack(
            *([] if computed.empty else self._by_size(computed)),
            self._kinds(),
            self._structural(computed),
            self.production(),
            self._refused(services[services["status"] != "debt"]),
        )

    def _by_size(self, computed: pd.DataFrame) -> list[Block | None]:
        """The largest services in a picture and a table; all of them folded."""
        _ = self.context.catalogue.gettext
        more = len(computed) > LISTED
        return [
            self._bars(computed),
            self._table(computed.head(LISTED)),
            markup.note(_("Here are the {n} largest in weeks of normal services.", n=f"{LISTED}")) if more else None,
            markup.details(_("All services"), self._table(computed)) if more else None,
            markup.details(_("Numbers of the services in detail"), self._details(computed)),
        ]

    def _bars(self, computed: pd.DataFrame) -> Block | None:
        _ = self.context.catalogue.gettext
        known = computed.dropna(subset=["debt_weeks", *debt_words.DEBT])
        known = known[known["debt"] != 0]
        shown = known.head(DRAWN)
        if shown.empty:
            return None
        scale = shown["debt_weeks"] / shown["debt"]
        frame = pd.DataFrame(
            {
                "label": [self.context.label("service", code) for code in shown["service"]],
                "value": shown["debt_weeks"],
                "lo": scale * shown["debt_lo80"],
                "hi": scale * shown["debt_hi80"],
            }
        )
        picture = figures.bars(
            frame,
            catalogue=self.context.catalogue,
            unit=_("weeks of normal services"),
            alt=_(
                "Largest in relation to normal services: {service}; in weeks about {weeks}.",
                service=frame["label"].iloc[0],
                weeks=debt_words.weeks(record(shown), self.context),
            ),
            caption=_("Service debt in weeks of normal services, with the 80% uncertainty interval"),
        )
        return markup.figure(picture)

    def _table(self, computed: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        columns = [
            Column("service", _("Service")),
            Column("debt", _("Service debt (80% interval)"), "number", format=str),
            Column("weeks", _("In weeks of normal services"), "number", format=str),
            Column("now", _("Difference now (80% interval)"), "number", format=str),
            Column("queue", _("Direction of its queue")),
            Column("unseen", _("Not seen in queues"), "number", format=str),
        ]
        return markup.table(
            pd.DataFrame([self._cells(row) for row in records(computed)]),
            columns,
            _("Service debt by service, {span}", span=self.context.span(*self.context.window)),
            self.context.catalogue,
            note=_(
                "A number below zero means more contacts than expected. Not seen in queues: what neither waits in a "
                "queue nor ended without care, to the nearest ten per cent."
            ),
        )

    def _cells(self, row: Row) -> dict[str, str]:
        catalogue = self.context.catalogue
        return {
            "service": self.context.label("service", row["service"]),
            "debt": intervals(row, *debt_words.DEBT, catalogue),
            "weeks": debt_words.weeks(row, self.context),
            "now": intervals(row, *debt_words.NOW, catalogue),
            "queue": self._direction(str(row["service"])),
            "unseen": debt_words.unseen_share(row, self.context),
        }

    def _direction(self, service: str) -> str:
        """Which way the queue goes, in words."""
        found = records(rows(self.tables, "queue_pressure", target_group=self.target_group, service=service))
        row = found[0] if found else {}
        if is_hidden(row, "growth_per_month"):
            return self.context.catalogue.hidden
        words = DIRECTIONS.get(str(row.get("growing")))
        return self.context.catalogue.gettext(words) if words else self.context.catalogue.missing

    def _details(self, computed: pd.DataFrame) -> Block:
        """Shares, gross debt, work and cost of every service."""
        _ = self.context.catalogue.gettext
        cells = [
            {
                "service": self.context.label("service", row["service"]),
                "share": debt_words.share_of_expected(row, self.context),
                "gross": self._like_debt(row, "gross"),
                "returned": self._like_debt(row, "returned"),
                "structural": self._alone(row, "structural"),
                **self._work(row),
                "own": self._own_weight(row),
            }
            for row in records(computed)
        ]
        columns = [
            Column("service", _("Service")),
            Column("share", _("Of expected contacts"), "number", format=str),
            Column("gross", _("Gross debt"), "number", format=str),
            Column("returned", _("Above the expected"), "number", format=str),
            Column("structural", _("Too long a queue already earlier"), "number", format=str),
            *self._work_columns(),
            *([Column("own", _("Weight of own data"), "number", format=str)] if leaning(computed).any() else []),
        ]
        caption = _("Shares, gross debt, work and cost by service")
        note = _(
            "Gross debt counts only the months with too few contacts; months with more than expected stand beside it. "
            "Work and euros: minutes and unit costs of the planning assumptions."
        )
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue, note=note)

    def _like_debt(self, row: Row, column: str) -> str:
        if is_hidden(row, column):
            return self.context.catalogue.hidden
        known = is_shown(row, column, "debt")
        return debt_words.like_debt(row[column], row, self.context) if known else self.context.catalogue.missing

    def _alone(self, row: Row, column: str) -> str:
        """A number without interval and apart from the debt."""
        if is_hidden(row, column):
            return self.context.catalogue.hidden
        return rough(row[column], self.context.catalogue) if is_shown(row, column) else self.context.catalogue.missing

    def _own_weight(self, row: Row) -> str:
        known = is_shown(row, "own_weight")
        return self.context.catalogue.percent(row["own_weight"]) if known else self.context.catalogue.missing

    def _work(self, row: Row) -> dict[str, str]:
        return {column: debt_words.work(row, column, self.context) for column in ("fte", "cost_eur")}

    def _work_columns(self) -> list[Column]:
        _ = self.context.catalogue.gettext
        return [
            Column("fte", _("Person-years of work"), "number", format=str),
            Column("cost_eur", _("Euros"), "number", format=str),
        ]

    def _kinds(self) -> Block | None:
        """Care, rehabilitation and social-services debt apart, and together."""
        _ = self.context.catalogue.gettext
        found = rows(self.tables, "debt_summary", target_group=self.target_group, status="debt")
        known = {row["service"]: row for row in records(found)}
        kinds = [code for code in DEBT_KINDS if code in known]
        if not kinds:
            return None
        cells = [
            {
                "kind": capital(self.context.label("service", code)) if code != "all" else _("Together"),
                "debt": intervals(known[code], *debt_words.DEBT, self.context.catalogue),
                "weeks": debt_words.weeks(known[code], self.context),
                "share": debt_words.share_of_expected(known[code], self.context),
                **self._work(known[code]),
            }
            for code in (*kinds, *(["all"] if "all" in known else []))
        ]
        columns = [
            Column("kind", _("Kind of debt")),
            Column("debt", _("Service debt (80% interval)"), "number", format=str),
            Column("weeks", _("In weeks of normal services"), "number", format=str),
            Column("share", _("Of expected contacts"), "number", format=str),
            *self._work_columns(),
        ]
        caption = _("Service debt by kind, {span}", span=self.context.span(*self.context.window))
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)

    def _structural(self, computed: pd.DataFrame) -> Block | None:
        """What was too long already before the disruption, and is no part of the debt."""
        _ = self.context.catalogue.gettext
        total = debt_words.summary_row(self.tables, self.target_group)
        whole = computed.iloc[:0] if total is None else pd.DataFrame([total])
        known = pd.concat([whole, computed])[["service", "structural"]].dropna() if not computed.empty else whole
        if known.empty or not (known["structural"] > 0).any():
            return None
        first = record(known)
        size = first["structural"] if first["service"] == "all" else known["structural"].clip(lower=0).sum()
        return markup.note(
            _(
                "Already before {year} the queues were longer than their target, by about {contacts} contacts. That "
                "is structural debt and no part of the service debt above.",
                year=f"{int(self.context.baseline[1][:4]) + 1}",
                contacts=rough(size, self.context.catalogue),
            )
        )

    def production(self, *, by_service: bool = True) -> Block | None:
        """Own and purchased production side by side, without a verdict; the services folded."""
        _ = self.context.catalogue.gettext
        found = rows(self.tables, "debt_production", target_group=self.target_group)
        if found.empty:
            return None
        whole = found[found["service"] == "all"]
        single = found[found["service"] != "all"]
        caption = _("Own and purchased production, contacts a month")
        shown = single if whole.empty else whole
        return markup.stack(
            self._production_table(shown, caption, whole.empty),
            markup.note(
                _(
                    "The rows are no ranking: own and purchased services have different clients and tasks. A gap in "
                    "one and a surplus in the other may be work that moved."
                )
            ),
            markup.note(_(_FEW_SUPPLIERS)) if (found["suppliers"] == "few").any() else None,
            self._provider_changes(shown),
            None
            if whole.empty or single.empty or not by_service
            else markup.details(
                _("Own and purchased production by service"),
                self._production_table(single, caption, named=True),
                self._provider_changes(single),
            ),
        )

    def _provider_changes(self, found: pd.DataFrame) -> Block | None:
        """Known changes of providers in the rows, each once."""
        said = list(dict.fromkeys(filter(None, (self._provider_change(row) for row in records(found)))))
        return markup.bullets(*said) if said else None

    def _provider_change(self, row: Row) -> str:
        said = self.context.words(row["reason"])
        service = str(row["service"])
        return said if service == "all" or not said else f"{self.context.label('service', service)}: {said}"

    def _production_table(self, found: pd.DataFrame, caption: str, named: bool) -> Block:
        _ = self.context.catalogue.gettext
        catalogue = self.context.catalogue
        cells = [
            {
                "service": self.context.label("service", row["service"]),
                "provider": capital(_(PROVIDERS.get(str(row["provider"]), str(row["provider"])))),
                **{name: significant(row, name, catalogue) for name in MONTHLY},
            }
            for row in records(found)
        ]
        columns = [
            *([Column("service", _("Service"))] if named else []),
            Column("provider", _("Producer")),
            Column("before", _("In {year}", year=self.context.baseline[1][:4]), "number", format=str),
            Column(
                "expected", _("Expected {span}", span=self.context.span(*self.context.window)), "number", format=str
            ),
            Column("window", _("Took place"), "number", format=str),
            Column("gap", _("Missing"), "number", format=str),
            Column("latest", _("Last 12 months"), "number", format=str),
        ]
        return markup.table(pd.DataFrame(cells), columns, caption, catalogue)

    def _refused(self, refused: pd.DataFrame) -> Block | None:
        _ = self.context.catalogue.gettext
        if refused.empty:
            return None
        said = reasons.told_once(zip(refused["service"], refused["reason"]), self.context)
        return markup.details(_("Services without a service debt, and why"), markup.bullets(*said))


def significant(row: Row, column: str, catalogue: Catalogue) -> str:
    """A released number with at most three digits, hidden, or a dash."""
    if is_hidden(row, column):
        return catalogue.hidden
    return catalogue.significant(row[column]) if is_shown(row, column) else catalogue.missing


def capital(words: str) -> str:
    """With a capital first letter."""
    return words[:1].upper() + words[1:]
