"""The truth behind a synthetic county: sums over chunks while it is made, and the tables handed out
afterwards."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ennakointi import schema
from ennakointi.parameters.scenario_documents import Scenario
from ennakointi.periods import month_of, month_text
from ennakointi.synthetic import demand, outlook
from ennakointi.synthetic import volumes as synthetic_volumes
from ennakointi.synthetic.calibration import Flags, Ints
from ennakointi.synthetic.demand import DemandSums
from ennakointi.synthetic.disruption import EXITS, HIDDEN
from ennakointi.synthetic.files import DAY_MINUTES, NO_MINUTE, Columns, Writer, categorical
from ennakointi.synthetic.lives import County, Effect, Lives
from ennakointi.synthetic.persons import STILL, People
from ennakointi.synthetic.queues import REASONS
from ennakointi.synthetic.users import Users
from ennakointi.synthetic.volumes import Members, Volumes

_LAST_MONTHS = 12  # a service's normal month: the mean without the disruption over these last months
_LONGEST_CLEARING = 240  # months after which a debt counts as never cleared


@dataclass(frozen=True)
class Truth:
    """Tables of the truth, read when asked for; `folder` holds them as Parquet.

    A synthetic source may show ids of its persons here.
    """

    folder: Path

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Seed, residents, days and switches the county was made with."""
        found: dict[str, Any] = json.loads((self.folder / "settings.json").read_text(encoding="utf-8"))
        return found

    @cached_property
    def volumes(self) -> pd.DataFrame:
        """Target group × service × municipality × month: see `synthetic.volumes` for the columns and
        identities; `covered` tells whether the register holds the cell completely."""
        return self._read("volumes")

    @cached_property
    def hidden_persons(self) -> pd.DataFrame:
        """Missed contacts whose need stayed unseen: person, service, municipality, `since`, `until` (empty =
        still hidden on the last delivered day) and how it ended (`open`, `returned`, `died`, `moved`,
        `not_needed`, `elsewhere`)."""
        return self._read("hidden_persons")

    @cached_property
    def users(self) -> pd.DataFrame:
        """Target group × service (`all` = any) × municipality: of the members in the month before the disruption who
        lived here until its end, `persons`, those who would have used the service in its months (`users_without`)
        and did (`users_with`), who would have and did not (`absent`), and `hidden_persons` with a hidden need of
        these months that is open at its end. Empty when the data do not hold the disruption."""
        return self._read("users")

    @cached_property
    def clearing(self) -> pd.DataFrame:
        """Per service: contacts postponed and hidden on the last day, contacts added a month under the plan
        (`clearing_plan` × the normal month), and the month in which nothing is left (empty = not within 20
        years)."""
        return self._read("clearing")

    @cached_property
    def waits(self) -> pd.DataFrame:
        """Every queue entry with its true end, also after the data: `wait_days`, `open` on the last delivered
        day, `exit` (`started`, …; empty = beyond the simulated time), `referral_id` (empty = not in the
        register)."""
        return self._read("waits")

    @cached_property
    def occupancy(self) -> pd.DataFrame:
        """Occupied beds at the end of each day by service: all, and those of stays in the register
        (`held`)."""
        return self._read("occupancy")

    @cached_property
    def classes(self) -> pd.DataFrame:
        """Latent class on the last day per person, and the most probable one given the observed items."""
        return self._read("classes")

    @cached_property
    def risks(self) -> pd.DataFrame:
        """Person × outcome × day: true chance in the following 365 days."""
        return self._read("risks")

    @cached_property
    def effects(self) -> pd.DataFrame:
        """Planted effects: relative, expected and realised difference per 100 person-years, by follow-up."""
        return self._read("effects")

    def demand(self, scenarios: Mapping[str, Scenario] | None = None, to_year: int | None = None) -> pd.DataFrame:
        """The planted waterfall from the last whole year to another one, by default the last projected: see
        `synthetic.demand.changes`."""
        data_end, seed = month_of(date.fromisoformat(self.settings["until"])), int(self.settings["seed"])
        return demand.changes(self.folder, data_end, seed, scenarios or {}, to_year)

    def _read(self, name: str) -> pd.DataFrame:
        file = self.folder / f"{name}.parquet"
        texts = [f.name for f in pq.read_schema(file) if pa.types.is_string(f.type)]
        return pq.read_table(file, read_dictionary=texts).to_pandas(date_as_object=False)


