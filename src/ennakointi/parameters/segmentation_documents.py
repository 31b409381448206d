"""The document `segmentation.yml` as strict models: ways of segmenting the residents."""

from __future__ import annotations

from ennakointi.parameters.documents import Count, Document


class SegmentationSettings(Document):
    """`quarters_shown`: how many quarters the sizes of segments are told for, the run's own included."""

    quarters_shown: Count
