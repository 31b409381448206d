"""The document `person_exports.yml` as strict models: lists of persons that somebody may make, and on which basis."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StrictStr, model_validator

from ennakointi.parameters.documents import Codes, Count, Document, Text


class PersonExport(Document):
    """One permitted list of persons.

    `content`: segments (schemes by `names`) or need (risks of the outcomes in `names`). `basis`: law and permit in
    words, in force from `decided_on` through `valid_until`. `approver`: a role. A list is removed `retention_days`
    after it was made.
    """

    id: StrictStr
    content: Literal["segments", "need"]
    names: Annotated[Codes, Field(min_length=1)]
    purpose: Text
    basis: Text
    decided_on: date
    valid_until: date
    approver: Text
    retention_days: Annotated[Count, Field(le=366)]

    @model_validator(mode="after")
    def _in_order(self) -> PersonExport:
        if self.valid_until < self.decided_on:
            raise ValueError(f"valid_until {self.valid_until} is before decided_on {self.decided_on}")
        return self
