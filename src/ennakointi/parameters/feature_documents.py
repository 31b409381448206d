"""The document `features.yml` as strict models: what is told of a person at the end of a quarter."""

from __future__ import annotations

from ennakointi.parameters.documents import Count, Document


class FeatureSettings(Document):
    """`quarters`: how many quarters back persons are described, the run's own included."""

    quarters: Count
