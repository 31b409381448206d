"""What the checks need to know of the rows, counted in one reading of the store; nothing here knows a threshold.

Tables about persons are read bucket by bucket on DuckDB: a person lies in one bucket, so that counts of rows, pairs
and distinct persons add up. Codes come out as words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb
import pandas as pd

from ennakointi.database import name, text
from ennakointi.parameters.documents import Service
from ennakointi.quality import activity, residents
from ennakointi.schema import CODE, MODES, TABLES, TIMESTAMP, Column, Table
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS, stem

COUNTS = ("check", "table", "column", "detail", "rows", "failed")
CODES = ("table", "column", "code", "service", "period", "rows")
PAIRS = {  # (earlier, later) that the contract does not refuse already; a row is named by the later
    "contacts": (("contacted_at", "need_assessed_at"), ("need_assessed_at", "started_at")),
    "referrals": (
        ("received_on", "assessment_started_on"),
        ("received_on", "decided_on"),
        ("decided_on", "started_on"),
    ),
    "stays": (("ready_at", "discharged_at"),),
}
_OPEN_LISTS = {("persons", "municipality"), ("statuses", "status"), ("enrolments", "intervention")}
_CUBE = ("mode", "profession", "urgency", "nature", "provider", "attendance")  # code columns of contacts
_HOSPITAL = ("specialised_inpatient", "ward_care")
_NOT_ELSEWHERE = (*_HOSPITAL, "emergency", "home_hospital")  # no contradiction on a day in hospital
_MET = ("in_person", "home", "elsewhere")
_CLIENT = "social_welfare_client"
_YEAR = 365


def of_store(opened: Store, services: Mapping[str, Service]) -> dict[str, pd.DataFrame]:
    """Measures of a store.

    Parameters
    ----------
    opened : Store
    services : services by code; their sector tells social services.

    Returns
    -------
    dict of str to DataFrame
        `quality_counts`: check (a measure of quality.yml), table, column, detail, rows (looked at), failed.
        `quality_codes`: rows by table, column, code, service (empty outside contacts) and period (0 = the last 12
        months, 1 = the 12 before, 2 = earlier; for persons 0 = resident still, 2 = gone). `quality_volumes` and
        `quality_activity`: see `activity`; `quality_residents`: see `residents`.
    """
    connection = opened.connection()
    reader = _Reader(opened, connection, services)
    counts, codes, volumes = reader.read()
    made = {
        "quality_counts": counts,
        "quality_codes": codes,
        "quality_volumes": volumes,
        "quality_activity": activity.of_store(opened, connection),
        "quality_residents": residents.of_store(opened, connection),
    }
    connection.close()
    return made


class _Reader:
    """Runs every query on every bucket and adds up what they count."""

    def __init__(self, opened: Store, connection: duckdb.DuckDBPyConnection, services: Mapping[str, Service]) -> None:
        self.opened = opened
        self.connection = connection
        self.social = [code for code, service in services.items() if service.sector == "social"]

    def read(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        tables = [TABLES[table] for table in TABLES if table in self.opened.tables]
        counts, codes, volumes = [], [], []
        for bucket in range(BUCKETS):
            for table in tables:
                if table.by_person or bucket == 0:
                    relation = self.opened.frame(table.name, bucket if table.by_person else None, self.connection)
                    relation.to_native().create_view(table.name)
            for table in tables:
                if table.by_person or bucket == 0:
                    counts += [self._frame(query, COUNTS) for query in self._counted(table)]
                    codes += [self._frame(query, CODES) for query in self._coded(table)]
            if "contacts" in self.opened.tables:
                volumes.append(self._frame(activity.volumes_query(self.opened), activity.VOLUMES))
        return _added(counts, COUNTS, 4), self._decoded(_added(codes, CODES, 5)), activity.decoded(self.opened, volumes)

    def _frame(self, query: str, columns: tuple[str, ...]) -> pd.DataFrame:
        return self.connection.execute(query).df().set_axis(list(columns), axis=1)

    def _counted(self, table: Table) -> Iterator[str]:
        """Queries that give rows of `quality_counts`."""
        columns = self.opened.columns(table.name)
        stamps = [c for c in table.columns if c.kind == TIMESTAMP and c.name in columns]
        parts = [("midnight", c.name, "", f"count({stem(c)}_minute)", _at_midnight(c)) for c in stamps]
        for first, then in PAIRS.get(table.name, ()):
            if {first, then} <= columns:
                before, after = table[first], table[then]
                both = f"count(*) FILTER ({stem(before)}_day IS NOT NULL AND {stem(after)}_day IS NOT NULL)"
                wrong = f"count(*) FILTER ({_later(before, after)})"
                parts.append(("order", then, f"{first} > {then}", both, wrong))
        if parts:
            yield _rows_of(table.name, parts)
        if table.name == "contacts":
            yield _duplicates()
        if table.name == "stays":
            yield self._overlaps()
        if table.name == "panel":
            yield _gaps()
        if table.name == "contacts" and "stays" in self.opened.tables:
            yield self._during_stays()
        if table.name == "contacts" and self._places("statuses", "status", [_CLIENT]):
            yield self._without_status()
            yield self._without_contact()

    def _coded(self, table: Table) -> Iterator[str]:
        """Queries that give rows of `quality_codes`, codes as places of the code lists."""
        columns = self.opened.columns(table.name)
        wanted = [c.name for c in table.columns if c.name in columns and _is_listed(table, c)]
        period = f"CASE WHEN month > {self.opened.last_month - 12} THEN 0 "
        period += f"WHEN month > {self.opened.last_month - 24} THEN 1 ELSE 2 END"
        if table.name == "persons":
            period = "CASE WHEN resident_to_day IS NULL AND death_day IS NULL THEN 0 ELSE 2 END"
        elif table.event is None:
            period = "2"
        if table.name == "contacts":
            wanted = [c for c in wanted if c in _CUBE]
            yield _from_cube(wanted, period)
            return
        for column in wanted:
            yield (
                f"SELECT {text(table.name)}, {text(column)}, {name(column)} AS code, "
                f"-1 AS service, {period} AS period, count(*) AS rows FROM {table.name} "
                f"WHERE {name(column)} IS NOT NULL GROUP BY ALL"
            )

    def _places(self, table: str, column: str, codes: list[str] | tuple[str, ...]) -> str:
        """Places of codes in the code list of a column, as an SQL list; empty if none is in use."""
        listed = self.opened.codes(table, column) if column in self.opened.columns(table) else []
        return ", ".join(str(place) for place, code in enumerate(listed) if code in codes)

    def _overlaps(self) -> str:
        """Hospital stays, and those that begin before an earlier one of the person has ended (an open one goes on)."""
        begin, end = (f"({x}_day * 1440 + {x}_minute)" for x in ("admitted", "discharged"))
        hospital = self._places("stays", "service", _HOSPITAL) or "NULL"
        return (
            "SELECT 'overlap', 'stays', '', '', "
            "count(*) AS rows, count(*) FILTER (latest > begins) AS failed FROM (SELECT "
            f"{begin} AS begins, max(coalesce({end}, 2147483647)) OVER (PARTITION BY person ORDER BY {begin}, "
            f"coalesce({end}, 2147483647) ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS latest FROM stays "
            f"WHERE service IN ({hospital}))"
        )

    def _during_stays(self) -> str:
        """In-person contacts on a day strictly inside a hospital stay, in a service that is not the hospital."""
        hospital = self._places("stays", "service", _HOSPITAL) or "NULL"
        elsewhere = self._places("contacts", "service", _NOT_ELSEWHERE) or "NULL"
        met = ", ".join(str(MODES.index(mode)) for mode in _MET)
        return (
            "SELECT 'during_stay', 'contacts', '', '', "
            "count(*) AS rows, count(*) FILTER (EXISTS (SELECT 1 FROM stays s WHERE s.person = c.person "
            "AND s.admitted_day < c.started_day AND s.discharged_day > c.started_day "
            f"AND s.service IN ({hospital}))) AS failed FROM contacts c "
            f"WHERE mode IN ({met}) AND coalesce(attendance, 0) = 0 AND coalesce(service NOT IN ({elsewhere}), TRUE)"
        )

    def _without_status(self) -> str:
        """Contacts of each social service, and those of persons who are no client of social welfare on the day."""
        client = self._places("statuses", "status", [_CLIENT])
        social = self._places("contacts", "service", self.social) or "NULL"
        codes = ", ".join(map(text, self.opened.codes("contacts", "service")))
        return (
            "SELECT 'contacts_without_status', 'contacts', '', "
            f"([{codes}])[service + 1], count(*) AS rows, count(*) FILTER (NOT EXISTS (SELECT 1 FROM "
            f"statuses s WHERE s.person = c.person AND s.status IN ({client}) AND s.start_day <= c.started_day "
            "AND coalesce(s.end_day >= c.started_day, TRUE))) AS failed FROM contacts c "
            f"WHERE service IN ({social}) GROUP BY ALL"
        )

    def _without_contact(self) -> str:
        """Client periods whose first year lies in the data, and those without a social contact in that year."""
        client = self._places("statuses", "status", [_CLIENT])
        social = self._places("contacts", "service", self.social) or "NULL"
        last = (self.opened.as_of - pd.Timestamp(0).date()).days
        return (
            "SELECT 'clients_without_contact', 'statuses', '', "
            "'', count(*) AS rows, count(*) FILTER (NOT EXISTS (SELECT 1 FROM contacts c "
            "WHERE c.person = s.person AND c.started_day >= s.start_day "
            f"AND c.started_day <= s.start_day + {_YEAR} AND c.service IN ({social}))) AS failed "
            f"FROM statuses s WHERE status IN ({client}) AND month >= {self.opened.first_month} "
            f"AND start_day + {_YEAR} <= {last} AND coalesce(end_day - start_day >= {_YEAR}, TRUE)"
        )

    def _decoded(self, codes: pd.DataFrame) -> pd.DataFrame:
        """Words for places; a place is a number of its own table's and column's list."""
        services = self.opened.codes("contacts", "service")
        lists = {key: self.opened.codes(*key) for key in {*zip(codes["table"], codes["column"], strict=True)}}
        words = [lists[t, c][int(i)] for t, c, i in zip(codes["table"], codes["column"], codes["code"], strict=True)]
        named = ["" if place < 0 else services[int(place)] for place in codes["service"]]
        return codes.assign(code=words, service=named)


def _is_listed(table: Table, column: Column) -> bool:
    return column.kind == CODE and (bool(column.codes) or (table.name, column.name) in _OPEN_LISTS)


def _added(parts: list[pd.DataFrame], columns: tuple[str, ...], n_keys: int) -> pd.DataFrame:
    """Rows of the same key added up."""
    if not parts:
        return pd.DataFrame(columns=list(columns))
    keys, sums = list(columns[:n_keys]), list(columns[n_keys:])
    return pd.concat(parts, ignore_index=True).groupby(keys, as_index=False, sort=True)[sums].sum()


def _rows_of(table: str, parts: list[tuple[str, str, str, str, str]]) -> str:
    """One scan of a table for several checks, given as (check, column, detail, SQL of rows, SQL of failed)."""
    sums = ", ".join(f"{rows} AS r{i}, {failed} AS f{i}" for i, (*_, rows, failed) in enumerate(parts))
    each = " UNION ALL ".join(
        f"SELECT {text(check)}, {text(table)}, {text(column)}, "
        f"{text(detail)}, r{i} AS rows, f{i} AS failed FROM counted"
        for i, (check, column, detail, *_) in enumerate(parts)
    )
    return f"WITH counted AS MATERIALIZED (SELECT {sums} FROM {table}) {each}"


def _at_midnight(column: Column) -> str:
    return f"count(*) FILTER ({stem(column)}_minute = 0)"


def _later(before: Column, after: Column) -> str:
    """SQL of `before` lying after `after`; at midnight the time of day is not known, only the day counts."""
    x, y = stem(before), stem(after)
    later = f"{x}_day > {y}_day"
    if before.kind == TIMESTAMP and after.kind == TIMESTAMP:
        later += f" OR ({x}_day = {y}_day AND {x}_minute > {y}_minute AND {y}_minute > 0)"
    return later


def _duplicates() -> str:
    """Contacts with a known time of day, and those that repeat the person, start, service and mode of another."""
    when = f"((person // {BUCKETS})::BIGINT * 65536 + started_day) * 2048 + started_minute"
    key = f"(({when}) * 1024 + service) * 16 + mode"
    return (
        "SELECT 'duplicates', 'contacts', '', '', "
        f"count(*) AS rows, count(*) - count(DISTINCT {key}) AS failed FROM contacts WHERE started_minute > 0"
    )


def _gaps() -> str:
    """Periods of an aggregate source's series between its first and its last, and those without a row."""
    step = "CASE frequency WHEN 0 THEN month ELSE period_start_day // CASE frequency WHEN 1 THEN 7 ELSE 1 END END"
    return (
        "SELECT 'gaps', 'panel', '', '', sum(span) AS rows, "
        f"sum(span - n) AS failed FROM (SELECT max(p) - min(p) + 1 AS span, count(DISTINCT p) AS n FROM "
        f"(SELECT *, {step} AS p FROM panel) GROUP BY area, target_group, service, frequency, measure)"
    )


def _from_cube(columns: list[str], period: str) -> str:
    """Rows of contacts by service, period and code of each column, from one pass."""
    cube = f"SELECT service, {period} AS period, {', '.join(columns)}, count(*) AS n FROM contacts GROUP BY ALL"
    each = " UNION ALL ".join(
        f"SELECT 'contacts', {text(column)}, {column} AS code, service, period, "
        f"sum(n)::BIGINT AS rows FROM cube WHERE {column} IS NOT NULL GROUP BY ALL"
        for column in columns
    )
    return f"WITH cube AS MATERIALIZED ({cube}) {each}"
