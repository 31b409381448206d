"""Result tables of segmentation: who needs what, how many, at what cost, and how they move between segments."""

from __future__ import annotations

from ennakointi.result_tables.columns import (
    COUNT,
    ESTIMATE,
    EUROS,
    FACT,
    GROUP,
    PERSONS,
    PERSONS_BEHIND,
    SERVICE,
    SHARE,
    ResultColumn,
    ResultTable,
    Sum,
    count,
    key,
    label,
)

_SCHEME = key("scheme", "way of segmenting, from segmentation.yml; `latent` = latent classes")
_SEGMENT = key("segment", "segment of the scheme; `all` = every resident")
_QUARTER = key("quarter", "quarter at whose end persons are in the segment, 2025Q3")
_EUROS = ResultColumn("cost_eur", EUROS, "euros", "their cost of 12 months")
_CONTACTS = count("contacts", "their contacts of 12 months")
_ACROSS = Sum(("segment",), ("all",), ("contacts", "cost_eur"), distinct=True)
_PERSONS_ACROSS = Sum(("segment",), ("all",), (), distinct=True)


def _persons(name: str, meaning: str) -> ResultColumn:
    return ResultColumn(name, PERSONS, "persons", meaning)


def _ratio(name: str, unit: str, meaning: str, above: str, below: str) -> ResultColumn:
    return ResultColumn(name, SHARE, unit, meaning, ratio_of=(above, below))


def _fact(name: str, unit: str, meaning: str, with_row: bool = False) -> ResultColumn:
    return ResultColumn(name, FACT, unit, meaning, with_row=with_row)


