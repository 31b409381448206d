"""The interventions that a source can tell of: those registered in the parameters, and those only its rows name."""

from __future__ import annotations

from collections.abc import Sequence

from ennakointi.parameters import Parameters
from ennakointi.parameters.effect_documents import Intervention
from ennakointi.periods import month_of, month_text
from ennakointi.store import Store
from ennakointi.text import LOCALES

DEFAULT_SMALLEST = 0.1
DEFAULT_OUTCOME = "all_contacts"


def known(parameters: Parameters, store: Store) -> dict[str, Intervention]:
    """Interventions of the parameters that the source can tell of, and, with stated defaults, those only `enrolments`
    names.

    Left out are enrolments of nobody, roll-outs that have not begun, and the synthetic county's roll-outs elsewhere.
    """
    enrolled = store.codes("enrolments", "intervention") if "enrolments" in store.tables else []
    found = {code: one for code, one in parameters.interventions.items() if _told(one, enrolled, store)}
    strange = [code for code in enrolled if code not in parameters.interventions]
    return found | {code: _default(code, parameters, store) for code in strange}


def _told(intervention: Intervention, enrolled: Sequence[str], store: Store) -> bool:
    if intervention.first_start is None:
        return intervention.id in enrolled
    return intervention.first_start <= store.last_month and (store.synthetic or not intervention.example)


def _default(code: str, parameters: Parameters, store: Store) -> Intervention:
    """An intervention that only the enrolments name: every contact of everybody, fewer is better, 10 % matters."""
    label = dict.fromkeys(LOCALES, code)
    return Intervention.model_validate(
        {
            "id": code,
            "label": label,
            "regions": (parameters.region.code,),
            "target_group": "all",
            "rollout": "person",
            "primary_outcome": {
                "id": DEFAULT_OUTCOME,
                "label": label,
                "measure": {"kind": "contacts", "service": tuple(parameters.services)},
                "better": "fewer",
            },
            "smallest_important_effect": DEFAULT_SMALLEST,
            "decision_months": (month_text(month_of(store.as_of)),),
            "comparison": "same_index_same_history",
            "selected_on": "need",
            "description": {"why": label, "what": label, "who": label, "how_much": label},
        }
    )
