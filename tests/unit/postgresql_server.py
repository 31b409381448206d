"""A PostgreSQL server of one's own: made in a folder, reached by a password, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as driver

PASSWORD = "s3cret-Of-The-Test"
NOT_INSTALLED = "PostgreSQL's server is not installed (Debian: postgresql)"


@dataclass(frozen=True)
class Server:
    """A running server; `user` may do everything in it."""

    port: int
    user: str = "county"

    def address(self, user: str = "county", password: str = PASSWORD, database: str = "postgres") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def do(self, *commands: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run commands one by one outside transactions; the rows of the last one."""
        with closing(driver.connect(self.address(database=database), autocommit=True)) as session:
            for command in commands:
                with session.cursor() as cursor:
                    cursor.execute(command)
                    rows = cursor.fetchall() if cursor.description else []
        return rows


def binaries() -> Path | None:
    """Where the server's programs are: the newest of Debian's versions, else on the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    one = found[-1] if found else shutil.which("initdb")
    return Path(one).parent if one else None


@contextmanager
def running() -> Iterator[Server]:
    """A server on a free port, in a folder of its own; root starts it as `postgres`, because it refuses root."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        yield from _running(Path(folder))


def _running(folder: Path) -> Iterator[Server]:
    programs = binaries()
    assert programs is not None, NOT_INSTALLED
    (folder / "password").write_text(PASSWORD)
    owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    for path in (folder, folder / "password") if owner else ():
        shutil.chown(path, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server = Server(probe.getsockname()[1])
    make = ["initdb", "-U", server.user, "-A", "scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync"]
    settings = f"-c listen_addresses=127.0.0.1 -c port={server.port} -c unix_socket_directories= -c fsync=off"
    start = ["pg_ctl", "-w", "-o", settings, "-l", str(folder / "log"), "start"]

    def run(command: list[str], *more: str) -> None:
        program = [*owner, str(programs / command[0]), "-D", str(folder / "data"), *command[1:], *more]
        subprocess.run(program, check=True, stdout=subprocess.DEVNULL, cwd=folder, env={**os.environ, "LC_ALL": "C"})

    run(make, "-E", "UTF8", "--locale=C")
    run(start)
    try:
        yield server
    finally:
        run(["pg_ctl", "-w", "-m", "immediate", "stop"])
