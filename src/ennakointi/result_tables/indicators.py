"""Result tables of the headline figures by quarter, and of why each of them changed since the last quarter."""

from __future__ import annotations

from ennakointi.result_tables.columns import (
    FACT,
    GROUP,
    PERSONS_BEHIND,
    SHARE,
    ResultColumn,
    ResultTable,
    key,
    label,
)

_INDICATOR = key("indicator", "indicator, from indicators.yml or the source's own list")


def _value(name: str, meaning: str) -> ResultColumn:
    return ResultColumn(name, SHARE, "unit", meaning)


INDICATOR_TABLES = (
    ResultTable(
        "indicators",
        (
            _INDICATOR,
            GROUP,
            key("period", "quarter (2025Q3), month or year that the figure tells of"),
            _value("value", "the figure, in `unit`"),
            _value("lo80", "lower end of its 80 % interval"),
            _value("hi80", "upper end of its 80 % interval"),
            _value("lo95", "lower end of its 95 % interval"),
            _value("hi95", "upper end of its 95 % interval"),
            label("unit", "unit of the figure"),
            ResultColumn("target", FACT, "unit", "what is aimed at, from indicators.yml; empty: no target"),
            label("target_kind", "legal, project or indicator: whose target it is; empty: no target"),
            label("status", "met, not_met, unsure (the target is inside the interval) or no_target"),
            label("definition", "hash of the definition and the parameters that shape the figure"),
            label("source", "ennakointi, or where an external figure comes from"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "changes",
        (
            _INDICATOR,
            GROUP,
            key("since", "quarter that is compared with"),
            key("part", "before, late, definitions, new_events, real, after or total (after − before)"),
            ResultColumn("place", FACT, "order", "order of the bar"),
            _value("value", "level for before and after; else what the part adds, in the unit of the indicator"),
            _value("lo80", "lower end of the 80 % interval; for the total only"),
            _value("hi80", "upper end of the 80 % interval; for the total only"),
            label("within_uncertainty", "yes or no, for the total: whether 0 is inside its interval"),
            label("reason", "why a part cannot be told, as a catalogue key and slots; empty: it can"),
            PERSONS_BEHIND,
        ),
    ),
)
