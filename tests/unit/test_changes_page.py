"""What changed since the last quarter, as a reader sees it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from page_tables import context, released
from page_words import unfilled, words

from ennakointi.headlines import splitting
from ennakointi.pages import indicator_words
from ennakointi.pages.changes import ChangesSection
from ennakointi.report import markup
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import message_json

NAMES = {
    "debt_now": "Ero nyt",
    "service_debt": "Palveluvelka",
    "hits": "Osuvuus",
    "evidence": "Näyttö",
    "need": "Tarve",
}


def row(indicator: str, **changes: Any) -> dict[str, Any]:
    return {
        "indicator": indicator,
        "target_group": "all",
        "since": "2025Q2",
        "unit": "contacts",
        "within_uncertainty": "unknown",
        "pace_within": "",
        "reason": "",
        "n_persons": 900.0,
        **changes,
    }


DEBT = {"before": 26530.0, "late": 0.0, "definitions": 0.0, "new_events": 0.0, "real": 0.0, "after": 26530.0,
        "total": 0.0, "total_lo80": -16120.0, "total_hi80": 16120.0, "within_uncertainty": "yes"}  # fmt: skip
NOW = {"before": 29770.0, "late": -550.0, "definitions": 0.0, "new_events": 1490.0, "real": -40.0, "after": 30670.0,
       "total": 900.0, "real_lo80": -830.0, "real_hi80": 740.0, "pace_within": "yes"}  # fmt: skip
NEED = {"before": 128520.0, "late": 0.0, "definitions": 0.0, "new_events": 0.0, "real": 1670.0, "after": 130190.0,
        "total": 1670.0, "total_lo80": -5130.0, "total_hi80": 8500.0, "within_uncertainty": "yes"}  # fmt: skip
EVIDENCE = {"before": 0.0, "after": 1.0, "total": 1.0, "unit": "interventions"}
HITS = {"before": 0.7, "after": 0.82, "total": 0.12, "total_lo80": 0.02, "total_hi80": 0.22, "unit": "share",
        "within_uncertainty": "no"}  # fmt: skip
TOLD = [row("service_debt", **DEBT), row("debt_now", **NOW), row("need", **NEED), row("evidence", **EVIDENCE),
        row("hits", **HITS), row("debt_now", **{**NOW, "target_group": "older_people"}),
        row("debt_now", **{**NOW, "target_group": "small", "n_persons": 3.0})]  # fmt: skip


def section(
    told: list[dict[str, Any]], language: str = "fi", misses: tuple[str, ...] = ("mental_health",)
) -> ChangesSection:
    ledger = pd.DataFrame(
        {"made": "2025Q2", "target_group": "all", "service": service, "months": 3.0, "inside80": 2.0,
         "inside80_latest": float(service not in misses), "error_share": 0.1, "n_persons": 90.0}
        for service in ("primary_care", "mental_health")
    )  # fmt: skip
    tables = {
        "changes": pd.DataFrame(told).reindex(columns=list(RESULT_TABLES["changes"].names)),
        "forecast_ledger": ledger.reindex(columns=list(RESULT_TABLES["forecast_ledger"].names)),
    }
    own = context(language)
    labels = {**own.labels, "indicator": NAMES}
    return ChangesSection(released(tables), context(language, labels=labels))


def said(told: list[dict[str, Any]], **changes: Any) -> str:
    block = section(told, **changes).block()
    assert block is not None
    return words(block)


def test_every_change_is_called_what_it_is() -> None:
    text = said(TOLD)
    assert "Ei muutosta: Palveluvelka." in text
    assert "Tarve: muutos (+2 000) mahtuu epävarmuuteen. Suurin syy: vauhti muuttui (+2 000)." in text
    assert "Ero nyt: muutos +900. Vauhti on ennallaan: sen ero mahtuu epävarmuuteen." in text
    assert "Suurin syy: uudet kuukaudet entisellä vauhdilla (+1 500)." in text
    assert "Näyttö: muutos +1. Epävarmuutta ei tiedetä." in text
    assert "Osuvuus: muutos +12 prosenttiyksikköä. Se on suurempi kuin epävarmuus." in text


def test_misses_are_admitted_by_service() -> None:
    assert "ei osunut ennustevälille näissä palveluissa: Mielenterveyspalvelut." in said(TOLD)
    assert "Kaikki ennusteet neljännekseltä 2/2025 osuivat ennustevälille." in said(TOLD, misses=())


def test_parts_are_rounded_alike_and_add_up() -> None:
    told = section(TOLD)
    [now] = [
        one
        for one in told.tables["changes"].to_dict("records")
        if (one["indicator"], one["target_group"]) == ("debt_now", "all")
    ]
    parts = indicator_words.parts(now, told.context)
    numbers = {name: float(text.replace("\u2212", "-").replace("\u00a0", "")) for name, text in parts.items()}
    assert numbers["total"] == sum(numbers[name] for name in indicator_words.PARTS)
    assert numbers == {"late": -600, "definitions": 0, "new_events": 1500, "real": 0, "total": 900}


def test_a_hidden_change_is_told_by_the_one_label() -> None:
    block = section(TOLD).block()
    assert block is not None
    assert "Ero nyt: Pieni ryhmä" in words(block)
    assert words(block).count("ei näytetä (tietosuoja)") >= 7
    assert "30 670" not in words(block)


def test_the_first_quarter_is_one_sentence() -> None:
    first = row("debt_now", since="", after=30670.0, reason=f"[{message_json(splitting.FIRST, {})}]")
    assert (
        said([first]).strip()
        == "Muistissa ei ole aiempaa neljännestä tästä aineistosta: seuraava raportti kertoo, mikä muuttui."
    )


def test_changed_documents_are_named() -> None:
    reason = f"[{message_json(splitting.CHANGED, {'documents': 'debt.yml'})}]"
    assert "Muuttunut sen jälkeen: debt.yml." in said([row("debt_now", **{**NOW, "reason": reason})])


def test_without_changes_there_is_no_block() -> None:
    assert ChangesSection({}, context()).block() is None


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_block_is_whole_in_every_language(language: str) -> None:
    block = section(TOLD, language=language).block()
    assert block is not None
    assert markup.faults(block.html) == []
    assert unfilled(words(block)) == []
