"""Reductions of the store, written once as narwhals expressions and run bucket by bucket on DuckDB.

A frame is a narwhals LazyFrame of any backend that narwhals has; DuckDB runs them in production, pandas and
PyArrow in the tests. Days and months are integers throughout: there is no date arithmetic, no percentile over
event rows and no window function. A person lies in one bucket, so distinct persons of buckets add up.

Sums of euros are taken in whole cents: they are exact, so that neither threads nor backends change a result.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.periods import day_number, first_day
from ennakointi.schema import MODES, MODES_WITHOUT_CLIENT, TABLES

NO_PROVIDER = -1
NEVER = 2**31 - 1  # the day of an exit that has not come
STRATUM = ("municipality", "age_band", "sex", "month")


def calendar(first_month: int, last_month: int) -> pd.DataFrame:
    """One row a day: day, month, and the days of its month `before` and `after` it (int32)."""
    starts = np.array([day_number(first_day(m)) for m in range(first_month, last_month + 2)], dtype=np.int32)
    lengths = np.diff(starts)
    day = np.arange(starts[0], starts[-1], dtype=np.int32)
    place = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    return pd.DataFrame(
        {
            "day": day,
            "month": place + np.int32(first_month),
            "before": day - starts[place],
            "after": starts[place + 1] - 1 - day,
        }
    )


def person_months(contacts: nw.LazyFrame, remote_modes: Collection[str]) -> nw.LazyFrame:
    """Attended service contacts of a person in a month by service, provider and channel.

    Parameters
    ----------
    contacts : person, month, service, mode, attendance (null = attended), provider, cost_eur
    remote_modes : the modes that count as remote

    Returns
    -------
    person, month, service, provider (-1 = not recorded), remote (bool), n (contacts), cost_eur (euros; a
    contact without a cost adds nothing).
    """
    remote = [MODES.index(mode) for mode in remote_modes]
    return (
        contacts.filter(attended() & with_client())
        .with_columns(
            nw.col("provider").cast(nw.Int16).fill_null(NO_PROVIDER),
            remote=nw.col("mode").is_in(remote),
            cents=_cents(nw.col("cost_eur")),
        )
        .group_by("person", "month", "service", "provider", "remote")
        .agg(nw.len().alias("n"), nw.col("cents").sum())
        .with_columns(nw.col("n").cast(nw.Int32), cost_eur=nw.col("cents") / 100)
        .drop("cents")
    )


def attended() -> nw.Expr:
    """Whether a contact took place; attendance is `attended` unless it is recorded."""
    code = TABLES["contacts"]["attendance"].codes.index("attended")
    return nw.col("attendance").fill_null(code) == code


def with_client() -> nw.Expr:
    """Whether a client met the service in a contact."""
    return ~nw.col("mode").is_in([MODES.index(mode) for mode in MODES_WITHOUT_CLIENT])


def by_service(months: nw.LazyFrame) -> nw.LazyFrame:
    """`person_months` summed over providers and channels: person, month, service, n, cents."""
    return _summed(months, "person", "month", "service")


def across_services(months: nw.LazyFrame, code: int) -> nw.LazyFrame:
    """`person_months` summed over services too: person, month, service (= code), n, cents."""
    return _summed(months, "person", "month").with_columns(service=nw.lit(code).cast(nw.Int16))


def residency(persons: nw.LazyFrame, days: nw.LazyFrame, span: tuple[int, int]) -> nw.LazyFrame:
    """The months in which a person is a resident of the span, and the days lost in the first and the last.

    A person is a resident from birth or `resident_from`, whichever is later, through `resident_to` or death,
    whichever is earlier; both ends count as days at risk.

    Parameters
    ----------
    persons : person, birth_day, resident_from_day, resident_to_day, death_day (null = open)
    days : `calendar` of the span
    span : first and last day of the span

    Returns
    -------
    person, from_month, to_month (inclusive), lost_first, lost_last (days of those months without residence)
    """
    starts = [nw.col(c).fill_null(span[0]) for c in ("birth_day", "resident_from_day")]
    ends = [nw.col(c).fill_null(span[1]) for c in ("resident_to_day", "death_day")]
    bounds = persons.select(
        "person",
        start=nw.max_horizontal(nw.lit(span[0]), *starts).cast(nw.Int32),
        end=nw.min_horizontal(nw.lit(span[1]), *ends).cast(nw.Int32),
    ).filter(nw.col("start") <= nw.col("end"))
    start = days.select(start="day", from_month="month", lost_first="before")
    end = days.select(end="day", to_month="month", lost_last="after")
    return bounds.join(start, on="start").join(end, on="end").drop("start", "end")


def resident_runs(runs: nw.LazyFrame, resident: nw.LazyFrame) -> nw.LazyFrame:
    """Runs of membership cut to the months in which the person is a resident of the span."""
    stay = resident.select("person", stay_from="from_month", stay_to="to_month")
    return (
        runs.join(stay, on="person")
        .with_columns(
            from_month=nw.max_horizontal("from_month", "stay_from"),
            to_month=nw.min_horizontal("to_month", "stay_to"),
        )
        .filter(nw.col("from_month") <= nw.col("to_month"))
        .select(nw.col("group").cast(nw.Int16), "person", "from_month", "to_month")
    )


def residence_runs(resident: nw.LazyFrame, code: int) -> nw.LazyFrame:
    """Residence itself as runs of membership in the group `code`."""
    group = nw.lit(code).cast(nw.Int16).alias("group")
    return resident.select(group, "person", "from_month", "to_month")


def people(persons: nw.LazyFrame, unknown_municipality: int) -> nw.LazyFrame:
    """person, municipality, sex, birth_month; a non-disclosure order makes the municipality unknown."""
    place = nw.when(nw.col("non_disclosure").fill_null(False)).then(nw.lit(unknown_municipality))
    given = place.otherwise(nw.col("municipality").cast(nw.Int32)).cast(nw.Int32)
    return persons.select("person", "sex", "birth_month", municipality=given)


def counts(months: nw.LazyFrame, runs: nw.LazyFrame, who: nw.LazyFrame, bounds: Sequence[int]) -> nw.LazyFrame:
    """Contacts, persons and cents of group members, by service and stratum.

    Parameters
    ----------
    months : `by_service` or `across_services`
    runs : membership: group, person, from_month, to_month (inclusive)
    who : `people`
    bounds : lowest ages of the age bands, in years; the first band also takes what is below it

    Returns
    -------
    group, service, municipality, age_band (index into bounds), sex, month, contacts, persons, cents. A
    person is in one stratum a month, so persons add up over strata, and not over services or months.
    """
    return (
        _members(months, runs)
        .join(who, on="person")
        .with_columns(age_band=_age_band(bounds))
        .group_by("group", "service", *STRATUM)
        .agg(nw.col("n").sum().alias("contacts"), nw.len().alias("persons"), nw.col("cents").sum())
        .with_columns(*_whole("contacts", "persons", "cents"))
    )


def person_years(months: nw.LazyFrame, runs: nw.LazyFrame, who: nw.LazyFrame, coverage: nw.LazyFrame) -> nw.LazyFrame:
    """Covered and uncovered contacts of a person in a calendar year, by service.

    Parameters
    ----------
    months : `by_service`
    runs : group, person, from_month, to_month: when a person counts
    coverage : service, municipality, month, covered (bool), dense

    Returns
    -------
    person, service, year, contacts, cents (both in covered cells), uncovered (contacts in other cells)
    """
    covered = nw.col("covered").cast(nw.Int64)
    placed = _members(months, runs).join(who, on="person")
    return added(
        placed.join(coverage, on=["service", "municipality", "month"])
        .with_columns(
            year=nw.col("month") // 12,
            contacts=nw.col("n") * covered,
            cents=nw.col("cents") * covered,
            uncovered=nw.col("n") * (1 - covered),
        )
        .select("person", "service", "year", "contacts", "cents", "uncovered"),
        "person",
        "service",
        "year",
    )


def volumes(years: nw.LazyFrame, code: int) -> nw.LazyFrame:
    """Contacts, cents and distinct persons by service and calendar year, and of all services under `code`.

    Parameters
    ----------
    years : `person_years`

    Returns
    -------
    service, year, contacts, persons, cents, uncovered
    """
    together = added(years.drop("service"), "person", "year")
    columns = ("service", "year", "contacts", "cents", "uncovered")
    either = [
        years.with_columns(nw.col("service").cast(nw.Int16)).select(*columns),
        together.with_columns(service=nw.lit(code).cast(nw.Int16)).select(*columns),
    ]
    return added(
        nw.concat(either, how="vertical").with_columns(persons=(nw.col("contacts") > 0).cast(nw.Int64)),
        "service",
        "year",
    )


def member_steps(runs: nw.LazyFrame, who: nw.LazyFrame, bands: nw.LazyFrame) -> nw.LazyFrame:
    """Persons who enter (+) and leave (−) a group's stratum in a month; cumulated they are its members.

    Parameters
    ----------
    runs : group, person, from_month, to_month (inclusive)
    bands : age_band, from_age, to_age (inclusive, in months of age); the first band reaches below zero

    Returns
    -------
    group, municipality, age_band, sex, month, step (persons)
    """
    stays = (
        runs.join(who, on="person")
        .join(bands, how="cross")
        .with_columns(
            enter=nw.max_horizontal(nw.col("from_month"), nw.col("birth_month") + nw.col("from_age")),
            leave=nw.min_horizontal(nw.col("to_month"), nw.col("birth_month") + nw.col("to_age")) + 1,
        )
        .filter(nw.col("enter") < nw.col("leave"))
    )
    keys = ("group", "municipality", "age_band", "sex")
    entered = stays.select(*keys, month=nw.col("enter").cast(nw.Int32), step=nw.lit(1))
    left = stays.select(*keys, month=nw.col("leave").cast(nw.Int32), step=nw.lit(-1))
    return added(nw.concat([entered, left], how="vertical"), *keys, "month")


def lost_days(runs: nw.LazyFrame, who: nw.LazyFrame, resident: nw.LazyFrame, bounds: Sequence[int]) -> nw.LazyFrame:
    """Days of members' months without residence: group, municipality, age_band, sex, month, lost (days)."""
    first = resident.filter(nw.col("lost_first") > 0).select("person", month="from_month", lost="lost_first")
    last = resident.filter(nw.col("lost_last") > 0).select("person", month="to_month", lost="lost_last")
    lost = _members(nw.concat([first, last], how="vertical"), runs).join(who, on="person")
    placed = lost.with_columns(age_band=_age_band(bounds)).select("group", *STRATUM, "lost")
    return added(placed, "group", *STRATUM)


