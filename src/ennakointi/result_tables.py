"""The result tables that other programs read: every column, its kind, its unit and what it means.

`disclosure` treats a column by its kind, `report` writes the descriptions to `tables.json`. Columns of kind COUNT,
EUROS, ESTIMATE and SHARE are hidden together when their row's `n_persons` falls under the threshold of the preset.
"""

from __future__ import annotations

from dataclasses import dataclass

KEY = "key"  # identifies the row; never hidden
LABEL = "label"  # a word or date about the row that says nothing of persons
PERSONS = "persons"  # distinct persons: the threshold applies to this column
COUNT = "count"  # contacts, waiting persons, days: rounded to the preset's base
EUROS = "euros"  # rounded to a hundred bases
ESTIMATE = "estimate"  # a modelled number in the unit of a count: rounded to the base
SHARE = "share"  # a ratio of published numbers, or a modelled rate: three significant digits
FACT = "fact"  # a number about the register or the method, not about persons: as it is


@dataclass(frozen=True)
class ResultColumn:
    """One column; `of` = (numerator, denominator) recomputes a SHARE, or the signed terms of a difference, from
    published columns. A term is a column name with an optional leading minus."""

    name: str
    kind: str
    unit: str
    meaning: str
    total_of: tuple[str, ...] = ()
    ratio_of: tuple[str, str] | None = None


@dataclass(frozen=True)
class ResultTable:
    """One result table; `persons` names the column of kind PERSONS that decides whether a row may be shown."""

    name: str
    columns: tuple[ResultColumn, ...]
    persons: str | None = "n_persons"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.kind in kinds)


def _key(name: str, meaning: str) -> ResultColumn:
    return ResultColumn(name, KEY, "code", meaning)


def _label(name: str, meaning: str) -> ResultColumn:
    return ResultColumn(name, LABEL, "text", meaning)


def _count(name: str, meaning: str, kind: str = COUNT, **more: object) -> ResultColumn:
    return ResultColumn(name, kind, "contacts", meaning, **more)  # type: ignore[arg-type]


_GROUP = _key("target_group", "target group, from target_groups.yml; `all` = every resident")
_SERVICE = _key("service", "service, from services.yml; `all` = every service together")
_MONTH = _key("month", "calendar month, YYYY-MM")
_PERSONS = ResultColumn("n_persons", PERSONS, "persons", "distinct persons behind the row")
_COVERED = ResultColumn("covered_share", FACT, "share", "share of the residents' months that the register holds")

