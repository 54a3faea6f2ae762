"""A PostgreSQL server of the tests' own, on 127.0.0.1, gone when they end."""

from __future__ import annotations

import io
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pg8000.dbapi as pg
import pytest

USER, PASSWORD = "monitor", "s3cret-canary"


@dataclass(frozen=True)
class Server:
    """A running server, with one user and its database."""

    port: int

    def ask(self, query: str) -> Any:
        """Return the rows of a query."""
        connection = pg.connect(
            USER, host="127.0.0.1", port=self.port, database=USER, password=PASSWORD
        )
        cursor = connection.cursor()
        cursor.execute(query)
        rows = cursor.fetchall()
        connection.close()
        return rows

    def copy(self, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Append rows to a table, all at once."""
        lines = ("\t".join(map(_copied, row)) + "\n" for row in rows)
        text = io.BytesIO("".join(lines).encode())
        connection = pg.connect(
            USER, host="127.0.0.1", port=self.port, database=USER, password=PASSWORD
        )
        connection.cursor().execute(f"COPY {table} FROM STDIN", stream=text)
        connection.commit()
        connection.close()

    def run(self, statement: str, rows: list[tuple[Any, ...]] | None = None) -> None:
        """Execute a statement, once or for each row."""
        connection = pg.connect(
            USER, host="127.0.0.1", port=self.port, database=USER, password=PASSWORD
        )
        cursor = connection.cursor()
        cursor.execute(statement) if rows is None else cursor.executemany(statement, rows)
        connection.commit()
        connection.close()


def _copied(value: Any) -> str:
    """Return a value as COPY's text format has it."""
    if value is None:
        return "\\N"
    text = str(value)
    for plain, escaped in (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return text


def _programs() -> Path:
    """Return where PostgreSQL's programs are; Debian keeps them off the path."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists():
            return place
    raise pytest.fail.Exception(
        "these tests need PostgreSQL's server: on Debian and Ubuntu, apt-get install postgresql"
    )


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="headwater-pg-"))
    # PostgreSQL refuses to run as root; there, somebody without rights runs it.
    somebody = pwd.getpwnam("nobody") if os.getuid() == 0 else None
    as_user: dict[str, Any] = {}
    if somebody is not None:
        os.chown(folder, somebody.pw_uid, somebody.pw_gid)
        as_user = {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), *arguments]
        with (folder / f"{program}.out").open("wb") as out:
            done = subprocess.run(
                command, check=False, stdout=out, stderr=out, cwd=folder, timeout=60, **as_user
            )
        assert done.returncode == 0, (folder / f"{program}.out").read_text()

    data = str(folder / "data")
    login = ["-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
    run("initdb", "-D", data, "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync", *login)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
    try:
        found = Server(port)
        connection = pg.connect(
            USER, host="127.0.0.1", port=port, database="postgres", password=PASSWORD
        )
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {USER}")
        connection.close()
        yield found
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)
