"""The result tables that other programs read: every column, its kind, its unit and what it means.

`disclosure` treats a column by its kind, `report` writes the descriptions to `tables.json`. Columns of kind COUNT,
EUROS, ESTIMATE and SHARE are hidden together when their row's `n_persons` falls under the threshold of the preset.
"""

from __future__ import annotations

from ennakointi.result_tables.columns import (
    COUNT,
    COVERED,
    ESTIMATE,
    EUROS,
    FACT,
    GROUP,
    KEY,
    LABEL,
    MONTH,
    MONTHLY,
    PERSONS,
    PERSONS_BEHIND,
    QUARTERLY,
    SERVICE,
    SHARE,
    ResultColumn,
    ResultTable,
    Sum,
    count,
    key,
    label,
    of_services,
)
from ennakointi.result_tables.debts import DEBT_TABLES
from ennakointi.result_tables.effects import EFFECT_TABLES
from ennakointi.result_tables.forecasts import FORECAST_TABLES
from ennakointi.result_tables.indicators import INDICATOR_TABLES
from ennakointi.result_tables.needs import NEED_TABLES
from ennakointi.result_tables.segments import SEGMENT_TABLES

__all__ = [
    "COUNT",
    "ESTIMATE",
    "EUROS",
    "FACT",
    "KEY",
    "LABEL",
    "MONTHLY",
    "PERSONS",
    "QUARTERLY",
    "RESULT_TABLES",
    "SHARE",
    "ResultColumn",
    "ResultTable",
    "Sum",
]

