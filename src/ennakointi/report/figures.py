"""The figures of the report: one visual language, drawn from released tables only.

Every figure is drawn twice, for wide and for narrow screens, so that its words stay legible at 375 pixels. What is
drawn is named beside it where there is room, and in a legend where not. Shapes, dashes, patterns and numbers say what
colours say; colours keep a contrast of 3:1 on white, and those that stand together differ for the colour-blind too.
"""

from __future__ import annotations

from ennakointi.report.bar_figures import bars, forest
from ennakointi.report.clearing_figure import Curve, clearing_curves
from ennakointi.report.cost_figures import PlaneWords, acceptability, cost_plane
from ennakointi.report.effect_time_figure import TimeWords, before_after, effect_time
from ennakointi.report.fate_figure import Piece, fate
from ennakointi.report.forecast_figures import FanWords, fan, fans
from ennakointi.report.municipality_map import MapWords, municipality_map
from ennakointi.report.need_figures import CurveWords, Panel, curve_panels
from ennakointi.report.ranking_figure import RankingWords, ranking
from ennakointi.report.segment_figures import MoveWords, concentration, moves, overlap, pairs
from ennakointi.report.sheet import Figure
from ennakointi.report.time_figures import deviation, over_time, sparkline
from ennakointi.report.waterfall_figure import WaterfallWords, waterfall

__all__ = [
    "Curve",
    "CurveWords",
    "FanWords",
    "Figure",
    "MapWords",
    "MoveWords",
    "Panel",
    "Piece",
    "PlaneWords",
    "RankingWords",
    "TimeWords",
    "WaterfallWords",
    "acceptability",
    "bars",
    "before_after",
    "clearing_curves",
    "concentration",
    "cost_plane",
    "curve_panels",
    "deviation",
    "effect_time",
    "fan",
    "fans",
    "fate",
    "forest",
    "moves",
    "municipality_map",
    "over_time",
    "overlap",
    "pairs",
    "ranking",
    "sparkline",
    "waterfall",
]
