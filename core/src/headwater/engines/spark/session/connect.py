"""Connecting: sessions on a Spark Connect server."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from headwater.engines.spark.session.reference import SETTINGS
from headwater.engines.spark.session.sessions import (
    Kind,
    Opened,
    adjust,
    first_line,
    opened_as,
    retire,
)
from headwater.errors import EngineError, UnsupportedError


def connect(remote: str, conf: Mapping[str, str]) -> Opened:
    """Open a session of our own on a Spark Connect server, with the reference's settings.

    Args:
        remote: E.g. `sc://host:15002`.
        conf: Settings for the session, on top.

    Raises:
        EngineError: If the server can't be reached.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession as ConnectSession

    resources = ExitStack()
    try:
        # The client itself tries for minutes before it says that nothing is there.
        _knock(DefaultChannelBuilder(remote).endpoint)
        session: Any = ConnectSession.builder.remote(remote).create()
        resources.callback(retire, session)
        resources.callback(session.stop)
        adjust(session, {**SETTINGS, **conf})
        return opened_as(session, Kind.CONNECT, resources)
    except (PySparkException, OSError) as error:
        resources.close()
        raise EngineError(
            f"no session could be opened at {without_token(remote)}: {first_line(error)}",
            hint="check that a Spark Connect server listens there, and its token",
        ) from error


def _knock(endpoint: str) -> None:
    host, _, port = endpoint.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def check_confidential(opened: Opened, storage_identity: str = "headwater") -> None:
    """Fail if credentials would be sent, and could be read on their way to the session.

    Raises:
        UnsupportedError: If they would go over a network in plain text.
    """
    if opened.kind is not Kind.CONNECT or storage_identity == "cluster":
        return
    client: Any = opened.session
    builder = client.client._builder
    if not builder.secure and builder.host not in ("localhost", "127.0.0.1", "::1"):
        raise UnsupportedError(
            f"credentials are not sent to {builder.endpoint}: the connection is not encrypted",
            hint="connect with sc://host:port/;use_ssl=true, or let the cluster's own identity "
            'read storage: storage_identity="cluster"',
        )


def without_token(remote: str) -> str:
    """Return an address without its parameters, a token among them."""
    return remote.partition("/;")[0]