_SIZES = ResultTable(
    "segments",
    (
        _SCHEME,
        _SEGMENT,
        _QUARTER,
        ResultColumn("persons", COUNT, "persons", "residents in the segment", total_of=("n_persons",)),
        _ratio("share", "share", "of all residents", "n_persons", "residents"),
        _CONTACTS,
        _EUROS,
        _ratio("contacts_per_person", "contacts per person", "in 12 months", "contacts", "n_persons"),
        _ratio("cost_eur_per_person", "euros per person", "in 12 months", "cost_eur", "n_persons"),
        _ratio("contact_share", "share", "of the contacts of all residents", "contacts", "contacts_all"),
        _ratio("cost_share", "share", "of the cost of all residents", "cost_eur", "cost_eur_all"),
        _fact("stability", "index", "adjusted Rand index of the scheme (1: the same in every sample); empty: by rule"),
        _persons("residents", "residents at the end of the quarter"),
        count("contacts_all", "contacts of all residents in 12 months"),
        ResultColumn("cost_eur_all", EUROS, "euros", "cost of all residents in 12 months"),
        PERSONS_BEHIND,
    ),
    sums=(_ACROSS,),
    told_again=True,
)
_RESIDENTS = ResultTable(
    "segment_residents",
    (
        _SCHEME,
        _SEGMENT,
        key("dimension", "age_band, sex, language or municipality"),
        key("value", "value of the dimension; `all` = every value"),
        _ratio("share", "share", "of the segment", "n_persons", "segment_persons"),
        _persons("segment_persons", "residents in the segment"),
        PERSONS_BEHIND,
    ),
    sums=(_PERSONS_ACROSS, Sum(("value",), ("all",), (), distinct=True)),
)
_SERVICES = ResultTable(
    "segment_services",
    (
        _SCHEME,
        _SEGMENT,
        SERVICE,
        _CONTACTS,
        _EUROS,
        _ratio(
            "users_share", "share", "of the segment that used the service in 12 months", "n_persons", "segment_persons"
        ),
        _ratio("contacts_per_person", "contacts per person", "of the segment", "contacts", "segment_persons"),
        _persons("segment_persons", "residents in the segment"),
        PERSONS_BEHIND,
    ),
    sums=(_ACROSS, Sum(("service",), ("all",), ("contacts", "cost_eur"))),
)
_GROUPS = ResultTable(
    "segment_groups",
    (
        _SCHEME,
        _SEGMENT,
        GROUP,
        _ratio("share_of_segment", "share", "of the segment that is in the group", "n_persons", "segment_persons"),
        _ratio("share_of_group", "share", "of the group that is in the segment", "n_persons", "group_persons"),
        _persons("segment_persons", "residents in the segment"),
        _persons("group_persons", "residents in the group"),
        PERSONS_BEHIND,
    ),
    sums=(_PERSONS_ACROSS,),
)
_SIGNS = ResultTable(
    "segment_signs",
    (
        _SCHEME,
        _SEGMENT,
        key(
            "sign",
            "remote, urgent, bed_days, waiting, unmet_need, plan, no_contact or multi_service: what the persons have",
        ),
        ResultColumn("amount", COUNT, "contacts or days", "remote or urgent contacts, bed days, or days waited in all"),
        _ratio("share", "share", "of the segment", "n_persons", "segment_persons"),
        _ratio("per_person", "contacts or days per person", "amount per person of the sign", "amount", "n_persons"),
        _persons("segment_persons", "residents in the segment"),
        PERSONS_BEHIND,
    ),
    sums=(Sum(("segment",), ("all",), ("amount",), distinct=True),),
)
_CONCENTRATION = ResultTable(
    "concentration",
    (
        key("measure", "cost_eur or contacts"),
        key("top_share", "share of residents with the most, in percent; `gini` = the Gini coefficient"),
        ResultColumn("share", SHARE, "share", "their share of the whole, or the Gini coefficient"),
        PERSONS_BEHIND,
    ),
)
_READINGS = ResultTable(
    "multi_service",
    (
        key("readings", "readings of a multi-service client that hold together, joined by +; `none`, `all`"),
        _CONTACTS,
        _EUROS,
        _ratio("contacts_per_person", "contacts per person", "in 12 months", "contacts", "n_persons"),
        PERSONS_BEHIND,
    ),
    sums=(Sum(("readings",), ("all",), ("contacts", "cost_eur"), distinct=True),),
)
_AGREEMENT = ResultTable(
    "segment_agreement",
    (
        _SCHEME,
        key("other", "the other scheme"),
        _fact("adjusted_rand", "index", "adjusted Rand index: 1 the same persons together, 0 as by chance"),
    ),
    persons=None,
)
_STABILITY = ResultTable(
    "segment_stability",
    (
        key("scheme", "way of segmenting; of `guidance` the indicator"),
        key(
            "measure",
            "bootstrap_ari, seed_change, smallest_share, kept_year, psi, fidelity or bic_gain; refused, projection or "
            "guidance: what is missing, of which `message` tells why",
        ),
        ResultColumn("value", SHARE, "as measured", "the measure", step=0.005),
        ResultColumn("lo", SHARE, "as measured", "its lowest value over samples or seeds", step=0.005),
        ResultColumn("hi", SHARE, "as measured", "its highest value over samples or seeds", step=0.005),
        _fact("limit", "as measured", "the limit of the settings; empty: none"),
        label("passed", "yes, no, or not_checked"),
        label("message", "catalogue key and slots of the plain sentence, as JSON"),
    ),
    persons=None,
)
_CHOICE = ResultTable(
    "class_choice",
    (
        key("method", "latent, kmeans or mixture"),
        key("classes", "number of classes"),
        _fact("bic", "BIC", "Bayesian information criterion per person: less is better"),
        _fact("held_out", "log-likelihood", "mean log-likelihood of persons that were held out: more is better"),
        ResultColumn("smallest_share", SHARE, "share", "of residents in the smallest class", step=0.005),
        label("chosen", "yes or no"),
        label("reason", "why it is refused, catalogue key and slots as JSON; empty: it is not"),
    ),
    persons=None,
)
_ITEMS = ResultTable(
    "class_items",
    (
        _SCHEME,
        _SEGMENT,
        key("item", "what was observed of a person, from segmentation.yml"),
        key("answer", "category of the item"),
        ResultColumn("probability", SHARE, "share", "of the class with this answer", step=0.01),
        PERSONS_BEHIND,
    ),
)
_RULES = ResultTable(
    "class_rules",
    (
        _SCHEME,
        _SEGMENT,
        key("place", "1 = the rule that holds for most"),
        label("rule", "conditions on items as a JSON list of [item, from, to]", with_row=True),
        ResultColumn("purity", SHARE, "share", "of persons of the rule that are in the class", step=0.01),
        ResultColumn("reach", SHARE, "share", "of the class for which the rule holds", step=0.01),
        PERSONS_BEHIND,
    ),
)
_TRANSITIONS = ResultTable(
    "segment_transitions",
    (
        _SCHEME,
        key("span", "quarter or year that lies between"),
        key("from", "segment before; `arrived` = born or moved in since; `all`"),
        key("to", "segment now; `died`, `moved`; `all`"),
        ResultColumn("persons", COUNT, "persons", "persons who went this way", total_of=("n_persons",)),
        _ratio("probability", "share", "of those who were in `from`", "n_persons", "from_persons"),
        _persons("from_persons", "persons who were in `from`"),
        PERSONS_BEHIND,
    ),
    sums=(Sum(("to",), ("all",), (), distinct=True), Sum(("from",), ("all",), (), distinct=True)),
)
_MOVEMENT = ResultTable(
    "segment_movement",
    (
        _SCHEME,
        _SEGMENT,
        ResultColumn(
            "same_after_year", SHARE, "share", "of those still here, in the segment a year before and now", step=0.01
        ),
        ResultColumn("stay_years", SHARE, "years", "expected time until the segment is left", step=0.1),
        ResultColumn("heavier_share", SHARE, "share", "that is in a graver segment a year later", step=0.01),
        ResultColumn("lighter_share", SHARE, "share", "that is in a less grave segment a year later", step=0.01),
        PERSONS_BEHIND,
    ),
)
_PROJECTION = ResultTable(
    "segment_projection",
    (
        _SCHEME,
        _SEGMENT,
        key("year", "31 December of the year; the first is the present"),
        label("basis", "moves (transitions, births, deaths, migration) or ages (present shares by age and sex)"),
        ResultColumn("persons", ESTIMATE, "persons", "expected persons"),
        ResultColumn("persons_lo80", ESTIMATE, "persons", "lower end of the 80 % interval"),
        ResultColumn("persons_hi80", ESTIMATE, "persons", "upper end of the 80 % interval"),
        count("contacts", "expected contacts a year at the present rate per person", ESTIMATE),
        ResultColumn("cost_eur", EUROS, "euros", "expected cost a year at the present cost per person"),
        PERSONS_BEHIND,
    ),
)
_GUIDANCE = ResultTable(
    "guidance",
    (
        key("indicator", "answered_same_day, redirected, solved_at_once, repeat_7, repeat_30, right_place or plan"),
        SERVICE,
        key("quarter", "quarter of the first approach or contact"),
        ResultColumn("part", COUNT, "approaches", "those that the indicator holds for"),
        ResultColumn("whole", COUNT, "approaches", "all that it could hold for"),
        _ratio("share", "share", "part of the whole", "part", "whole"),
        PERSONS_BEHIND,
    ),
    sums=(Sum(("service",), ("all",), ("part", "whole")),),
    told_again=True,
)
_RANKING = ResultTable(
    "segment_ranking",
    (
        _SCHEME,
        _SEGMENT,
        _fact("place", "order", "1 = first to look at", with_row=True),
        ResultColumn("unmet_share", SHARE, "share", "of the segment with a sign of unmet need", step=0.01),
        ResultColumn("cost_eur_per_person", SHARE, "euros per person", "in 12 months"),
        ResultColumn("delay_days", SHARE, "days", "mean wait of those who wait, at least one day", step=1.0),
        ResultColumn("score", SHARE, "index", "unmet need × cost × delay, each divided by that of all residents"),
        label("measures", "measures that the parameters name for the segment, separated by ;"),
        PERSONS_BEHIND,
    ),
)
SEGMENT_TABLES = (
    _SIZES,
    _RESIDENTS,
    _SERVICES,
    _GROUPS,
    _SIGNS,
    _CONCENTRATION,
    _READINGS,
    _AGREEMENT,
    _STABILITY,
    _CHOICE,
    _ITEMS,
    _RULES,
    _TRANSITIONS,
    _MOVEMENT,
    _PROJECTION,
    _GUIDANCE,
    _RANKING,
)
