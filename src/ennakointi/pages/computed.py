"""How the figures were computed: what came in, what was done to it, with which settings and versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from ennakointi.disclosure import Preset
from ennakointi.pages.context import PageContext
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column

SHORT_DIGEST = 12  # signs of a checksum that a reader compares; the manifest holds the whole


def computed(manifest: Mapping[str, Any], preset: Preset, up: str, context: PageContext) -> Block:
    """The page of the quarter's provenance.

    Parameters
    ----------
    manifest : the facts of the run, as `provenance.facts` gives them
    up : from this page to the top of the release, where the manifest lies
    """
    _ = context.catalogue.gettext
    return markup.stack(
        markup.headline(
            _("The same data, parameters and versions give the same numbers."),
            lead=_("Every number of the report can be traced to its data."),
        ),
        _steps(preset, context),
        _rows(manifest["source"]["tables"], context),
        _files(manifest["source"]["files"], context),
        _documents(manifest, context),
        _software(manifest, context),
        markup.section(
            _("For checking"),
            markup.paragraph(
                _("The manifest holds every checksum, setting and result in a form that programs read (RO-Crate):"),
                markup.link("manifest.json", f"{up}manifest.json"),
            ),
            markup.paragraph(_("It also tells which table each figure and table of a page comes from.")),
        ),
    )


def _steps(preset: Preset, context: PageContext) -> Block:
    _ = context.catalogue.gettext
    return markup.section(
        _("From data to report"),
        markup.bullets(
            _("The registers' tables are read in the county's own secure environment. Rows never leave it."),
            _("Every row is checked. Rows that break a rule are set aside and counted."),
            _("Debt, need and effects are computed from counts by month, group, service and area."),
            _(
                "One plan decides what may be shown: fewer than {threshold} persons are hidden, other counts are "
                "rounded to {base}.",
                threshold=preset.threshold,
                base=preset.base,
            ),
            _("Sentences, figures, tables and files are made from the numbers that passed the plan."),
            ordered=True,
        ),
        markup.paragraph(markup.link(_("Methods and definitions"), "methods.html")),
    )


def _rows(tables: Mapping[str, Mapping[str, int | None]], context: PageContext) -> Block | None:
    """Rows of each delivered table; a number that is None is small and hidden."""
    _ = context.catalogue.gettext
    counts = ("read", "quarantined", "stored")
    frame = pd.DataFrame(
        {
            "table": context.table_name(name),
            **{key: rows.get(key) for key in counts},
            "suppressed": ";".join(key for key in counts if rows.get(key) is None),
        }
        for name, rows in sorted(tables.items())
    )
    if frame.empty:
        return None
    columns = [
        Column("table", _("Table")),
        Column("read", _("Rows delivered"), "number"),
        Column("quarantined", _("Rows rejected"), "number"),
        Column("stored", _("Rows used"), "number"),
    ]
    caption = _("Rows of the data, rounded")
    return markup.section(_("Data"), markup.table(frame, columns, caption, context.catalogue, name="rows"))


def _files(files: list[Mapping[str, Any]], context: PageContext) -> Block | None:
    _ = context.catalogue.gettext
    if not files:
        return None
    frame = pd.DataFrame(
        {"file": one["file"], "table": context.table_name(one["table"]), "digest": one["sha256"][:SHORT_DIGEST]}
        for one in files
    )
    columns = [Column("file", _("File")), Column("table", _("Table")), Column("digest", _("Checksum (SHA-256, start)"))]
    table = markup.table(frame, columns, _("Files that were read"), context.catalogue, name="files")
    return markup.details(_("Files that were read ({n})", n=len(files)), table)


def _documents(manifest: Mapping[str, Any], context: PageContext) -> Block:
    _ = context.catalogue.gettext
    kinds = ((manifest["parameters"], _("parameters")), (manifest.get("notebooks", {}), _("notebook")))
    frame = pd.DataFrame(
        {"name": name, "kind": kind, "digest": digest[:SHORT_DIGEST]}
        for digests, kind in kinds
        for name, digest in digests.items()
    )
    columns = [
        Column("name", _("Document")),
        Column("kind", _("Kind")),
        Column("digest", _("Checksum (SHA-256, start)")),
    ]
    table = markup.table(frame, columns, _("Parameters and notebooks of the run"), context.catalogue, name="documents")
    return markup.section(
        _("Settings"),
        markup.definitions(
            (_("Quarter"), context.catalogue.quarter(context.quarter)),
            (_("What was known on"), context.catalogue.date(date.fromisoformat(manifest["as_of"]))),
            (_("Run"), _("full") if manifest["mode"] == "full" else _("fast: fewer simulated courses")),
            (_("Seeds of random numbers"), f"{len(manifest.get('seeds', {}))} (manifest.json)"),
        ),
        markup.details(_("Parameters and notebooks ({n})", n=len(frame)), table),
    )


def _software(manifest: Mapping[str, Any], context: PageContext) -> Block:
    _ = context.catalogue.gettext
    software = manifest.get("software", {})
    pairs = [(_("Program"), f"ennakointi {manifest['version']}")]
    if "python" in software:
        pairs.append(("Python", f"{software['python']} ({software['platform']})"))
    packages = [f"{name} {version}" for name, version in software.get("packages", {}).items()]
    return markup.section(
        _("Versions"),
        markup.definitions(*pairs),
        markup.details(_("Packages ({n})", n=len(packages)), markup.bullets(*packages)) if packages else None,
    )
