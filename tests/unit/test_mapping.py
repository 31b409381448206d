"""A source system's tables become contract tables: each form of a mapping by hand, nothing lost without a count."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import contract_tables as tables_of
import pandas as pd
import pytest
from mapped_source import document, source, staged, units
from pydantic import ValidationError

from ennakointi import delivery, parameters, sources, store
from ennakointi.errors import DataError, ParameterError
from ennakointi.parameters import mapping_checks
from ennakointi.parameters.document_faults import fault_sentences
from ennakointi.parameters.mappings import MappingDocument
from ennakointi.sources.mapping import sentences

CODES = {"T11": "primary_care", "T4*": "home_care", "T43": "home_hospital", "T90": None, "T11|R1*": "joined"}


@pytest.mark.parametrize(
    ("expression", "rows", "given"),
    [
        ("a", {"a": ["x", "", None, " y "]}, ["x", None, None, " y "]),
        ("A", {"a": ["x"]}, ["x"]),
        ("a", {"a": [6.0, 6.5, None, 2.0**40]}, ["6", "6.5", None, "1099511627776"]),
        ("a", {"a": [Decimal("6.00"), Decimal("6.50")]}, ["6", "6.50"]),
        ("a", {"a": [2**62, -1]}, [str(2**62), "-1"]),
        ("a", {"a": [True, False]}, ["true", "false"]),
        ("a", {"a": [date(2024, 1, 31)]}, ["2024-01-31"]),
        ("a", {"a": [datetime(2024, 1, 31, 8, 5)]}, ["2024-01-31 08:05:00"]),
        ({"constant": 7}, {"a": ["x", None]}, ["7", "7"]),
        ({"constant": True}, {"a": ["x"]}, ["true"]),
        (
            {"of": "a", "codes": "map"},
            {"a": ["T11", "T40", "T43", "T90", "T1", "", None]},
            ["primary_care", "home_care", "home_hospital", None, "T1", None, None],
        ),
        ({"of": "a", "codes": "map", "only_known": True}, {"a": ["T11", "T1", "T90"]}, ["primary_care", None, None]),
        ({"of": "a", "codes": "map", "otherwise": "other"}, {"a": ["T1", "T90", None]}, ["other", None, None]),
        (
            {"of": ["a", "b"], "codes": "map"},
            {"a": ["T11", "T11", "T11", None, None], "b": ["R10", "R2", None, "R1", None]},
            ["joined", "T11|R2", "T11|", "|R1", None],
        ),
        ({"of": "a", "codes": "number"}, {"a": [6.0, 7.0]}, ["six", "any"]),
        ({"first_of": ["a", "b"]}, {"a": ["x", "", None], "b": ["1", "2", None]}, ["x", "2", None]),
        ({"joined": ["a", {"constant": "n"}]}, {"a": ["x", None]}, ["x-n", None]),
        ({"joined": ["a", "b"], "between": ""}, {"a": ["x", "x"], "b": ["y", None]}, ["xy", None]),
        (
            {"year": "y", "month": "m", "day": "d"},
            {"y": [1950, 1950, 1950, None], "m": [2, None, 11, 1], "d": [1, None, None, 1]},
            ["1950-02-01", "1950-07-15", "1950-11-15", None],
        ),
        ({"year": "y"}, {"y": ["1950", "x"]}, ["1950-07-15", "x-07-15"]),
        ({"match": "([0-9]+)", "of": "a"}, {"a": ["no 12 3", "none", None]}, ["12", None, None]),
        (
            {"of": "a", "times": 0.01},
            {"a": ["150", "2,5", "250.0", "1 000", None]},
            ["1.5", "0.025", "2.5", "unreadable", None],
        ),
        ({"of": "a", "times": 100}, {"a": [1.5, None]}, ["150", None]),
        (
            {"when": {"values": {"a": ["x"]}}, "then": "b", "otherwise": {"constant": "no"}},
            {"a": ["x", "y", None], "b": ["1", "2", "3"]},
            ["1", "no", "no"],
        ),
        ({"when": {"present": ["a"]}, "then": "b"}, {"a": ["x", ""], "b": ["1", "2"]}, ["1", None]),
    ],
)
def test_a_form_gives_what_it_says(
    expression: Any, rows: dict[str, list[Any]], given: list[Any], tmp_path: Path
) -> None:
    codes = {"map": CODES, "number": {"6": "six", "*": "any"}}
    assert units(tmp_path, expression, rows, codes=codes) == given


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"values": {"a": ["x", "T1*"]}}, [True, False, False, True]),
        ({"values": {"n": [1, True]}}, [True, False, False, False]),
        ({"values": {"a": ["*"]}}, [True, True, False, True]),
        ({"present": ["a", "b"]}, [True, False, False, True]),
        ({"missing": ["a"]}, [False, False, True, False]),
        ({"differ": ["a", "b"]}, [False, False, False, True]),
        ({"any_of": [{"values": {"a": ["y"]}}, {"missing": ["a"]}]}, [False, True, True, False]),
        ({"none": [{"values": {"a": ["x"]}}, {"differ": ["a", "b"]}]}, [False, True, True, False]),
        ({"present": ["a"], "missing": ["b"]}, [False, True, False, False]),
    ],
)
def test_a_condition_is_true_or_false_and_never_unknown(
    condition: dict[str, Any], holds: list[bool], tmp_path: Path
) -> None:
    rows = {"a": ["x", "y", None, "T12"], "b": ["x", None, "x", "y"], "n": [1.0, 2.0, None, None]}
    choice = {"when": condition, "then": {"constant": "yes"}, "otherwise": {"constant": "no"}}
    assert units(tmp_path, choice, rows) == ["yes" if one else "no" for one in holds]


JOINS = """
inputs: {visits: {}, site: {optional: true}, area: {optional: true}}
tables:
  contacts:
    - of: visits
      joins:
        site: {by: site_id, key: id}
        area: {by: site.area_id, key: id}
        second: {of: site, by: other_site, key: id}
      columns: {contact_id: id, unit: area.name, specialty: second.name}
