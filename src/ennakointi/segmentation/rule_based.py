"""Rule-based segments: each resident at the end of a quarter in exactly one segment of every scheme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.features.availability import TOO_EARLY
from ennakointi.parameters.segmentation_documents import Scheme, SegmentationSettings
from ennakointi.rules import feature_conditions as conditions
from ennakointi.rules.feature_conditions import AnyOf, Condition
from ennakointi.text import message_json


@dataclass(frozen=True, eq=False)
class Assigned:
    """The segments of one quarter's residents.

    Attributes
    ----------
    segments : by scheme, a categorical of codes indexed by `person` (sorted); its categories are the scheme's
        segments from the gravest, also those that nobody is in.
    refused : by scheme, why it could not be formed, as `message` of a result table.
    """

    segments: Mapping[str, pd.Series]
    refused: Mapping[str, str]


def residents(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of those who are residents at the end of the quarter, by person."""
    held = frame[frame["state"].eq(conditions.RESIDENT).to_numpy(bool)]
    return held.sort_values("person", ignore_index=True)


def lacking(frame: pd.DataFrame, missing: Mapping[str, str]) -> dict[str, str]:
    """Why features are missing in a quarter, by feature: those that are missing in every quarter, and those that are
    known of nobody in this one, since the data begin too late for their look-back."""
    early = message_json(TOO_EARLY, {})
    nowhere = [name for name in frame.columns if len(frame) and frame[name].isna().all()]
    return {**dict.fromkeys(nowhere, early), **missing}


def refusal(asked: Iterable[Condition], missing: Mapping[str, str]) -> str:
    """Why conditions cannot be told: the reason of the missing features that they read, as JSON, or a JSON list of the
    reasons; empty where they can.

    Parameters
    ----------
    missing : why a feature is missing, as `text.message_json`, by feature.
    """
    needed = set().union(*(conditions.features(one) for one in asked))
    reasons = sorted({missing[name] for name in needed if name in missing})
    return reasons[0] if len(reasons) == 1 else f"[{', '.join(reasons)}]" if reasons else ""


def unmet_need(
    frame: pd.DataFrame, settings: SegmentationSettings, missing: Mapping[str, str]
) -> tuple[pd.Series | None, str]:
    """Which residents have a sign of unmet need, and what the signs lack.

    The alternatives of the condition's own `any` stand each by itself: those that need a missing feature are left
    out, and the others still tell.

    Returns
    -------
    Booleans by `person`, None where nothing can be told; and the reasons of what is left out, as `refusal`.
    """
    who, missing = settings.unmet_need.who, lacking(frame, missing)
    alternatives = who.rules if isinstance(who, AnyOf) else (who,)
    told = tuple(one for one in alternatives if not refusal([one], missing))
    reason = refusal(alternatives, missing)
    if not told:
        return None, reason
    held = residents(frame)
    signs = conditions.evaluate(AnyOf(rules=told), held)
    return pd.Series(signs, index=pd.Index(held["person"], name="person")), reason


def assign(frame: pd.DataFrame, scheme: Scheme) -> pd.Series:
    """The segment of every resident.

    Segments are tried from the gravest, and the last takes everyone left: the result is exclusive and exhaustive
    whatever the conditions are. A missing feature satisfies none of them.

    Parameters
    ----------
    frame : persons with the features that the scheme reads, `person` and `state`.

    Returns
    -------
    Categorical of codes indexed by `person` (sorted), one per resident.
    """
    held = residents(frame)
    place = np.zeros(len(held), dtype=np.int8)
    for gravity, segment in reversed([*enumerate(scheme.segments.values())]):
        place[conditions.evaluate(segment.who, held)] = gravity
    codes = pd.Categorical.from_codes(place.tolist(), categories=pd.Index(scheme.codes))
    return pd.Series(codes, index=pd.Index(held["person"], name="person"))


def assignments(frame: pd.DataFrame, settings: SegmentationSettings, missing: Mapping[str, str]) -> Assigned:
    """Every scheme of the document; one that needs a feature that the quarter lacks is refused with the reason."""
    absent = lacking(frame, missing)
    asked = {
        name: refusal((one.who for one in scheme.segments.values()), absent)
        for name, scheme in settings.schemes.items()
    }
    segments = {name: assign(frame, settings.schemes[name]) for name, reason in asked.items() if not reason}
    return Assigned(segments, {name: reason for name, reason in asked.items() if reason})