_TABLES = (
    ResultTable(
        "target_groups",
        (
            GROUP,
            label("available_from", "first month in which the group can be told, YYYY-MM"),
            label("endogenous", "yes when membership depends on use itself"),
            label("missing", "why the group cannot be formed from these data, or empty"),
            label("incomplete", "tables that the rule names and the data lack, separated by ;"),
            ResultColumn("n_persons", PERSONS, "persons", "members in the last month of the quarter"),
            ResultColumn("share", SHARE, "share", "members per residents", ratio_of=("n_persons", "residents")),
            ResultColumn("residents", PERSONS, "persons", "residents in the last month of the quarter"),
        ),
    ),
    ResultTable(
        "group_overlap",
        (
            GROUP,
            key("other", "the other target group"),
            ResultColumn("n_persons", PERSONS, "persons", "persons in both groups in the last month of the quarter"),
        ),
    ),
    ResultTable(
        "volumes",
        (
            SERVICE,
            key("year", "calendar year; the last one may be part of a year"),
            count("contacts", "contacts in covered cells"),
            ResultColumn("cost_eur", EUROS, "euros", "their cost, where recorded"),
            COVERED,
            PERSONS_BEHIND,
        ),
        sums=of_services("contacts", "cost_eur"),
        told_again=True,
    ),
    ResultTable(
        "data_quality",
        (
            key("table", "table of the data contract, or input of a mapping"),
            key("check", "check, from quality.yml, or rule of the data contract"),
            key("column", "column, when the check is about one"),
            label("category", "conformance, completeness or plausibility (Kahn et al. 2016)"),
            label("severity", "info, warning or error when failed"),
            label("status", "passed, failed, info, or not_computed when what it needs is missing"),
            ResultColumn("rows", COUNT, "rows", "rows checked"),
            ResultColumn("failed", COUNT, "rows", "rows that failed"),
            ResultColumn("share", SHARE, "share", "failed per checked", ratio_of=("failed", "rows")),
            ResultColumn("limit_rows", FACT, "rows", "more failed rows than this, and more than limit_share, fail"),
            ResultColumn("limit_share", FACT, "share", "a larger share than this, and more than limit_rows, fails"),
            label("detail", "what was found, in codes and counts without persons", with_row=True),
            label("affects", "results that depend on it, separated by ;"),
        ),
        persons=None,
    ),
    ResultTable(
        "trust",
        (
            key("result", "result, as in `affects` of data_quality"),
            label("level", "usable, care (usable with care), refused, or missing"),
            label("reasons", "failed checks as table.check or table.check.column, separated by ;"),
        ),
        persons=None,
    ),
    ResultTable(
        "data_fields",
        (
            key("table", "table of the data contract"),
            key("column", "column of the data contract"),
            label("kind", "type of the column"),
            label("required", "yes or no"),
            label("delivered", "yes or no"),
            label("owner", "who answers for the register, from data_dictionary.yml"),
            ResultColumn("rows", COUNT, "rows", "rows of the table"),
            ResultColumn("filled", COUNT, "rows", "rows with a value"),
            ResultColumn("filled_share", SHARE, "share", "filled per rows", ratio_of=("filled", "rows")),
        ),
        persons=None,
    ),
    ResultTable(
        "volume_breaks",
        (
            key("unit", "unit, or provider where units are not recorded"),
            SERVICE,
            MONTH,
            label("verdict", "register (rows are missing), real (others fell too), known (a known break) or unclear"),
            count("observed", "contacts in the month"),
            count("expected", "contacts in a usual month of the unit and season", ESTIMATE),
            ResultColumn("ratio", SHARE, "ratio", "observed / expected", ratio_of=("observed", "expected")),
            label("suppliers", "few where most of the unit's contacts are purchased or of organisations: not shown"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "attrition",
        (
            key("table", "table of the data contract, or `analysis` after the store"),
            key("step", "where rows leave: unreadable, excluded, rejected, after_as_of, ..."),
            key("reason", "rule, or the mapping's reason"),
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
            key("indicator", "external figure, from the table indicators"),
            key("period", "year"),
            label("services", "services that were added up, separated by ;"),
            label("source", "where the external figure comes from"),
            label("quantity", "contacts, persons or cost_eur"),
            count("ours", "the same figure from these data"),
            ResultColumn("external", FACT, "as measured", "the external figure"),
            ResultColumn("ratio", SHARE, "ratio", "ours / external", ratio_of=("ours", "external")),
            label("status", "agrees, differs (above the limit) or not_comparable"),
            label("reason", "what explains the difference, codes separated by ;"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "quality_trend",
        (
            key("quarter", "quarter of the run"),
            key("category", "conformance, completeness, plausibility or all"),
            ResultColumn("checks", FACT, "checks", "checks that were computed"),
            ResultColumn("failed", FACT, "checks", "checks that failed"),
            ResultColumn("read", COUNT, "rows", "rows delivered; for `all`"),
            ResultColumn("rejected", COUNT, "rows", "rows rejected; for `all`"),
            ResultColumn("rejected_share", SHARE, "share", "rejected per read", ratio_of=("rejected", "read")),
            count("contacts", "contacts of the quarter before, as known now; for `all`"),
            count("late", "those of them that came after that quarter's run; for `all`"),
            ResultColumn("late_share", SHARE, "share", "late per contacts", ratio_of=("late", "contacts")),
        ),
        persons=None,
    ),
    ResultTable(
        "deviation",
        (
            key("area", "municipality or county:<code>"),
            GROUP,
            SERVICE,
            key("measure", "what is counted"),
            key("period_start", "first day of the period, ISO date"),
            key("frequency", "M, W or D"),
            count("observed", "count in the period"),
            count("expected", "count at the baseline's level and season", ESTIMATE),
            count("expected_lo80", "lower end of the 80 % prediction interval", ESTIMATE),
            count("expected_hi80", "upper end of the 80 % prediction interval", ESTIMATE),
            ResultColumn("deviation_share", SHARE, "share", "observed / expected − 1"),
            PERSONS_BEHIND,
        ),
    ),
)

RESULT_TABLES: dict[str, ResultTable] = {
    table.name: table
    for table in (
        *DEBT_TABLES,
        *EFFECT_TABLES,
        *_TABLES,
        *FORECAST_TABLES,
        *INDICATOR_TABLES,
        *SEGMENT_TABLES,
        *NEED_TABLES,
    )
}
