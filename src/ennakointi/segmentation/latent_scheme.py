"""Latent classes of a quarter's residents: chosen and fitted once, assigned by the stored model afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.errors import DataError
from ennakointi.parameters.latent_documents import LatentItem, LatentSettings
from ennakointi.rules import feature_conditions as conditions
from ennakointi.segmentation import class_choice, clusters, drift, latent, stability
from ennakointi.segmentation.class_choice import Candidate, ChoiceLimits
from ennakointi.segmentation.class_description import ITEM_COLUMNS, LATENT, RULE_COLUMNS, describe
from ennakointi.segmentation.latent import LatentModel
from ennakointi.segmentation.patterns import Patterns, left_out, left_out_message, observe, patterns
from ennakointi.segmentation.stability import Measured
from ennakointi.text import N_, message_json

_TOO_FEW = N_("Statistical classes are not made: there are {n} residents, and at least {needed} are needed.")
_TOO_LITTLE = N_("Statistical classes are not made: fewer than two of the things observed tell residents apart.")
_DRIFT = N_("Residents have changed since the classes were made, more than the limit allows.")
_CODE = "class_{}"
_STARTS_AGAIN = 4  # starts of a fit to another sample or with another seed
_GRAVITY = ("cost_eur_12m", "contacts_12m")  # classes are ordered by the mean of the first that the features hold


@dataclass(frozen=True, eq=False)
class LatentResult:
    """Latent classes of a quarter.

    Attributes
    ----------
    assignment : class of each resident by `person`; the categories are ordered from the gravest. probability : of
        that class. Both empty when the classes are refused.
    tables : `class_choice`, `class_items`, `class_rules` and `segment_stability`.
    model : what assigns the next quarter, for JSON; None when refused.
    messages : what is announced (drift, what was left out), messages as JSON. refused : why there are no classes.
    """

    assignment: pd.Series
    probability: pd.Series
    tables: dict[str, pd.DataFrame]
    model: dict[str, Any] | None
    messages: tuple[str, ...] = ()
    refused: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """Codes of the classes from the gravest."""
        return tuple(self.assignment.cat.categories)

    @property
    def bootstrap_ari(self) -> float:
        """Mean adjusted Rand index of bootstrap samples; NaN when there are no classes."""
        card = self.tables["segment_stability"]
        return float(card.loc[card["measure"] == "bootstrap_ari", "value"].mean())


def estimate_latent(
    frame: pd.DataFrame, settings: LatentSettings, seed: int, quarter: str, earlier: Mapping[str, Any] | None = None
) -> LatentResult:
    """Latent classes of the residents at the end of a quarter.

    With an earlier model of the same items and version the residents are assigned by it, so that classes mean what
    they meant; otherwise the model is fitted anew and its classes are matched to the earlier ones.

    Parameters
    ----------
    frame : features of the quarter; those who are no residents are left out.
    quarter : such as `2025Q3`. earlier : `LatentResult.model` of an earlier quarter.

    Raises
    ------
    ParameterError
        An item names a feature that does not exist.
    DataError
        The earlier model cannot be read.
    """
    residents = _residents(frame)
    answers = observe(residents, settings.items)
    if earlier is not None and earlier.get("definition") == definition(settings):
        return _by_stored(answers, settings, earlier)
    useless = left_out(answers)
    messages = left_out_message(useless)
    used = answers.drop(columns=list(useless))
    needed = 2 * settings.least_persons
    if len(answers) < needed or used.shape[1] < 2:
        few = len(answers) < needed
        refused = message_json(*((_TOO_FEW, {"n": len(answers), "needed": needed}) if few else (_TOO_LITTLE, {})))
        return _refused(refused, messages)
    found = patterns(used, _sizes(settings.items))
    model, choice = _chosen(found, settings, seed)
    model = model.ordered(_by_gravity(model, found, residents))
    codes = _codes(model, earlier)
    document = {
        "definition": definition(settings),
        "quarter": quarter,
        "codes": codes,
        "model": latent.as_document(model),
        "answers": drift.answer_shares(found),
        "sizes": _sizes_of(model, found).tolist(),
        "choice": choice.to_dict("list"),
        "measures": [vars(one) for one in _measures(model, found, settings, seed, choice)],
    }
    return _result(found, answers.index, settings, document, messages)


def assign_latent(
    frame: pd.DataFrame, settings: LatentSettings, document: Mapping[str, Any]
) -> tuple[pd.Series, pd.Series]:
    """Class and its probability of the residents of any quarter, by a stored model of the same settings; see
    `LatentResult`."""
    answers = observe(_residents(frame), settings.items)
    model = _stored(document)
    found = patterns(answers[list(model.items)], _sizes(settings.items))
    return _assigned(model, found, document["codes"], answers.index)


def columns(settings: LatentSettings, available: Collection[str]) -> list[str]:
    """The features that the classes read; those that only order the classes where they are available."""
    read = set().union(*(conditions.features(one) for _path, one in settings.conditions()))
    return sorted(read | {"state"} | (set(_GRAVITY) & set(available)))


def definition(settings: LatentSettings) -> str:
    """Digest of what a model depends on: its items, without their names, and the version."""
    items = {code: item.model_dump(mode="json", exclude={"label"}) for code, item in settings.items.items()}
    text = json.dumps([items, settings.version, settings.most_classes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _residents(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["state"] == conditions.RESIDENT] if "state" in frame.columns else frame


def _sizes(items: Mapping[str, LatentItem]) -> dict[str, int]:
    return {code: item.n_answers for code, item in items.items()}


def _stored(document: Mapping[str, Any]) -> LatentModel:
    try:
        return latent.from_document(document["model"])
    except KeyError as error:
        raise DataError("the saved model of latent classes has no model: remove it to fit it anew") from error


def _chosen(found: Patterns, settings: LatentSettings, seed: int) -> tuple[LatentModel, pd.DataFrame]:
    """The model of the chosen number of classes, and result table `class_choice` of every method."""
    limits = ChoiceLimits(settings.least_share, settings.least_persons, settings.enough_gain)
    learn, look = class_choice.halves(found.weight, seed)
    models, tried = {}, []
    for k in range(1, min(settings.most_classes, len(found.weight)) + 1):
        model = models[k] = latent.fit(found, k, seed, settings.starts)
        half = latent.fit_from(found.weighted(learn), k, model.start)
        held_out = latent.log_likelihood(half, found.weighted(look))
        smallest = float(_sizes_of(model, found).min() * found.n)
        tried.append(Candidate(k, model.bic, held_out, smallest, found.n, model.converged))
    number, reasons = class_choice.choose(tried, limits)
    rows = [class_choice.table(LATENT, tried, number, reasons)]
    for method in clusters.METHODS:
        others = clusters.tried(found, method, settings.most_classes, seed)
        rows.append(class_choice.table(method, others, *class_choice.choose(others, limits)))
    return models[number], pd.concat(rows, ignore_index=True)


def _classes(model: LatentModel, found: Patterns) -> NDArray[np.int64]:
    return np.asarray(latent.log_joint(model, found).argmax(axis=1), np.int64)


def _sizes_of(model: LatentModel, found: Patterns) -> NDArray[np.float64]:
    """Share of persons in each class when each is put in the likeliest (K,)."""
    persons = np.bincount(_classes(model, found), found.weight, minlength=model.n_classes)
    return np.asarray(persons / max(found.n, 1))


def _by_gravity(model: LatentModel, found: Patterns, residents: pd.DataFrame) -> list[int]:
    """Places of the classes from the gravest: by mean cost, else contacts, else the mean category of the answers."""
    known = next((name for name in _GRAVITY if name in residents and residents[name].notna().any()), None)
    if known is None:
        burden = np.where(found.answers > 0, found.answers, 0).sum(axis=1).astype(float)
    else:
        values = residents.set_index("person")[known].sort_index().astype("Float64")
        burden = found.per_pattern(np.asarray(values.to_numpy(float, na_value=np.nan), np.float64))
    mass = latent.posterior(model, found) * found.weight[:, None]
    mean = (mass * burden[:, None]).sum(axis=0) / np.maximum(mass.sum(axis=0), 1e-9)
    return np.argsort(-mean, kind="stable").tolist()


def _codes(model: LatentModel, earlier: Mapping[str, Any] | None) -> list[str]:
    """Codes of the classes, from the gravest; a class that is an earlier one keeps its code."""
    if earlier is None:
        return [_CODE.format(k + 1) for k in range(model.n_classes)]
    before = list(earlier["codes"])
    kept = drift.matched(_stored(earlier), model)
    fresh = iter(_CODE.format(k) for k in range(1, 100) if _CODE.format(k) not in before)
    return [before[kept[k]] if k in kept else next(fresh) for k in range(model.n_classes)]


def _measures(
    model: LatentModel, found: Patterns, settings: LatentSettings, seed: int, choice: pd.DataFrame
) -> list[Measured]:
    """What the stability card tells of the fit itself."""
    limits, k, classes = settings.stability, model.n_classes, _classes(model, found)
    single = choice[(choice["method"] == LATENT) & (choice["classes"] == "1")]["bic"].iloc[0]

    def of_sample(weight: NDArray[np.float64]) -> NDArray[np.int64]:
        return _classes(latent.fit(found.weighted(weight), k, seed, _STARTS_AGAIN), found)

    def of_seed(other: int) -> NDArray[np.int64]:
        return _classes(latent.fit(found, k, other, _STARTS_AGAIN), found)

    return [
        stability.bootstrap(found.weight, classes, of_sample, limits.samples, seed),
        stability.other_seeds(found.weight, classes, of_seed, limits.seeds, seed),
        Measured("bic_gain", float(single - model.bic)),
    ]


def _by_stored(answers: pd.DataFrame, settings: LatentSettings, earlier: Mapping[str, Any]) -> LatentResult:
    model = _stored(earlier)
    if not len(answers):
        return _refused(message_json(_TOO_FEW, {"n": 0, "needed": 1}), ())
    found = patterns(answers[list(model.items)], _sizes(settings.items))
    return _result(found, answers.index, settings, dict(earlier), ())


def _result(
    found: Patterns, persons: pd.Index, settings: LatentSettings, document: dict[str, Any], messages: tuple[str, ...]
) -> LatentResult:
    """Assignment and tables of a quarter by the model of the document."""
    model, codes = _stored(document), list(document["codes"])
    assignment, probability = _assigned(model, found, codes, persons)
    classes = _classes(model, found)
    told = describe(found, classes, codes, settings.tree_leaves)
    now = drift.answer_shares(found) | {drift.SIZES: _sizes_of(model, found).tolist()}
    moved = drift.drifts(document["answers"] | {drift.SIZES: document["sizes"]}, now)
    limits, most = settings.stability, max(moved.values())
    announced = message_json(_DRIFT, {}) if most > limits.most_drift else ""
    measures = [Measured(**one) for one in document["measures"]]
    measures += [
        stability.smallest(found.weight, classes, len(codes)),
        Measured("psi", most, min(moved.values()), most, announced),
        Measured("fidelity", told.fidelity),
    ]
    tables = {
        "class_choice": pd.DataFrame(document["choice"], columns=class_choice.COLUMNS),
        "class_items": told.items,
        "class_rules": told.rules,
        "segment_stability": stability.card(LATENT, measures, limits),
    }
    told_too = (*messages, announced) if announced else messages
    return LatentResult(assignment, probability, tables, document, told_too)


def _assigned(model: LatentModel, found: Patterns, codes: list[str], persons: pd.Index) -> tuple[pd.Series, pd.Series]:
    chance = latent.posterior(model, found)
    best = chance.argmax(axis=1)
    segment = pd.Series(pd.Categorical.from_codes(best[found.row], pd.Index(codes)), index=persons, name="segment")
    return segment, pd.Series(chance.max(axis=1)[found.row], index=persons, name="probability")


def _refused(reason: str, messages: tuple[str, ...]) -> LatentResult:
    """No classes: empty tables of the right columns, and why."""
    nobody = pd.Index([], name="person", dtype="int32")
    tables = {
        "class_choice": pd.DataFrame(columns=class_choice.COLUMNS),
        "class_items": pd.DataFrame(columns=ITEM_COLUMNS),
        "class_rules": pd.DataFrame(columns=RULE_COLUMNS),
        "segment_stability": pd.DataFrame(columns=stability.COLUMNS),
    }
    segment = pd.Series(pd.Categorical([]), index=nobody, name="segment")
    probability = pd.Series([], index=nobody, name="probability", dtype=float)
    return LatentResult(segment, probability, tables, None, messages, reason)
