"""Readings of a multi-service client side by side: for whom one holds, for whom several, and for whom none."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ennakointi.parameters.segmentation_documents import NO_READING, SegmentationSettings
from ennakointi.rules import feature_conditions as conditions
from ennakointi.segmentation.profiles import ALL, CONTACTS, COST
from ennakointi.segmentation.rule_based import lacking, refusal, residents

_SUMMED = ["n_persons", "contacts", "cost_eur"]


def refused(settings: SegmentationSettings, missing: Mapping[str, str]) -> dict[str, str]:
    """Why a reading cannot be told, by reading, as `message` of a result table."""
    reasons = {code: refusal([reading.who], missing) for code, reading in settings.readings.items()}
    return {code: reason for code, reason in reasons.items() if reason}


def readings(frame: pd.DataFrame, settings: SegmentationSettings, missing: Mapping[str, str]) -> pd.DataFrame:
    """For whom each reading holds that can be told: residents by `person`, readings in the order of the document."""
    held = residents(frame)
    left_out = refused(settings, lacking(frame, missing))
    told = {
        code: conditions.evaluate(reading.who, held)
        for code, reading in settings.readings.items()
        if code not in left_out
    }
    return pd.DataFrame(told, index=pd.Index(held["person"], name="person"))


def table(frame: pd.DataFrame, settings: SegmentationSettings, missing: Mapping[str, str]) -> pd.DataFrame:
    """Result table `multi_service`: each set of readings that hold together, nobody counted twice (the rows of an
    UpSet plot; Lex et al. 2014, doi 10.1109/TVCG.2014.2346248), those with most readings first."""
    held, told = residents(frame), readings(frame, settings, missing)
    if told.empty:
        return pd.DataFrame(columns=["readings", *_SUMMED[1:], "contacts_per_person", "n_persons"])
    use = pd.DataFrame({"n_persons": 1, "contacts": held[CONTACTS], "cost_eur": held[COST].astype(float)})
    together = use.groupby([told[code].to_numpy() for code in told], sort=True)[_SUMMED].sum().iloc[::-1]
    names = [
        "+".join(str(code) for code, holds in zip(told, key, strict=True) if holds)
        for key in map(_keys, together.index)
    ]
    rows = together.reset_index(drop=True).assign(readings=[name or NO_READING for name in names])
    rows = pd.concat([rows, use[_SUMMED].sum().to_frame().T.assign(readings=ALL)], ignore_index=True)
    if held[COST].isna().all():
        rows["cost_eur"] = float("nan")
    rows["contacts_per_person"] = rows["contacts"] / rows["n_persons"]
    return rows[["readings", "contacts", "cost_eur", "contacts_per_person", "n_persons"]]


def _keys(key: object) -> tuple[bool, ...]:
    return key if isinstance(key, tuple) else (bool(key),)
