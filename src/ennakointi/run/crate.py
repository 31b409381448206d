"""The manifest of a release as a research object: RO-Crate 1.1 with the profile Process Run Crate 0.5.

A document is a list of entities that name each other by `@id`: the release and its files, the run that made them, and
what the run used. Sources: https://w3id.org/ro/crate/1.1 and https://w3id.org/ro/wfrun/process/0.5; witness: the
package `rocrate` opens it (tests/unit/test_provenance.py).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ennakointi.report.table_files import TABLE_NAMES

Entity = dict[str, Any]

MANIFEST = "manifest.json"
METADATA = "ro-crate-metadata.json"  # the name that the standard wants; the same bytes as the manifest
PRINTED = "pdf"  # the folder of printed pages
STANDARD = "https://w3id.org/ro/crate/1.1"
PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
OWN_TERMS = "https://w3id.org/ro/terms/ennakointi#"
ROWS = {  # our own terms of a table that was delivered
    "read": ("rowsRead", "Rows that were read, rounded by the disclosure rule"),
    "accepted": ("rowsAccepted", "Rows that passed every check, rounded by the disclosure rule"),
    "quarantined": ("rowsQuarantined", "Rows that were set aside, rounded by the disclosure rule"),
    "after_as_of": ("rowsAfterAsOf", "Rows of later than the as-of date, left out, rounded by the disclosure rule"),
    "stored": ("rowsStored", "Rows that the results are computed from, rounded by the disclosure rule"),
}
ORGANISATION, RUN, PRINTING = {"@id": "#organisation"}, {"@id": "#run"}, {"@id": "#print"}
_FORMATS = {
    ".html": "text/html",
    ".csv": "text/csv",
    ".json": "application/json",
    ".ipynb": "application/x-ipynb+json",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CAPTIONED = re.compile(
    r'<(figure|table)\b[^>]*?\bid="([^"]+)"[^>]*>'
    r"(?:(?!</?(?:figure|table)\b|<(?:fig)?caption\b).)*<(?:fig)?caption\b[^>]*>(.*?)</(?:fig)?caption>",
    re.S,
)
_KINDS = {"figure": "ImageObject", "table": "Table"}


def document(facts: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The whole document of a release.

    Parameters
    ----------
    facts : what `provenance.facts` gave, with `ended_at`
    folder : the finished files of the release
    """
    files = [entity for path in published(folder) for entity in file_entities(folder, path)]
    used = [*_source(facts), *_documents(facts), *_settings(facts)]
    results = [_reference(file) for file in files if file["@type"] == "File"]
    programs = _programs(facts)
    run = _run(facts, programs[0], [_reference(one) for one in used if one.get("_used")], results)
    entities = [_descriptor(), _root(facts, results), *_frame(facts), *programs, run, *used, *files]
    return {"@context": _context(), "@graph": [_public(entity) for entity in entities]}


def with_printed(
    told: Mapping[str, Entity], folder: Path, printed: Mapping[str, str], version: str, times: tuple[str, str]
) -> dict[str, Any]:
    """The document of a release with its printed pages; those of an earlier printing are taken out.

    Parameters
    ----------
    told : the entities of the manifest by `@id`
    printed : PDF by the page that it shows, both from the release's folder
    version : of Chromium
    times : when printing started and ended
    """
    earlier = told.get(PRINTING["@id"], {}).get("instrument", {}).get("@id")
    gone = (PRINTING["@id"], earlier)
    kept = {name: one for name, one in told.items() if not name.startswith(f"{PRINTED}/") and name not in gone}
    files = [entity for name in sorted(printed.values()) for entity in file_entities(folder, folder / name)]
    parts = [part for part in listed(told["./"]["hasPart"]) if part["@id"] in kept]
    root = {**told["./"], "hasPart": [*parts, *map(_reference, files)], "mentions": [RUN, PRINTING]}
    browser = _software("Chromium", version, url="https://www.chromium.org/")
    action = {
        **_action(PRINTING, _reference(browser), times),
        "name": "Printing of the pages",
        "description": "`ennakointi pdf`",
        "object": [{"@id": quote(page)} for page in sorted(printed)],
        "result": [_reference(file) for file in files],
    }
    entities = [*{**kept, "./": root}.values(), browser, action, *files]
    return {"@context": _context(), "@graph": [_public(entity) for entity in entities]}


