"""Result tables of the forecasts of need."""

from __future__ import annotations

from ennakointi.result_tables.columns import (
    ESTIMATE,
    FACT,
    GROUP,
    KEY,
    MONTH,
    PERSONS_BEHIND,
    SERVICE,
    SHARE,
    ResultColumn,
    ResultTable,
    count,
    key,
    label,
    of_municipalities,
    of_services,
)

_PLACE = key("municipality", "official code, or `all` = the whole county")
_YEAR = ResultColumn("year", KEY, "year", "calendar year")
_VARIANT = key("variant", "population projection, and scenarios in force, separated by +")

FORECAST_TABLES = (
    ResultTable(
        "forecast",
        (
            GROUP,
            SERVICE,
            _PLACE,
            MONTH,
            label("origin", "last month that the forecast knew, YYYY-MM"),
            ResultColumn("quantile", KEY, "probability", "level of the quantile; 0.5 = the median"),
            count("value", "contacts in the month at that quantile", ESTIMATE),
            count("mean", "mean forecast of the month; means add up over municipalities and services", ESTIMATE),
            label("method", "ensemble, theta, level, zero or refused"),
            PERSONS_BEHIND,
        ),
        sums=(*of_services("mean"), of_municipalities("mean")),
        together=("target_group", "service", "municipality"),
    ),
    ResultTable(
        "forecast_history",
        (
            GROUP,
            SERVICE,
            _PLACE,
            MONTH,
            label("period", "used, disrupted (masked before fitting), not_used (before a break) or missing (not held)"),
            count("observed", "contacts that took place in the month, in the forecast's municipalities"),
            PERSONS_BEHIND,
        ),
        sums=(*of_services("observed"), of_municipalities("observed")),
        told_again=True,
    ),
    ResultTable(
        "forecast_scores",
        (
            GROUP,
            SERVICE,
            key("model", "engine, or seasonal_naive = the same month a year before"),
            ResultColumn("mase", SHARE, "ratio", "mean absolute error per the seasonal naive's in-sample one"),
            ResultColumn("wql", SHARE, "ratio", "weighted quantile loss: 2 · pinball (.1 … .9) per observed contacts"),
            ResultColumn("coverage80", SHARE, "share", "share of months inside the 80 % forecast interval"),
            ResultColumn("coverage95", SHARE, "share", "share of months inside the 95 % forecast interval"),
            ResultColumn("bias", SHARE, "share", "(forecast − observed) / observed over all months"),
            ResultColumn("n_origins", FACT, "origins", "origins that were tested"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "demand_outlook",
        (
            GROUP,
            SERVICE,
            _YEAR,
            _VARIANT,
            label("basis", "observed, model (up to the horizon of the model) or demography"),
            count("contacts", "contacts in the year; a forecast's mean", ESTIMATE),
            count("lo80", "lower end of the 80 % forecast interval", ESTIMATE),
            count("hi80", "upper end of the 80 % forecast interval", ESTIMATE),
            PERSONS_BEHIND,
        ),
        sums=of_services("contacts"),
    ),
    ResultTable(
        "demand_drivers",
        (
            GROUP,
            SERVICE,
            _VARIANT,
            key("factor", "start, population, ageing, healthy_ageing, trend, a scenario, interaction or end"),
            ResultColumn("place", FACT, "order", "order of the bar"),
            label("from_year", "year that the change starts from"),
            label("to_year", "year that it leads to"),
            count("change", "contacts a year that the factor adds; the level for start and end", ESTIMATE),
            count("lo80", "lower end of its 80 % interval", ESTIMATE),
            count("hi80", "upper end of its 80 % interval", ESTIMATE),
            PERSONS_BEHIND,
        ),
        sums=of_services("change"),
    ),
    ResultTable(
        "demand_resources",
        (
            GROUP,
            SERVICE,
            _YEAR,
            _VARIANT,
            key("resource", "fte (person-years of work), rooms, beds or cost_eur"),
            ResultColumn("amount", SHARE, "as the resource", "what the year's contacts need"),
            ResultColumn("lo80", SHARE, "as the resource", "lower end of its 80 % interval"),
            ResultColumn("hi80", SHARE, "as the resource", "upper end of its 80 % interval"),
            label("price_year", "year of the prices, for euros"),
            PERSONS_BEHIND,
        ),
        sums=of_services("amount", spread=False),
    ),
    ResultTable(
        "forecast_ledger",
        (
            key("made", "quarter in which the forecast was made"),
            GROUP,
            SERVICE,
            ResultColumn("months", SHARE, "months", "months that have come since and were scored"),
            ResultColumn("inside80", SHARE, "months", "those inside the 80 % forecast interval"),
            ResultColumn("inside95", SHARE, "months", "those inside the 95 % forecast interval"),
            ResultColumn("inside80_latest", SHARE, "months", "1 when the latest of them was inside the 80 % one, or 0"),
            ResultColumn("error_share", SHARE, "share", "(forecast − observed) / observed over those months"),
            ResultColumn("wql", SHARE, "ratio", "weighted quantile loss of the forecast"),
            ResultColumn("naive_wql", SHARE, "ratio", "absolute error of the seasonal naive per observed contacts"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "forecast_checks",
        (
            GROUP,
            SERVICE,
            key("check", "what was checked"),
            label("passed", "yes, no, or not_checked"),
            label("message", "catalogue key and slots of the plain sentence, as JSON"),
        ),
        persons=None,
    ),
)
