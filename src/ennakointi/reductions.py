"""Reductions of the store, written once as narwhals expressions and run bucket by bucket on DuckDB.

A frame is a narwhals LazyFrame of any backend that narwhals has; DuckDB runs them in production, pandas and
PyArrow in the tests. Days and months are integers throughout: there is no date arithmetic, no percentile over
event rows and no window function. A person lies in one bucket, so distinct persons of buckets add up.

Sums of euros are taken in whole cents: they are exact, so that neither threads nor backends change a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.periods import day_number, first_day

NOT_SERVICE_MODES = ("administrative", "professional")  # no client meets the service in these
REMOTE_MODES = ("phone", "remote_realtime", "remote_async", "letter")
NO_PROVIDER = -1
NEVER = 2**31 - 1  # the day of an exit that has not come
STRATUM = ("municipality", "age_band", "sex", "month")


@dataclass(frozen=True)
class ContactCodes:
    """The integer codes that decide what a contact is; `attended` is None where it is not recorded."""

    attended: int | None
    not_service_modes: tuple[int, ...]
    remote_modes: tuple[int, ...]

    @classmethod
    def of(cls, modes: Sequence[str], attendance: Sequence[str]) -> ContactCodes:
        """The codes of a store whose code lists of `contacts.mode` and `contacts.attendance` are given."""
        place = {mode: code for code, mode in enumerate(modes)}
        return cls(
            attended=list(attendance).index("attended") if "attended" in attendance else None,
            not_service_modes=tuple(place[mode] for mode in NOT_SERVICE_MODES if mode in place),
            remote_modes=tuple(place[mode] for mode in REMOTE_MODES if mode in place),
        )


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


def person_months(contacts: nw.LazyFrame, codes: ContactCodes) -> nw.LazyFrame:
    """Attended service contacts of a person in a month by service, provider and channel.

    Parameters
    ----------
    contacts : frame of the store's `contacts`; `attendance`, `provider`, `cost_eur` may be absent.

    Returns
    -------
    person, month, service, provider (-1 = not recorded), remote (bool), n (contacts), cost_eur (euros; a
    contact without a cost adds nothing).
    """
    columns = set(contacts.collect_schema().names())
    counted = ~nw.col("mode").is_in(codes.not_service_modes)
    if "attendance" in columns and codes.attended is not None:
        counted = counted & (nw.col("attendance").is_null() | (nw.col("attendance") == codes.attended))
    provider = nw.col("provider").cast(nw.Int16) if "provider" in columns else nw.lit(NO_PROVIDER)
    cost = nw.col("cost_eur") if "cost_eur" in columns else nw.lit(0.0)
    keys = ("person", "month", "service", "provider", "remote")
    return (
        contacts.filter(counted)
        .with_columns(
            provider=provider.fill_null(NO_PROVIDER).cast(nw.Int16),
            remote=nw.col("mode").is_in(codes.remote_modes),
            cents=_cents(cost),
        )
        .group_by(*keys)
        .agg(nw.len().alias("n"), nw.col("cents").sum())
        .with_columns(nw.col("n").cast(nw.Int32), cost_eur=nw.col("cents") / 100)
        .drop("cents")
    )


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
    persons : person, birth_day and, where known, resident_from_day, resident_to_day, death_day (null = open)
    days : `calendar` of the span
    span : first and last day of the span

    Returns
    -------
    person, from_month, to_month (inclusive), lost_first, lost_last (days of those months without residence)
    """
    columns = set(persons.collect_schema().names())
    starts = [nw.col(c).fill_null(span[0]) for c in ("birth_day", "resident_from_day") if c in columns]
    ends = [nw.col(c).fill_null(span[1]) for c in ("resident_to_day", "death_day") if c in columns]
    first, last = nw.lit(span[0]), nw.lit(span[1])
    bounds = persons.select(
        "person",
        start=nw.max_horizontal(first, *starts).cast(nw.Int32),
        end=nw.min_horizontal(last, *ends).cast(nw.Int32),
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
        .select("group", "person", "from_month", "to_month")
    )


def people(persons: nw.LazyFrame, unknown_municipality: int) -> nw.LazyFrame:
    """person, municipality, sex, birth_month; a non-disclosure order makes the municipality unknown."""
    place = nw.col("municipality").cast(nw.Int32)
    if "non_disclosure" in persons.collect_schema().names():
        kept_out = nw.col("non_disclosure").fill_null(False)
        place = nw.when(kept_out).then(nw.lit(unknown_municipality)).otherwise(place).cast(nw.Int32)
    return persons.select("person", "sex", "birth_month", municipality=place)