def _action(name: Entity, instrument: Entity, times: tuple[str, str]) -> Entity:
    """What was done, by which program, from when to when; nobody is named but the organisation."""
    return {
        **name,
        "@type": "CreateAction",
        "instrument": instrument,
        "agent": ORGANISATION,
        "actionStatus": "http://schema.org/CompletedActionStatus",
        "startTime": times[0],
        "endTime": times[1],
    }


def published(folder: Path) -> list[Path]:
    """The files of a release in a fixed order, without the manifest."""
    own = {folder / MANIFEST, folder / METADATA}
    return sorted(path for path in folder.rglob("*") if path.is_file() and path not in own)


def file_entities(folder: Path, path: Path) -> Iterator[Entity]:
    """A file of the release with its hash, and the figures and tables of a page by their ids."""
    name, content = path.relative_to(folder).as_posix(), path.read_bytes()
    parts = list(_parts(name, content.decode("utf-8"))) if path.suffix == ".html" else []
    yield {
        "@id": quote(name),
        "@type": "File",
        "name": _name(path, content),
        "contentSize": str(len(content)),
        "encodingFormat": _FORMATS.get(path.suffix, "application/octet-stream"),
        "sha256": hashlib.sha256(content).hexdigest(),
        **({"hasPart": [_reference(part) for part in parts]} if parts else {}),
    }
    yield from parts


def _name(path: Path, content: bytes) -> str:
    if path.suffix == ".html" and (title := re.search(rb"<title>(.*?)</title>", content, re.S)):
        return unescape(title[1].decode("utf-8")).strip()
    return TABLE_NAMES.get(path.stem, path.name) if path.suffix == ".csv" else path.name


def _parts(page: str, html: str) -> Iterator[Entity]:
    for kind, name, caption in dict.fromkeys(_CAPTIONED.findall(html)):
        told = unescape(re.sub(r"<[^>]+>", "", caption)).strip()
        yield {"@id": f"{quote(page)}#{quote(name)}", "@type": _KINDS[kind], "name": told, "identifier": name}


def _reference(entity: Mapping[str, Any]) -> Entity:
    return {"@id": entity["@id"]}


def _public(entity: Entity) -> Entity:
    """As the standard wants it: no empty property, and a list of one as its only member."""
    single = {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in entity.items()}
    return {key: value for key, value in sorted(single.items()) if key != "_used" and value is not None}


def listed(value: Any) -> list[Any]:
    """The values of a property, of which a single one stands without a list."""
    return list(value) if isinstance(value, list) else [value]


def _software(name: str, version: str, of: str = "generic", **more: Any) -> Entity:
    """A program by its package address (ECMA-427)."""
    about = {"@id": f"pkg:{of}/{quote(name.lower())}@{version}", "@type": "SoftwareApplication", "name": name}
    return {**about, "softwareVersion": version, **more}


