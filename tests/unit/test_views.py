"""Expert views: the judged quantiles exactly, the overlap of two normals in closed form, the linear pool by hand, and
the table."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from ennakointi.debt import views
from ennakointi.debt.judgements import TwoPieceNormal, elicited
from ennakointi.parameters.debt_documents import ExpertView
from ennakointi.parameters.documents import Label
from ennakointi.result_tables import RESULT_TABLES

ROLE = Label(fi="Ylilääkäri", sv="Överläkare", en="Head physician")


def view(name: str = "receptions", **more: Any) -> ExpertView:
    facts = {"group": "all", "service": "primary_care", "low": 1500, "likely": 3000, "high": 5500}
    return ExpertView(id=name, role=ROLE, date=date(2022, 3, 15), **{**facts, **more})


def ledger(mean: float, sd: float, interval: bool = True) -> SimpleNamespace:
    """Two months of window and one after; the debt of the second is mean ± sd."""
    drawn = stats.norm.ppf((np.arange(1000) + 0.5) / 1000, mean, sd)
    ends = stats.norm.ppf([0.1, 0.9], mean, sd) if interval else [np.nan, np.nan]
    return SimpleNamespace(
        window_months=2,
        debt=np.array([0.0, mean, -1.0]),
        debt_lo80=np.array([0.0, ends[0], -1.0]),
        debt_hi80=np.array([0.0, ends[1], -1.0]),
        terms=SimpleNamespace(debt=np.column_stack([np.zeros(1000), drawn, np.zeros(1000)])),
    )


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(0, 1e4))
def test_the_judged_quantiles_are_met(below: float, above: float, low: float) -> None:
    if below + above < 1:
        return
    found = elicited(low, low + below, low + below + above)
    ends = found.quantile(np.array([0.1, 0.9]))
    assert ends == pytest.approx([low, low + below + above], abs=1e-4 * (below + above))
    assert found.mode == low + below


def test_an_even_view_is_the_normal() -> None:
    found = elicited(2.0, 5.0, 8.0)
    assert (found.left_sd, found.right_sd) == (pytest.approx(3 / 1.2815515655), pytest.approx(3 / 1.2815515655))
    assert found.quantile(np.array([0.25, 0.5])) == pytest.approx(stats.norm.ppf([0.25, 0.5], 5, 3 / 1.2815515655))


@pytest.mark.parametrize("wrong", [(2.0, 1.0, 3.0), (1.0, 4.0, 3.0), (1.0, 1.0, 1.0)])
def test_views_that_do_not_rise_are_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="must rise"):
        elicited(*wrong)


def test_density_and_quantile_belong_together() -> None:
    found = elicited(1500, 3000, 5500)
    assert integrate.quad(found.density, -2e4, 3000)[0] == pytest.approx(found.left_share)
    assert integrate.quad(found.density, -2e4, 5500, points=[3000])[0] == pytest.approx(0.9)
    assert integrate.quad(found.density, 1500, 3e4, points=[3000])[0] == pytest.approx(0.9)


@pytest.mark.parametrize("distance", [0.0, 0.5, 2.0, 12.0])
def test_overlap_of_two_normals_in_closed_form(distance: float) -> None:
    found = views.disagreement(TwoPieceNormal(10.0, 3.0, 3.0), 10.0 + 3.0 * distance, 3.0)
    assert found == pytest.approx(1 - 2 * stats.norm.cdf(-distance / 2), abs=2e-5)


def test_overlap_of_normals_of_unequal_width() -> None:
    """Sd 1 and 2 about one mean cross at ±√(8 ln 2 / 3); overlap = 2 (Φ(−c) + Φ(c / 2) − ½)."""
    crossing = np.sqrt(8 * np.log(2) / 3)
    overlap = 2 * (stats.norm.cdf(-crossing) + stats.norm.cdf(crossing / 2) - 0.5)
    assert views.disagreement(TwoPieceNormal(0.0, 1.0, 1.0), 0.0, 2.0) == pytest.approx(1 - overlap, abs=1e-5)
    assert views.disagreement(TwoPieceNormal(0.0, 0.02, 0.02), 0.0, 200.0) == pytest.approx(1.0, abs=5e-4)


def test_linear_pool_by_hand() -> None:
    pool = views.linear_pool([np.array([0.0, 2.0]), np.array([10.0, 12.0])], [3.0, 1.0], np.array([0.1, 0.74, 0.76, 1]))
    assert pool[0] == 0
    assert 2 < pool[1] < pool[2] < 10.0
    assert pool[3] == 12


def test_linear_pool_of_normals_is_their_mixture() -> None:
    probability = views.QUANTILES
    samples = [stats.norm.ppf(probability, 0, 1), stats.norm.ppf(probability, 4, 2)]
    low, high = views.linear_pool(samples, [2.0, 1.0], np.array([0.1, 0.9]))
    for x, reached in [(low, 0.1), (high, 0.9)]:
        assert 2 / 3 * stats.norm.cdf(x) + 1 / 3 * stats.norm.cdf(x, 4, 2) == pytest.approx(reached, abs=1e-3)


def test_examples_are_in_force_with_a_synthetic_source_only() -> None:
    given_views = {"own": view("own"), "made": view("made", example=True), "other": view("other", group="students")}
    assert list(views.known(given_views, "all", synthetic=True, as_of=date(2025, 9, 30))) == ["own", "made"]
    assert list(views.known(given_views, "all", synthetic=False, as_of=date(2025, 9, 30))) == ["own"]
    assert not views.known(given_views, "all", synthetic=True, as_of=date(2020, 9, 30))


def test_table_shows_data_views_and_pool() -> None:
    given_views = {"receptions": view(), "nurses": view("nurses", low=6000, likely=7000, high=8000, weight=0.5)}
    found = views.table("all", {"primary_care": ledger(3200.0, 500.0)}, given_views, 2, {"primary_care": 70})
    assert list(found.columns) == list(RESULT_TABLES["debt_views"].names)
    assert found["source"].tolist() == ["data", "receptions", "nurses", "pooled"]
    assert found["weight"].tolist() == pytest.approx([2 / 3.5, 1 / 3.5, 0.5 / 3.5, 1.0])
    assert found["n_persons"].tolist() == [70] * 4
    data, near, far, pool = (row for _, row in found.iterrows())
    assert (near["role"], near["date"], near["value"]) == ("Head physician", "2022-03-15", 3000)
    assert [near["lo80"], near["hi80"]] == [1500, 5500]
    assert data["value"] == pytest.approx(3200)
    assert near["disagreement"] < 0.6 < 0.99 < far["disagreement"]
    assert np.isnan(data["disagreement"])
    assert np.isnan(pool["disagreement"])
    assert pool["lo80"] < data["lo80"] < pool["value"] < data["hi80"] < pool["hi80"]


def test_a_view_below_zero_is_floored_in_the_pool() -> None:
    found = views.table(
        "all", {"primary_care": ledger(5.0, 1.0)}, {"v": view("v", low=0, likely=10, high=90)}, 0.01, {}
    )
    assert found.set_index("source").loc["pooled", "lo80"] == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("ledgers", [{}, {"primary_care": ledger(3200.0, 500.0, interval=False)}])
def test_without_an_interval_of_the_data_views_stand_alone(ledgers: dict[str, Any]) -> None:
    found = views.table("all", ledgers, {"receptions": view()}, 2, {})
    assert found["source"].tolist() == ["data", "receptions"][-len(found) :]
    assert found[["weight", "disagreement"]].isna().all().all()


def test_no_view_gives_an_empty_table_with_its_columns() -> None:
    assert list(views.table("all", {}, {}, 2, {}).columns) == list(RESULT_TABLES["debt_views"].names)