def counts(
    months: nw.LazyFrame, runs: nw.LazyFrame, who: nw.LazyFrame, bounds: Sequence[int]
) -> nw.LazyFrame:
    """Contacts, persons and euros of group members, by service and stratum.

    Parameters
    ----------
    months : `by_service` or `across_services`
    runs : membership: group, person, from_month, to_month (inclusive)
    who : `people`
    bounds : lowest ages of the age bands, in years; the first band also takes what is below it

    Returns
    -------
    group, service, municipality, age_band (index into bounds), sex, month, contacts, persons, cost_eur. A
    person is in one stratum a month, so persons add up over strata, and not over services or months.
    """
    return _in_euros(
        _members(months, runs)
        .join(who, on="person")
        .with_columns(age_band=_age_band(bounds))
        .group_by("group", "service", *STRATUM)
        .agg(nw.col("n").sum().alias("contacts"), nw.len().alias("persons"), nw.col("cents").sum()),
        "contacts",
        "persons",
    )


def person_years(
    months: nw.LazyFrame, runs: nw.LazyFrame, who: nw.LazyFrame, coverage: nw.LazyFrame
) -> nw.LazyFrame:
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
    return (
        _members(months, runs)
        .join(who, on="person")
        .join(coverage, on=["service", "municipality", "month"])
        .with_columns(
            year=nw.col("month") // 12,
            contacts=nw.col("n") * covered,
            cents=nw.col("cents") * covered,
            uncovered=nw.col("n") * (1 - covered),
        )
        .group_by("person", "service", "year")
        .agg(nw.col("contacts", "cents", "uncovered").sum())
    )


def volumes(years: nw.LazyFrame, code: int) -> nw.LazyFrame:
    """Contacts, euros and distinct persons by service and calendar year, and of all services under `code`.

    Parameters
    ----------
    years : `person_years`

    Returns
    -------
    service, year, contacts, persons, cost_eur, uncovered
    """
    together = years.group_by("person", "year").agg(nw.col("contacts", "cents", "uncovered").sum())
    columns = ("service", "year", "contacts", "cents", "uncovered")
    either = [
        years.with_columns(nw.col("service").cast(nw.Int16)).select(*columns),
        together.with_columns(service=nw.lit(code).cast(nw.Int16)).select(*columns),
    ]
    return _in_euros(
        nw.concat(either, how="vertical")
        .with_columns(persons=(nw.col("contacts") > 0).cast(nw.Int64))
        .group_by("service", "year")
        .agg(nw.col("contacts", "persons", "cents", "uncovered").sum()),
        "contacts",
        "persons",
        "uncovered",
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
    entered = stays.select(*keys, month="enter", step=nw.lit(1))
    left = stays.select(*keys, month="leave", step=nw.lit(-1))
    steps = nw.concat([entered, left], how="vertical").group_by(*keys, "month")
    return steps.agg(nw.col("step").sum()).with_columns(*_whole("step"))


def lost_days(
    runs: nw.LazyFrame, who: nw.LazyFrame, resident: nw.LazyFrame, bounds: Sequence[int]
) -> nw.LazyFrame:
    """Days of members' months without residence: group, municipality, age_band, sex, month, lost (days)."""
    first = resident.filter(nw.col("lost_first") > 0).select("person", month="from_month", lost="lost_first")
    last = resident.filter(nw.col("lost_last") > 0).select("person", month="to_month", lost="lost_last")
    return (
        _members(nw.concat([first, last], how="vertical"), runs)
        .join(who, on="person")
        .with_columns(age_band=_age_band(bounds))
        .group_by("group", *STRATUM)
        .agg(nw.col("lost").sum())
        .with_columns(*_whole("lost"))
    )


def queue(
    referrals: nw.LazyFrame, runs: nw.LazyFrame, who: nw.LazyFrame, month_ends: nw.LazyFrame
) -> nw.LazyFrame:
    """Referrals of members that wait at a month's end: received by then, and neither started nor closed.

    Parameters
    ----------
    referrals : person, service, received_day and, where known, started_day, closed_day (null = not yet)
    month_ends : month, last_day

    Returns
    -------
    group, service, municipality, month, waiting (referrals), persons
    """
    columns = set(referrals.collect_schema().names())
    exits = [nw.col(c).fill_null(NEVER) for c in ("started_day", "closed_day") if c in columns]
    entries = referrals.with_columns(exit_day=nw.min_horizontal(nw.lit(NEVER), *exits))
    return (
        _members(_waiting(entries, month_ends), runs)
        .join(who.select("person", "municipality"), on="person")
        .group_by("group", "service", "municipality", "month")
        .agg(nw.col("n").sum().alias("waiting"), nw.len().alias("persons"))
        .with_columns(*_whole("waiting", "persons"))
    )


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
    grouped = months.with_columns(cents=_cents(nw.col("cost_eur"))).group_by(*keys)
    return grouped.agg(nw.col("n", "cents").sum()).with_columns(*_whole("n", "cents"))


def _in_euros(frame: nw.LazyFrame, *sums: str) -> nw.LazyFrame:
    return frame.with_columns(*_whole(*sums), cost_eur=nw.col("cents") / 100).drop("cents")


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
