"""For arbitrary conditions: every resident in exactly one segment, and the order of persons does not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi.parameters.documents import Label
from ennakointi.parameters.segmentation_documents import Scheme, Segment
from ennakointi.rules import feature_conditions as conditions
from ennakointi.segmentation import concentration, rule_based

FEATURES = ("contacts", "cost_eur", "bed_days")
LABEL = Label(fi="a", sv="a", en="a")
COUNTS = st.integers(0, 4)


def feature(of: str, low: int) -> dict[str, Any]:
    return {"feature": {"of": of, "minimum": low, "maximum": low + 1}}


def top(of: str, share: float, apart: bool) -> dict[str, Any]:
    return {"top": {"of": of, "share": share, **({"within": ["sex"]} if apart else {})}}


LEAVES = st.builds(feature, st.sampled_from(FEATURES), COUNTS) | st.builds(
    top, st.sampled_from(FEATURES), st.sampled_from([0.01, 0.1, 0.5]), st.booleans()
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(
            lambda parts, word: {word: parts}, st.lists(inner, min_size=1, max_size=3), st.sampled_from(["any", "all"])
        )
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=6,
)
VALUES = st.none() | COUNTS


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(0, 12))
    columns = {f"{of}_12m": draw(st.lists(VALUES, min_size=n, max_size=n)) for of in FEATURES}
    words = {
        "state": draw(st.lists(st.sampled_from(["resident", "died", "moved"]), min_size=n, max_size=n)),
        "sex": draw(st.lists(st.sampled_from(["female", "male"]), min_size=n, max_size=n)),
    }
    frame = pd.DataFrame({"person": np.arange(n, dtype=np.int32), **columns, **words})
    return frame.astype(dict.fromkeys(columns, float) | dict.fromkeys(words, "category"))


def scheme(written: list[dict[str, Any]]) -> Scheme:
    who = [*(conditions.parse(one) for one in written), conditions.Everyone(everyone=True)]
    segments = {f"s{i}": Segment(label=LABEL, description=LABEL, who=one) for i, one in enumerate(who)}
    return Scheme(label=LABEL, source="made", segments=segments)


@settings(max_examples=40, deadline=None)
@given(frames(), st.lists(CONDITIONS, min_size=1, max_size=4))
def test_every_resident_is_in_the_gravest_segment_that_holds_for_them(frame, written):
    rules = scheme(written)
    found = rule_based.assign(frame, rules)
    held = rule_based.residents(frame)
    assert found.index.tolist() == frame.loc[frame["state"] == "resident", "person"].tolist()
    holds = np.array([conditions.evaluate(one.who, held) for one in rules.segments.values()])
    assert [rules.codes.index(code) for code in found] == [int(np.argmax(column)) for column in holds.T]


@settings(max_examples=40, deadline=None)
@given(frames(), st.lists(CONDITIONS, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_the_order_of_persons_does_not_matter(frame, written, random):
    rows = list(range(len(frame)))
    random.shuffle(rows)
    rules = scheme(written)
    pd.testing.assert_series_equal(rule_based.assign(frame, rules), rule_based.assign(frame.iloc[rows], rules))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any), st.floats(0.01, 1))
def test_those_with_the_most_have_at_least_their_share(values, share):
    assert share - 1e-9 <= concentration.top_share(values, share) <= 1 + 1e-9
    assert -1e-9 <= concentration.gini(values) <= 1 - 1 / len(values) + 1e-9
