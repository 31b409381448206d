"""Which segments come first: the product worked by hand, ties, and nothing to rank by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ennakointi.result_tables import RESULT_TABLES
from ennakointi.segmentation import ranking

ORDER = ("b", "a")
SEGMENTS = pd.Series(["a"] * 5 + ["b"] * 5, index=pd.RangeIndex(10, name="person"))
PEOPLE = pd.DataFrame(
    {
        "person": range(10),
        "cost_eur_12m": [300.0] * 5 + [100.0] * 5,
        "waiting_days": [30.0, 0, 0, 0, 0, 10, 0, 0, 0, np.nan],
    }
)
UNMET = pd.Series([True, True, False, False, False, True, False, False, False, False])
MEASURES = {"a": ("care_coordination", "joint_plan")}


def ranked(people: pd.DataFrame = PEOPLE, unmet: pd.Series = UNMET) -> pd.DataFrame:
    return ranking.table("levels", SEGMENTS, people, unmet, MEASURES, ORDER)


def test_the_product_is_as_by_hand() -> None:
    told = ranked()
    assert list(told.columns) == list(RESULT_TABLES["segment_ranking"].names)
    first, second = told.iloc[0], told.iloc[1]
    assert (first["segment"], first["place"], first["measures"]) == ("a", 1, "care_coordination;joint_plan")
    assert first["score"] == pytest.approx((0.4 / 0.3) * (300 / 200) * (30 / 20))
    assert (first["unmet_share"], first["cost_eur_per_person"], first["delay_days"]) == (0.4, 300, 30)
    assert second["score"] == pytest.approx((0.2 / 0.3) * (100 / 200) * (10 / 20))
    assert first["n_persons"] == 1  # the one who waits: its days are a mean of one


def test_who_does_not_wait_has_the_least_delay_and_equal_segments_stand_in_order() -> None:
    told = ranked(PEOPLE.assign(waiting_days=0.0, cost_eur_12m=5.0), pd.Series(True, index=range(10)))
    assert told["delay_days"].tolist() == [1, 1]
    assert told["score"].tolist() == [1, 1]
    assert told["segment"].tolist() == ["b", "a"]
    assert told["n_persons"].tolist() == [5, 5]


def test_without_a_sign_or_a_cost_there_is_no_score() -> None:
    for people, unmet in ((PEOPLE, UNMET & False), (PEOPLE.assign(cost_eur_12m=0.0), UNMET)):
        told = ranked(people, unmet)
        assert told["score"].isna().all()
        assert told["segment"].tolist() == list(ORDER)


def test_segments_of_nobody_are_left_out_and_rows_in_any_order_tell_the_same() -> None:
    wider = ranking.table("levels", SEGMENTS, PEOPLE, UNMET, MEASURES, ("nobody", *ORDER))
    assert wider["segment"].tolist() == ["a", "b"]
    turned = ranking.table("levels", SEGMENTS[::-1].astype("category"), PEOPLE[::-1], UNMET[::-1], MEASURES, ORDER)
    pd.testing.assert_frame_equal(turned, ranked())
    assert ranking.table("levels", SEGMENTS[:0], PEOPLE[:0], UNMET[:0], {}, ORDER).empty
