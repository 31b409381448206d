"""A release tells where it comes from, in a form that other programs read, and can be checked against it later."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
import release_facts
from rocrate.rocrate import ROCrate

from ennakointi import cli, disclosure, parameters, phases
from ennakointi.errors import DataError, ParameterError
from ennakointi.periods import Quarter
from ennakointi.run import Options, crate, provenance
from ennakointi.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = release_facts.release(tmp_path / "2025Q3")
    provenance.write(folder, release_facts.facts())
    return folder


def test_the_manifest_is_a_research_object_that_rocrate_opens(made: Path) -> None:
    opened = ROCrate(made)
    root = opened.root_dataset
    assert root["license"].id == "https://creativecommons.org/licenses/by/4.0/"
    assert root["conformsTo"].id == crate.PROFILE
    assert root["author"]["name"] == "Päijät-Häme"
    assert root["datePublished"] == "2025-10-12"
    assert "SYNTHETIC DATA" in root["description"]
    action = opened.dereference("#run")
    assert action.type == "CreateAction"
    assert action["agent"].type == "Organization"
    assert action["instrument"]["softwareVersion"] == "0.5.0"
    assert {one.id for one in action["result"]} == {
        "index.html",
        "sv/index.html",
        "tables/debt_summary.csv",
        "notebooks/index.ipynb",
    }
    assert {one.id for one in opened.data_entities} == {one.id for one in action["result"]} | {crate.MANIFEST}
    used = {one["name"]: one for one in action["object"]}
    assert used["parameters/services.yml"]["sha256"] == "a" * 64
    assert used["notebooks/summary.ipynb"]["sha256"] == "c" * 64
    assert used["seeds"]["value"] == ["debt.all=1", "forecast.all=2"]


def test_every_name_of_the_document_is_an_entity_of_it(made: Path) -> None:
    """A reference is told of in the same document, or leads out of it."""
    document = json.loads((made / crate.METADATA).read_text(encoding="utf-8"))
    assert set(document) == {"@context", "@graph"}
    names = [entity["@id"] for entity in document["@graph"]]
    assert len(names) == len(set(names))

    def references(value: object) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(references, value))
        if not isinstance(value, dict):
            return set()
        return {value["@id"]} if set(value) == {"@id"} else set().union(*map(references, value.values()))

    assert references([list(entity.values()) for entity in document["@graph"]]) - set(names) == {crate.STANDARD}


def test_both_names_hold_the_same_bytes(made: Path) -> None:
    assert (made / crate.MANIFEST).read_bytes() == (made / crate.METADATA).read_bytes()


def test_files_have_hashes_and_pages_their_figures_and_tables(made: Path) -> None:
    told = provenance.entities(made)
    page = told["sv/index.html"]
    content = (made / "sv" / "index.html").read_bytes()
    assert page["sha256"] == hashlib.sha256(content).hexdigest()
    assert page["contentSize"] == str(len(content))
    assert (page["name"], page["encodingFormat"]) == ("Kooste & luvut", "text/html")
    assert told["tables/debt_summary.csv"]["name"] == "Service debt, summary"
    assert [part["@id"] for part in page["hasPart"]] == ["sv/index.html#figure-debt", "sv/index.html#table-groups"]
    assert told["index.html#figure-debt"]["name"] == "Velka ajan mukaan"
    assert told["index.html#table-groups"]["@type"] == "Table"


def test_inputs_are_told_by_hash_and_rounded_rows_a_database_by_its_tables(made: Path) -> None:
    told = provenance.entities(made)
    assert told["#delivered-contacts"]["rowsRead"] == 1200
    assert "rowsQuarantined" not in told["#delivered-persons"]
    assert told["#input-1"]["sha256"] == "e" * 64
    assert told["#input-2"]["name"] == "persons: register.persons"
    assert "sha256" not in told["#input-2"]
    assert told["#source"]["sha256"] == "d" * 64


def stored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What is told of a store with one table of 1,003 rows and one of three."""
    counts = {"accepted": 1003, "quarantined": 0, "after_as_of": 0, "stored": 1003}
    manifest = {
        "source_name": "own",
        "mapping": None,
        "content": "d" * 64,
        "files": [
            {"table": "contacts", "file": "a.csv", "bytes": 10030, "sha256": "e" * 64},
            {"table": "plans", "file": "register.plans", "rows": 3},
        ],
        "tables": {"contacts": {"read": 1003, **counts}, "plans": dict.fromkeys(("read", *counts), 3)},
    }
    opened = SimpleNamespace(manifest=manifest, synthetic=False)
    monkeypatch.setattr(provenance.store, "open", lambda _: opened)
    options = Options(data=folder, quarter=Quarter(2025, 3), work=folder, made_on=date(2025, 10, 12))
    (folder / "own.ipynb").write_text("{}", encoding="utf-8")
    scope = {"groups": ("all",), "notebooks": ["own"], "languages": ("fi",)}
    files = {"own": folder / "own.ipynb"}
    workspace = Workspace(folder, options.quarter)
    started = provenance.now()
    return provenance.facts(options, parameters.load(), workspace, files, scope, ["debt.all"], started)


