"""The county as the demo delivered it a quarter earlier: what is planted to come late, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ennakointi import demo
from ennakointi.periods import Quarter


def county(folder: Path) -> Path:
    data = folder / "data"
    for name in ("contacts", "truth"):
        (data / name).mkdir(parents=True)
    days = pd.Series(pd.to_datetime(["2025-03-31 23:59", "2025-04-01 00:00", "2025-06-30 23:59", "2025-07-01 00:00"]))
    rows = [
        {"contact_id": number, "service": service, "started_at": day}
        for service in ("primary_care", "oral_health")
        for day in days
        for number in (19, 20, 40)
    ]
    pd.DataFrame(rows).to_parquet(data / "contacts" / "part-000.parquet")
    pd.DataFrame({"person_id": [1]}).to_parquet(data / "persons.parquet")
    pd.DataFrame({"planted": [1]}).to_parquet(data / "truth" / "debt.parquet")
    (data / "source.json").write_text("{}")
    return data


def test_only_the_planted_contacts_are_missing(tmp_path: Path) -> None:
    data = county(tmp_path)
    earlier = demo.delivered(data, Quarter(2025, 2))
    whole, known = (pd.read_parquet(folder / "contacts" / "part-000.parquet") for folder in (data, earlier))
    missing = whole.merge(known, how="left", indicator=True).query("_merge == 'left_only'")
    assert set(missing["service"]) == {"primary_care"}
    assert sorted(missing["contact_id"]) == [20, 20, 40, 40]
    assert missing["started_at"].min() == pd.Timestamp("2025-04-01")
    assert missing["started_at"].max() == pd.Timestamp("2025-06-30 23:59")
    assert pd.read_parquet(earlier / "persons.parquet").equals(pd.read_parquet(data / "persons.parquet"))
    assert not (earlier / "truth").exists()


def test_a_delivery_is_made_once_and_again_for_another_county(tmp_path: Path) -> None:
    data = county(tmp_path)
    earlier = demo.delivered(data, Quarter(2025, 2))
    (earlier / "persons.parquet").unlink()
    assert not (demo.delivered(data, Quarter(2025, 2)) / "persons.parquet").exists()
    (data / "source.json").write_text('{"seed": 2}')
    assert (demo.delivered(data, Quarter(2025, 2)) / "persons.parquet").exists()