"""
VISITS = pd.DataFrame({"id": range(5), "site_id": [1.0, 2.0, 9.0, None, 1.0], "other_site": ["2", None, "1", "9", ""]})
SITES = pd.DataFrame({"id": ["1", "2", "1", None], "area_id": [20, 10, 10, 10], "name": ["b", "c", "a", "none"]})
AREAS = pd.DataFrame({"id": [10, 20], "name": ["north", "south"]})
JOINED = "SELECT contact_id, unit, specialty FROM delivered_contacts ORDER BY _row"


@pytest.mark.parametrize("seed", range(3))
def test_joins_chain_and_never_multiply_rows(seed: int, tmp_path: Path) -> None:
    inputs = {"visits": VISITS, "site": SITES.sample(frac=1, random_state=seed), "area": AREAS}
    connection, _ = staged(source(tmp_path, document(JOINS), inputs), tmp_path)
    assert connection.execute(JOINED).fetchall() == [
        ("0", "north", "c"),  # two rows have the key 1: the smallest is taken, whatever their order
        ("1", "north", None),
        ("2", None, "a"),
        ("3", None, None),
        ("4", "north", None),
    ]


def test_a_join_takes_only_some_rows_and_sums_or_ranks_them(tmp_path: Path) -> None:
    mapping = document(
        """
inputs: {visits: {}, cost: {}}
tables:
  contacts:
    - of: visits
      joins:
        sums: {of: cost, by: id, key: visit, where: {values: {kind: [care]}}, take: {euros: sum}}
        ends: {of: cost, by: id, key: visit, take: {kind: last, euros: first}}
      columns: {contact_id: id, cost_eur: sums.euros, unit: ends.kind, specialty: ends.euros}
