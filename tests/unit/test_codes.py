"""Code lists of conditions: what ships is well formed and agrees with the target groups; what is wrong is told."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from ennakointi import parameters
from ennakointi.errors import ParameterError
from ennakointi.parameters.code_lists import HEADER, read_code_list
from ennakointi.parameters.yaml_documents import DocumentFault
from ennakointi.rules import nodes, walk
from ennakointi.rules.evaluation import matching_codes

SHIPPED = parameters.shipped("parameters")
LOADED = parameters.load()
APART = ("coronary_disease", "atrial_fibrillation", "heart_failure", "stroke", "psychosis", "depression", "anxiety")


def test_every_condition_has_its_list_and_every_list_its_condition() -> None:
    assert set(LOADED.codes) == set(LOADED.features.conditions)
    assert {f"codes/{name}.csv" for name in LOADED.codes} <= LOADED.digests.keys()


def test_every_code_says_where_it_is_from() -> None:
    for listed in LOADED.codes.values():
        for row in listed.rows:
            assert "verify against the THL code service" in row.source, (listed.concept, row.code)


def test_long_term_conditions_are_those_of_the_target_group() -> None:
    """TG10: the chronic conditions of the target group, with its circulatory diseases told apart."""
    named: dict[str, set[str]] = {"icd10": set(), "icpc2": set()}
    for node in walk(LOADED.target_groups["long_term_conditions"].who):
        if isinstance(node, nodes.Diagnosis):
            named["icd10"].update(node.icd10)
            named["icpc2"].update(node.icpc2)
    concepts = [*APART, "peripheral_artery_disease", "diabetes", "hypertension", "asthma", "copd", "obesity"]
    for system, groups in named.items():
        letters = [f"{letter}{number:02}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for number in range(100)]
        listed = {one for name in concepts for one in matching_codes(letters, LOADED.codes[name].codes(system))}
        assert listed == set(matching_codes(letters, groups)), system
    assert all(LOADED.features.conditions[name].chronic for name in concepts)


def test_a_code_belongs_to_one_mental_or_circulatory_condition_only() -> None:
    letters = [f"{letter}{number:02}" for letter in "FIKP" for number in range(100)]
    for system in ("icd10", "icpc2"):
        found = [one for name in APART for one in matching_codes(letters, LOADED.codes[name].codes(system))]
        assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("code,meaning\nE10,x\n", "the first line must be system,code,meaning,source"),
        (f"{','.join(HEADER)}\n", "holds no code"),
        (f"{','.join(HEADER)}\nicd10,E10,x\n", "line 2: 3 cells; expected 4"),
        (f"{','.join(HEADER)}\nicd9,E10,x,y\n", "line 2: system"),
        (f"{','.join(HEADER)}\nicd10,E1-E2,x,y\n", "line 2: code: 'E1-E2' is not a code"),
        (f"{','.join(HEADER)}\nicd10,E10,x,\n", "line 2: source"),
        (f"{','.join(HEADER)}\nicd10,E10,x,y\nicd10,E10,z,y\n", "line 3: icd10 E10 is listed twice"),
        ("\udcff", "is not CSV in UTF-8"),
    ],
)
def test_a_wrong_list_is_told_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "diabetes.csv").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(DocumentFault, match=re.escape(message)):
        read_code_list(tmp_path / "diabetes.csv")


def test_faults_of_lists_are_told_with_the_other_faults(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "diabetes.csv").write_text("code,meaning\n", encoding="utf-8")
    with pytest.raises(ParameterError, match=r"codes/diabetes.csv: the first line must be"):
        parameters.load(tmp_path)


def _features(folder: Path, **changed: object) -> Path:
    document = yaml.safe_load((SHIPPED / "features.yml").read_text(encoding="utf-8"))
    for key, value in changed.items():
        document[key] = {**document[key], **value} if isinstance(value, dict) else value
    (folder / "features.yml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return folder


LABEL = {"fi": "x", "sv": "x", "en": "x"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"conditions": {"diabetis": {"label": LABEL, "chronic": True}}},
            "codes/diabetis.csv – did you mean 'diabetes'",
        ),
        ({"conditions": {"gout": {"label": LABEL, "chronic": True, "within_months": 7}}}, "within_months"),
        ({"counts": {"remote": {"label": LABEL, "mode": "phone"}}}, "counts.remote: the name is already in use"),
        ({"counts": {"all": {"label": LABEL}}}, "name at least one property"),
        ({"counts": {"late": {"label": LABEL, "outside_hours": [18, 8]}}}, "the first hour must be before"),
        ({"counts": {"x": {"label": LABEL, "service": "emergncy"}}}, "did you mean 'emergency'"),
        ({"benefit_statuses": ["jobless"]}, "'jobless' is not among the statuses"),
    ],
)
def test_wrong_settings_are_told_with_their_place(tmp_path: Path, changed: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=re.escape(message)):
        parameters.load(_features(tmp_path, **changed))


def test_a_county_adds_a_condition_of_its_own(tmp_path: Path) -> None:
    _features(tmp_path, conditions={"gout": {"label": LABEL, "chronic": True}})
    (tmp_path / "codes").mkdir()
    shutil.copy(SHIPPED / "codes" / "diabetes.csv", tmp_path / "codes" / "gout.csv")
    loaded = parameters.load(tmp_path)
    assert "gout" in loaded.features.chronic
    assert loaded.codes["gout"].codes("icd10") == ("E10-E14",)