@dataclass
class Sums:
    """What is counted over all chunks, and the next free identifiers."""

    volumes: Volumes
    beds: Ints
    demand: DemandSums
    users: Users
    ids: dict[str, int] = field(default_factory=lambda: defaultdict(lambda: 1))
    effects: dict[tuple[str, str, int | None, float], list[float]] = field(default_factory=dict)

    @classmethod
    def start(cls, groups: tuple[str, ...], county: County) -> Sums:
        """Empty sums for a county and its target groups."""
        names = county.calibration
        days = county.span.last_day - county.span.first_day + 1
        volumes = Volumes(groups, names.services, names.municipalities, county.span)
        beds = np.zeros((2, len(names.services), days + 1), np.int64)
        return cls(volumes, beds, DemandSums.start(county), Users(groups, names, county.span))

    def next_id(self, table: str, n: int) -> int:
        """First of `n` fresh identifiers of a table."""
        first = self.ids[table]
        self.ids[table] = first + n
        return first

    def write(self, writer: Writer, name: str, columns: Columns, ids: Ints) -> None:
        """Rows of a person table whose `person_id` numbers the chunk's persons, with fresh keys."""
        person = columns["person_id"]
        assert isinstance(person, np.ndarray)
        keys = {}
        if name in ("referrals", "requests", "stays"):
            keys = {
                schema.TABLES[name].key[0]: self.next_id(name, len(person)) + np.arange(len(person), dtype=np.int64)
            }
        writer.contract(name, {**columns, **keys, "person_id": ids[person]})

    def add(
        self,
        people: People,
        lives: Lives,
        beds: Mapping[str, NDArray],
        before: Members,
        after: Members,
        county: County,
    ) -> None:
        """Add a chunk."""
        place, names = people.municipality, county.calibration
        services = names.care.services.values()
        substitute = np.array([names.service(s.missed.substitute) if s.missed.substitute else 0 for s in services])
        synthetic_volumes.add_contacts(
            self.volumes, lives.contacts, place, lives.undisturbed, lives.actual, before, after
        )
        synthetic_volumes.add_missed(self.volumes, lives.base, lives.missed, substitute.astype(np.int8), place, before)
        synthetic_volumes.add_queue(self.volumes, lives.queue, place, before)
        self.demand.add(people, lives)
        self.users.add(people, lives, before)
        self._add_beds(beds, county)
        for effect in lives.effects:
            self._add_effect(effect)

    def _add_beds(self, beds: Mapping[str, NDArray], county: County) -> None:
        span, days = county.span, self.beds.shape[2] - 1
        start = np.clip(beds["admitted"] // DAY_MINUTES - span.first_day, 0, days)
        still = beds["discharged"] == NO_MINUTE
        end = np.where(still, days, beds["discharged"] // DAY_MINUTES - span.first_day)
        end = np.clip(end, 0, days)
        for row, chosen in enumerate((np.ones(len(start), bool), beds["held"])):
            np.add.at(self.beds[row], (beds["service"][chosen], start[chosen]), 1)
            np.add.at(self.beds[row], (beds["service"][chosen], end[chosen]), -1)

    def _add_effect(self, effect: Effect) -> None:
        key = (effect.intervention, effect.service, effect.follow_up_months, effect.relative)
        values = (effect.persons, effect.person_years, effect.contacts, effect.removed, effect.added)
        self.effects[key] = [a + b for a, b in zip(self.effects.get(key, [0.0] * 5), values, strict=True)]

    def frames(self, county: County) -> dict[str, pd.DataFrame]:
        """Tables of the truth that are not about single persons."""
        return {
            "volumes": self.volumes.frame(county.register.covered),
            "clearing": self._clearing(county),
            "occupancy": self._occupancy(county),
            "effects": self._effects(),
            "users": self.users.frame(),
            **self.demand.frames(),
        }

    def _clearing(self, county: County) -> pd.DataFrame:
        everybody = self.volumes.groups.index("all")
        disruption, plan = county.calibration.care.disruption, county.calibration.care.clearing_plan
        counts = {name: values[everybody].sum(axis=1) for name, values in self.volumes.counts.items()}
        rows = []
        for i, service in enumerate(county.calibration.services):
            queue, hidden = (int(counts[name][i].sum()) for name in ("postponed", "hidden"))
            added = plan * float(counts["counterfactual"][i, -_LAST_MONTHS:].mean())
            months = months_to_clear(
                queue,
                hidden,
                added,
                disruption.queue_returns,
                disruption.hidden_returns,
                disruption.needs_pass,
            )
            last = county.span.first_month + county.span.n_months - 1
            cleared = month_text(last + months) if months is not None else None
            rows.append((service, queue, hidden, added, cleared))
        return pd.DataFrame(rows, columns=["service", "postponed", "hidden", "added_per_month", "cleared"])

    def _occupancy(self, county: County) -> pd.DataFrame:
        occupied = np.cumsum(self.beds, axis=2)[:, :, :-1]
        service, day = (a.reshape(-1) for a in np.indices(occupied.shape[1:]))
        used = occupied[0].any(axis=1)[service]
        date_of = (county.span.first_day + day).astype("datetime64[D]")
        frame = pd.DataFrame({"service": np.array(county.calibration.services)[service], "date": date_of})
        frame["beds"], frame["beds_held"] = occupied[0].reshape(-1), occupied[1].reshape(-1)
        return frame[used].reset_index(drop=True)

    def _effects(self) -> pd.DataFrame:
        rows = []
        for (intervention, service, months, relative), sums in self.effects.items():
            persons, years, contacts, removed, added = sums
            per_100 = 100 / max(years, 1e-9)
            rows.append(
                {
                    "intervention": intervention,
                    "service": service,
                    "follow_up_months": months,
                    "scale": "relative",
                    "relative_effect": relative,
                    "persons": int(persons),
                    "person_years": years,
                    "contacts_without": int(contacts),
                    "expected_difference_per_100_py": relative * contacts * per_100,
                    "realised_difference_per_100_py": (added - removed) * per_100,
                }
            )
        frame = pd.DataFrame(rows)
        if len(frame):
            frame["follow_up_months"] = frame["follow_up_months"].astype("Int64")
        return frame


def months_to_clear(
    queue: float, hidden: float, added: float, queue_rate: float, hidden_rate: float, passing: float
) -> int | None:
    """Months until less than one contact is left: returns and passing needs at their rates, the added ones
    from the queue first."""
    for month in range(_LONGEST_CLEARING + 1):
        if queue + hidden < 1:
            return month
        queue, hidden = queue * (1 - queue_rate) * (1 - passing), hidden * (1 - hidden_rate) * (1 - passing)
        left = max(queue - added, 0.0)
        queue, hidden = left, max(hidden - max(added - queue, 0.0), 0.0)
    return None


def write_persons(
    writer: Writer,
    people: People,
    ids: Ints,
    lives: Lives,
    held: Flags,
    first_referral: int,
    county: County,
) -> None:
    """Rows of the truth about the chunk's persons. `held` (q,) are the queue entries in the register,
    numbered from `first_referral`."""
    day = county.span.last_day
    calibration, calendar = county.calibration, county.calendar
    frames = {
        "hidden_persons": _hidden(people, ids, lives, county),
        "waits": _waits(people, ids, lives, held, first_referral, county),
        "classes": outlook.classes(people, ids, lives.traits, lives.contacts.take(lives.actual), calibration, calendar),
        "risks": pd.concat(
            [outlook.risks(people, ids, lives.traits, calibration, calendar, index) for index in (day - 365, day)],
            ignore_index=True,
        ),
    }
    frames["risks"]["day"] = _dates(frames["risks"]["day"].to_numpy(np.int64))
    for name, frame in frames.items():
        writer.frame(name, frame)


def _hidden(people: People, ids: Ints, lives: Lives, county: County) -> pd.DataFrame:
    rows = np.flatnonzero(lives.missed.fate == HIDDEN)
    lost = lives.base.take(lives.missed.event[rows])
    over = lives.missed.end_day[rows] <= county.span.last_day
    end = np.where(over, lives.missed.end[rows], EXITS.index("open"))
    return pd.DataFrame(
        {
            "person_id": ids[lost.person],
            "service": categorical(lost.service, county.calibration.services),
            "municipality": categorical(people.municipality[lost.person], county.calibration.municipalities),
            "since": _dates(lost.day),
            "until": _dates(np.where(over, lives.missed.end_day[rows], STILL)),
            "end": categorical(end, EXITS),
        }
    )


def _waits(
    people: People,
    ids: Ints,
    lives: Lives,
    held: Flags,
    first_referral: int,
    county: County,
) -> pd.DataFrame:
    queue = lives.queue
    number = np.where(held, first_referral + np.cumsum(held) - 1, -1)
    wait = np.where(queue.end < STILL, queue.end - queue.received, -1)
    return pd.DataFrame(
        {
            "referral_id": pd.array(np.where(held, number, 0), "Int64").copy(),
            "person_id": ids[queue.person],
            "service": categorical(queue.service, county.calibration.services),
            "municipality": categorical(people.municipality[queue.person], county.calibration.municipalities),
            "received_on": _dates(queue.received),
            "ended_on": _dates(queue.end),
            "exit": categorical(queue.reason, REASONS),
            "wait_days": pd.array(wait, "Int64"),
            "open": queue.end > county.span.last_day,
            "postponed_on": _dates(queue.missed_on),
        }
    ).assign(
        referral_id=lambda f: f["referral_id"].where(held),
        wait_days=lambda f: f["wait_days"].where(f["wait_days"] >= 0),
    )


def _dates(day: Ints) -> pd.Series:
    """Day numbers as points in time; STILL is empty."""
    dates = np.where(day == STILL, np.datetime64("NaT", "D"), day.astype("datetime64[D]"))
    return pd.Series(dates.astype("datetime64[s]"))