"""
    )
    cost = pd.DataFrame(
        {
            "visit": [1, 1, 1, 2, 2],
            "kind": ["care", "care", "lunch", "care", "care"],
            "euros": ["1,5", "2.25", "9", "1", "much"],
        }
    )
    inputs = {"visits": pd.DataFrame({"id": [1, 2, 3]}), "cost": cost}
    connection, _ = staged(source(tmp_path, mapping, inputs), tmp_path)
    query = "SELECT cost_eur, unit, specialty FROM delivered_contacts ORDER BY _row"
    assert connection.execute(query).fetchall() == [
        ("3.7500", "lunch", "1,5"),
        ("unreadable", "care", "1"),  # a sum that would leave a value out is none
        (None, None, None),
    ]


def test_what_a_missing_table_would_have_added_is_missing(tmp_path: Path) -> None:
    connection, made = staged(source(tmp_path, document(JOINS), {"visits": VISITS, "area": AREAS}), tmp_path)
    assert [row[0] for row in connection.execute("SELECT contact_id FROM delivered_contacts").fetchall()] == [*"01234"]
    assert made.natives == {"contacts": {"contact_id": "VARCHAR"}}


COUNTED = """
inputs: {visits: {}, calls: {optional: true}}
tables:
  contacts:
    - of: visits
      exclude:
        - {where: {values: {kind: [test]}}, reason: {fi: testi, sv: test, en: test}}
        - {where: {missing: [id]}, reason: {fi: tunnus, sv: id, en: no id}}
      columns:
        contact_id: id
        service:
          first_of:
            - {of: form, codes: services, only_known: true}
            - {of: concept, codes: services, flag: service_from_concept, otherwise: primary_care}
        mode: {of: mode, codes: modes}
        unit: {when: {values: {kind: [a]}}, then: {of: mode, codes: modes}}
    - of: calls
      columns: {contact_id: id, service: {constant: primary_care}}
codes:
  services: {T11: primary_care, C9: oral_health}
  modes: {R10: in_person, R20: null}
"""


def test_what_is_excluded_unknown_or_decided_by_a_fallback_is_counted(tmp_path: Path) -> None:
    n = 20
    visits = pd.DataFrame(
        {
            "id": [None, None, *map(str, range(2, n))],
            "kind": ["test", "a", *["a"] * 8, *["b"] * 10],
            "form": ["T99", "T99", *["T11"] * 6, *["T99"] * 12],
            "concept": ["C9"] * 19 + ["C1"],
            "mode": ["R99", "R99", "R10", "R20", "010180-123A", *["R99"] * 15],
        }
    )
    found = source(tmp_path, document(COUNTED), {"visits": visits})
    _, made = staged(found, tmp_path)
    assert [(one.table, one.input, one.reason["en"], one.rows) for one in made.excluded] == [
        ("contacts", "visits", "test", 1),
        ("contacts", "visits", "no id", 1),
    ]
    assert [(one.column, one.codes, one.code, one.rows, one.became) for one in made.unmapped] == [
        ("service", "services", "T99", 12, ""),
        ("mode", "modes", "R99", 15, None),
        ("mode", "modes", None, 1, None),  # what may be a person's data is never shown
        ("unit", "modes", None, 6, None),
    ]
    assert made.unmapped[0].shown == "'T99' × 12"
    assert made.flagged == (("contacts.service", "service_from_concept", 12),)
    assert made.read == {"visits": n}
    told = list(sentences(found, made.excluded, made.unmapped))
    assert told[:3] == [
        "contacts: 1 rows of visits are left out (test)",
        "contacts: 1 rows of visits are left out (no id)",
        "contacts.service: the code map services does not hold 'T99' × 12; it becomes missing",
    ]
    assert "010180" not in "".join(told)


def test_a_column_passed_on_keeps_its_type_where_all_selections_agree(tmp_path: Path) -> None:
    mapping = document(
        """
inputs: {a: {}, b: {}}
tables:
  contacts:
    - of: a
      columns: {contact_id: id, started_at: at, cost_eur: cost, duration_minutes: minutes, contacted_at: absent}
    - of: b
      columns: {contact_id: id, started_at: at, duration_minutes: minutes, unit: unit}
