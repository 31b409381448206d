"""Databases as sources: the store does not depend on where rows lay, every failure is clear, no secret is ever shown.

The PostgreSQL server is a real one that the tests start. SQL Server's adapter runs against it through PostgreSQL's ODBC
driver; what it would say to a real SQL Server is compared as text, because none was at hand.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import adbc_driver_postgresql.dbapi as driver
import contract_tables as tables_of
import duckdb
import keyring.errors
import mapped_source
import postgresql_server
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from postgresql_server import PASSWORD, Server

from ennakointi import cli, run, sources, store
from ennakointi import parameters as documents
from ennakointi.errors import DataError, EnnakointiError, ParameterError, RunError
from ennakointi.periods import Quarter
from ennakointi.schema import TABLES
from ennakointi.sources import info, secrets, servers
from ennakointi.sources.servers import odbc, postgresql

PLACE = "ENNAKOINTI_TEST_DATABASE"
ODBC_DRIVER = Path("/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so")
COUNTY = {table: tables_of.county()[table] for table in ("persons", "contacts", "stays", "plans")}
pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with a county in schema `dw`, and a reader who may not see all of it."""
    if postgresql_server.binaries() is None:
        pytest.skip(postgresql_server.NOT_INSTALLED)
    with postgresql_server.running() as started:
        started.do("CREATE SCHEMA dw", "CREATE SCHEMA bare", f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        with closing(driver.connect(started.address())) as session, session.cursor() as cursor:
            for table, rows in COUNTY.items():
                content = pa.Table.from_pandas(rows, preserve_index=False)
                cursor.adbc_ingest(table, content, mode="create", db_schema_name="dw")
            session.commit()
        started.do("GRANT USAGE ON SCHEMA dw, public TO reader", "GRANT SELECT ON ALL TABLES IN SCHEMA dw TO reader")
        yield started


@pytest.fixture
def kept(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, its connection kept where sources look for it."""
    monkeypatch.setenv(PLACE, server.address())
    return server


def described(folder: Path, **settings: object) -> Path:
    """A source that is a database."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {"kind": "postgresql", "connection": f"env:{PLACE}", "schema": "dw", **settings}
    about = {"name": "county", "server": {key: value for key, value in given.items() if value is not None}}
    (folder / "source.json").write_text(json.dumps(about))
    return folder


def built(data: Path, work: Path) -> store.Store:
    source = sources.discover(data)
    return store.build(source, work / "store", tables_of.Settings(), tables_of.AS_OF, tables_of.LENIENT)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the county's store as it comes out of Parquet files."""
    opened = tables_of.build(tmp_path_factory.mktemp("parquet"), COUNTY)
    return str(opened.manifest["content"])


def drawn(kind: str, folder: Path, view: str, columns: str = "") -> pa.Table:
    """The staged rows of a table."""
    settings = info.read(described(folder, **({"kind": kind} if kind != "postgresql" else {}))).server
    assert settings is not None
    file = servers.headers(settings, folder)[view]
    servers.stage(settings, folder, [servers.Job(file, columns.split() or file.columns, folder / "rows.parquet")])
    assert (folder / "rows.parquet").stat().st_mode & 0o777 == 0o600
    return pq.read_table(folder / "rows.parquet")


def test_the_store_of_a_postgresql_county_is_that_of_its_files(kept: Server, tmp_path: Path, content: str) -> None:
    opened = built(described(tmp_path / "data"), tmp_path)
    assert opened.manifest["content"] == content
    assert {"table": "contacts", "file": "dw.contacts", "rows": 200} in opened.manifest["files"]


@pytest.fixture
def duckdb_county(tmp_path: Path) -> Path:
    """The county in a DuckDB file, its persons under another name."""
    with closing(duckdb.connect(str(tmp_path / "county.duckdb"))) as file:
        file.execute("CREATE SCHEMA dw")
        for table, rows in COUNTY.items():
            file.from_df(rows).create("dw.v_henkilot" if table == "persons" else table)
    return tmp_path / "county.duckdb"


def test_the_store_of_a_duckdb_file_is_that_of_its_files(duckdb_county: Path, tmp_path: Path, content: str) -> None:
    given = {"file": "../county.duckdb", "tables": {"persons": "dw.v_henkilot"}, "connection": None, "schema": None}
    assert built(described(tmp_path / "data", kind="duckdb", **given), tmp_path).manifest["content"] == content
    with closing(duckdb.connect(str(duckdb_county))) as file:
        file.execute("CREATE VIEW persons AS SELECT * FROM dw.v_henkilot")
    assert built(duckdb_county, tmp_path).manifest["content"] == content  # the file alone is a source, too


def test_tables_are_matched_whole_and_by_name_or_as_the_source_says(duckdb_county: Path, tmp_path: Path) -> None:
    with closing(duckdb.connect(str(duckdb_county))) as file:
        file.execute("ALTER TABLE contacts RENAME TO KAYNNIT")
        file.execute("CREATE TABLE kaynnit_2019 AS FROM KAYNNIT")
    mapping = mapped_source.document(
        {
            "inputs": {"henkilot": {}, "kaynnit": {}},
            "tables": {
                "persons": [{"of": "henkilot", "columns": {c: c for c in TABLES["persons"].required}}],
                "contacts": [{"of": "kaynnit", "columns": {c: c for c in TABLES["contacts"].required}}],
            },
        }
    )
    given = {"file": str(duckdb_county), "tables": {"Henkilot": "dw.v_henkilot"}, "connection": None, "schema": None}
    folder = described(tmp_path / "data", kind="duckdb", **given)
    (folder / "kaynnit_2020.csv").touch()
    with pytest.raises(DataError, match="kaynnit: stands in two formats"):
        sources.discover(folder, {"test": mapping})
    (folder / "kaynnit_2020.csv").unlink()
    found = sources.discover(folder, {"test": mapping})  # recognised by its tables
    assert {name: [file.name for file in files] for name, files in found.inputs.items()} == {
        "henkilot": ["dw.v_henkilot"],
        "kaynnit": ["main.KAYNNIT"],
    }
    (tmp_path / "staged").mkdir()
    _, staged = mapped_source.staged(found, tmp_path / "staged")
    assert staged.read == {"henkilot": 20, "kaynnit": 200}


def test_finished_work_is_kept_only_while_the_database_looks_the_same(duckdb_county: Path) -> None:
    with closing(duckdb.connect(str(duckdb_county))) as file:
        file.execute("CREATE VIEW persons AS SELECT * FROM dw.v_henkilot")
    options = run.Options(data=duckdb_county, quarter=Quarter(2024, 4))
    parameters = documents.load(None, "paijat-hame")

    def basis() -> str:
        return run._basis(sources.discover(options.data, parameters.mappings), options, parameters, ["all"])

    before = basis()
    assert basis() == before
    with closing(duckdb.connect(str(duckdb_county))) as file:
        file.execute("DELETE FROM contacts WHERE contact_id = 'c000'")
    assert basis() != before


def test_a_table_with_other_columns_is_read_anew(kept: Server, tmp_path: Path) -> None:
    kept.do("CREATE TABLE dw.growing AS SELECT * FROM dw.contacts")
    options = run.Options(data=described(tmp_path, **CONTACTS["growing"]), quarter=Quarter(2024, 4))
    parameters = documents.load(None, "paijat-hame")
    before = run._basis(sources.discover(options.data, parameters.mappings), options, parameters, ["all"])
    kept.do("ALTER TABLE dw.growing ADD note text")
    after = run._basis(sources.discover(options.data, parameters.mappings), options, parameters, ["all"])
    assert after != before


def test_a_duckdb_file_reaches_no_other_file(duckdb_county: Path, tmp_path: Path) -> None:
    tables_of.persons().to_parquet(tmp_path / "elsewhere.parquet")
    with closing(duckdb.connect(str(duckdb_county))) as file:
        file.execute(f"CREATE VIEW persons AS SELECT * FROM '{tmp_path / 'elsewhere.parquet'}'")
    with pytest.raises(DataError, match=r"main\.persons: may not be read"):
        built(duckdb_county, tmp_path)


def test_a_file_that_is_no_database_and_one_that_is_taken_are_named(duckdb_county: Path, tmp_path: Path) -> None:
    (tmp_path / "note.duckdb").write_text("no database " * 1000)
    with pytest.raises(DataError, match=r"note\.duckdb: is missing or no DuckDB file"):
        sources.discover(tmp_path / "note.duckdb")
    with closing(duckdb.connect(str(duckdb_county))), pytest.raises(RunError, match="another program holds"):
        sources.discover(duckdb_county)


def test_types_without_a_place_in_the_contract_come_as_the_door_reads_them(kept: Server, tmp_path: Path) -> None:
    kept.do(
        "DROP VIEW IF EXISTS dw.kinds",
        "ALTER ROLE county SET timezone = 'America/New_York'",
        "CREATE VIEW dw.kinds AS SELECT 12345678901234567890.50::numeric AS amount, 'a'::char(4) AS padded, "
        "'00000000-0000-0000-0000-000000000001'::uuid AS id, '{}'::jsonb AS document, "
        "timestamptz '2024-07-01 09:00:00+00' AS summer, timestamptz '2024-01-01 22:30:00+00' AS winter, "
        "date 'infinity' AS open, timestamp '-infinity' AS ever, 'ä' AS letter, '\\x00'::bytea AS bytes",
    )
    wanted = "amount padded id document summer winter open ever letter"
    row = drawn("postgresql", tmp_path, "kinds", wanted).to_pylist()[0]
    assert row == {
        "_row": 1,
        "amount": "12345678901234567890.50",
        "padded": "a",
        "id": "00000000-0000-0000-0000-000000000001",
        "document": "{}",
        "summer": datetime(2024, 7, 1, 12, 0),
        "winter": datetime(2024, 1, 2, 0, 30),
        "open": None,
        "ever": None,
        "letter": "ä",
    }
    with pytest.raises(DataError, match="stored as bytea"):
        drawn("postgresql", tmp_path, "kinds", "bytes")


def test_text_comes_as_utf_8_whatever_the_database_keeps(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, encoding in (("latin", "LATIN1"), ("unknown", "SQL_ASCII")):
        server.do(f"CREATE DATABASE {name} ENCODING {encoding} TEMPLATE template0")
    server.do("CREATE SCHEMA dw", "CREATE VIEW dw.names AS SELECT chr(228) AS name", database="latin")
    server.do("CREATE SCHEMA dw", "CREATE VIEW dw.names AS SELECT chr(228) AS name", database="unknown")
    monkeypatch.setenv(PLACE, server.address(database="latin"))
    assert drawn("postgresql", tmp_path / "latin", "names")["name"].to_pylist() == ["ä"]
    monkeypatch.setenv(PLACE, server.address(database="unknown"))
    with pytest.raises(DataError, match=r"dw\.names: holds text that is not UTF-8"):
        drawn("postgresql", tmp_path / "unknown", "names")


def test_every_row_of_every_table_is_of_one_moment(
    kept: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.do("DROP SCHEMA IF EXISTS moving CASCADE", "CREATE SCHEMA moving")
    kept.do(*(f"CREATE TABLE moving.{table} AS SELECT * FROM dw.{table}" for table in ("persons", "contacts")))
    read = postgresql.Postgresql.batches

    def disturbed(self: postgresql.Postgresql, query: str, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
        yield from read(self, query, expected)
        if '"persons"' in query:
            kept.do("DELETE FROM moving.contacts")
            with pytest.raises(driver.Error, match="lock timeout"):  # else the snapshot would see an empty table
                kept.do("SET lock_timeout = '50ms'", "TRUNCATE moving.contacts")

    monkeypatch.setattr(postgresql.Postgresql, "batches", disturbed)
    opened = built(described(tmp_path / "data", schema="moving"), tmp_path)
    assert opened.manifest["tables"]["contacts"]["read"] == 200
    assert kept.do("SELECT count(*) FROM moving.contacts") == [(0,)]


def dropped(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Half of the contacts are read when the server ends the session."""
    server.do("CREATE OR REPLACE VIEW dw.endless AS SELECT c.* FROM dw.contacts c, generate_series(1, 10000)")
    read = postgresql.Postgresql.batches

    def broken(self: postgresql.Postgresql, query: str, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(read(self, query, expected)):
            if '"endless"' in query and not number:
                server.do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%endless%'")
            yield batch

    monkeypatch.setattr(postgresql.Postgresql, "batches", broken)
    return server.address()


def retyped(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The contacts' cost becomes text between the header and the rows."""
    server.do("DROP TABLE IF EXISTS dw.swapped", "CREATE TABLE dw.swapped AS SELECT * FROM dw.contacts")
    stage = servers.stage

    def changing(*given: object) -> dict[str, int]:
        server.do("ALTER TABLE dw.swapped ALTER COLUMN cost_eur TYPE text")
        return stage(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(servers, "stage", changing)
    return server.address()


def withheld(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The contacts are there, but not for the reader."""
    server.do("DROP TABLE IF EXISTS dw.hidden", "CREATE TABLE dw.hidden AS SELECT * FROM dw.contacts")
    return server.address("reader")


def gone(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The contacts are dropped between the header and the rows."""
    server.do("CREATE TABLE dw.fleeting AS SELECT * FROM dw.contacts")
    stage = servers.stage

    def dropping(*given: object) -> dict[str, int]:
        server.do("DROP TABLE dw.fleeting")
        return stage(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(servers, "stage", dropping)
    return server.address()


def cancelled(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The contacts take longer than the reader is allowed."""
    server.do(
        "CREATE OR REPLACE VIEW dw.slow AS SELECT c.* FROM dw.contacts c, pg_sleep(1)",
        "GRANT SELECT ON dw.slow TO reader",
        "ALTER ROLE reader SET statement_timeout = '200ms'",
    )
    return server.address("reader")


def emptied(server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    server.do("CREATE OR REPLACE VIEW dw.nothing AS SELECT * FROM dw.contacts WHERE false")
    return server.address()


CONTACTS = {
    name: {"tables": {"contacts": f"dw.{name}"}}
    for name in ("endless", "swapped", "hidden", "fleeting", "slow", "growing")
}
FAILURES = {
    "wrong password": (lambda s, _: s.address(password=f"{PASSWORD}x"), {}, 4, "password was not accepted"),
    "no such user": (lambda s, _: s.address("nobody"), {}, 4, "password was not accepted"),
    "no such database": (lambda s, _: s.address(database="nowhere"), {}, 4, "no database of that name"),
    "no server": (lambda s, _: s.address().replace(f":{s.port}", ":1"), {}, 4, "no database answers"),
    "no host": (lambda s, _: s.address().replace("127.0.0.1", "no.invalid"), {}, 4, "no database answers"),
    "no connection": (lambda *_: f"password={PASSWORD} rubbish", {}, 4, "no database answers"),
    "missing schema": (lambda s, _: s.address(), {"schema": "wd"}, 3, "schema 'wd' holds no table"),
    "empty schema": (lambda s, _: s.address(), {"schema": "bare"}, 3, "schema 'bare' holds no table"),
    "missing table": (
        lambda s, _: s.address(),
        {"tables": {"contacts": "dw.contcats"}},
        3,
        "dw.contcats is not in the database, or hidden from its user – did you mean 'dw.contacts'?",
    ),
    "empty table": (emptied, {"tables": {"contacts": "dw.nothing"}}, 3, "contacts: holds no rows"),
    "no permission": (withheld, CONTACTS["hidden"], 3, "dw.hidden: may not be read with this user"),
    "dropped in mid-read": (dropped, CONTACTS["endless"], 4, "dw.endless: the connection was lost"),
    "over the time limit": (cancelled, CONTACTS["slow"], 4, "dw.slow: the server stopped the query"),
    "changed type": (retyped, CONTACTS["swapped"], 3, "dw.swapped: its columns or their types changed"),
    "table gone": (gone, CONTACTS["fleeting"], 3, "dw.fleeting: is no longer in the database"),
}


def secrets_of(server: Server) -> tuple[str, ...]:
    return PASSWORD, "postgresql://", "127.0.0.1", f":{server.port}", "reader", "no.invalid"


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_clear(case: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, settings, code, said = FAILURES[case]
    monkeypatch.setenv(PLACE, prepare(server, monkeypatch))
    with pytest.raises(EnnakointiError) as caught:
        built(described(tmp_path / "data", **settings), tmp_path / "work")
    assert caught.value.exit_code == code
    assert said in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert not [secret for secret in secrets_of(server) if secret in shown]


@pytest.mark.parametrize("case", ["wrong password", "dropped in mid-read"])
def test_a_run_that_fails_leaves_no_secret_anywhere(
    case: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepare, settings, code, said = FAILURES[case]
    monkeypatch.setenv(PLACE, prepare(server, monkeypatch))
    data, work, output = described(tmp_path / "data", **settings), tmp_path / "work", tmp_path / "outputs"
    places = ["--data", str(data), "--work", str(work), "--output", str(output)]
    assert cli.main(["run", "--debug", "--quarter", "2024Q4", *places]) == code
    shown = "".join(capfd.readouterr())
    assert said in shown
    assert "Traceback" in shown  # --debug was heard
    written = [path.read_text(errors="replace") for path in work.rglob("*") if path.is_file()]
    assert not [secret for secret in secrets_of(server) for place in (shown, *written) if secret in place]
    assert not output.exists()


def test_nothing_that_is_kept_holds_the_connection(kept: Server, tmp_path: Path) -> None:
    built(described(tmp_path / "data"), tmp_path / "work")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"manifest.json", "plans"} <= {path.name for path in files} | {path.parent.name for path in files}
    assert not [path for path in files for secret in secrets_of(kept) if secret.encode() in path.read_bytes()]


def test_a_connection_written_into_a_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    given = f"postgresql://county:{PASSWORD}@db.example/dw"
    with pytest.raises(DataError, match="env:NAME or keyring:SERVICE/USER") as caught:
        sources.discover(described(tmp_path, connection=given))
    assert PASSWORD not in "".join(map(str, (caught.value, caught.value.__cause__)))
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "given",
    [{"kind": "duckdb"}, {"kind": "duckdb", "connection": None}, {"connection": None}, {"file": "county.duckdb"}],
)
def test_a_database_is_found_in_one_way(given: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is found by"):
        sources.discover(described(tmp_path, **given))


def test_the_keyring_keeps_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_password", lambda *place: {("dw/prod", "reader"): "found"}.get(place))
    assert secrets.resolve("keyring:dw/prod/reader") == "found"
    with pytest.raises(ParameterError, match="`keyring set dw other`"):
        secrets.resolve("keyring:dw/other")


def test_a_locked_keyring_and_an_unset_variable_say_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: str) -> str:
        raise keyring.errors.KeyringError(PASSWORD)

    monkeypatch.setattr(keyring, "get_password", locked)
    with pytest.raises(ParameterError, match=r"^keyring:dw/reader: the keyring cannot be opened"):
        secrets.resolve("keyring:dw/reader")
    monkeypatch.delenv(PLACE, raising=False)
    with pytest.raises(ParameterError, match=f"set the environment variable {PLACE}"):
        secrets.resolve(f"env:{PLACE}")


@pytest.fixture
def by_odbc(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, its connection kept as ODBC wants it."""
    if not ODBC_DRIVER.exists():
        pytest.skip("PostgreSQL's ODBC driver is not installed (Debian: odbc-postgresql)")
    monkeypatch.setenv(
        PLACE,
        f"Driver={ODBC_DRIVER};Server=127.0.0.1;Port={server.port};Database=postgres;Uid=county;Pwd={PASSWORD};"
        "UseDeclareFetch=1",
    )
    return server


def test_the_store_by_odbc_is_that_of_its_files(by_odbc: Server, tmp_path: Path, content: str) -> None:
    assert built(described(tmp_path / "data", kind="sqlserver"), tmp_path).manifest["content"] == content


@pytest.mark.parametrize(
    ("spoil", "raised", "said"),
    [
        (("Pwd=", "Pwd=x"), RunError, "password was not accepted"),
        (("Port=", "Port=1"), RunError, "no database answers"),
        (("psqlodbcw", "nowhere"), RunError, "ODBC driver that the connection names"),
    ],
)
def test_failures_by_odbc_are_clear(
    spoil: tuple[str, str],
    raised: type[EnnakointiError],
    said: str,
    by_odbc: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PLACE, secrets.resolve(f"env:{PLACE}").replace(*spoil))
    with pytest.raises(raised, match=said) as caught:
        sources.discover(described(tmp_path, kind="sqlserver"))
    assert PASSWORD not in str(caught.value)


def test_a_changed_table_by_odbc_is_clear(by_odbc: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    retyped(by_odbc, monkeypatch)
    with pytest.raises(DataError, match=r"dw\.swapped: its columns or their types changed"):
        built(described(tmp_path / "data", kind="sqlserver", **CONTACTS["swapped"]), tmp_path)


def test_what_is_said_to_sql_server() -> None:
    types = {
        "person_id": "uniqueidentifier",
        "cost_eur": "money",
        "started_at": "datetimeoffset",
        "ended_at": "datetime2",
        "unit": "nchar",
        "completed": "bit",
        "packages": "decimal",
    }
    assert odbc.DIALECT.query("dw.contacts", types) == (
        'SELECT CAST("person_id" AS varchar(8000)) AS "person_id", '
        'CONVERT(varchar(40), "cost_eur", 2) AS "cost_eur", '
        'CAST("started_at" AT TIME ZONE \'FLE Standard Time\' AS datetime2(6)) AS "started_at", '
        '"ended_at" AS "ended_at", RTRIM("unit") AS "unit", "completed" AS "completed", '
        'CAST("packages" AS varchar(8000)) AS "packages" FROM "dw"."contacts"'
    )
    assert odbc.DIALECT.arrow(types).field("started_at").type == pa.timestamp("us")
    assert {"rowversion", "timestamp", "varbinary"} <= odbc.DIALECT.unreadable


@pytest.mark.parametrize(
    ("state", "message", "reason"),
    [
        ("42000", "[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]… (229)", "permission"),
        ("42000", "[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]… (4060)", "no_database"),
        ("28000", "[28000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]… (18456)", "login"),
        ("08S01", "[08S01] [Microsoft][ODBC Driver 18 for SQL Server]Communication link failure", "dropped"),
        ("HYT00", "[HYT00] [Microsoft][ODBC Driver 18 for SQL Server]Login timeout expired", "server"),
        ("42S02", "[42S02] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]… (208)", "table"),
        ("40001", "[40001] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]… (1205)", "40001"),
    ],
)
def test_what_sql_server_says_is_understood(state: str, message: str, reason: str) -> None:
    assert odbc.Odbc.reason(odbc.pyodbc.Error(state, message)) == reason
