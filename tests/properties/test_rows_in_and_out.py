"""Whatever is wrong, each row is accepted or quarantined, and what is accepted keeps the contract."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import date, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi import sources
from ennakointi.database import Limits, connect
from ennakointi.store import screening
from ennakointi.store.validation import Knowledge

SERVICES = ("primary_care", "oral_health")
AS_OF = date(2021, 12, 31)
PERSONS = ("person_id", "birth_date", "sex", "municipality", "death_date")
CONTACTS = ("contact_id", "person_id", "started_at", "service", "mode", "contacted_at", "cost_eur", "unit")
ODD = (
    "",
    "nobody",
    "-1",
    "2021-01-01",
    "1850-01-01",
    "2999-01-01",
    "12,5",
    "ö",
    " ",
    "'",
    '"',
    ";",
    "NULL",
    "1e309",
)

junk = st.one_of(
    st.sampled_from(ODD),
    st.sampled_from(ODD),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12),
)
corruptions = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 7), junk), max_size=12)
copied = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=4)
lengths = st.lists(st.tuples(st.integers(0, 29), st.sampled_from([-2, -1, 1])), max_size=3)


def clean() -> tuple[list[list[str]], list[list[str]]]:
    persons = [[f"p{i}", f"{1950 + i}-01-01", "female", "111", ""] for i in range(10)]
    contacts = [
        [f"c{i}", f"p{i % 10}", f"2021-01-{i + 1:02} 08:00", SERVICES[i % 2], "phone", "", "5.0", "unit 1"]
        for i in range(30)
    ]
    return persons, contacts


def corrupt(rows: list[list[str]], cells: list[tuple[int, int, str]], copies: list[tuple[int, int]]) -> None:
    for source, target in copies:
        rows[target % len(rows)] = list(rows[source % len(rows)])
    for row, column, value in cells:
        rows[row % len(rows)][column % len(rows[0])] = value


def write(path: Path, header: tuple[str, ...], rows: list[list[str]]) -> None:
    content = io.StringIO()
    csv.writer(content, delimiter=";", lineterminator="\n").writerows([header, *rows])
    path.write_text(content.getvalue(), encoding="utf-8")


def screened(folder: Path) -> tuple[screening.Screened, dict[str, int], list[tuple[object, ...]]]:
    """The outcome, distinct quarantined lines by table, and the accepted contacts."""
    source = sources.discover(folder)
    limits = Limits(memory="200MB", disk="100MB", threads=1, quarantined_share=1.0)
    connection = connect(folder / "tmp", source.places, limits)
    try:
        (folder / "tmp").mkdir()
        knowledge = Knowledge({"services": SERVICES}, AS_OF, AS_OF)
        outcome = screening.screen(connection, source, knowledge, folder / "tmp")
        lines = connection.execute("SELECT tbl, count(DISTINCT line) FROM quarantined GROUP BY tbl").fetchall()
        columns = "contact_id, person_id, started_at, service, mode, contacted_at, cost_eur, born, died"
        return outcome, dict(lines), connection.execute(f"SELECT {columns} FROM accepted_contacts").fetchall()
    finally:
        connection.close()


@settings(deadline=None, max_examples=50, derandomize=True)
@given(corruptions, corruptions, copied, lengths)
def test_rows_in_are_accepted_or_quarantined(
    in_persons: list[tuple[int, int, str]],
    in_contacts: list[tuple[int, int, str]],
    copies: list[tuple[int, int]],
    cut: list[tuple[int, int]],
) -> None:
    persons, contacts = clean()
    corrupt(persons, in_persons, [])
    corrupt(contacts, in_contacts, copies)
    for row, change in cut:
        contacts[row] = contacts[row][:change] if change < 0 else [*contacts[row], "more"]
    with tempfile.TemporaryDirectory() as name:
        write(Path(name) / "persons.csv", PERSONS, persons)
        write(Path(name) / "contacts.csv", CONTACTS, contacts)
        outcome, lines, accepted = screened(Path(name))

    for table, delivered in (("persons", persons), ("contacts", contacts)):
        count = outcome.counts[table]
        assert count.read == len(delivered)
        assert count.quarantined == lines.get(table, 0)
        assert sum(fault.rows for fault in outcome.faults if fault.table == table) >= count.quarantined
    assert len(accepted) == outcome.counts["contacts"].accepted
    keep_the_contract(accepted)


def keep_the_contract(accepted: list[tuple[object, ...]]) -> None:
    """What every accepted contact promises to the methods."""
    assert len({row[0] for row in accepted}) == len(accepted)
    for contact, person, started, service, mode, contacted, cost, born, died in accepted:
        assert contact
        assert person
        assert service in SERVICES
        assert mode
        assert isinstance(started, datetime)
        assert isinstance(born, date)
        assert born <= started.date() <= AS_OF
        assert died is None or (started.date() - died).days <= 30  # type: ignore[operator]
        assert contacted is None or contacted.date() <= started.date()  # type: ignore[attr-defined]
        assert cost is None or 0 <= cost < float("inf")  # type: ignore[operator]
