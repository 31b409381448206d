"""A small finished release and what its run would tell of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COUNTS = {"read": 1200, "accepted": 1190, "quarantined": 10, "after_as_of": 0, "stored": 1190}
PAGE = (
    '<!doctype html><html lang="fi"><head><title>Kooste &amp; luvut</title></head><body>'
    '<figure id="figure-debt"><svg><title>Velka</title></svg><figcaption>Velka <b>ajan</b> mukaan</figcaption></figure>'
    '<div class="table"><table id="table-groups"><caption>Kohderyhmät</caption><tr><td>1</td></tr></table></div>'
    "<table><caption>Ilman tunnusta</caption></table></body></html>"
)


def release(folder: Path) -> Path:
    """Two pages, a table and a notebook, without a manifest."""
    for name, content in {
        "index.html": PAGE,
        "sv/index.html": PAGE.replace('lang="fi"', 'lang="sv"'),
        "tables/debt_summary.csv": "target_group,value\nall,110\n",
        "notebooks/index.ipynb": '{"cells": []}',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def facts() -> dict[str, Any]:
    """As `provenance.facts` gives them."""
    scope = {"groups": ["all"], "notebooks": ["summary"], "languages": ["fi", "sv"]}
    return {
        "quarter": "2025Q3",
        "covers": "2025-07-01/2025-09-30",
        "made_on": "2025-10-12",
        "version": "0.5.0",
        "synthetic": True,
        "organisation": {"name": "Päijät-Häme", "description": "tieto@example.fi"},
        "licence": {"name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
        "parameters": {"services.yml": "a" * 64, "mappings/own.yml": "b" * 64},
        "notebooks": {"summary.ipynb": "c" * 64},
        "source": {
            "name": "Synteettinen Päijät-Häme",
            "mapping": None,
            "content": "d" * 64,
            "files": [
                {"table": "contacts", "file": "part-000.parquet", "sha256": "e" * 64},
                {"table": "persons", "file": "register.persons"},  # of a database: no file, no hash
            ],
            "tables": {"contacts": COUNTS, "persons": {**COUNTS, "quarantined": None}},
            **COUNTS,
        },
        "seeds": {"debt.all": 1, "forecast.all": 2},
        "software": {
            "python": "3.11.9",
            "platform": "Linux x86_64",
            "packages": {"numpy": "2.1.0", "pandas": "2.2.3"},
            "lock": "f" * 64,
            "lock_kept": "Every package is of its version",
        },
        "scope": scope,
        "settings": {"quarter": "2025Q3", "mode": "fast", **scope},
        "started_at": "2025-10-12T03:30:00+00:00",
        "ended_at": "2025-10-12T03:40:00+00:00",
    }