"""
    )
    at = pd.to_datetime(["2024-01-31 08:05:06"])
    inputs = {
        "a": pd.DataFrame({"id": [1], "at": at, "cost": [1.5], "minutes": [10]}),
        "b": pd.DataFrame({"id": [2.0], "at": ["2024-02-01"], "minutes": [15], "unit": ["u"]}),
    }
    connection, made = staged(source(tmp_path, mapping, inputs), tmp_path)
    assert made.natives["contacts"] == {
        "contact_id": "VARCHAR",
        "started_at": "VARCHAR",
        "unit": "VARCHAR",
        "cost_eur": "DOUBLE",
        "duration_minutes": "BIGINT",
    }
    rows = connection.execute("SELECT * EXCLUDE (_file, _row) FROM delivered_contacts ORDER BY _part").fetchall()
    assert rows == [(0, "1", "2024-01-31 08:05:06", None, 1.5, 10), (1, "2", "2024-02-01", "u", None, 15)]


def built(folder: Path, found: sources.Source) -> store.Store:
    settings: Any = tables_of.Settings()
    return store.build(found, folder / "work" / "store", settings, tables_of.AS_OF, tables_of.LENIENT)


def test_a_mapping_that_only_renames_gives_the_same_store(tmp_path: Path) -> None:
    county = {table: tables_of.county()[table] for table in ("persons", "contacts", "statuses", "capacity")}
    foreign = {f"x_{table}": rows.add_prefix("x ") for table, rows in county.items()}
    tables = {
        table: [{"of": f"x_{table}", "columns": {column: f"x {column}" for column in rows.columns}}]
        for table, rows in county.items()
    }
    mapping = document({"inputs": {name: {} for name in foreign}, "tables": tables})
    contents = {built(tmp_path / "own", tables_of.deliver(tmp_path / "own" / "data", county)).manifest["content"]}
    for form in ("parquet", "csv"):
        contents.add(built(tmp_path / form, source(tmp_path / form, mapping, foreign, form)).manifest["content"])
    assert len(contents) == 1


FEEDING_TWO = """
inputs: {people: {}, visits: {}}
tables:
  persons:
    - of: people
      columns: {person_id: id, birth_date: born, sex: {constant: unknown}, municipality: {constant: "398"}}
  contacts:
    - of: visits
      columns:
        {contact_id: vid, person_id: id, started_at: at, service: {constant: primary_care}, mode: {constant: phone}}
  diagnoses:
    - of: visits
      exclude: [{where: {missing: [icd]}, reason: {fi: ei, sv: nej, en: no diagnosis}}]
      columns: {person_id: id, recorded_on: at, code: icd, system: {constant: icd10}, contact_id: vid}
"""


def test_a_faulty_row_is_told_by_its_own_file_and_line_in_every_table_it_feeds(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "people.csv").write_text("id,born\n1,1950-03-15\n2,1960-01-15\n", encoding="utf-8")
    (data / "visits_1.csv").write_text("vid,id,at,icd\na,1,2020-01-01,I10\nb,1,2020-02-31,I10\n", encoding="utf-8")
    (data / "visits_2.csv").write_text(
        "vid,id,at,icd\nc,2,2020-01-01,\ntoo,short\nd,9,2020-01-01,\ne,9,2020-01-02,E11\n", encoding="utf-8"
    )
    found = sources.discover(data, {"test": document(FEEDING_TWO)}, "test")
    made = built(tmp_path, found)
    faults = {
        (f["table"], f["column"], f["rule"], f["rows"], f["file"], f["first_line"]) for f in made.manifest["faults"]
    }
    assert {one for one in faults if one[1]} == {
        ("contacts", "started_at", "type", 1, "visits_1.csv", 3),
        ("contacts", "person_id", "orphan", 2, "visits_2.csv", 4),
        ("diagnoses", "recorded_on", "type", 1, "visits_1.csv", 3),
        ("diagnoses", "person_id", "orphan", 1, "visits_2.csv", 5),
    }
    assert {one[0] for one in faults if not one[1]} == {"contacts"}  # the short line, once
    tables = made.manifest["tables"]
    assert (tables["contacts"]["read"], tables["contacts"]["stored"]) == (6, 2)
    assert (tables["diagnoses"]["read"], tables["diagnoses"]["stored"]) == (3, 1)


GOOD = """
label: {fi: a, sv: a, en: a}
inputs: {people: {columns: [id]}, visits: {columns: [vid]}, site: {optional: true}}
tables:
  persons:
    - of: people
      columns:
        {person_id: id, birth_date: {year: y, month: m}, sex: {of: s, codes: sexes}, municipality: {constant: "398"}}
  contacts:
    - of: visits
      joins: {site: {by: site_id, key: site_id}}
      exclude: [{where: {values: {kind: [X]}}, reason: {fi: e, sv: e, en: e}}]
      columns:
        contact_id: vid
        person_id: id
        started_at: at
        service: {of: [form, mode], codes: services}
        mode: {first_of: [{of: mode, codes: modes, only_known: true}, {of: form, codes: modes, flag: guess}]}
        cost_eur: {of: cents, times: 0.01}
        unit: site.name
        specialty: {when: {present: [a]}, then: b}
        diagnosis: {match: "^([A-Z])", of: d}
