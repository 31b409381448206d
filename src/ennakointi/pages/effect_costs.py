"""Costs of an intervention beside its effect: what an improvement costs or saves, and how sure a benefit is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.pages import effect_units, effect_words
from ennakointi.pages.context import (
    PageContext,
    Row,
    Tables,
    intervals,
    is_hidden,
    is_shown,
    numbers,
    record,
    records,
    rows,
)
from ennakointi.report import figures, markup
from ennakointi.report.figures import PlaneWords
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_, Estimate

COST = ("delta_cost_eur", "delta_cost_lo95", "delta_cost_hi95")
EFFECT = ("delta_effect", "delta_effect_lo95", "delta_effect_hi95")
NET = ("nmb_eur", "nmb_lo95", "nmb_hi95")
PER = {  # cost units
    "per participant-year": N_("per participant a year"),
    "per 1,000 person-years": N_("per thousand residents a year"),
    "per unit-year": N_("per unit a year"),
}
QUADRANTS = {
    "ne": N_("Better and dearer: {share}"),
    "se": N_("Better and cheaper: {share}"),
    "sw": N_("Worse and cheaper: {share}"),
    "nw": N_("Worse and dearer: {share}"),
}
SURE = 0.025  # share of the draws beyond an end of a 95 % interval


def per(row: Row, context: PageContext) -> str:
    """What costs and effects of a row are of."""
    unit = str(row["cost_unit"])
    return context.catalogue.gettext(PER.get(unit, unit))


def net_words(row: Row, context: PageContext) -> str:
    """The net benefit in a table cell, with its unit."""
    if not is_shown(row, "nmb_eur"):
        return context.catalogue.hidden if is_hidden(row, "nmb_eur") else context.catalogue.missing
    amount = context.catalogue.gettext("{amount} euros", amount=intervals(row, *NET, context.catalogue))
    return f"{amount} {per(row, context)}"


@dataclass(frozen=True, eq=False)
class CostSection:
    """Costs beside the effect of a row of `effects`.

    `tables`: released `cost_effectiveness`, `cost_curve` and `cost_plane`.
    """

    tables: Tables
    effect: Row
    context: PageContext

    def block(self) -> Block | None:
        """Sentences, the curve, and folded the plane and the numbers; nothing where no costs were computed."""
        _ = self.context.catalogue.gettext
        row = self._row
        if row is None:
            return None
        if not is_shown(row, *COST, *EFFECT):
            hidden = self.context.catalogue.hidden
            said = hidden if is_hidden(row, COST[0]) else _("They could not be computed.")
            return markup.section(_("Costs"), markup.paragraph(said), level=4)
        return markup.section(
            _("Costs"),
            markup.paragraph(self._cost_sentence(row), self._price_sentence(row)),
            markup.paragraph(*filter(None, (self._benefit_sentence(row), self._released_sentence(row)))),
            self._curve(row),
            markup.note(*self._perspective(row)),
            markup.details(_("Costs and effect in detail"), self._plane(row), self._numbers(row)),
            level=4,
        )

    def benefit(self) -> str:
        """The net benefit in one sentence, or empty where it is not known or not shown."""
        row = self._row
        return "" if row is None else self._benefit_sentence(row)

    @property
    def _row(self) -> Row | None:
        found = self._of("cost_effectiveness")
        return None if found.empty else record(found)

    def _of(self, table: str, *shown: str) -> pd.DataFrame:
        """Rows of the outcome where the named numbers are shown."""
        keys = {key: str(self.effect[key]) for key in ("intervention", "outcome", "target_group")}
        found = rows(self.tables, table, **keys)
        return found if found.empty else found.dropna(subset=[*shown])

    @property
    def _improvement(self) -> str:
        better = effect_words.facts(self.effect, self.context).better
        return effect_units.improvement(self.effect, better, self.context)

    def _euros(self, value: float, lo: float, hi: float) -> Estimate:
        number = self.context.catalogue.estimate(value, *sorted((lo, hi)))
        return Estimate(self.context.catalogue.gettext("{amount} euros", amount=number.value), number.interval)

    def _cost_sentence(self, row: Row) -> str:
        """Whether the organiser's costs fell or rose."""
        _ = self.context.catalogue.gettext
        _cost, lo, hi = numbers(row, COST)
        number = self._euros(*numbers(row, COST, -1.0 if hi < 0 else 1.0))
        slots = {"per": per(row, self.context), "amount": number.value, "interval": number.interval}
        if hi < 0:
            return _("Costs are about {amount} lower {per} (95% confidence interval {interval}).", **slots)
        if lo > 0:
            return _("Costs are about {amount} higher {per} (95% confidence interval {interval}).", **slots)
        return _(
            "The change of costs {per} is within its uncertainty ({amount}; 95% confidence interval {interval}).",
            **slots,
        )

    def _price_sentence(self, row: Row) -> str:
        """What one unit of improvement cost or saved, where the effect is surely an improvement; else why not."""
        _ = self.context.catalogue.gettext
        if not is_shown(row, "icer_eur"):
            if row["delta_effect_hi95"] < 0:
                return _("What an improvement costs is not told, because things became worse.")
            return _("What an improvement costs is not told, because the data do not rule out that there is none.")
        price = float(row["icer_eur"])
        low, high = self._price_interval()
        number = self._euros(abs(price), *(np.array([low, high]) * (1 if price >= 0 else -1)))
        slots = {"unit": self._improvement, "amount": number.value, "interval": number.interval}
        if not np.isfinite([low, high]).all():
            rough = self._rounded(abs(price))
            amount = _("{amount} euros", amount=rough)
            if price < 0:
                return _("Saved with each improvement ({unit}): about {amount}.", unit=slots["unit"], amount=amount)
            return _("Price of an improvement ({unit}): about {amount}.", unit=slots["unit"], amount=amount)
        if price < 0:
            return _(
                "Saved with each improvement ({unit}): about {amount} (95% confidence interval {interval}).", **slots
            )
        return _("Price of an improvement ({unit}): about {amount} (95% confidence interval {interval}).", **slots)

    def _price_interval(self) -> tuple[float, float]:
        """Of the draws' ratios, where every draw is an improvement; a ratio says nothing where its effect may be 0."""
        draws = self._of("cost_plane", "delta_cost_eur", "delta_effect")
        if draws.empty or (draws["delta_effect"] <= 0).any():
            return np.nan, np.nan
        low, high = (draws["delta_cost_eur"] / draws["delta_effect"]).quantile([SURE, 1 - SURE])
        return float(low), float(high)

    def _benefit_sentence(self, row: Row) -> str:
        """The net benefit at the stated worth of an improvement, and how sure it is."""
        _ = self.context.catalogue.gettext
        if not is_shown(row, *NET, "lambda_eur", "probability_cost_effective"):
            return ""
        _net, lo, hi = numbers(row, NET)
        number = self._euros(*numbers(row, NET, -1.0 if hi < 0 else 1.0))
        slots = {
            "unit": self._improvement,
            "worth": self.context.catalogue.euros(row["lambda_eur"]),
            "amount": number.value,
            "interval": number.interval,
            "per": per(row, self.context),
            "share": self._chance(row["probability_cost_effective"]),
        }
        if lo > 0:
            return _(
                "If an improvement ({unit}) is held to be worth {worth}, the benefit exceeds the costs {per} by about "
                "{amount} (95% confidence interval {interval}). Probability that it does: {share}.",
                **slots,
            )
        if hi < 0:
            return _(
                "If an improvement ({unit}) is held to be worth {worth}, the costs exceed the benefit {per} by about "
                "{amount} (95% confidence interval {interval}). Probability that the benefit is larger: {share}.",
                **slots,
            )
        return _(
            "If an improvement ({unit}) is held to be worth {worth}, benefit less costs {per} is within its "
            "uncertainty ({amount}; 95% confidence interval {interval}). Probability that the benefit is larger: "
            "{share}.",
            **slots,
        )

    def _chance(self, share: float) -> str:
        """A share of draws in whole per cents, never a certain one."""
        percent = self.context.catalogue.percent
        if share < 0.01:
            return self.context.catalogue.gettext("less than {share}", share=percent(0.01))
        if share > 0.99:
            return self.context.catalogue.gettext("more than {share}", share=percent(0.99))
        return percent(share)

    def _released_sentence(self, row: Row) -> str:
        """Working time, which is no cash."""
        _ = self.context.catalogue.gettext
        if not is_shown(row, "released_hours") or row["released_hours"] == 0:
            return ""
        slots = {
            "hours": self._rounded(abs(row["released_hours"])),
            "per": per(row, self.context),
        }
        if row["released_hours"] > 0:
            return _(
                "Released working time in hours {per}: about {hours}. It is no cash and not counted in the costs.",
                **slots,
            )
        return _("Additional working time in hours {per}: about {hours}. It is not counted in the costs.", **slots)

    def _curve(self, row: Row) -> Block | None:
        """How sure a benefit is at each worth of an improvement."""
        _ = self.context.catalogue.gettext
        points = self._of("cost_curve", "probability_cost_effective")
        if len(points) < 2:
            return None
        points = points.sort_values("lambda_eur")
        worth = float(row["lambda_eur"]) if is_shown(row, "lambda_eur") else np.nan
        first, last = (self._chance(points["probability_cost_effective"].iloc[end]) for end in (0, -1))
        most = self.context.catalogue.euros(points["lambda_eur"].iloc[-1])
        chance = self._chance(row["probability_cost_effective"]) if np.isfinite(worth) else ""
        picture = figures.acceptability(
            points,
            stated=worth,
            stated_label="" if not chance else f"{self.context.catalogue.euros(worth)}: {chance}",
            unit=_("probability that the benefit exceeds the costs"),
            x_label=_("worth of an improvement in euros ({unit})", unit=self._improvement),
            catalogue=self.context.catalogue,
            alt=_(
                "The probability is {first} where an improvement is worth nothing and {last} where it is worth {most}.",
                first=first,
                last=last,
                most=most,
            ),
            caption=_("How sure the benefit is, by what an improvement is held to be worth"),
        )
        return markup.figure(picture, self._curve_table(points), _("Numbers as a table"))

    def _curve_table(self, points: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        cells = [
            {
                "worth": self.context.catalogue.euros(row["lambda_eur"]),
                "chance": self._chance(row["probability_cost_effective"]),
                "net": intervals(row, *NET, self.context.catalogue),
            }
            for row in records(points)
        ]
        columns = [
            Column("worth", _("Worth of an improvement"), "number", format=str),
            Column("chance", _("Probability of a benefit"), "number", format=str),
            Column("net", _("Benefit less costs, euros (95% confidence interval)"), "number", format=str),
        ]
        caption = _("Benefit by the worth of an improvement ({unit})", unit=self._improvement)
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)

    def _plane(self, row: Row) -> Block | None:
        """Costs and effect of every draw."""
        _ = self.context.catalogue.gettext
        draws = self._of("cost_plane", "delta_cost_eur", "delta_effect")
        if draws.empty:
            return None
        shares = {name: self._chance_of_quadrant(row, name) for name in QUADRANTS}
        worth = float(row["lambda_eur"]) if is_shown(row, "lambda_eur") else np.nan
        slots = {"unit": self._improvement, "per": per(row, self.context)}
        picture = figures.cost_plane(
            draws,
            estimate=(float(row["delta_effect"]), float(row["delta_cost_eur"])),
            worth=worth,
            words=PlaneWords(
                effect=_("improvements {per}: {unit} is one", **slots),
                cost=_("change of costs in euros {per}", per=slots["per"]),
                quadrants=shares,
                draws=_("One way the truth may be, given these data"),
                estimate=_("Estimate"),
                worth=_("Benefit equals costs at {worth}", worth=self.context.catalogue.euros(row["lambda_eur"]))
                if np.isfinite(worth)
                else "",
            ),
            catalogue=self.context.catalogue,
            alt=". ".join(shares.values()) + ".",
            caption=_("Costs and effect together: to the right is better, up is dearer"),
        )
        return markup.figure(picture, self._quadrants(row), _("Numbers as a table"))

    def _quadrants(self, row: Row) -> Block:
        """How likely each quarter of the plane is."""
        _ = self.context.catalogue.gettext
        shares = {_(words, share="").strip(" :"): row[f"quadrant_{name}"] for name, words in QUADRANTS.items()}
        frame = pd.DataFrame({"part": list(shares), "share": list(shares.values())})
        columns = [Column("part", _("Effect and costs")), Column("share", _("Probability"), "percent")]
        return markup.table(frame, columns, _("How likely each combination is"), self.context.catalogue)

    def _chance_of_quadrant(self, row: Row, name: str) -> str:
        share = self.context.catalogue.percent(row[f"quadrant_{name}"])
        return self.context.catalogue.gettext(QUADRANTS[name], share=share)

    def _numbers(self, row: Row) -> Block:
        """The costs by what they are made of."""
        _ = self.context.catalogue.gettext
        catalogue = self.context.catalogue
        made = [
            (_("The intervention itself, euros"), self._plain(row, "direct_cost_eur")),
            (_("Services at their marginal cost, euros"), self._plain(row, "service_cost_eur")),
            (_("Costs together, euros (95% confidence interval)"), intervals(row, *COST, catalogue)),
            (_("Improvements (95% confidence interval)"), intervals(row, *EFFECT, catalogue)),
            (_("Benefit less costs, euros (95% confidence interval)"), intervals(row, *NET, catalogue)),
            (_("Released working time, hours"), self._plain(row, "released_hours")),
        ]
        columns = [Column("name", _("Quantity")), Column("value", _("Amount"), "number", format=str)]
        caption = _("Costs and effect {per}", per=per(row, self.context))
        return markup.table(pd.DataFrame(made, columns=["name", "value"]), columns, caption, catalogue)

    def _plain(self, row: Row, name: str) -> str:
        if not is_shown(row, name):
            return self.context.catalogue.hidden if is_hidden(row, name) else self.context.catalogue.missing
        return self._rounded(float(row[name]))

    def _rounded(self, value: float) -> str:
        """A number without an interval of its own, with two digits that carry information."""
        last = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.0
        return self.context.catalogue.estimate(value, value - 4 * last, value + 4 * last).value

    def _perspective(self, row: Row) -> list[str]:
        """Whose costs they are, whom that leaves out, and by which rules."""
        _ = self.context.catalogue.gettext
        said = [
            _(
                "The costs are those of the county as the organiser, in prices of {price_year}. Left out are the fees, "
                "travel and time of clients and their families, and other payers such as Kela and employers.",
                price_year=f"{row['price_year']:.0f}",
            )
        ]
        if is_shown(row, "marginal_share"):
            said.append(
                _(
                    "Of the unit cost of a contact {share} is counted as saved cash: the rest, such as premises, "
                    "remains.",
                    share=self.context.catalogue.percent(row["marginal_share"]),
                )
            )
        if is_shown(row, "discount_rate"):
            share = self.context.catalogue.percent(row["discount_rate"])
            said.append(_("Beyond the first year, costs and effects are discounted by {share} a year.", share=share))
        said.append(
            _(
                "The worth of an improvement is what it is worth beyond the cash that it saves, which the costs hold. "
                "Finland has no official one; that is why a curve is shown."
            )
        )
        return said
