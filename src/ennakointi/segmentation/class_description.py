"""What classes are like: the answers of their persons, and a shallow tree of rules with its fidelity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from ennakointi.parameters.latent_documents import MISSING
from ennakointi.segmentation.patterns import Patterns

LATENT = "latent"
ITEM_COLUMNS = ["scheme", "segment", "item", "answer", "probability", "n_persons"]
RULE_COLUMNS = ["scheme", "segment", "place", "rule", "purity", "reach", "n_persons"]
_LEAST_LEAF = 0.002  # share of the residents that a rule speaks of at least

Classes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Description:
    """The tables `class_items` and `class_rules`, and the share of persons whom the rules put in their class."""

    items: pd.DataFrame
    rules: pd.DataFrame
    fidelity: float


@dataclass(frozen=True)
class _Leaf:
    """A rule: the answers it allows by item, its class, and its persons inside that class and in all."""

    rule: tuple[tuple[str, int, int], ...]
    segment: int
    hits: float
    persons: float


def describe(found: Patterns, chosen: Classes, codes: Sequence[str], leaves: int) -> Description:
    """Describe the classes of patterns.

    Parameters
    ----------
    chosen : (m,) place of each pattern's class among `codes`. leaves : most rules in all.
    """
    rules = tree_rules(found, chosen, leaves)
    whole = np.bincount(chosen, found.weight, minlength=len(codes))
    rows = []
    for k, code in enumerate(codes):
        mine = sorted((leaf for leaf in rules if leaf.segment == k), key=lambda leaf: (-leaf.hits, leaf.rule))
        for place, leaf in enumerate(mine, 1):
            shares = (leaf.hits / leaf.persons, leaf.hits / whole[k])
            rows.append((LATENT, code, str(place), json.dumps(leaf.rule), *shares, int(leaf.hits)))
    fidelity = sum(leaf.hits for leaf in rules) / found.n
    return Description(item_table(found, chosen, codes), pd.DataFrame(rows, columns=RULE_COLUMNS), fidelity)


def item_table(found: Patterns, chosen: Classes, codes: Sequence[str]) -> pd.DataFrame:
    """Result table `class_items`: share of each class with each answer, among those of whom it is known."""
    rows = []
    for j, (item, size) in enumerate(zip(found.items, found.sizes, strict=True)):
        answer = found.answers[:, j]
        known = answer != MISSING
        cell = chosen[known] * size + answer[known]
        persons = np.bincount(cell, found.weight[known], minlength=len(codes) * size).reshape(len(codes), size)
        shares = persons / np.maximum(persons.sum(axis=1, keepdims=True), 1)
        for k, code in enumerate(codes):
            rows += [(LATENT, code, item, str(a), shares[k, a], int(persons[k, a])) for a in range(size)]
    return pd.DataFrame(rows, columns=ITEM_COLUMNS)


def tree_rules(found: Patterns, chosen: Classes, leaves: int) -> list[_Leaf]:
    """Leaves of a shallow classification tree on the answers; who did not answer counts with the most usual answer."""
    answers = _filled(found)
    tree = DecisionTreeClassifier(
        max_leaf_nodes=leaves, min_weight_fraction_leaf=_LEAST_LEAF, random_state=0, criterion="entropy"
    ).fit(answers, chosen, sample_weight=found.weight)
    leaf_of = tree.apply(answers)
    made = []
    for leaf, limits in _leaves(tree, found):
        inside = leaf_of == leaf
        by_class = np.bincount(chosen[inside], found.weight[inside])
        segment = int(by_class.argmax())
        rule = tuple((item, low, high) for item, (low, high) in limits.items())
        made.append(_Leaf(rule, segment, float(by_class[segment]), float(by_class.sum())))
    return made


def _filled(found: Patterns) -> NDArray[np.float64]:
    answers = found.answers.astype(float)
    for j, size in enumerate(found.sizes):
        missing = found.answers[:, j] == MISSING
        usual = np.bincount(found.answers[~missing, j], found.weight[~missing], minlength=size).argmax()
        answers[missing, j] = usual
    return answers


def _leaves(tree: DecisionTreeClassifier, found: Patterns) -> list[tuple[int, dict[str, tuple[int, int]]]]:
    """Leaves of a tree and the answers, first and last, that lead to each; items that the leaf leaves open are not
    named."""
    inner, sizes = tree.tree_, dict(zip(found.items, found.sizes, strict=True))
    done: list[tuple[int, dict[str, tuple[int, int]]]] = []
    waiting: list[tuple[int, dict[str, tuple[int, int]]]] = [(0, {})]
    while waiting:
        node, limits = waiting.pop()
        if inner.children_left[node] < 0:
            done.append((node, limits))
            continue
        item, cut = found.items[inner.feature[node]], int(np.floor(inner.threshold[node]))
        low, high = limits.get(item, (0, sizes[item] - 1))
        waiting.append((int(inner.children_right[node]), limits | {item: (cut + 1, high)}))
        waiting.append((int(inner.children_left[node]), limits | {item: (low, cut)}))
    return done
