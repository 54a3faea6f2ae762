"""AWS as two servers tell of it that are not ours: moto's own and ministack, each a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
from botocore.config import Config
from tests.processes import free_port, running

MINISTACK: Final = os.environ.get("HEADWATER_MINISTACK", "")
needs_ministack = pytest.mark.skipif(
    not MINISTACK,
    reason="ministack is not there: `make judge` installs it in an environment of its own (it "
    "wants another botocore than headwater is locked to) and runs these tests; HEADWATER_MINISTACK "
    "names its program",
)


class ForeignServer:
    """A running server, with as much of the emulator's shape as filling a lake needs.

    Args:
        url: Where it answers.
        account_id: The account of the keys that it knows.
    """

    def __init__(self, url: str, account_id: str) -> None:
        self.endpoint_url = url
        self.account_id = account_id

    def client(self, service: str, *, account_id: str = "", region: str = "us-east-1") -> Any:
        """Return a boto3 client of one of its services, as the root of its account."""
        config = Config(s3={"addressing_style": "path"})
        key, secret = self.create_user_keys()
        client: Any = boto3.client  # typed by service name, of which this one is not yet known
        return client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=region,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=config,
        )

    def create_user_keys(self, account_id: str = "", policy: Any = None) -> tuple[str, str]:
        """Return keys that may do all: these servers are asked for rows, not for permissions."""
        return "test", "test"


@contextmanager
def moto(home: Path) -> Iterator[ForeignServer]:
    """Run moto's own server, without the front that the emulator puts before its backends.

    Args:
        home: An empty directory for its log.
    """
    port = free_port()
    program = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with _served(program, home, port, {}, "123456789012") as server:
        yield server


@contextmanager
def ministack(home: Path, *, judges: bool = False) -> Iterator[ForeignServer]:
    """Run ministack, which `HEADWATER_MINISTACK` names.

    Args:
        home: An empty directory for its log and what it keeps.
        judges: Whether it asks IAM's policies for permission.
    """
    port = free_port()
    env = {
        "BIND_HOST": "127.0.0.1",  # without it, it would listen on every interface
        "GATEWAY_PORT": str(port),
        "AUTH": "true" if judges else "false",
        "HOME": str(home),
    }
    with _served([MINISTACK], home, port, env, "000000000000") as server:
        yield server


@contextmanager
def _served(
    program: Sequence[str], home: Path, port: int, env: Mapping[str, str], account_id: str
) -> Iterator[ForeignServer]:
    with running(program, home / "log", port, env):
        yield ForeignServer(f"http://127.0.0.1:{port}", account_id)
