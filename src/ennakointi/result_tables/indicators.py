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
_UNIT = label("unit", "contacts, weeks, share, services, interventions, or that of an external figure")


def _value(name: str, meaning: str) -> ResultColumn:
    return ResultColumn(name, SHARE, "unit", meaning)


INDICATOR_TABLES = (
    ResultTable(
        "indicators",
        (
            _INDICATOR,
            GROUP,
            key("period", "quarter (2025Q3), month or year that the figure tells of"),
            key("target_kind", "legal, project or indicator: whose target the row is judged by; empty: no target"),
            _UNIT,
            _value("value", "the figure, in `unit`; empty: only its target is known"),
            _value("lo80", "lower end of its 80 % interval"),
            _value("hi80", "upper end of its 80 % interval"),
            _value("lo95", "lower end of its 95 % interval"),
            _value("hi95", "upper end of its 95 % interval"),
            ResultColumn("target", FACT, "unit", "what is aimed at; empty: no target"),
            label("better", "less or more; empty: not known"),
            label(
                "status",
                "met, not_met, unsure (the target is inside the 80 % interval, or none is known), not_measured or "
                "no_target",
            ),
            label("definition", "hash of the definition and the parameters that shape the figure"),
            label("cell", "table.column of this release that the figure repeats; empty: computed here or external"),
            label("source", "ennakointi, or where an external figure comes from"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "changes",
        (
            _INDICATOR,
            GROUP,
            key("since", "quarter that is compared with; empty: none is remembered"),
            _UNIT,
            _value("before", "the figure as it was told then"),
            _value("late", "revision of months that were told already: contacts that came late or were taken out"),
            _value("definitions", "changed parameters and definitions, and the model estimated anew"),
            _value("new_events", "what the new months add at the pace told then"),
            _value("real", "the rest: the pace itself changed"),
            _value("real_lo80", "lower end of its 80 % interval, from how months vary"),
            _value("real_hi80", "upper end of its 80 % interval"),
            _value("after", "the figure now"),
            _value("total", "after − before = late + definitions + new_events + real"),
            _value("total_lo80", "lower end of its 80 % interval"),
            _value("total_hi80", "upper end of its 80 % interval"),
            label("within_uncertainty", "yes or no: whether 0 is inside the interval of the total; or unknown"),
            label("pace_within", "the same of `real`; empty: not told apart"),
            label("reason", "why parts or intervals cannot be told, as a JSON list of messages; empty: they can"),
            PERSONS_BEHIND,
        ),
    ),
)
