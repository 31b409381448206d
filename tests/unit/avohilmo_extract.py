"""An extract of Avohilmo and Hilmo in their real field names and codes, made from a synthetic county's tables.

What the registers cannot hold is left out of both sides: services without a service form or sector, cancelled visits
to hospitals, bed stays without a stay's record, and referrals that did not lead to one contact.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

Tables = dict[str, pd.DataFrame]
FORMS = {  # palvelumuodot of each service
    "primary_care": ["T11"],
    "maternity_child_health": ["T21", "T22", "T23", "T24"],
    "family_services": ["T25"],
    "school_student_health": ["T26", "T27"],
    "home_care": ["T40", "T41", "T42"],
    "home_hospital": ["T43"],
    "physiotherapy": ["T51"],
    "rehabilitation": ["T52", "T53", "T54", "T55", "T56", "T58", "T59", "T81"],
    "oral_health": ["T60"],
    "mental_health": ["T71"],
    "substance_use": ["T73"],
}
WARDS = ("specialised_inpatient", "ward_care")
HOSPITAL = ("emergency", "specialised_outpatient", *WARDS)
BEFORE_2019 = {
    "in_person": "R10",
    "home": "R20",
    "elsewhere": "R30",
    "phone": "R50",
    "remote_realtime": "R51",
    "remote_async": "R51",
    "letter": "R55",
    "professional": "R60",
    "administrative": "R70",
    "other": "R90",
    "inpatient": None,
}
SINCE_2019 = {
    **BEFORE_2019,
    "elsewhere": "R41",
    "phone": "R52",
    "remote_realtime": "R52",
    "remote_async": "R56",
    "letter": "R56",
    "professional": "R71",
    "administrative": "R72",
    "inpatient": "R80",
}
MODE_TOLD = {  # what a code leaves of the mode, where it does not tell it whole
    "R51": "remote_async",
    "R52": "remote_realtime",
    "R56": "remote_async",
}
SLOW = ("560", "016", "316")  # these municipalities still send R50, R51 and R55 after 2018
OCCUPATION = {
    "physician": ["22211", "22212", "22213", "222"],
    "nurse": ["32311", "32312", "3231", "323"],
    "dentist": ["2222"],
    "dental_hygienist": ["3225"],
    "psychologist": ["24451"],
    "physiotherapist": ["32261"],
    "pharmacist": ["3228", "2224"],
    "social_worker": ["24461"],
    "social_instructor": ["34601"],
    "home_care_worker": ["51331"],
    "other": ["32262"],
}
CANCELLED = {"cancelled_client": "1", "cancelled_provider": "2", "no_show": "3", "attended": None}
NOT_HELD = ["cost_eur", "provider", "episode_id", "professional_id", "booked_via", "duration_minutes"]


@dataclass(frozen=True)
class Extract:
    """The register's files, the county's contract tables that they hold, and the services left out.

    `contacts` of the tables has one column more, `mode_told`: what the register's code leaves of the mode.
    """

    files: Tables
    tables: Tables
    left_out: frozenset[str]


def make(county: Path) -> Extract:
    """The extract of a synthetic county."""
    tables = {name: _read(county, name) for name in ("persons", "contacts", "diagnoses", "stays", "referrals")}
    persons = tables["persons"].astype({"person_id": str}).drop(columns="household_id")
    contacts = tables["contacts"].astype({"person_id": str, "contact_id": str}).drop(columns=NOT_HELD)
    contacts["unit"] += " (Päijät-Häme)"
    contacts = contacts.merge(persons[["person_id", "municipality"]])
    avohilmo, visits, assessments = _avohilmo(contacts[contacts["service"].isin(list(FORMS))])
    hilmo, hospital, stays, referrals = _hilmo(contacts[contacts["service"].isin(HOSPITAL)], tables)
    held = pd.concat([visits, assessments, hospital], ignore_index=True).drop(columns="municipality")
    diagnoses, files = _diagnoses(tables["diagnoses"], held)
    late = avohilmo.pop("vuosi") >= 2019
    files |= {"henkilot": _persons(persons), "hilmo": hilmo}
    files |= {"avohilmo_2017_2018": avohilmo[~late], "avohilmo_2019_2021": avohilmo[late]}
    own = {name: _read(county, name) for name in ("coverage", "population")}
    made = {"persons": persons, "contacts": held, "diagnoses": diagnoses, "stays": stays, "referrals": referrals}
    return Extract({**files, **own}, {**made, **own}, frozenset(contacts["service"]) - set(held["service"]))


def write(files: Tables, folder: Path) -> Path:
    """The files as the registers deliver them: semicolons, Finnish dates, Windows-1252."""
    folder.mkdir()
    for name, rows in files.items():
        rows.to_csv(folder / f"{name}.csv", sep=";", index=False, encoding="cp1252", lineterminator="\r\n")
    return folder


def _read(county: Path, name: str) -> pd.DataFrame:
    place = county / name
    return pd.read_parquet(place if place.is_dir() else county / f"{name}.parquet")


def _day(days: pd.Series) -> pd.Series:
    return pd.to_datetime(days).dt.strftime("%d.%m.%Y")


def _time(times: pd.Series) -> pd.Series:
    return times.dt.strftime("%d.%m.%Y %H:%M")


def _one_of(keys: pd.Series, lists: dict[str, list[str]], number: pd.Series) -> pd.Series:
    """For every row one of the codes of its key, in turn."""
    length = keys.map({key: len(codes) for key, codes in lists.items()})
    table = {(key, i): code for key, codes in lists.items() for i, code in enumerate(codes)}
    return pd.Series(list(zip(keys, number % length, strict=True)), index=keys.index).map(table)


def _persons(persons: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "shnro": persons["person_id"],
            "syntymaaika": _day(persons["birth_date"]),
            "sukupuoli": persons["sex"].map({"male": "1", "female": "2"}),
            "kotikunta": persons["municipality"],
            "muuttopaiva": _day(persons["resident_from"]),
            "poismuuttopaiva": _day(persons["resident_to"]),
            "kuolinpaiva": _day(persons["death_date"]),
            "aidinkieli": persons["language"].replace({"other": "ru"}),
            "palvelualue": persons["service_area"],
            "turvakielto": persons["non_disclosure"].map({True: "1", False: "0"}),
        }
    )


def _mode_codes(contacts: pd.DataFrame) -> pd.Series:
    """The code of the contact's mode in the year and municipality it was sent from."""
    old, new = contacts["mode"].map(BEFORE_2019), contacts["mode"].map(SINCE_2019)
    slow = contacts["municipality"].isin(SLOW) & contacts["mode"].isin(["phone", "remote_async", "letter"])
    return old.where((contacts["started_at"].dt.year < 2019) | slow, new)


