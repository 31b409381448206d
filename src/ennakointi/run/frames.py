"""What stands around the pages of a release: the release itself, file names, navigation, languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import pandas as pd

from ennakointi.pages.context import PageContext
from ennakointi.pages.settings import page_context
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter
from ennakointi.report.exporter import Page
from ennakointi.run.notebook_runs import Outcome
from ennakointi.text import N_, Catalogue

INDEX = "index.html"
FRONT = "summary"
METHODS, GLOSSARY, ACCESSIBILITY = "methods.html", "glossary.html", "accessibility.html"
DOWNLOADS, DICTIONARY, COMPUTED = "downloads.html", "data_dictionary.html", "provenance.html"
ABOUT = {  # pages about the report, in the order of the foot of every page
    METHODS: N_("Methods and definitions"),
    GLOSSARY: N_("Glossary"),
    DOWNLOADS: N_("Files"),
    DICTIONARY: N_("Data dictionary of the results"),
    COMPUTED: N_("How these figures were computed"),
    ACCESSIBILITY: N_("Accessibility statement"),
}


@dataclass(frozen=True)
class Release:
    """Everything that goes into `outputs/<quarter>/`; `forbidden` are texts that must not stand in any file."""

    parameters: Parameters
    quarter: Quarter
    facts: Mapping[str, Any]
    outcomes: Sequence[Outcome]
    tables: Mapping[str, pd.DataFrame]
    manifest: Mapping[str, Any]
    forbidden: tuple[str, ...]

    @cached_property
    def languages(self) -> list[str]:
        """Languages of the pages; those of the first lie at the top, the others in a folder each."""
        return list(dict.fromkeys(outcome.job.parameters["language"] for outcome in self.outcomes))

    def context(self, language: str) -> PageContext:
        """What pages know of the quarter, in a language."""
        return page_context(self.parameters, Catalogue(language), self.quarter, self.facts)

    def up(self, language: str) -> str:
        """From the pages of a language to the top of the release."""
        return "" if language == self.languages[0] else "../"

    def outcomes_in(self, language: str) -> dict[str, Outcome]:
        """The outcomes of a language by the file of their page."""
        found = (outcome for outcome in self.outcomes if outcome.job.parameters["language"] == language)
        return {page_file(one.job.notebook.stem, group_of(one)): one for one in found}


def group_of(outcome: Outcome) -> str:
    """Target group of a page; empty where it is about the whole quarter."""
    return str(outcome.job.parameters.get("target_group", ""))


def page_file(notebook: str, group: str) -> str:
    """File name of a page; the summary is the first page."""
    if notebook == FRONT:
        return INDEX
    return f"{notebook}-{group}.html" if group else f"{notebook}.html"


def frame(release: Release, language: str) -> Page:
    """What stands around every page of a language; a page sets its title, its file and its other languages."""
    parameters, facts = release.parameters, release.facts
    logo = parameters.reporting.logo
    return Page(
        title="",
        language=language,
        quarter=release.quarter,
        as_of=date.fromisoformat(facts["as_of"]),
        county=parameters.region.label[language],
        contact=parameters.region.contact[language],
        synthetic=facts["synthetic"],
        made_on=date.fromisoformat(release.manifest["made_on"]),
        source=facts["source"],
        nav=_navigation(release, language),
        provenance=_provenance(release, language),
        more=_about(release, language),
        logo=logo.data_address if logo else "",
        colours=parameters.reporting.colours.own,
    )


def quarters_file(languages: Sequence[str], language: str) -> str:
    """File of the list of quarters in a language; it lies beside the releases."""
    return INDEX if language == languages[0] else f"index.{language}.html"


def languages_of(release: Release, language: str, name: str) -> tuple[tuple[str, str], ...]:
    """Links to the same page in every language of the release, from where this language's pages lie."""
    if len(release.languages) == 1:
        return ()
    up = release.up(language)
    folders = {code: "" if code == release.languages[0] else f"{code}/" for code in release.languages}
    return tuple((code, f"{up}{folder}{name}") for code, folder in folders.items())


def _about(release: Release, language: str) -> tuple[tuple[str, str], ...]:
    _ = Catalogue(language).gettext
    listed = f"../{release.up(language)}{quarters_file(release.languages, language)}"
    return (*((_(title), name) for name, title in ABOUT.items()), (_("Published quarters"), listed))


def _navigation(release: Release, language: str) -> tuple[tuple[str, str], ...]:
    """The first page of every notebook, in the order of notebooks.yml."""
    first: dict[str, str] = {}
    for file, outcome in release.outcomes_in(language).items():
        first.setdefault(outcome.job.notebook.stem, file)
    notebooks = release.parameters.notebooks
    return tuple((notebooks[name].title[language], first[name]) for name in notebooks if name in first)


def _provenance(release: Release, language: str) -> tuple[tuple[str, str], ...]:
    catalogue = Catalogue(language)
    _ = catalogue.gettext
    manifest = release.manifest
    read, rejected = (manifest["source"][name] for name in ("read", "quarantined"))
    preset = release.parameters.disclosure.current
    return (
        (_("Program"), f"ennakointi {manifest['version']} ({manifest['mode']})"),
        (_("Data"), f"{release.facts['source']}, {catalogue.date(date.fromisoformat(manifest['as_of']))}"),
        (_("Rows delivered"), catalogue.hidden if read is None else catalogue.number(read)),
        (_("Rows rejected"), catalogue.hidden if rejected is None else catalogue.number(rejected)),
        (
            _("Privacy"),
            _(
                "Rule {preset}: fewer than {threshold} persons are not shown, other counts are rounded to {base}.",
                preset=preset.name,
                threshold=preset.threshold,
                base=preset.base,
            ),
        ),
        (_("Settings"), _("The manifest lists every parameter document by its checksum (manifest.json).")),
    )