def queue(
    referrals: nw.LazyFrame,
    runs: nw.LazyFrame,
    who: nw.LazyFrame,
    resident: nw.LazyFrame,
    month_ends: nw.LazyFrame,
) -> nw.LazyFrame:
    """Referrals of members that wait at a month's end: received by then, and neither started nor closed.

    Parameters
    ----------
    referrals : person, service, received_day, started_day, closed_day (null = not yet)
    resident : `residency`; who has died or moved by the month's end does not wait
    month_ends : month, last_day

    Returns
    -------
    group, service, municipality, month, waiting (referrals), persons
    """
    exits = [nw.col(column).fill_null(NEVER) for column in ("started_day", "closed_day")]
    entries = referrals.with_columns(exit_day=nw.min_horizontal(*exits))
    stay = resident.select("person", "lost_last", stay_to="to_month")
    return (
        _members(_waiting(entries, month_ends), runs)
        .join(stay, on="person")
        .filter((nw.col("month") < nw.col("stay_to")) | (nw.col("lost_last") == 0))
        .join(who.select("person", "municipality"), on="person")
        .group_by("group", "service", "municipality", "month")
        .agg(nw.col("n").sum().alias("waiting"), nw.len().alias("persons"))
        .with_columns(*_whole("waiting", "persons"))
    )