_TABLES = (
    ResultTable(
        "service_debt",
        (
            _GROUP,
            _SERVICE,
            _MONTH,
            _label("debt_kind", "care, rehabilitation or service debt"),
            _label("period", "baseline, window (debt accrues) or after (pay-down and difference from 2017–2019)"),
            _count("expected", "contacts expected in the month without the disruption", ESTIMATE),
            _count("observed", "contacts that took place in the month"),
            _count("substituted", "contacts that other services gave instead, times their coefficient", ESTIMATE),
            _count(
                "gap",
                "expected − substituted − observed in the month",
                ESTIMATE,
                total_of=("expected", "-substituted", "-observed"),
            ),
            _count("debt", "net debt: the gap cumulated from the start of the window", ESTIMATE),
            _count("debt_lo80", "lower end of the 80 % interval of the debt", ESTIMATE),
            _count("debt_hi80", "upper end of the 80 % interval of the debt", ESTIMATE),
            _count("debt_lo95", "lower end of the 95 % interval of the debt", ESTIMATE),
            _count("debt_hi95", "upper end of the 95 % interval of the debt", ESTIMATE),
            ResultColumn("debt_weeks", SHARE, "weeks", "debt in weeks of normal service"),
            _count("gross", "gross debt: positive gaps only, cumulated", ESTIMATE),
            _count("returned", "observed above expected, cumulated; beside the balance, not in it", ESTIMATE),
            _count("visible", "change of the queue since the window began, in contacts", ESTIMATE),
            _count("hidden", "need that is in no queue; empty until it is estimated on its own", ESTIMATE),
            _count("lost", "need that ended: died, moved, no longer needed; empty until estimated", ESTIMATE),
            _count(
                "unexplained",
                "debt − visible − hidden − lost: what the parts above do not explain",
                ESTIMATE,
            ),
            _count("structural", "queue above its target already in 2019-12, in contacts", ESTIMATE),
            _label("unit", "unit of the counts: contacts, or the source's own measure"),
            _COVERED,
            _PERSONS,
        ),
    ),
    ResultTable(
        "debt_summary",
        (
            _GROUP,
            _SERVICE,
            _label("debt_kind", "care, rehabilitation or service debt; mixed for `all`"),
            _label("status", "debt, deviation (baseline under 24 months) or refused"),
            _label("reason", "why refused, or what the estimate leaves out"),
            _label("until", "last month that the debt covers"),
            _count("expected", "expected contacts over the window", ESTIMATE),
            _count("observed", "observed contacts over the window"),
            _count("substituted", "substituted contacts over the window", ESTIMATE),
            _count(
                "debt",
                "net debt at the end of the window",
                ESTIMATE,
                total_of=("expected", "-substituted", "-observed"),
            ),
            _count("debt_lo80", "lower end of its 80 % interval", ESTIMATE),
            _count("debt_hi80", "upper end of its 80 % interval", ESTIMATE),
            _count("debt_lo95", "lower end of its 95 % interval", ESTIMATE),
            _count("debt_hi95", "upper end of its 95 % interval", ESTIMATE),
            ResultColumn("debt_share", SHARE, "share", "debt per expected contacts", ratio_of=("debt", "expected")),
            ResultColumn("debt_weeks", SHARE, "weeks", "debt in weeks of normal service"),
            _count("visible", "change of the queue over the window, in contacts", ESTIMATE),
            _count(
                "not_in_queue",
                "debt − visible: hidden, ended or unexplained",
                ESTIMATE,
                total_of=("debt", "-visible"),
            ),
            _count("now", "debt left at the last month of the data (pay-down account)", ESTIMATE),
            _count("now_lo80", "lower end of its 80 % interval", ESTIMATE),
            _count("now_hi80", "upper end of its 80 % interval", ESTIMATE),
            ResultColumn("cost_eur", EUROS, "euros", "debt at the unit cost of services.yml"),
            ResultColumn("noise_share", FACT, "share", "half-width of the null 80 % interval per expected contacts"),
            _COVERED,
            _PERSONS,
        ),
    ),
    ResultTable(
        "debt_checks",
        (
            _GROUP,
            _SERVICE,
            _key("check", "what was checked"),
            _label("passed", "yes, no, or not_checked"),
            _label("message", "catalogue key and slots of the plain sentence, as JSON"),
        ),
        persons=None,
    ),
    ResultTable(
        "effects",
        (
            _key("intervention", "intervention, from interventions.yml"),
            _key("outcome", "outcome of the intervention"),
            _key("design", "design that gave the estimate"),
            _GROUP,
            _label("record", "record = the design the verdict rests on; beside = shown beside it"),
            ResultColumn("estimate", SHARE, "per 100 person-years", "effect; below 0 = fewer events"),
            ResultColumn("lo95", SHARE, "per 100 person-years", "lower end of the 95 % interval"),
            ResultColumn("hi95", SHARE, "per 100 person-years", "upper end of the 95 % interval"),
            ResultColumn("relative", SHARE, "share", "effect relative to the level without the intervention"),
            ResultColumn("relative_lo95", SHARE, "share", "lower end of its 95 % interval"),
            ResultColumn("relative_hi95", SHARE, "share", "upper end of its 95 % interval"),
            _label("unit", "unit of the estimate"),
            ResultColumn("p_value", FACT, "probability", "p-value of no effect by the design's own reference"),
            ResultColumn("n_treated", PERSONS, "persons or areas", "treated persons, or areas under the intervention"),
            ResultColumn("n_comparison", PERSONS, "persons or areas", "comparison persons, or areas"),
            _label("counted", "persons or areas: what n_treated and n_comparison count"),
            ResultColumn(
                "minimum_detectable_effect", SHARE, "share", "smallest relative change found in 8 of 10 cases"
            ),
            ResultColumn("smallest_important", FACT, "share", "δ: smallest relative change that matters"),
            ResultColumn("crude_change", SHARE, "share", "plain before/after change of the treated"),
            ResultColumn("expected_change", SHARE, "share", "change expected without the intervention"),
            _label("verdict", "works, probably_works, no_meaningful_effect, probably_harmful or cannot_say"),
            _label("evidence_level", "strong, moderate, weak or none"),
            _label("start", "first month of the intervention"),
            _PERSONS,
        ),
    ),
    ResultTable(
        "effect_checks",
        (
            _key("intervention", "intervention"),
            _key("outcome", "outcome"),
            _key("check", "what was checked"),
            _GROUP,
            _label("passed", "yes, no, or not_checked"),
            _label("message", "catalogue key and slots of the plain sentence, as JSON"),
        ),
        persons=None,
    ),
    ResultTable(
        "effect_series",
        (
            _key("intervention", "intervention"),
            _key("outcome", "outcome"),
            _GROUP,
            _key("arm", "treated or comparison"),
            ResultColumn("since_start", KEY, "quarters", "quarters since the start; −1 = the last quarter before"),
            ResultColumn("rate", SHARE, "per 100 person-years", "events per 100 person-years"),
            _PERSONS,
        ),
    ),
    ResultTable(
        "target_groups",
        (
            _GROUP,
            _label("available_from", "first month in which the group can be told, YYYY-MM"),
            _label("endogenous", "yes when membership depends on use itself"),
            _label("missing", "why the group cannot be formed from these data, or empty"),
            _label("incomplete", "tables that the rule names and the data lack, separated by ;"),
            ResultColumn("n_persons", PERSONS, "persons", "members in the last month of the quarter"),
            ResultColumn("share", SHARE, "share", "members per residents", ratio_of=("n_persons", "residents")),
            ResultColumn("residents", PERSONS, "persons", "residents in the last month of the quarter"),
        ),
    ),
    ResultTable(
        "group_overlap",
        (
            _GROUP,
            _key("other", "the other target group"),
            ResultColumn("n_persons", PERSONS, "persons", "persons in both groups in the last month of the quarter"),
        ),
    ),
    ResultTable(
        "volumes",
        (
            _SERVICE,
            _key("year", "calendar year; the last one may be part of a year"),
            _count("contacts", "contacts in covered cells"),
            ResultColumn("cost_eur", EUROS, "euros", "their cost, where recorded"),
            _COVERED,
            _PERSONS,
        ),
    ),
    ResultTable(
        "data_quality",
        (
            _key("table", "table of the data contract, or input of a mapping"),
            _key("check", "check, from quality.yml, or rule of the data contract"),
            _key("column", "column, when the check is about one"),
            _label("category", "conformance, completeness or plausibility (Kahn et al. 2016)"),
            _label("severity", "info, warning or error when failed"),
            _label("status", "passed, failed, info, or not_computed when what it needs is missing"),
            ResultColumn("rows", COUNT, "rows", "rows checked"),
            ResultColumn("failed", COUNT, "rows", "rows that failed"),
            ResultColumn("share", SHARE, "share", "failed per checked", ratio_of=("failed", "rows")),
            ResultColumn("limit_rows", FACT, "rows", "more failed rows than this, and more than limit_share, fail"),
            ResultColumn("limit_share", FACT, "share", "a larger share than this, and more than limit_rows, fails"),
            _label("detail", "what was found, in codes and counts without persons"),
            _label("affects", "results that depend on it, separated by ;"),
        ),
        persons=None,
    ),
    ResultTable(
        "trust",
        (
            _key("result", "result, as in `affects` of data_quality"),
            _label("level", "usable, care (usable with care), refused, or missing"),
            _label("reasons", "failed checks as table.check or table.check.column, separated by ;"),
        ),
        persons=None,
    ),
    ResultTable(
        "data_fields",
        (
            _key("table", "table of the data contract"),
            _key("column", "column of the data contract"),
            _label("kind", "type of the column"),
            _label("required", "yes or no"),
            _label("delivered", "yes or no"),
            _label("owner", "who answers for the register, from data_dictionary.yml"),
            ResultColumn("rows", COUNT, "rows", "rows of the table"),
            ResultColumn("filled", COUNT, "rows", "rows with a value"),
            ResultColumn("filled_share", SHARE, "share", "filled per rows", ratio_of=("filled", "rows")),
        ),
        persons=None,
    ),
    ResultTable(
        "volume_breaks",
        (
            _key("unit", "unit, or provider where units are not recorded"),
            _SERVICE,
            _MONTH,
            _label("verdict", "register (rows are missing), real (others fell too), known (a known break) or unclear"),
            _count("observed", "contacts in the month"),
            _count("expected", "contacts in a usual month of the unit and season", ESTIMATE),
            ResultColumn("ratio", SHARE, "ratio", "observed / expected", ratio_of=("observed", "expected")),
            _PERSONS,
        ),
    ),
    ResultTable(
        "attrition",
        (
            _key("table", "table of the data contract, or `analysis` after the store"),
            _key("step", "where rows leave: unreadable, excluded, rejected, after_as_of, ..."),
            _key("reason", "rule, or the mapping's reason"),
            ResultColumn("place", FACT, "order", "order of the step in its table"),
            ResultColumn("rows_before", COUNT, "rows", "rows before the step"),
            ResultColumn("excluded", COUNT, "rows", "rows that leave"),
            ResultColumn("rows_after", COUNT, "rows", "rows that remain"),
        ),
        persons=None,
    ),
    ResultTable(
        "reconciliation",
        (
            _key("indicator", "external figure, from the table indicators"),
            _key("period", "year"),
            _label("services", "services that were added up, separated by ;"),
            _label("source", "where the external figure comes from"),
            _label("quantity", "contacts, persons or cost_eur"),
            _count("ours", "the same figure from these data"),
            ResultColumn("external", FACT, "as measured", "the external figure"),
            ResultColumn("ratio", SHARE, "ratio", "ours / external", ratio_of=("ours", "external")),
            _label("status", "agrees, differs (above the limit) or not_comparable"),
            _label("reason", "what explains the difference, codes separated by ;"),
            _PERSONS,
        ),
    ),
    ResultTable(
        "quality_trend",
        (
            _key("quarter", "quarter of the run"),
            _key("category", "conformance, completeness, plausibility or all"),
            ResultColumn("checks", FACT, "checks", "checks that were computed"),
            ResultColumn("failed", FACT, "checks", "checks that failed"),
            ResultColumn("read", COUNT, "rows", "rows delivered; for `all`"),
            ResultColumn("rejected", COUNT, "rows", "rows rejected; for `all`"),
            ResultColumn("rejected_share", SHARE, "share", "rejected per read", ratio_of=("rejected", "read")),
            _count("contacts", "contacts of the quarter before, as known now; for `all`"),
            _count("late", "those of them that came after that quarter's run; for `all`"),
            ResultColumn("late_share", SHARE, "share", "late per contacts", ratio_of=("late", "contacts")),
        ),
        persons=None,
    ),
    ResultTable(
        "deviation",
        (
            _key("area", "municipality or county:<code>"),
            _GROUP,
            _SERVICE,
            _key("measure", "what is counted"),
            _key("period_start", "first day of the period, ISO date"),
            _key("frequency", "M, W or D"),
            _count("observed", "count in the period"),
            _count("expected", "count at the baseline's level and season", ESTIMATE),
            _count("expected_lo80", "lower end of the 80 % prediction interval", ESTIMATE),
            _count("expected_hi80", "upper end of the 80 % prediction interval", ESTIMATE),
            ResultColumn("deviation_share", SHARE, "share", "observed / expected − 1"),
            _PERSONS,
        ),
    ),
)

RESULT_TABLES: dict[str, ResultTable] = {table.name: table for table in _TABLES}
