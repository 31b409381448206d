"""Parameters: what ships loads, and what is wrong is told with its place, all at once."""

from __future__ import annotations

import hashlib
import pickle
import re
import shutil
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from ennakointi import parameters
from ennakointi.errors import ParameterError
from ennakointi.parameters.effect_documents import EffectSettings, Intervention, Outcome
from ennakointi.periods import parse_month
from ennakointi.result_tables import RESULT_TABLES

REGIONS = ("paijat-hame", "pohjois-pohjanmaa")
SERVICES = """
primary_care oral_health maternity_child_health school_student_health mental_health substance_use
physiotherapy rehabilitation home_care home_hospital round_the_clock_care communal_housing
adult_social_work social_guidance social_rehabilitation family_services child_protection
disability_services informal_care_support outreach client_guidance supported_employment emergency
specialised_outpatient specialised_inpatient ward_care digital_pathway pharmacist_service
wellbeing_activity
"""
MUNICIPALITIES = {"016", "081", "098", "111", "142", "316", "398", "560", "576", "781"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a copy of every shipped document, to be spoiled."""
    for file in parameters.shipped("parameters").glob("*.yml"):
        shutil.copy(file, tmp_path)
    return tmp_path


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def message(folder: Path, region: str = "paijat-hame") -> str:
    with pytest.raises(ParameterError) as caught:
        parameters.load(folder, region)
    return str(caught.value)


@pytest.mark.parametrize("region", REGIONS)
def test_what_ships_loads_for_both_regions(region):
    loaded = parameters.load(None, region)
    assert loaded.region.code == region
    assert 8 <= len(loaded.report_groups) <= 12
    assert loaded.report_groups[0] == "all"
    assert set(loaded.services) == set(SERVICES.split())
    assert len(loaded.services) == 29
    assert not loaded.legal_basis, "no basis may be assumed"


def test_the_regions_are_those_of_the_official_municipality_key():
    paijat_hame, pohjois_pohjanmaa = (parameters.load(None, region).region for region in REGIONS)
    assert set(paijat_hame.municipalities) == MUNICIPALITIES
    assert (paijat_hame.county_code, pohjois_pohjanmaa.county_code) == ("09", "19")
    assert len(pohjois_pohjanmaa.municipalities) == 30
    assert paijat_hame.municipalities["398"]["sv"] == "Lahtis"
    assert paijat_hame.merged_areas == {"northern": ("081", "576", "781")}
    assert pohjois_pohjanmaa.merged_areas == {}


def test_the_shipped_interventions_are_those_of_the_contract():
    interventions = parameters.load().interventions
    assert set(interventions) == {"team_model", "outreach_elderly", "heavy_user_coaching"}
    assert interventions["team_model"].starts["111"] == parse_month("2022-10")
    assert interventions["team_model"].rollout == "municipality"
    assert interventions["heavy_user_coaching"].selected_on == "prior_use"
    assert {i.primary_outcome.services for i in interventions.values()} == {("emergency",)}
    assert {i.decision_months[-1] for i in interventions.values()} == {parse_month("2025-09")}
    assert all(i.cost is not None and i.negative_control is not None for i in interventions.values())


def test_a_registration_is_marked_by_its_content(folder):
    """The mark changes with any word of the entry, not with the order of the keys nor with a default written out."""
    before = {name: one.registered for name, one in parameters.load(folder).interventions.items()}
    assert len(set(before.values())) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", mark) for mark in before.values())
    spoil(folder, "interventions.yml", "  selected_on: nothing\n", "")
    spoil(
        folder,
        "interventions.yml",
        "  target_group: all\n",
        "  target_group: all\n  selected_on: nothing\n  washout_months: 0\n",
    )
    assert {name: one.registered for name, one in parameters.load(folder).interventions.items()} == before
    spoil(folder, "interventions.yml", "smallest_important_effect: 0.05", "smallest_important_effect: 0.06")
    after = {name: one.registered for name, one in parameters.load(folder).interventions.items()}
    assert [name for name in after if after[name] != before[name]] == ["team_model"]


SHIPPED = yaml.safe_load((parameters.shipped("parameters") / "interventions.yml").read_text(encoding="utf-8"))
SETTINGS = yaml.safe_load((parameters.shipped("parameters") / "effects.yml").read_text(encoding="utf-8"))
MODEL, COACHING = ({"id": name, **SHIPPED[name]} for name in ("team_model", "heavy_user_coaching"))
COUNTY_WIDE = {"rollout": "county", "starts": {}, "start": "2024-01", "comparison": "none"}


@pytest.mark.parametrize(
    ("kind", "document", "changed", "said"),
    [
        (Intervention, MODEL, {"rollout": "county"}, "`starts` belongs to rollout: municipality or unit"),
        (Intervention, COACHING, {"start": "2024-01"}, "`start` belongs to rollout: county"),
        (Intervention, MODEL, {"decision_months": ["2025-09", "2024-12"]}, "decision_months must rise"),
        (Intervention, MODEL, {"decision_months": ["2022-10"]}, "must come after the first start"),
        (Intervention, MODEL, {"spillover_exclusions": ["111"]}, "names '111', which starts the intervention itself"),
        (Intervention, MODEL, {"comparison": "other_counties"}, "use later_adopters, never_adopters or none"),
        (Intervention, COACHING, {"comparison": "later_adopters"}, "use same_index_same_history or none"),
        (Intervention, MODEL, {"secondary_outcomes": [MODEL["primary_outcome"]]}, "two outcomes have the same id"),
        (
            Intervention,
            MODEL,
            {"primary_outcome": {**MODEL["primary_outcome"], "id": "service_cost"}},
            "the outcome id 'service_cost' is the program's own",
        ),
        (
            Intervention,
            MODEL,
            {
                "rollout": "county",
                "starts": {},
                "start": "2024-01",
                "comparison": "none",
                "spillover_exclusions": ["05"],
            },
            "a county is written county:05",
        ),
        (EffectSettings, SETTINGS, {"willingness_to_pay_eur": [0, 300, 100]}, "willingness_to_pay_eur must rise"),
        (EffectSettings, SETTINGS, {"named_willingness_to_pay_eur": 301}, "must be one of willingness_to_pay_eur"),
    ],
)
def test_what_does_not_fit_together_is_told(kind, document, changed, said):
    assert kind.model_validate(document)
    with pytest.raises(ValidationError, match=re.escape(said)):
        kind.model_validate({**document, **changed})


def test_faults_of_measures_and_costs_are_told_with_their_places(folder):
    counted = "kind: contacts, service: "
    for old, new in (  # the first place that still has the words: the three primary outcomes, then secondary ones
        (f"{counted}emergency", "kind: contact, service: emergency"),
        (f"{counted}emergency", "service: emergency"),
        (f"{counted}emergency", "kind: contacts, servce: emergency"),
        (f"{counted}primary_care", "kind: waits_over, service: primary_care"),
        (f"{counted}specialised_outpatient", "kind: contacts, mode: fone"),
        ("fixed_eur: 60000, ", "fixed_euro: 60000, "),
        ("per_person_eur: 420, price_year: 2023", "per_person_eur: 420"),
    ):
        spoil(folder, "interventions.yml", old, new)
    told = message(folder)
    for said in (
        "team_model.primary_outcome.measure: 'contact' is not known – did you mean 'contacts'?",
        "outreach_elderly.primary_outcome.measure: `kind` is missing; known: contacts, cost, bed_days",
        "heavy_user_coaching.primary_outcome.measure.servce: unknown key – did you mean 'service'?",
        "team_model.secondary_outcomes[0].measure.longer_than_days: is missing",
        "team_model.secondary_outcomes[1].measure.mode: 'fone' is not known – did you mean 'phone'?",
        "team_model.cost.fixed_euro: unknown key – did you mean 'fixed_eur'?",
        "outreach_elderly.cost.price_year: is missing",
        "(7 faults)",
    ):
        assert said in told


def test_names_of_interventions_are_checked_against_the_other_documents(folder):
    spoil(folder, "interventions.yml", "service: emergency", "service: emergncy")
    spoil(folder, "interventions.yml", "negative_control: [oral_health]", "negative_control: [oral]")
    spoil(folder, "interventions.yml", "selected_on: nothing", 'selected_on: nothing\n  spillover_exclusions: ["999"]')
    told = message(folder)
    assert "team_model.emergency_contacts.service: service 'emergncy' does not exist – did you mean" in told
    assert "outreach_elderly.negative_control: service 'oral' does not exist" in told
    assert "team_model.spillover_exclusions: municipality '999' does not exist" in told
    assert "(3 faults)" in told


MEASURES = {
    "contacts": ({"service": "emergency", "profession": ["nurse"], "urgency": "urgent"}, "per 100 person-years", 100),
    "cost": ({"sector": "health"}, "euros per person-year", 1),
    "bed_days": ({}, "bed-days per 100 person-years", 100),
    "wait_days": ({"specialty": "x", "wait_from": "decided"}, "days", 1),
    "waits_over": ({"longer_than_days": 90}, "share", 1),
    "measurement": ({"measure": "hba1c_mmol_mol", "maximum": 53}, "share", 1),
}


@pytest.mark.parametrize("kind", MEASURES)
def test_every_kind_of_measure_has_its_unit(kind):
    given, unit, scale = MEASURES[kind]
    label = {"fi": "x", "sv": "x", "en": "x"}
    outcome = Outcome.model_validate({"id": "x", "label": label, "measure": {"kind": kind, **given}, "better": "fewer"})
    model = Intervention.model_validate(MODEL)
    assert model.unit_of(outcome.measure) == (unit, scale)
    by_unit = {"contacts": "contacts", "cost": "euros", "bed_days": "bed-days"}
    expected = (f"{by_unit[kind]} per unit and month", 1) if kind in by_unit else (unit, scale)
    assert model.model_copy(update={"rollout": "unit"}).unit_of(outcome.measure) == expected
    assert Outcome.model_validate(outcome.model_dump()) == outcome


def test_every_known_break_has_its_month():
    months = {name: one.month for name, one in parameters.load().breaks.items()}
    for name, month in {
        "joint_authority_starts": "2017-01",
        "contact_mode_codes": "2019-01",
        "iitti_joins": "2021-01",
        "joint_venture_primary_care": "2021-01",
        "student_health_organiser": "2021-01",
        "digital_clinic": "2021-12",
        "county_starts": "2023-01",
        "heinola_and_sysma_join": "2023-01",
        "hartola_joint_venture": "2023-01",
        "care_guarantee_14_days": "2023-09",
        "oral_guarantee_3_months": "2024-11",
        "care_guarantee_by_age": "2025-01",
        "disability_services_act": "2025-01",
        "employment_services_to_municipalities": "2025-01",
    }.items():
        assert months[name] == parse_month(month)
    unsure = {name for name, one in parameters.load().breaks.items() if one.verify}
    assert unsure == {"joint_authority_starts", "employment_services_to_municipalities"}


def test_hiding_fits_rounding():
    # The smallest count shown must have a whole rounding interval: with halves up it is m·b − b/2.
    shipped = yaml.safe_load((parameters.shipped("parameters") / "disclosure.yml").read_text(encoding="utf-8"))
    for name, preset in shipped["presets"].items():
        if name != "midpoint6":
            assert (preset["threshold"] - (preset["base"] + 1) // 2) % preset["base"] == 0, name
    current = parameters.load().disclosure.current
    assert (current.name, current.threshold, current.base) == ("thl5", 5, 10)


def test_notebooks_come_in_their_order_and_name_declared_tables():
    notebooks = list(parameters.load().notebooks.values())
    assert [n.order for n in notebooks] == sorted(n.order for n in notebooks)
    assert {n.id: n.per for n in notebooks} == {
        "summary": "once",
        "service_debt": "group",
        "deviation": "group",
        "demand": "group",
        "effectiveness": "group",
        "segments": "once",
        "need": "once",
        "indicators": "once",
        "data_quality": "once",
    }
    assert {table for n in notebooks for table in n.needs} <= set(RESULT_TABLES)


def test_one_document_replaces_one_shipped_document(tmp_path):
    shutil.copy(parameters.shipped("parameters") / "debt.yml", tmp_path)
    spoil(tmp_path, "debt.yml", "n_paths: 1000", "n_paths: 77")
    loaded, shipped = parameters.load(tmp_path), parameters.load()
    assert loaded.debt.n_paths == 77
    assert loaded.services == shipped.services
    assert loaded.digests["debt.yml"] == hashlib.sha256((tmp_path / "debt.yml").read_bytes()).hexdigest()
    assert {f for f in shipped.digests if shipped.digests[f] != loaded.digests[f]} == {"debt.yml"}


def test_the_current_folder_comes_before_what_ships(tmp_path, monkeypatch):
    (tmp_path / "parameters").mkdir()
    shutil.copy(parameters.shipped("parameters") / "debt.yml", tmp_path / "parameters")
    spoil(tmp_path / "parameters", "debt.yml", "n_paths: 1000", "n_paths: 78")
    monkeypatch.chdir(tmp_path)
    assert parameters.load().debt.n_paths == 78
    (tmp_path / "own").mkdir()
    shutil.copy(parameters.shipped("parameters") / "debt.yml", tmp_path / "own")
    assert parameters.load(tmp_path / "own").debt.n_paths == 1000


def test_the_fast_mode_draws_less_and_changes_nothing_else():
    full = parameters.load()
    fast = full.in_mode("fast")
    assert (fast.debt.n_paths, fast.effects.cost_draws) == (full.debt.n_paths_fast, full.effects.cost_draws_fast)
    assert fast.effects.permutations == full.effects.permutations  # a coarse p-value could change a verdict
    assert fast.debt.n_paths < full.debt.n_paths
    assert fast.debt.baseline_first == full.debt.baseline_first
    assert fast.segmentation.latent.stability.samples == full.segmentation.latent.stability.samples_fast
    assert fast.segmentation.latent.starts == full.segmentation.latent.starts  # the classes stay the same
    assert full.in_mode("full") is full


def test_a_file_that_no_folder_holds_is_named():
    assert parameters.find("parameters", "debt.yml").name == "debt.yml"
    with pytest.raises(ParameterError, match=r"nothing\.ipynb: not found in the notebooks"):
        parameters.find("notebooks", "nothing.ipynb")


def test_parameters_travel_to_worker_processes():
    loaded = parameters.load()
    assert pickle.loads(pickle.dumps(loaded)) == loaded  # noqa: S301 - our own bytes, as joblib moves them


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "debt.yml",
            "n_paths: 1000",
            "n_path: 1000",
            "debt.yml: n_path: unknown key – did you mean 'n_paths'?",
        ),
        ("debt.yml", "n_paths: 1000 ", "", "debt.yml: n_paths: is missing"),
        (
            "debt.yml",
            "n_paths: 1000",
            "n_paths: many",
            "debt.yml: n_paths: expected a whole number; was 'many'",
        ),
        (
            "debt.yml",
            "n_paths: 1000 ",
            "n_paths: 1.5 ",
            "debt.yml: n_paths: expected a whole number; was 1.5",
        ),
        (
            "debt.yml",
            "baseline_first: 2017-01",
            "baseline_first: 2017-1",
            "debt.yml: baseline_first: month '2017-1'",
        ),
        ("debt.yml", "window_first: 2020-03", "window_first: 2019-03", "must follow each other"),
        ("debt.yml", "return_shares: [0.3, 0.5, 0.8]", "return_shares: [0.301, 0.304]", "must rise by whole percents"),
        (
            "debt.yml",
            "target_months_ahead: [15, 27, 39]",
            "target_months_ahead: [15, 200]",
            "rise up to horizon_months",
        ),
        ("debt.yml", "target_months_ahead: [15, 27, 39]", "target_months_ahead: [39, 15]", "rise up to horizon_months"),
        ("debt.yml", "to: 2027-12", "to: 2025-12", "ends (2025-12) before it begins (2026-01)"),
        ("debt.yml", "high: 0.25}", "high: 1.5}", "a share is at most 1"),
        ("expert_views.yml", "low: 1500", "low: 9500", "must rise"),
        ("expert_views.yml", "group: all", "group: al", "target group 'al' does not exist"),
        (
            "debt.yml",
            "n_paths: 1000 ",
            "n_paths: 1 ",
            "debt.yml: n_paths: input should be greater than or equal to 20; was 1",
        ),
        (
            "debt.yml",
            "n_paths_fast: 200 ",
            "n_paths_fast: 19 ",
            "debt.yml: n_paths_fast: input should be greater than or equal to 20; was 19",
        ),
        ("debt.yml", "n_paths: 1000", "n_paths: 1\nn_paths: 2", "the key 'n_paths' is given twice"),
        ("debt.yml", "n_paths: 1000", "n_paths: [1", "debt.yml: line"),
        (
            "services.yml",
            "sector: health",
            "sector: helth",
            "'helth' is not allowed – did you mean 'health'?",
        ),
        (
            "services.yml",
            "digital_pathway: 0",
            "digital_patway: 0",
            "services.yml: primary_care.substitutes: service 'digital_patway' does not exist – did you mean",
        ),
        ("services.yml", "sv: Öppen sjukvård, ", "", "services.yml: primary_care.label.sv: is missing"),
        ("services.yml", "unit_cost_eur: 65", "unit_cost_eur: -1", "primary_care.unit_cost_eur"),
        (
            "regions.yml",
            '"016"',
            "016",
            "regions.yml: paijat-hame.municipalities[14] (key): expected text; put codes in quotes",
        ),
        (
            "regions.yml",
            '["081", "576", "781"]',
            '["081", "577", "781"]',
            "regions.yml: paijat-hame.areas.northern.municipalities: municipality '577' does not exist – did you mean",
        ),
        (
            "regions.yml",
            '["081", "576", "781"]',
            '["081", "576", "081"]',
            "regions.yml: paijat-hame.areas.northern: municipality '081' is already in northern; leave it in one",
        ),
        ("regions.yml", '["081", "576", "781"]', '["081"]', "regions.yml: paijat-hame.areas.northern.municipalities"),
        (
            "regions.yml",
            "    northern:",
            "    all_north:",
            "regions.yml: paijat-hame.areas.all_north: a code must not begin",
        ),
        ("regions.yml", "    northern:", '    "081":', "regions.yml: paijat-hame.areas.081"),
        (
            "target_groups.yml",
            "age: [18, 29]",
            "aeg: [18, 29]",
            "young_adults_mental_health.who.all[0]: unknown rule 'aeg' – did you mean 'age'?",
        ),
        (
            "target_groups.yml",
            "age: [18, 29]",
            "age: [29, 18]",
            "who.all[0].age: the lower age 29 is above the upper age 18",
        ),
        ("target_groups.yml", "at_least: 4", "atleast: 4", "atleast: unknown key – did you mean 'at_least'?"),
        (
            "target_groups.yml",
            "group: mental_health\n",
            "group: mental_helth\n",
            "young_adults_mental_health.who: group 'mental_helth' does not exist – did you mean",
        ),
        (
            "target_groups.yml",
            "contact: {service: digital_pathway}",
            "contact: {service: digital}",
            "service 'digital' does not exist",
        ),
        (
            "target_groups.yml",
            "mode: in_person",
            "mode: inperson",
            "'inperson' is not known – did you mean 'in_person'?",
        ),
        (
            "target_groups.yml",
            "report: [pohjois-pohjanmaa]",
            "report: [pohjanmaa]",
            "region 'pohjanmaa' does not exist",
        ),
        (
            "target_groups.yml",
            "who: {everyone: true}",
            "who: {age: [0, null]}",
            "target_groups.yml: all: every resident",
        ),
        (
            "target_groups.yml",
            "controller: education",
            "controller: school",
            "controller: 'school' is not known",
        ),
        (
            "interventions.yml",
            '"111": 2022-10',
            '"999": 2022-10',
            "team_model.starts: municipality '999' does not exist",
        ),
        (
            "interventions.yml",
            "target_group: all",
            "target_group: al",
            "target group 'al' does not exist – did you mean 'all'?",
        ),
        ("interventions.yml", "better: fewer", "better: lower", "better: 'lower' is not allowed"),
        (
            "interventions.yml",
            "comparison: later_adopters",
            "comparison: same_index_same_history",
            "does not fit",
        ),
        (
            "breaks.yml",
            "treatment: re-base",
            "treatment: rebase",
            "'rebase' is not allowed – did you mean 're-base'?",
        ),
        (
            "breaks.yml",
            'municipalities: ["142"]',
            'municipalities: ["142", "564"]',
            "iitti_joins.municipalities: municipality '564'",
        ),
        (
            "notebooks.yml",
            "debt_summary",
            "debt_sumary",
            "'debt_sumary' is not known – did you mean 'debt_summary'?",
        ),
        ("notebooks.yml", "order: 2", "order: 1", "two notebooks have the same order"),
        (
            "legal_basis.yml",
            "kela: {}",
            "keela: {}",
            "controller 'keela' does not exist – did you mean 'kela'?",
        ),
        (
            "legal_basis.yml",
            "kela: {}",
            "kela: {paijat: x}",
            "legal_basis.yml: kela: region 'paijat' does not exist",
        ),
        (
            "disclosure.yml",
            "preset: thl5",
            "preset: thl",
            "preset 'thl' does not exist – did you mean 'thl5'?",
        ),
        ("panel.yml", "age_bands: [0, 7", "age_bands: [7, 0", "age_bands are the lowest ages"),
        ("panel.yml", "[phone,", "[fone,", "'fone' is not known – did you mean 'phone'?"),
        ("run.yml", "0.01", "1.01", "run.yml: quarantine_limit_share"),
    ],
)
def test_a_fault_is_told_with_its_place(folder, file, old, new, said):
    spoil(folder, file, old, new)
    told = message(folder)
    assert said in told
    assert str(folder) not in told


def test_all_faults_of_all_documents_are_told_at_once(folder):
    spoil(folder, "debt.yml", "n_paths: 1000", "n_path: 1000")
    spoil(folder, "panel.yml", "[phone,", "[fone,")
    spoil(folder, "services.yml", "sector: health", "sector: helth")
    told = message(folder)
    assert "(4 faults)" in told  # the misspelt key is also a missing one
    assert all(name in told for name in ("debt.yml: n_path:", "debt.yml: n_paths:", "panel.yml", "services.yml"))


def test_faults_between_documents_are_told_at_once(folder):
    spoil(folder, "interventions.yml", '"111": 2022-10', '"999": 2022-10')
    spoil(folder, "breaks.yml", "services: [oral_health]", "services: [oral]")
    spoil(folder, "target_groups.yml", "group: mental_health\n", "group: mental\n")
    assert "(3 faults)" in message(folder)


def test_a_misspelt_file_name_is_not_passed_over(tmp_path):
    (tmp_path / "target_group.yml").write_text("all: {}\n", encoding="utf-8")
    assert "target_group.yml: is not a parameter document – did you mean 'target_groups.yml'?" in message(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "debt.yml: expected `key: value` lines, found NoneType"),
        (b"- 1\n", "debt.yml: expected `key: value` lines, found list"),
        ("# Päätös\n".encode("iso-8859-1"), "debt.yml: is not UTF-8"),
        (b"a: *b\n", "debt.yml: line 1, column 4: is not YAML"),
    ],
)
def test_what_is_no_document_is_told(tmp_path, content, said):
    (tmp_path / "debt.yml").write_bytes(content)
    assert said in message(tmp_path)


def test_an_unknown_region_and_a_missing_folder_are_told(tmp_path):
    assert "--region: region 'paijat' does not exist – did you mean 'paijat-hame'?" in message(tmp_path, "paijat")
    with pytest.raises(ParameterError, match="parameters: the folder 'nowhere' does not exist"):
        parameters.load(tmp_path / "nowhere")


def test_a_legal_basis_holds_for_its_region_only(tmp_path):
    (tmp_path / "legal_basis.yml").write_text("kela: {paijat-hame: permit 1}\n", encoding="utf-8")
    assert parameters.load(tmp_path, "paijat-hame").legal_basis == {"kela": "permit 1"}
    assert parameters.load(tmp_path, "pohjois-pohjanmaa").legal_basis == {}
