"""The document `need.yml` as strict models: needs that are anticipated, and with what."""

from __future__ import annotations

from ennakointi.parameters.documents import Count, Document


class NeedSettings(Document):
    """`folds`: into how many parts persons are divided where a model is checked on those it did not learn from."""

    folds: Count
