"""Witness: the RAND health insurance experiment as statsmodels holds it (20,190 person-years). Latent classes of health
and use order by the number of visits, `mdvis`, and the healthy are told from the ill."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import randhie

from ennakointi.segmentation import latent
from ennakointi.segmentation.latent import LatentModel
from ennakointi.segmentation.patterns import Patterns, patterns

CUTS = {
    "mdvis": [1, 3, 6],  # visits to a doctor
    "disea": [8, 12, 17],  # number of chronic diseases
    "physlm": [0.5],  # a limitation of the body
    "hlthg": [1],  # health good, fair, poor by the person's own word; else excellent
    "hlthf": [1],
    "hlthp": [1],
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return randhie.load_pandas().data.rename(columns=str.lower)


@pytest.fixture(scope="module")
def found(frame: pd.DataFrame) -> Patterns:
    answers = {name: np.searchsorted(cuts, frame[name], side="right").astype(np.int8) for name, cuts in CUTS.items()}
    return patterns(pd.DataFrame(answers), {name: len(cuts) + 1 for name, cuts in CUTS.items()})


@pytest.fixture(scope="module")
def model(found: Patterns) -> LatentModel:
    return latent.fit(found, 3, 1, starts=4)


def test_classes_order_by_use(frame: pd.DataFrame, found: Patterns, model: LatentModel) -> None:
    """Mean visits rise with the probability of visits in the class, and differ clearly between the classes."""
    classes = latent.posterior(model, found).argmax(axis=1)[found.row]
    visits = frame["mdvis"].groupby(classes).mean()
    often = model.profile("mdvis") @ np.arange(4)
    assert visits.to_numpy()[np.argsort(often)] == pytest.approx(np.sort(visits))
    assert visits.max() > 1.5 * visits.min()
    limited = frame["physlm"].groupby(classes).mean()
    assert limited[visits.idxmax()] > limited[visits.idxmin()]


@pytest.mark.slow
def test_patterns_with_weights_are_the_rows(found: Patterns, model: LatentModel) -> None:
    """StepMix on the 20,190 rows comes to the same log-likelihood as on the patterns that stand for them."""
    assert found.n == 20_190
    rows = latent.run_stepmix(
        found.answers[found.row].astype(float),
        np.ones(len(found.row)),
        n_components=3,
        measurement="categorical",
        abs_tol=1e-6,
        random_state=5,
        max_iter=300,
        n_init=2,
    )
    assert rows.lower_bound_ <= model.log_likelihood + 2e-4
    assert rows.lower_bound_ == pytest.approx(model.log_likelihood, abs=2e-3)