def added(rows: nw.LazyFrame, *keys: str) -> nw.LazyFrame:
    """Rows of the same key added up, every other column being a whole number."""
    sums = [name for name in rows.collect_schema().names() if name not in keys]
    return rows.group_by(*keys).agg(nw.col(*sums).sum()).with_columns(*_whole(*sums))


def _waiting(entries: nw.LazyFrame, month_ends: nw.LazyFrame) -> nw.LazyFrame:
    """person, service, month, n: the queue entries of a person that are open at the month's end."""
    return (
        entries.select("person", "service", "received_day", "exit_day")
        .join(month_ends, how="cross")
        .filter(nw.col("received_day") <= nw.col("last_day"), nw.col("exit_day") > nw.col("last_day"))
        .group_by("person", "service", "month")
        .agg(nw.len().alias("n"))
    )


def _members(months: nw.LazyFrame, runs: nw.LazyFrame) -> nw.LazyFrame:
    """The person-months that fall in a run of membership, once for each group."""
    joined = months.join(runs, on="person")
    inside = (nw.col("month") >= nw.col("from_month")) & (nw.col("month") <= nw.col("to_month"))
    return joined.filter(inside).drop("from_month", "to_month")


def _summed(months: nw.LazyFrame, *keys: str) -> nw.LazyFrame:
    return added(months.with_columns(cents=_cents(nw.col("cost_eur"))).select(*keys, "n", "cents"), *keys)


def _whole(*columns: str) -> list[nw.Expr]:
    """Sums as 64-bit integers: DuckDB widens them further, and other programs would read floats."""
    return [nw.col(column).cast(nw.Int64) for column in columns]


def _cents(euros: nw.Expr) -> nw.Expr:
    return (euros.fill_null(0) * 100 + 0.5).floor().cast(nw.Int64)


def _age_band(bounds: Sequence[int]) -> nw.Expr:
    """Index of the band of a person's age at the first day of the month."""
    age_months = nw.col("month") - nw.col("birth_month")
    band = nw.lit(0)
    for bound in bounds[1:]:
        band = band + (age_months >= 12 * bound).cast(nw.Int16)
    return band.cast(nw.Int16)
