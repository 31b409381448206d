"""The document quality.yml refuses what nothing defines, and says where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from ennakointi import parameters
from ennakointi.errors import ParameterError
from ennakointi.parameters.quality_documents import QualitySettings

SHIPPED = parameters.shipped("parameters") / "quality.yml"


@pytest.mark.parametrize(
    ("given", "changed", "sentence"),
    [
        ("measure: duplicates, table: contacts", "measure: duplicates, table: contact", "did you mean 'contacts'?"),
        ("columns: [cost_eur]", "columns: [cost]", "'cost' is not a column of contacts"),
        ("affects: [deviation]", "affects: [deviations]", "result 'deviations' does not exist"),
        ("columns: [profession, urgency]", "columns: [profession, unit]", "missing.contacts.unit stands twice"),
        ("  - {id: gap,", "  - {id: gap, codes: [x],", "`codes` belong to measure codes"),
        ("columns: [need_assessed_at], services", "services", "needs `columns`"),
        ("measure: residents,", "measure: gaps,", "exactly one must have the measure residents"),
        ("costs: [contacts.cost_eur]", "costs: [contacts.cost]", "'contacts.cost' is not in the data contract"),
        ("limit_share: 0.3,", "limit_share: 30,", "less than or equal to 1"),
    ],
)
def test_a_wrong_name_is_refused_with_its_place(given: str, changed: str, sentence: str) -> None:
    document = SHIPPED.read_text(encoding="utf-8")
    assert given in document
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        QualitySettings.model_validate(yaml.safe_load(document.replace(given, changed, 1)))


def test_a_service_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    document = SHIPPED.read_text(encoding="utf-8").replace("[primary_care, oral_health]", "[primary_car]", 1)
    (tmp_path / "quality.yml").write_text(document, encoding="utf-8")
    with pytest.raises(ParameterError, match=r"quality\.yml: checks: assessment_stamp\.services: .*'primary_car'"):
        parameters.load(tmp_path)
