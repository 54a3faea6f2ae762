"""Table catalog: planned Iceberg tables for Spark, with the credentials that read them.

An Iceberg table's metadata names its files by their own URIs, so they can't be opened under a
scheme of ours, as other files are (`storage`). Iceberg has a way of its own: a REST catalog vends a
table with credentials, and an address where executors get new ones. This is such a catalog, for one
read: it knows the planned tables, each at the metadata that the plan pinned, and nothing else.

Source: Apache Iceberg, "REST Catalog API" (`rest-catalog-open-api.yaml`): `getConfig`, `loadTable`,
`loadCredentials`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from headwater.auth.credentials import Credentials, Secret
from headwater.engines.spark.http_server import HttpServer
from headwater.errors import HeadwaterError

NAMESPACE: Final = "hw"
_TABLES: Final = f"/v1/namespaces/{NAMESPACE}/tables/"
_CREDENTIALS: Final = "/credentials"


@dataclass(frozen=True, slots=True, eq=False)
class VendedTable:
    """A table that the catalog vends.

    Args:
        metadata_location: Where its metadata file is.
        metadata: That file's content.
        credentials: Gives the reading identity's current credentials.
        renewed: Whether executors may ask for new credentials.
    """

    metadata_location: str
    metadata: dict[str, Any]
    credentials: Callable[[], Credentials]
    renewed: bool


class TableCatalog(HttpServer):
    """A read-only Iceberg REST catalog of the tables of one read.

    Args:
        host: Address to listen on.
    """

    method = "GET"
    content_type = "application/json"

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._tables: dict[str, VendedTable] = {}
        self._token = Secret(secrets.token_urlsafe(32))
        super().__init__(host)

    def settings(self, name: str) -> dict[str, str]:
        """Return the settings by which a session knows this catalog under a name.

        Source: Apache Iceberg, "Spark Configuration", "Catalog configuration".
        """
        prefix = f"spark.sql.catalog.{name}"
        return {
            prefix: "org.apache.iceberg.spark.SparkCatalog",
            f"{prefix}.type": "rest",
            f"{prefix}.uri": self.url,
            f"{prefix}.token": self._token.reveal(),
            f"{prefix}.token-refresh-enabled": "false",
            f"{prefix}.cache-enabled": "false",
        }

    def add(self, name: str, table: VendedTable) -> None:
        """Let a table be known."""
        self._tables[name] = table

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Return status and text for a request."""
        status, answer = self._answer(path, headers.get("authorization", ""))
        return status, json.dumps(answer)

    def _answer(self, path: str, authorization: str) -> tuple[int, dict[str, Any]]:
        if path == "/v1/config":
            endpoint = "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}"
            return 200, {"defaults": {}, "overrides": {}, "endpoints": [endpoint]}
        if not secrets.compare_digest(authorization, f"Bearer {self._token.reveal()}"):
            return 401, _error(401, "NotAuthorizedException", "not this catalog's token")
        name, _, rest = path.removeprefix(_TABLES).partition("/")
        table = self._tables.get(name)
        if not path.startswith(_TABLES) or table is None:
            return 404, _error(404, "NoSuchTableException", f"nothing at {path}")
        try:
            current = table.credentials()
        except HeadwaterError as error:
            return 403, _error(403, "ForbiddenException", error.message)
        if f"/{rest}" == _CREDENTIALS:
            vended = {"prefix": "s3", "config": _keys(current)}
            return 200, {"storage-credentials": [vended]}
        return 200, self._loaded(name, table, current)

    def _loaded(self, name: str, table: VendedTable, current: Credentials) -> dict[str, Any]:
        config = {
            "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            # Its default client is of a newer SDK than the one that hadoop-aws goes with.
            "http-client.type": "urlconnection",
            **_keys(current),
        }
        if region := current.settings.get("region"):
            config["client.region"] = region
        if url := current.settings.get("endpoint_url"):
            config |= {"s3.endpoint": url, "s3.path-style-access": "true"}
        if table.renewed and current.expires_at is not None:
            config["client.refresh-credentials-endpoint"] = (
                f"{self.url}{_TABLES}{name}{_CREDENTIALS}"
            )
        return {
            "metadata-location": table.metadata_location,
            "metadata": table.metadata,
            "config": config,
        }


def _keys(credentials: Credentials) -> dict[str, str]:
    """Return credentials in the words of Iceberg's S3FileIO."""
    words = {
        "access_key_id": "s3.access-key-id",
        "secret_access_key": "s3.secret-access-key",
        "session_token": "s3.session-token",
    }
    keys = {
        word: credentials.secrets[k].reveal()
        for k, word in words.items()
        if k in credentials.secrets
    }
    if credentials.expires_at is not None:
        keys["s3.session-token-expires-at-ms"] = str(_milliseconds(credentials.expires_at))
    return keys


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _error(code: int, kind: str, message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": code}}