def test_no_exact_number_of_rows_and_no_size_of_an_input_is_told(tmp_path: Path, monkeypatch) -> None:
    facts = stored(tmp_path, monkeypatch)
    assert facts["source"]["tables"] == {
        "contacts": {"read": 1000, "accepted": 1000, "quarantined": 0, "after_as_of": 0, "stored": 1000},
        "plans": dict.fromkeys(provenance.COUNTS),
    }
    told = json.dumps(facts)
    assert "1003" not in told
    assert "10030" not in told
    assert '"rows"' not in told
    assert str(tmp_path) not in told


def test_what_shapes_numbers_is_told(tmp_path: Path, monkeypatch) -> None:
    facts = stored(tmp_path, monkeypatch)
    packages = facts["software"]["packages"]
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {"numpy", "pandas", "duckdb", "statsforecast"} <= set(packages)
    assert set(packages) <= {re.split(r"[<>=]", line)[0] for line in declared}
    assert facts["software"]["lock"] == hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest()
    assert facts["seeds"] == {"debt.all": phases.seed_of("debt.all")}
    assert facts["parameters"] == dict(sorted(parameters.load().digests.items()))
    assert facts["notebooks"] == {"own.ipynb": hashlib.sha256(b"{}").hexdigest()}
    assert facts["made_on"] == "2025-10-12"
    provenance.write(release_facts.release(tmp_path / "made"), facts)
    assert provenance.scope(tmp_path / "made") == facts["scope"]


def test_a_seed_is_the_hash_of_the_name_and_forecasts_share_one() -> None:
    assert phases.seed_of("123456789") == 0xCBF43926  # the check value of CRC-32 (ISO 3309)
    assert phases.seed_of("forecast.all") == phases.seed_of("forecast.older_people") == phases.seed_of("forecast")


def test_packages_that_left_the_lock_are_named(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lines = ["numpy==2.1.0 \\", "    --hash=sha256:00", "numpy==2.4.0 ; python_version >= '3.12'", "pandas==2.2.3 \\"]
    lock.write_text("\n".join(lines), encoding="utf-8")
    assert provenance._kept(lock, {"numpy": "2.1.0", "pandas": "2.2.3"}) == "Every package is of its version"
    assert "pandas 2.3.0" in provenance._kept(lock, {"numpy": "2.1.0", "pandas": "2.3.0"})


def test_times_are_in_the_manifest_alone_and_the_epoch_fixes_them(made: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1760239800")
    first = release_facts.release(tmp_path / "first")
    second = release_facts.release(tmp_path / "second")
    for folder in (first, second):
        provenance.write(folder, release_facts.facts())
    assert (first / crate.MANIFEST).read_bytes() == (second / crate.MANIFEST).read_bytes()
    assert provenance.entities(first)["#run"]["endTime"] == "2025-10-12T03:30:00+00:00"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(ParameterError, match="SOURCE_DATE_EPOCH: 'yesterday'"):
        provenance.now()


def test_the_manifest_passes_the_last_look(made: Path) -> None:
    disclosure.check_outputs(made, ())


def test_a_release_as_it_was_made_is_verified(made: Path, capsys) -> None:
    assert cli.main(["verify", str(made)]) == 0
    assert "4 files, each as the manifest tells" in capsys.readouterr().out


def test_what_was_changed_taken_away_or_added_is_named(made: Path, capsys) -> None:
    (made / "index.html").write_text("<p>better</p>", encoding="utf-8")
    (made / "tables" / "debt_summary.csv").unlink()
    (made / "notes.txt").write_text("mine", encoding="utf-8")
    (made / crate.METADATA).write_text("{}", encoding="utf-8")
    assert cli.main(["verify", str(made)]) == DataError.exit_code
    said = capsys.readouterr().err
    for sentence in (
        "index.html: was changed",
        "tables/debt_summary.csv: is missing",
        "notes.txt: is not in the manifest",
        f"{crate.METADATA}: differs",
    ):
        assert sentence in said


def test_a_folder_without_a_manifest_is_no_release(tmp_path: Path, capsys) -> None:
    assert cli.main(["verify", str(tmp_path)]) == ParameterError.exit_code
    assert "outputs/2025Q3" in capsys.readouterr().err


def test_a_release_of_an_earlier_version_still_tells_its_scope(tmp_path: Path) -> None:
    (tmp_path / crate.MANIFEST).write_text('{"scope": {"groups": ["all"]}}', encoding="utf-8")
    assert provenance.scope(tmp_path) == {"groups": ["all"]}
    assert provenance.scope(tmp_path / "none") == {}


def test_printed_pages_join_the_manifest_and_take_the_place_of_earlier_ones(made: Path) -> None:
    for page, version in (("sv/index", "156.0"), ("index", "157.0")):
        file = made / "pdf" / f"{page}.pdf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"%PDF-1.4")
        provenance.add_printed(made, {f"{page}.html": f"pdf/{page}.pdf"}, version, provenance.now())
    (made / "pdf" / "sv" / "index.pdf").unlink()
    opened = ROCrate(made)
    action = opened.dereference("#print")
    assert action["instrument"]["softwareVersion"] == "157.0"
    assert action["object"].id == "index.html"
    assert action["result"].id == "pdf/index.pdf"
    assert opened.dereference("pkg:generic/chromium@156.0") is None
    assert opened.dereference("pdf/index.pdf") in opened.root_dataset["hasPart"]
    assert opened.dereference("pdf/sv/index.pdf") is None
    assert opened.dereference("#run")["instrument"]["name"] == "ennakointi"
    assert provenance.verify(made, lambda _: None) == 0
