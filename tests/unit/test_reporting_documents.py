"""reporting.yml and comments: what is wrong is refused with its place; logo and borders are read safely."""

from __future__ import annotations

import base64
import json
import re
import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from ennakointi import parameters
from ennakointi.errors import ParameterError
from ennakointi.pages.settings import page_context
from ennakointi.parameters import reporting_documents
from ennakointi.parameters.document_faults import fault_sentences
from ennakointi.parameters.reporting_documents import FOLDER, Colours, Reporting, contrast
from ennakointi.parameters.yaml_documents import read_yaml
from ennakointi.periods import Quarter
from ennakointi.report import exporter
from ennakointi.text import Catalogue

SHIPPED = parameters.shipped("parameters")
LABEL = {"fi": "a", "sv": "b", "en": "c"}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path fill="#17598c" d="M0 0h9v9z"/></svg>'
SQUARE = {"type": "Polygon", "coordinates": [[[25, 61], [26, 61], [26, 62], [25, 61]]]}
FACTS = {"as_of": "2025-09-30", "synthetic": True, "source": "s", "missing": []}


def written(folder: Path, **changes: object) -> Path:
    """A folder with the shipped reporting.yml, changed; a dotted name changes what lies deeper."""
    document = yaml.safe_load((SHIPPED / "reporting.yml").read_text(encoding="utf-8"))
    for name, value in changes.items():
        place, *steps = name.split("__")[::-1]
        into = document
        for step in reversed(steps):
            into = into[step]
        into[place] = value
    (folder / "reporting.yml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return folder


def faults(folder: Path) -> str:
    """What is wrong in the reporting.yml of a folder, as `parameters.load` would say it."""
    document, _ = read_yaml(folder / "reporting.yml")
    with pytest.raises(ValidationError) as caught:
        Reporting.model_validate(document, context={FOLDER: folder})
    return "\n".join(fault_sentences(caught.value, Reporting))


def refused(folder: Path) -> str:
    with pytest.raises(ParameterError) as caught:
        parameters.load(folder)
    return str(caught.value)


def test_the_shipped_document_claims_nothing_that_the_county_has_not_said() -> None:
    shipped = parameters.load().reporting
    assert shipped.approver is None
    assert shipped.logo is None
    assert shipped.corrections == ()
    assert shipped.accessibility.assessed_by == "nobody"
    assert "Traficom" in shipped.accessibility.supervisor.name.fi
    assert shipped.accessibility.answer_days == 14


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"approver": {"fi": "a@b.fi", "sv": "b", "en": "c"}}, "approver: fi: 'a@b.fi' is no role"),
        ({"aprover": LABEL}, "unknown key – did you mean 'approver'?"),
        ({"colours": {"main": "blue"}}, "colours.main"),
        ({"colours": {"main": "#88bbee"}}, "main #88bbee on paper #ffffff has a contrast of 2.0 : 1"),
        ({"colours": {"paper": "#222222"}}, "text needs 4.5 : 1"),
        ({"colours": {"primary": "#000000"}}, "unknown key"),
        ({"logo": "missing.svg"}, "the file 'missing.svg' does not exist beside this document"),
        ({"logo": "../logo.svg"}, "expected a path beside or below this document"),
        ({"logo": "/etc/hostname"}, "expected a path beside or below this document"),
        ({"accessibility__conformance": "full"}, "conformance is full, but shortcomings are listed"),
        ({"accessibility__shortcomings": []}, "list the shortcomings"),
        ({"accessibility__answer_days": 30}, "less than or equal to 14"),
        ({"accessibility__assessed_by": "self"}, "assessed_on belongs to assessed_by"),
        ({"licence": {"name": "x", "url": "javascript:alert(1)"}}, "licence.url"),
        ({"not_for": []}, "not_for"),
        (
            {"corrections": [{"date": "2025-11-12", "quarter": "2025-3", "what": LABEL, "why": LABEL}]},
            "'2025-3' is no quarter; write for example 2025Q3",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(tmp_path: Path, changes: dict, said: str) -> None:
    assert said in faults(written(tmp_path, **changes))


def correction(**changes: object) -> dict[str, object]:
    return {"date": date(2025, 11, 12), "quarter": "2025Q3", "what": LABEL, "why": LABEL, **changes}


def test_a_correction_names_pages_that_exist_and_comes_after_its_quarter(tmp_path: Path) -> None:
    said = refused(written(tmp_path, corrections=[correction(pages=["service_debt.older_peple"])]))
    assert "corrections[0].pages: page 'service_debt.older_peple' does not exist – did you mean" in said
    said = faults(written(tmp_path, corrections=[correction(date=date(2025, 9, 1))]))
    assert "is before the quarter 2025Q3 has ended" in said


def test_comments_name_pages_that_exist_and_a_quarter_in_the_file_name(tmp_path: Path) -> None:
    comments = tmp_path / "comments"
    comments.mkdir()
    (comments / "2025Q2.yml").write_text("pages: {sumary: {fi: a, sv: b, en: c}}", encoding="utf-8")
    assert "comments/2025Q2.yml: pages: page 'sumary' does not exist – did you mean 'summary'?" in refused(tmp_path)
    (comments / "2025Q2.yml").write_text("pages: {summary: {fi: a, sv: b}}", encoding="utf-8")
    assert "comments/2025Q2.yml: pages.summary.en: is missing" in refused(tmp_path)
    (comments / "2025Q2.yml").rename(comments / "autumn.yml")
    assert "'autumn' is no quarter" in refused(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("logo.svg", SVG.replace("<path", "<script/><path"), "holds <script>"),
        ("logo.svg", SVG.replace("<path", '<path onclick="x"'), "holds the attribute onclick"),
        ("logo.svg", SVG.replace("<path", '<path style="fill:red"'), "holds the attribute style"),
        ("logo.svg", SVG.replace("#17598c", "url(https://x.example)"), "holds the attribute fill"),
        ("logo.svg", '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "declares a document type"),
        ("logo.svg", "<svg", "is not SVG"),
        ("logo.svg", "<svg/>", "no svg of the SVG namespace"),
        ("logo.png", SVG, "is neither PNG nor SVG"),
        ("logo.jpg", "x", "is neither PNG nor SVG"),
        ("logo.svg", SVG + " " * 60_000, "is larger than 60 kB"),
    ],
)
def test_a_logo_draws_and_does_nothing_else(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert said in faults(written(tmp_path, logo=name))


@pytest.mark.parametrize(("name", "content"), [("logo.svg", SVG.encode()), ("logo.png", PNG)], ids=["svg", "png"])
def test_a_logo_becomes_a_data_address_and_is_in_the_digests(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    loaded = parameters.load(written(tmp_path, logo=name))
    kind, _, data = loaded.reporting.logo.data_address.partition(";base64,")
    assert kind == {"logo.svg": "data:image/svg+xml", "logo.png": "data:image/png"}[name]
    assert base64.b64decode(data) == content
    assert re.fullmatch("[0-9a-f]{64}", loaded.digests[name])


def test_borders_are_read_by_municipality(tmp_path: Path) -> None:
    feature = {"type": "Feature", "properties": {"natcode": 16}, "geometry": SQUARE}
    file = tmp_path / "m.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    given = {"file": "m.geojson", "code": "natcode"}
    loaded = parameters.load(written(tmp_path, boundaries=given))
    context = page_context(loaded, Catalogue("fi"), Quarter(2025, 3), FACTS)
    assert context.boundaries == {"016": SQUARE}
    assert "no feature of 'm.geojson'" in faults(written(tmp_path, boundaries={**given, "code": "kunta"}))
    file.write_text("[]", encoding="utf-8")
    assert "no GeoJSON FeatureCollection" in faults(written(tmp_path, boundaries=given))
    file.write_text("{", encoding="utf-8")
    assert "is not JSON" in faults(written(tmp_path, boundaries=given))


def test_contrast_is_that_of_wcag() -> None:
    """Witnesses: black on white is 21 by definition; #767676 is the lightest grey of 4.5 (WebAIM)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.005)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_the_colours_are_those_of_the_style_sheet() -> None:
    sheet = (exporter.TEMPLATES / "ennakointi" / "page.css").read_text(encoding="utf-8")
    root = re.search(r":root \{(.*?)\}", sheet, re.DOTALL)
    assert root is not None
    in_sheet = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})\b", root[1]))
    assert {name: in_sheet[name] for name in Colours.model_fields} == Colours().model_dump()


def test_only_given_colours_replace_those_of_the_page(tmp_path: Path) -> None:
    own = parameters.load(written(tmp_path, colours={"main": "#5a1e6b"})).reporting.colours.own
    assert own == (("main", "#5a1e6b"),)


def test_comments_and_corrections_reach_the_pages_of_their_quarter(tmp_path: Path) -> None:
    corrections = [correction(pages=["summary"]), correction(quarter="2025Q2")]
    roles = {"fi": "Johtaja", "sv": "Direktör", "en": "Director"}
    loaded = parameters.load(written(tmp_path, corrections=corrections, approver=roles))
    context = page_context(loaded, Catalogue("sv"), Quarter(2025, 3), FACTS)
    assert [(one.day.isoformat(), one.pages, one.what) for one in context.corrections] == [
        ("2025-11-12", frozenset({"summary"}), "b")
    ]
    assert context.approver == "Direktör"
    assert context.comment_author == "Analytiker inom kunskapsledning"
    assert set(context.comment) == {"summary", "service_debt.older_people"}


def test_an_example_comment_stands_on_no_page_of_real_data() -> None:
    real = page_context(parameters.load(), Catalogue("fi"), Quarter(2025, 3), {**FACTS, "synthetic": False})
    assert (real.comment, real.comment_author) == ({}, "")


def test_a_comment_of_ones_own_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "comments").mkdir()
    shutil.copy(SHIPPED / "comments" / "2025Q3.yml", tmp_path / "comments" / "2025Q4.yml")
    own = "pages: {data_quality: {fi: Oma, sv: Egen, en: Own}}"
    (tmp_path / "comments" / "2025Q3.yml").write_text(own, encoding="utf-8")
    loaded = parameters.load(tmp_path)
    assert set(loaded.comments) == {"2025Q3", "2025Q4"}
    assert loaded.comments["2025Q3"].pages["data_quality"].fi == "Oma"
    assert {"comments/2025Q3.yml", "comments/2025Q4.yml"} <= set(loaded.digests)


def test_every_page_of_a_group_and_of_the_quarter_can_be_named() -> None:
    pages = reporting_documents.page_names({"summary": "once", "debt": "group"}, ["all", "older"])
    assert pages == ["summary", "debt.all", "debt.older"]