def _context() -> list[Any]:
    own = {term: OWN_TERMS + term for term, _ in ROWS.values()}
    return [f"{STANDARD}/context", {**own, "sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]


def _descriptor() -> Entity:
    return {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}, "conformsTo": {"@id": STANDARD}}


def _root(facts: Mapping[str, Any], results: Iterable[Entity]) -> Entity:
    mark = "SYNTHETIC DATA: the numbers do not describe any real area. " if facts["synthetic"] else ""
    what = "Quarterly report of services, their debt and their effects, protected by the disclosure rule named here."
    return {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{facts['organisation']['name']} {facts['quarter']}" + (" (synthetic)" if facts["synthetic"] else ""),
        "description": mark + what,
        "keywords": "synthetic data" if facts["synthetic"] else None,
        "datePublished": facts["made_on"],
        "temporalCoverage": facts["covers"],
        "license": {"@id": facts["licence"]["url"]},
        "author": ORGANISATION,
        "creator": ORGANISATION,
        "publisher": ORGANISATION,
        "conformsTo": {"@id": PROFILE},
        "hasPart": [{"@id": MANIFEST}, *results],
        "mentions": [RUN],
    }


def _frame(facts: Mapping[str, Any]) -> list[Entity]:
    """The organisation, the licence, the profile, the manifest itself and our own terms."""
    terms = [
        {"@id": OWN_TERMS + term, "@type": "rdf:Property", "rdfs:label": term, "rdfs:comment": meaning}
        for term, meaning in ROWS.values()
    ]
    profile = {"@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
    licence = {"@id": facts["licence"]["url"], "@type": "CreativeWork", "name": facts["licence"]["name"]}
    manifest = {
        "@id": MANIFEST,
        "@type": "File",
        "name": f"Manifest of the release, the same bytes as {METADATA}",
        "encodingFormat": "application/ld+json",
    }
    return [
        {**ORGANISATION, "@type": "Organization", **facts["organisation"]},
        licence,
        profile,
        manifest,
        *terms,
    ]


def _programs(facts: Mapping[str, Any]) -> list[Entity]:
    """The program, Python, the packages that shape numbers, and the lock."""
    software = facts["software"]
    packages = [_software(name, version, "pypi") for name, version in software["packages"].items()]
    python = _software("Python", software["python"], url="https://www.python.org/")
    lock = [
        {
            "@id": "#lock",
            "@type": "CreativeWork",
            "name": "requirements.lock",
            "sha256": software["lock"],
            "description": software["lock_kept"],
        }
        for _ in range(software["lock"] is not None)
    ]
    program = _software(
        "ennakointi",
        facts["version"],
        license="EUPL-1.2",
        operatingSystem=software["platform"],
        softwareRequirements=[_reference(one) for one in (*lock, python, *packages)],
    )
    return [program, *lock, python, *packages]


def _run(facts: Mapping[str, Any], program: Entity, used: list[Entity], results: list[Entity]) -> Entity:
    return {
        **_action(RUN, _reference(program), (facts["started_at"], facts["ended_at"])),
        "name": f"Run of the quarter {facts['quarter']}",
        "description": "Prepare, compute, plan what is hidden, render: `ennakointi run`",
        "object": used,
        "result": results,
    }


def _source(facts: Mapping[str, Any]) -> Iterator[Entity]:
    """The delivered tables with rounded counts, and their files with hashes."""
    source = facts["source"]
    files: list[Entity] = []
    for number, file in enumerate(source["files"], start=1):
        about = {"@id": f"#input-{number}", "@type": "CreativeWork", "name": f"{file['table']}: {file['file']}"}
        files.append({**about, "sha256": file.get("sha256"), "isPartOf": {"@id": f"#delivered-{file['table']}"}})
    inputs = {file["table"] for file in source["files"]}
    tables = [
        {
            "@id": f"#delivered-{name}",
            "@type": "Dataset",
            "name": name,
            **{term: source["tables"].get(name, {}).get(count) for count, (term, _) in ROWS.items()},
            "hasPart": [_reference(file) for file in files if file["isPartOf"]["@id"] == f"#delivered-{name}"],
        }
        for name in sorted(inputs | set(source["tables"]))
    ]
    yield {
        "@id": "#source",
        "@type": "Dataset",
        "_used": True,
        "name": source["name"],
        "description": "What was delivered, by table; the hash is of the rows as they were stored.",
        "sha256": source["content"],
        **{term: source.get(count) for count, (term, _) in ROWS.items()},
        "hasPart": [_reference(table) for table in tables],
    }
    yield from (*tables, *files)


def _documents(facts: Mapping[str, Any]) -> Iterator[Entity]:
    """Parameter documents and notebooks as they were read."""
    for kind, names in (("parameters", facts["parameters"]), ("notebooks", facts["notebooks"])):
        for name, digest in names.items():
            yield {
                "@id": f"#{kind}/{quote(name)}",
                "@type": "CreativeWork",
                "_used": True,
                "name": f"{kind}/{name}",
                "sha256": digest,
            }


def _settings(facts: Mapping[str, Any]) -> Iterator[Entity]:
    """What the run was asked for, and the seed of every part."""
    for name, value in facts["settings"].items():
        yield {"@id": f"#setting-{name}", "@type": "PropertyValue", "_used": True, "name": name, "value": value}
    yield {
        "@id": "#seeds",
        "@type": "PropertyValue",
        "_used": True,
        "name": "seeds",
        "description": "The seed of a part is the CRC-32 (zlib.crc32) of its name; all forecasts share one.",
        "value": [f"{name}={seed}" for name, seed in facts["seeds"].items()],
    }
