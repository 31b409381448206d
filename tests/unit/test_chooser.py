"""Which design the verdict rests on, and why not the others, from the shape of the data alone."""

from __future__ import annotations

import numpy as np
import pytest
from cohorts_made import cohort
from roll_outs import STARTS, roll_out

from ennakointi.causal.areas import NEVER
from ennakointi.effectiveness import chooser
from ennakointi.effectiveness.chooser import BESIDE, NOT_FEASIBLE, RECORD, AreaShape


def roles(found: tuple[chooser.Choice, ...]) -> dict[str, str]:
    return {one.design: one.role for one in found}


def test_the_shape_counts_who_started_when_and_who_is_left() -> None:
    panel = roll_out(1, 0.0)
    found = chooser.shape(panel, compared=True)
    started = panel.starts[panel.starts <= panel.months[-1]]
    assert (found.treated, found.starts) == (len(started), len(np.unique(started)))
    assert found.comparison == (panel.starts > started.min()).sum()
    assert found.before == started.min() - panel.months[0]


@pytest.mark.parametrize(
    ("shape", "record", "others"),
    [
        (AreaShape(5, 5, 5, 60, 12, True), "did", {"its": NOT_FEASIBLE, "synthetic_did": NOT_FEASIBLE}),
        (AreaShape(1, 9, 1, 60, 12, True), "did", {"its": BESIDE, "synthetic_control": BESIDE}),
        (AreaShape(1, 2, 1, 60, 12, True), "did", {"synthetic_did": NOT_FEASIBLE}),
        (AreaShape(10, 0, 1, 60, 12, True), "its", {"did": NOT_FEASIBLE, "bsts": BESIDE, "rdit": BESIDE}),
        (AreaShape(5, 5, 1, 60, 12, False), "its", {"did": NOT_FEASIBLE}),
        (AreaShape(10, 0, 3, 60, 12, True), None, {"did": NOT_FEASIBLE, "its": NOT_FEASIBLE}),
        (AreaShape(5, 5, 5, 12, 12, True), None, {"did": NOT_FEASIBLE, "its": NOT_FEASIBLE}),
        (AreaShape(0, 10, 0, 60, 0, True), None, {"did": NOT_FEASIBLE}),
        (AreaShape(10, 0, 1, 60, 2, True), None, {"its": NOT_FEASIBLE}),
    ],
)
def test_the_design_of_record_of_a_roll_out(shape: AreaShape, record: str | None, others: dict[str, str]) -> None:
    found = chooser.of_areas(shape, minimum_before=24)
    assert [one.design for one in found if one.role == RECORD] == ([] if record is None else [record])
    assert roles(found) | others == roles(found)
    assert roles(found)["before_after"] == NOT_FEASIBLE


def test_persons_are_compared_with_persons_or_not_at_all() -> None:
    made = cohort(1, 0.0)
    assert roles(chooser.of_persons(made, True, 50))["cohort"] == RECORD
    for found in (
        chooser.of_persons(made, False, 50),
        chooser.of_persons(None, True, 50),
        chooser.of_persons(made, True, 10**6),
    ):
        assert RECORD not in roles(found).values()


def test_nobody_has_started_when_every_start_lies_after_the_data() -> None:
    panel = roll_out(1, 0.0)
    panel.starts[:] = NEVER
    assert chooser.shape(panel, True).treated == 0


def test_the_largest_area_alone_has_nobody_to_be_compared_with() -> None:
    alone = chooser.shape(roll_out(1, starts={"398": STARTS["111"]}), compared=True)
    assert alone.largest_alone
    assert not chooser.shape(roll_out(1), compared=True).largest_alone
    first, *others = chooser.of_areas(alone, minimum_before=24)
    assert (first.design, first.role) == ("did", NOT_FEASIBLE)
    assert {one.role for one in others} == {NOT_FEASIBLE}
    single = roll_out(1, starts={"398": STARTS["111"]})
    for area in range(9, -1, -1):
        single = single if single.areas[area] == "398" else single.without(area)
    assert chooser.of_areas(chooser.shape(single, compared=True), 24)[0].design == "its"