codes:
  sexes: {"1": male, "2": female}
  services: {"T11|R10": primary_care, "T11|*": oral_health, "T4*": home_care, "T5|": null}
  modes: {R10: in_person, R5*: phone}
limits: {guess: [remote_share]}
unavailable: [{place: medicines, why: {fi: a, sv: a, en: a}}]
"""
CONTACTS, PERSONS = "tables.contacts[0]", "tables.persons[0]"


@pytest.fixture(scope="module")
def vocabularies() -> dict[str, Collection[str]]:
    loaded = parameters.load()
    return {"services": loaded.services, "results": loaded.quality.results}


def faults(mapping: str, vocabularies: dict[str, Collection[str]]) -> list[str]:
    """What is said of a mapping, whether it cannot be read at all or names what nobody knows."""
    try:
        return mapping_checks.faults(document(mapping), vocabularies)
    except ValidationError as error:
        return fault_sentences(error, MappingDocument)


def test_mappings_are_read_and_checked_with_the_other_parameters(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    own, other = (tmp_path / "mappings" / name for name in ("own.yml", "other.yml"))
    own.write_text(GOOD, encoding="utf-8")
    loaded = parameters.load(tmp_path)
    assert loaded.mappings["own"].id == "own"
    assert len(loaded.digests["mappings/own.yml"]) == 64
    own.write_text(GOOD.replace("joins:", "join:"), encoding="utf-8")
    other.write_text("- 1", encoding="utf-8")
    with pytest.raises(ParameterError) as caught:
        parameters.load(tmp_path)
    assert "mappings/own.yml: tables.contacts[0].join: unknown key" in str(caught.value)
    assert "mappings/other.yml: expected `key: value` lines" in str(caught.value)
    own.write_text(GOOD.replace("oral_health", "oral_helth"), encoding="utf-8")
    other.unlink()
    with pytest.raises(ParameterError, match=r"own\.yml: codes\.services\.T11\|\*: 'oral_helth' is not in the code"):
        parameters.load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("joins:", "join:", f"{CONTACTS}.join: unknown key – did you mean 'joins'?"),
        (
            "only_known:",
            "only_knwn:",
            f"{CONTACTS}.columns.mode.first_of[0].only_knwn: unknown key – did you mean 'only_known'?",
        ),
        (
            "codes: sexes}",
            "code: sexes}",
            f"{PERSONS}.columns.sex: no form has the keys of, code – did you mean 'codes'?",
        ),
        ('{constant: "398"}', "398", f"{PERSONS}.columns.municipality: expected a column or a form such as"),
        (
            'constant: "398"',
            "constant: 39",
            f"{PERSONS}.columns.municipality: '39' is not what persons.municipality holds",
        ),
        (
            "{person_id:",
            "{personid:",
            f"{PERSONS}.columns: 'personid' is not a column of persons – did you mean 'person_id'?",
        ),
        ("{person_id:", "{personid:", f"{PERSONS}.columns: the required columns person_id are missing"),
        (
            "  contacts:",
            "  contact:",
            "tables: 'contact' is not a table of the data contract – did you mean 'contacts'?",
        ),
        ("of: visits", "of: visit", f"{CONTACTS}.of: 'visit' is not among `inputs` – did you mean 'visits'?"),
        ("people: {", "pe ople: {", "inputs.pe ople: name it with letters, digits and underscores only"),
        ("site.name", "stie.name", f"{CONTACTS}: 'stie' is not among the joins – did you mean 'site'?"),
        (
            "joins: {site:",
            "joins: {sites:",
            f"{CONTACTS}.joins.sites: 'sites' is not among `inputs` – did you mean 'site'?",
        ),
        ("joins: {site: {", "joins: {visits: {", f"{CONTACTS}.joins.visits: needs a name of its own"),
        ("by: site_id", "by: area.id", f"{CONTACTS}.joins.site.by: 'area' is not an earlier join"),
        ("key: site_id}", "key: site_id, where: {}}", f"{CONTACTS}.joins.site.where: is empty"),
        (
            "codes: sexes}",
            "codes: sexe}",
            f"{PERSONS}.columns.sex: 'sexe' is not a code map under `codes` – did you mean",
        ),
        ("codes: sexes}", "codes: sexe}", "codes.sexes: no column uses this code map; remove it"),
        ('"1": male', "1: male", "codes.sexes[1] (key): expected text; put codes in quotes; was 1"),
        (
            '"1": male',
            '"1": mael',
            "codes.sexes.1: 'mael' is not in the code list of persons.sex – did you mean 'male'?",
        ),
        ("oral_health", "oral_helth", "codes.services.T11|*: 'oral_helth' is not in the code list of contacts.service"),
        ('"T4*"', "T4", "codes.services: 'T4' is looked up in 2 columns joined by `|`"),
        ("R5*:", "R*5*:", "codes.modes: 'R*5*' is not a code, a `prefix*` or `*`"),
        ("R5*: phone", "R5*: ''", "codes.modes.R5*: write null for a known code without a value"),
        (
            "flag: guess",
            "flag: guess, otherwise: fone",
            f"{CONTACTS}.columns.mode.otherwise: 'fone' is not in the code list",
        ),
        ("only_known: true", "only_known: true, otherwise: phone", f"{CONTACTS}.columns.mode: give `otherwise` or"),
        (
            "limits: {guess:",
            "limits: {gues:",
            "limits: 'gues' is not the flag of a code lookup – did you mean 'guess'?",
        ),
        ("[remote_share]", "[remote]", "limits.guess: 'remote' is not a result of quality.yml"),
        (
            "place: medicines",
            "place: medicine",
            "unavailable: 'medicine' is not a place of the data contract – did you mean",
        ),
        ("^([A-Z])", "^[A-Z]", f"{CONTACTS}.columns.diagnosis: the regular expression '^[A-Z]' has no group"),
        ("^([A-Z])", "(?=x)(y)", f"{CONTACTS}.columns.diagnosis: the regular expression '(?=x)(y)' cannot be read"),
        ("{present: [a]}", "{}", f"{CONTACTS}.columns.specialty.when: is empty; give values, present, missing"),
        (
            "{present: [a]}",
            "{none: [{}]}",
            f"{CONTACTS}.columns.specialty.when: is empty; give values, present, missing",
        ),
        ("kind: [X]", "kind: X", f"{CONTACTS}.exclude[0].where.values.kind: expected a list; was 'X'"),
        ("times: 0.01", "times: a", f"{CONTACTS}.columns.cost_eur.times: input should be a valid number; was 'a'"),
        ("reason: {fi: e, sv: e, en: e}", "reason: e", f"{CONTACTS}.exclude[0].reason: expected a mapping; was 'e'"),
    ],
)
def test_a_fault_of_a_mapping_is_told_with_its_place(
    old: str, new: str, said: str, vocabularies: dict[str, Collection[str]]
) -> None:
    assert faults(GOOD, vocabularies) == []
    assert old in GOOD
    told = faults(GOOD.replace(old, new, 1), vocabularies)
    assert any(one.startswith(said) for one in told), told
    assert len(told) <= 3  # a slip is not told many times over


GUIDE = (Path(__file__).parents[2] / "docs" / "mappings.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", GUIDE, re.S)


def test_the_example_of_the_guide_runs_and_check_tells_what_it_left_out(
    tmp_path: Path, vocabularies: dict[str, Collection[str]]
) -> None:
    assert [faults(one, vocabularies) for one in EXAMPLE] == [[]]
    (tmp_path / "parameters" / "mappings").mkdir(parents=True)
    (tmp_path / "parameters" / "mappings" / "own.yml").write_text(EXAMPLE[0], encoding="utf-8")
    n = 30
    asiakkaat = pd.DataFrame(
        {"asno": ["1", "2"], "syntpvm": ["15.3.1950", "1.1.1960"], "sp": ["1", "9"], "kunta": ["398", ""]}
    )
    kaynnit = pd.DataFrame(
        {
            "kayntino": range(n),
            "asno": "1",
            "alkoi": "5.2.2024 08:15",
            "arvioitu": ["4.2.2024 09:00", *[""] * (n - 1)],
            "muoto": ["T11"] * 19 + ["T40"] * 11,
            "tapa": ["R80", *["R10"] * 18, *["R52"] * 11],
            "tila": ["ok"] * 28 + ["testi1", "peruttu"],
            "sentit": "1250",
        }
    )
    data = tmp_path / "data"
    data.mkdir()
    asiakkaat.to_csv(data / "asiakkaat.csv", index=False, sep=";")
    kaynnit.to_csv(data / "kaynti_poiminta_2024.csv", index=False, sep=";")
    said: list[str] = []
    delivery.check(data, "own", tmp_path / "parameters", "paijat-hame", date(2024, 12, 31), said.append)
    assert [one for one in said if "mapping" in one or "left out" in one or "code map" in one] == [
        "kaynnit: the mapping reads yksikko, which no file has",
        "contacts: 2 rows of kaynnit are left out (Cancelled or a test)",
        "persons.sex: the code map sexes does not hold other codes × 1; it becomes unknown",
    ]
    assert any(one.startswith("contacts                 29 rows, 0 to be quarantined") for one in said)
    assert said[-1] == "The data can be used."


@pytest.mark.parametrize(
    ("spelt", "said"),
    [
        ({"started_at": "alkoii"}, "did you mean alkoi?"),
        ({"unit": "yksikkko"}, "did you mean yksikko?"),
        ({"started_at": "aikaleima"}, "is required; the mapping gives it from columns that no file has"),
    ],
)
def test_a_misspelt_column_is_told_before_any_row_is_read(spelt: dict[str, str], said: str, tmp_path: Path) -> None:
    columns = {"contact_id": "nro", "person_id": "asno", "started_at": "alkoi", "unit": "yksikko", **spelt}
    fixed = {"service": {"constant": "primary_care"}, "mode": {"constant": "phone"}}
    persons = {"of": "persons", "columns": {name: name for name in ("person_id", "birth_date", "sex", "municipality")}}
    tables = {"persons": [persons], "contacts": [{"of": "kaynnit", "columns": {**columns, **fixed}}]}
    mapping = document({"inputs": {"persons": {}, "kaynnit": {}}, "tables": tables})
    rows = pd.DataFrame({"nro": ["1"], "asno": ["p00"], "alkoi": ["2024-01-01 10:00"], "yksikko": ["a"]})
    found = source(tmp_path, mapping, {"persons": tables_of.persons(), "kaynnit": rows})
    with pytest.raises(DataError, match=re.escape(said)):
        store.check(found, tmp_path / "work", tables_of.Settings(), tables_of.AS_OF, tables_of.LENIENT)  # type: ignore[arg-type]
