"""Result tables of the effects of interventions, of their costs, and of all interventions beside each other."""

from __future__ import annotations

from ennakointi.result_tables.columns import (
    COUNT,
    FACT,
    GROUP,
    KEY,
    PERSONS,
    PERSONS_BEHIND,
    SHARE,
    ResultColumn,
    ResultTable,
    key,
    label,
)

_INTERVENTION = key("intervention", "intervention, from interventions.yml")
_OUTCOME = key("outcome", "outcome of the intervention")
_DESIGN = key("design", "design that gave the estimate")
_LO95, _HI95 = "lower end of its 95 % interval", "upper end of its 95 % interval"
_COST = "euros per cost_unit"


def _share(name: str, unit: str, meaning: str) -> ResultColumn:
    return ResultColumn(name, SHARE, unit, meaning)


EFFECT_TABLES = (
    ResultTable(
        "effects",
        (
            _INTERVENTION,
            _OUTCOME,
            _DESIGN,
            GROUP,
            label("record", "record = the design the verdict rests on; beside = shown beside it"),
            label("role", "primary or secondary outcome"),
            _share("estimate", "unit", "effect; below 0 = less of the outcome"),
            _share("lo95", "unit", _LO95),
            _share("hi95", "unit", _HI95),
            _share("relative", "share", "effect relative to the level without the intervention"),
            _share("relative_lo95", "share", _LO95),
            _share("relative_hi95", "share", _HI95),
            label("unit", "unit of the estimate"),
            _share("p_value", "probability", "p-value of no effect by the design's own reference"),
            _share("p_adjusted", "probability", "the same adjusted by Holm over the secondary outcomes"),
            ResultColumn("alpha", FACT, "probability", "level of this look: 5 % are spent over the decisions"),
            ResultColumn("n_treated", PERSONS, "persons or areas", "treated persons, or areas under the intervention"),
            ResultColumn("n_comparison", PERSONS, "persons or areas", "comparison persons, or areas"),
            label("counted", "persons or areas: what n_treated and n_comparison count"),
            _share("minimum_detectable_effect", "share", "smallest relative change found in 8 of 10 cases"),
            ResultColumn("smallest_important", FACT, "share", "δ: smallest relative change that matters"),
            _share("crude_change", "share", "plain before/after change of the treated"),
            _share("expected_change", "share", "change expected without the intervention"),
            label("verdict", "works, probably_works, no_meaningful_effect, probably_harmful or cannot_say"),
            label("evidence_level", "strong, moderate, weak or none"),
            label("start", "first month of the intervention"),
            label("registered", "hash of what was registered of the intervention, from interventions.yml"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "effect_designs",
        (
            _INTERVENTION,
            _OUTCOME,
            _DESIGN,
            GROUP,
            label("role", "record, beside or not_feasible"),
            label("reason", "catalogue key and slots of why, as JSON"),
        ),
        persons=None,
    ),
    ResultTable(
        "effect_checks",
        (
            key("intervention", "intervention"),
            key("outcome", "outcome"),
            key("check", "what was checked"),
            GROUP,
            label("passed", "yes, no, or not_checked"),
            label("message", "catalogue key and slots of the plain sentence, as JSON"),
        ),
        persons=None,
    ),
    ResultTable(
        "effect_series",
        (
            key("intervention", "intervention"),
            key("outcome", "outcome"),
            GROUP,
            key("arm", "treated, comparison or counterfactual"),
            ResultColumn("since_start", KEY, "quarters", "quarters since the start; −1 = the last quarter before"),
            ResultColumn("rate", SHARE, "unit", "level of the outcome in the unit of `effects`", scales_with="events"),
            ResultColumn("events", COUNT, "contacts, days or euros", "what the rate counts, unweighted"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "effect_time",
        (
            _INTERVENTION,
            _OUTCOME,
            GROUP,
            ResultColumn("since_start", KEY, "quarters", "quarters since the start; below 0 = before it, a check"),
            _share("relative", "share", "effect in the quarter relative to the level without the intervention"),
            _share("lo95", "share", "lower end of the 95 % band, simultaneous over the quarters"),
            _share("hi95", "share", "upper end of the 95 % band, simultaneous over the quarters"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "cost_effectiveness",
        (
            _INTERVENTION,
            _OUTCOME,
            GROUP,
            label("cost_unit", "what costs and effects are of: per participant-year, or per 1,000 person-years"),
            _share("delta_cost_eur", _COST, "change of the organiser's costs"),
            _share("delta_cost_lo95", _COST, _LO95),
            _share("delta_cost_hi95", _COST, _HI95),
            _share("delta_effect", "units of the outcome per cost_unit", "improvement: above 0 = better"),
            _share("delta_effect_lo95", "units of the outcome per cost_unit", _LO95),
            _share("delta_effect_hi95", "units of the outcome per cost_unit", _HI95),
            _share("icer_eur", "euros per unit of improvement", "ΔC/ΔE; empty where ΔE may be 0"),
            ResultColumn("lambda_eur", FACT, "euros per unit of improvement", "assumed worth of an improvement"),
            _share("nmb_eur", _COST, "net monetary benefit λΔE − ΔC"),
            _share("nmb_lo95", _COST, _LO95),
            _share("nmb_hi95", _COST, _HI95),
            _share("probability_cost_effective", "probability", "share of the draws with a net benefit above 0"),
            _share("direct_cost_eur", _COST, "costs of the intervention itself"),
            _share("service_cost_eur", _COST, "change of the costs of services at their marginal share"),
            _share("released_hours", "hours per cost_unit", "working time released (above 0); not in the costs"),
            _share("quadrant_ne", "probability", "share of the draws: better and dearer"),
            _share("quadrant_se", "probability", "share of the draws: better and cheaper"),
            _share("quadrant_sw", "probability", "share of the draws: worse and cheaper"),
            _share("quadrant_nw", "probability", "share of the draws: worse and dearer"),
            ResultColumn("marginal_share", FACT, "share", "share of a service's unit cost that is saved in cash"),
            ResultColumn("price_year", FACT, "year", "year of the prices"),
            ResultColumn("discount_rate", FACT, "share", "a year, beyond the first year"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "cost_curve",
        (
            _INTERVENTION,
            _OUTCOME,
            GROUP,
            ResultColumn("lambda_eur", KEY, "euros per unit of improvement", "worth of a unit of improvement"),
            _share("probability_cost_effective", "probability", "share of the draws with a net benefit above 0"),
            _share("nmb_eur", _COST, "net monetary benefit λΔE − ΔC"),
            _share("nmb_lo95", _COST, _LO95),
            _share("nmb_hi95", _COST, _HI95),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "cost_plane",
        (
            _INTERVENTION,
            _OUTCOME,
            GROUP,
            ResultColumn("draw", KEY, "number", "number of the draw"),
            _share("delta_cost_eur", _COST, "change of the organiser's costs in the draw"),
            _share("delta_effect", "units of the outcome per cost_unit", "improvement in the draw"),
            PERSONS_BEHIND,
        ),
    ),
    ResultTable(
        "intervention_ranking",
        (
            _INTERVENTION,
            GROUP,
            ResultColumn("rank", FACT, "number", "place by evidence, then by net benefit"),
            label("verdict", "verdict on the primary outcome"),
            label("evidence_level", "strong, moderate, weak or none"),
            _share("p_value", "probability", "p-value of the primary outcome"),
            _share("p_bh", "probability", "adjusted by Benjamini–Hochberg over the interventions"),
            _share("relative", "share", "relative effect on the primary outcome"),
            _share("relative_lo95", "share", _LO95),
            _share("relative_hi95", "share", _HI95),
            label("cost_unit", "what the net benefit is of"),
            _share("nmb_eur", _COST, "net monetary benefit at the stated λ"),
            _share("nmb_lo95", _COST, _LO95),
            _share("nmb_hi95", _COST, _HI95),
            label("needed", "what is still needed to know more: messages as a JSON list"),
            PERSONS_BEHIND,
        ),
    ),
)