def _told(contacts: pd.DataFrame, codes: pd.Series) -> pd.DataFrame:
    """The contacts with what their code tells of the mode."""
    return contacts.assign(mode_told=codes.map(MODE_TOLD).fillna(contacts["mode"]))


def _avohilmo(contacts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The register's records; contacts that are visits, and assessments that are contacts of their own."""
    c, number = contacts, contacts["contact_id"].astype(int)
    need, cancelled = c["need_assessed_at"], c["attendance"] != "attended"
    solved = (need == c["started_at"]) & ~cancelled & (c["service"] == "primary_care") & (number % 2 == 0)
    booked = cancelled & (number % 2 == 0)  # appointments whose record has no visit
    started = _time(c["started_at"])
    visit = started.mask(solved | booked)
    codes, forms = _mode_codes(c), _one_of(c["service"], FORMS, number)
    unexplained = (c["attendance"] == "cancelled_provider") & (number % 3 == 0)
    occupation = _one_of(c["profession"], OCCUPATION, number)
    practical = (c["profession"] == "home_care_worker") & forms.isin(["T40", "T41", "T42"])
    classed = c["profession"].isin(["physician", "nurse"]) & (number % 5 == 0)  # the class instead of the occupation
    records = pd.DataFrame(
        {
            "avohilmoid": c["contact_id"],
            "shnro": c["person_id"],
            "yhteydenotto_ajankohta": _time(c["contacted_at"]),
            "hoidontarve_ajankohta": _time(need),
            "hta_ammatti": np.where(need.notna(), "32311", None),
            "ajanvaraus_varattu": started.where(booked),
            "ajanvaraus_palvelumuoto": forms.where(booked),
            "ajanvaraus_yhteystapa": codes.where(booked),
            "kaynti_alkoi": visit,
            "kaynti_loppui": visit,
            "kaynti_palvelumuoto": forms.mask(booked | (solved & (number % 4 == 0))),
            "kaynti_yhteystapa": codes.mask(booked | solved),
            "kaynti_luonne": np.where(number % 2 == 0, "SH", "TH"),
            "kaynti_kavijaryhma": np.where(number % 7 == 0, None, "1"),
            "kaynti_ammatti": occupation.mask(practical, "51321").mask(classed),
            "kaynti_ammattiluokka": c["profession"].map({"physician": "LK", "nurse": "SH"}).where(classed),
            "kaynti_kiireellisyys": c["urgency"].map({"urgent": "5", "non_urgent": "E"}),
            "kaynti_erikoisala": c["specialty"],
            "palveluntuottaja_yksikko": c["unit"],
            "peruutus_ajankohta": started.where(cancelled),
            "peruutus_syy": c["attendance"].map(CANCELLED).mask(unexplained),
            "vuosi": c["started_at"].dt.year,
        }
    )
    alone = need.notna() & (visit.isna() | (need != c["started_at"]))
    assessments = c[alone].assign(
        contact_id=c["contact_id"] + "-assessment",
        started_at=need,
        mode="other",
        mode_told="other",
        profession="nurse",
        attendance="attended",
    )
    unknown = ["nature", "urgency", "diagnosis", "diagnosis_system", "specialty"]
    visits = _told(c, codes).assign(nature=records["kaynti_luonne"].map({"SH": "curative", "TH": "preventive"}))
    return records, visits[~solved], assessments.drop(columns=unknown)


def _hilmo(contacts: pd.DataFrame, tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The register's records, with the contacts, stays and referrals that they tell."""
    begun = tables["stays"].astype({"person_id": str}).rename(columns={"admitted_at": "started_at"})
    begun = begun.drop_duplicates(["person_id", "service", "started_at"])[
        ["person_id", "service", "started_at", "discharged_at"]
    ]
    c = contacts[contacts["attendance"] == "attended"].merge(begun, how="left", indicator="stay")
    in_bed = c["service"].isin(WARDS)
    told_stay = in_bed & (c["mode"] == "inpatient") & (c["stay"] == "both")
    c, ward = c[told_stay | ~in_bed], (told_stay & in_bed)[told_stay | ~in_bed]
    c = c.assign(
        received_on=_referred(c, tables["referrals"]), specialty=c["specialty"].mask(c["service"] == "ward_care", "98")
    )
    early, codes = c["started_at"].dt.year < 2019, _mode_codes(c)
    emergency = c["service"] == "emergency"
    sector = pd.Series(np.select([ward, emergency], ["1", "91"], "92"), c.index)
    urgent = pd.Series(np.where(early, "2", "5"), c.index).where(c["urgency"] == "urgent", "E")
    plain = early & codes.isin(["R10"])  # before 2019 the sector told that the client came
    records = pd.DataFrame(
        {
            "hilmoid": c["contact_id"],
            "shnro": c["person_id"],
            "tupva": _time(c["started_at"]),
            "lpvm": _time(c["discharged_at"]).where(ward, _time(c["started_at"])),
            "pala": sector.where(early),
            "yhteystapa": codes.mask(plain),
            "ea": c["specialty"],
            "kiireellisyys": urgent.mask(emergency & ~early, "6"),
            "paltu": c["unit"],
            "lanttupva": _time(c["received_on"]),
        }
    )
    hospital = _told(c, codes).assign(
        contact_id="hilmo-" + c["contact_id"], urgency=c["urgency"].mask(emergency & ~early, "urgent")
    )
    waiting = _waiting(tables["referrals"])
    stays = c[ward].assign(stay_id=c["contact_id"], admitted_at=c["started_at"])
    day = c["started_at"].dt.normalize()
    referrals = c[c["received_on"].notna()].assign(
        referral_id=c["contact_id"], started_on=day, closed_on=day, closed_reason="started"
    )
    referrals["service"] = np.where(ward[referrals.index], "specialised_inpatient", "specialised_outpatient")
    told = [
        "referral_id",
        "person_id",
        "service",
        "specialty",
        "unit",
        "received_on",
        "started_on",
        "closed_on",
        "closed_reason",
    ]
    open_ones = waiting.rename(
        columns={"hilmoid": "referral_id", "shnro": "person_id", "ea": "specialty", "paltu": "unit"}
    )
    referrals = pd.concat([referrals, open_ones])[told].reset_index(drop=True)
    written = (
        waiting.drop(columns="service")
        .assign(
            lanttupva=_day(waiting["received_on"]),
            yhteystapa=np.where(waiting["service"] == "specialised_inpatient", "R80", None),
        )
        .drop(columns="received_on")
    )
    columns = ["stay_id", "person_id", "service", "unit", "admitted_at", "discharged_at"]
    kept = hospital.drop(
        columns=["discharged_at", "stay", "received_on", "nature", "profession", "contacted_at", "need_assessed_at"]
    )
    return pd.concat([records, written], ignore_index=True), kept, stays[columns], referrals


def _referred(contacts: pd.DataFrame, referrals: pd.DataFrame) -> pd.Series:
    """The day on which the referral of a contact came, where one referral belongs to one contact."""
    known = referrals[referrals["started_on"].notna()].astype({"person_id": str})
    known = known.assign(day=pd.to_datetime(known["started_on"])).drop_duplicates(["person_id", "service", "day"])
    keys = pd.DataFrame({"person_id": contacts["person_id"], "service": contacts["service"]})
    keys["day"] = contacts["started_at"].dt.normalize()
    first = ~keys.duplicated()
    came = keys.merge(known[["person_id", "service", "day", "received_on"]], how="left")["received_on"]
    return pd.to_datetime(pd.Series(came.to_numpy(), contacts.index)).where(first)


def _waiting(referrals: pd.DataFrame) -> pd.DataFrame:
    """Open referrals to specialised care, as records without care."""
    r = referrals.astype({"person_id": str, "referral_id": str})
    r = r[r["closed_on"].isna() & r["service"].isin(["specialised_outpatient", "specialised_inpatient"])]
    return pd.DataFrame(
        {
            "hilmoid": "9" + r["referral_id"].str.zfill(9),
            "shnro": r["person_id"],
            "service": r["service"],
            "ea": r["specialty"],
            "paltu": r["unit"],
            "received_on": pd.to_datetime(r["received_on"]),
        }
    )


def _diagnoses(diagnoses: pd.DataFrame, held: pd.DataFrame) -> tuple[pd.DataFrame, Tables]:
    """Diagnoses of the contacts that are held, and the files they stand in."""
    d = diagnoses.drop(columns="stay_id").astype({"person_id": str, "contact_id": str})
    hospital = ("hilmo-" + d["contact_id"]).isin(held["contact_id"])
    d = d[hospital | d["contact_id"].isin(held["contact_id"])]
    hospital = hospital[d.index]
    ids = {"shnro": d["person_id"], "jarjestys": "0"}
    avohilmo = pd.DataFrame({"avohilmoid": d["contact_id"], **ids, "icd10": d["code"], "icpc2": d["code"]})
    files = {
        f"avohilmo_{name}": avohilmo[~hospital & (d["system"] == name)].drop(columns=other)
        for name, other in (("icd10", "icpc2"), ("icpc2", "icd10"))
    }
    files["hilmo_diag"] = pd.DataFrame(
        {"hilmoid": d["contact_id"], "shnro": d["person_id"], "kentta": "PDGO", "n": "0", "koodi": d["code"]}
    )[hospital]
    return d.assign(contact_id=d["contact_id"].mask(hospital, "hilmo-" + d["contact_id"])), files
