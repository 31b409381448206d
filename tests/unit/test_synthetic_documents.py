"""The calibration documents are strict, complete and in step with the other parameters."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ennakointi import parameters, synthetic
from ennakointi.errors import ParameterError
from ennakointi.parameters import shipped
from ennakointi.synthetic.calibration import by_age

REGIONS = ("paijat-hame", "pohjois-pohjanmaa")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the calibration documents."""
    shutil.copytree(shipped("parameters") / "synthetic", tmp_path / "synthetic")
    return tmp_path


def change(folder: Path, document: str, old: str, new: str) -> None:
    path = folder / "synthetic" / document
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize("region", REGIONS)
def test_services_and_municipalities_are_those_of_the_region(region: str) -> None:
    found, documents = synthetic.calibration(region), parameters.load(region=region)
    assert set(found.services) == set(documents.services)
    assert set(found.municipalities) == set(documents.region.municipalities)
    assert found.region.county_code == documents.region.county_code


def test_the_team_model_starts_when_the_interventions_say_so() -> None:
    planted = synthetic.calibration().region.interventions
    declared = parameters.load().interventions
    assert set(planted) <= set(declared)
    assert planted["team_model"].starts == declared["team_model"].starts


def test_each_region_makes_a_county(tmp_path: Path) -> None:
    found = synthetic.calibration("pohjois-pohjanmaa")
    synthetic.make(tmp_path / "county", residents=600, region=found, seed=1)
    effects = synthetic.truth(tmp_path / "county").effects
    assert set(effects["intervention"]) == {"outreach_elderly", "heavy_user_coaching"}


def test_curves_are_linear_between_points_and_constant_beyond() -> None:
    values = by_age({10: 1.0, 20: 3.0})
    assert values[[0, 10, 15, 20, 100]].tolist() == [1, 1, 2, 3, 3]
    assert np.all(by_age({}) == 0)


@pytest.mark.parametrize(
    ("document", "old", "new", "message"),
    [
        (
            "care.yml",
            "season: clinic",
            "season: clinics",
            r"care.yml: season: unknown name 'clinics'.*'clinic'",
        ),
        ("care.yml", "adds: {home_care", "adds: {home_cares", "adds: unknown name 'home_cares'"),
        ("care.yml", "depth: 0.25", "depth: 1.25", "services.primary_care.missed.depth"),
        ("needs.yml", "mortality: 2.4", "mortalty: 2.4", "classes.complex.mort"),
        ("paijat-hame.yml", '"111", "781"]', '"112", "781"]', "municipalities: unknown name '112'"),
        ("paijat-hame.yml", "county_starts: 2023-01", "county_starts: January", "county_starts"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(
    folder: Path, document: str, old: str, new: str, message: str
) -> None:
    change(folder, document, old, new)
    with pytest.raises(ParameterError, match=message):
        synthetic.calibration("paijat-hame", (folder,))


def test_an_unknown_region_is_named_with_the_nearest() -> None:
    with pytest.raises(ParameterError, match="did you mean 'paijat-hame'"):
        synthetic.calibration("paijathame")
