"""Where events go: a server or a file, as OpenLineage's own variables say."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from headwater.errors import ConfigError, HeadwaterError
from headwater.interfaces import Secret

TIMEOUT: Final = 5.0
"""Seconds that a read may be held up by a server that does not answer."""
_writing = threading.Lock()


class LineageError(HeadwaterError):
    """An event could not be delivered. Observers are logged, so this never fails a read."""

    default_code = "lineage"


@dataclass(frozen=True)
class Target:
    """Where events go.

    Args:
        namespace: Namespace of the jobs.
        file: File to append to, one JSON document a line.
        url: Address to post to, instead.
        api_key: Bearer token for it.
    """

    namespace: str
    file: Path | None = None
    url: str | None = None
    api_key: Secret | None = field(default=None, repr=False)

    def send(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Deliver events, in order.

        Raises:
            LineageError: If one can't be delivered; names the target.
        """
        for event in events:
            text = json.dumps(event, separators=(",", ":"))
            try:
                self._append(text) if self.url is None else self._post(text)
            except OSError as error:
                raise LineageError(
                    f"can't send an event to {self.url or self.file}: {error}"
                ) from error

    def _append(self, text: str) -> None:
        if self.file is not None:
            with _writing, self.file.open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")

    def _post(self, text: str) -> None:
        # Most programs send nothing: they don't wait for an HTTP client.
        from urllib.request import Request, urlopen

        headers = {"Content-Type": "application/json"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key.reveal()}"
        request = Request(str(self.url), text.encode(), headers, method="POST")
        with urlopen(request, timeout=TIMEOUT):
            pass


def configured(environ: Mapping[str, str] = os.environ) -> Target | None:
    """Return where events go, or None if nothing is configured.

    Args:
        environ: Where OpenLineage's variables are; read at each event, so that tests and services
            may change them.

    Raises:
        ConfigError: If the URL is none.
    """
    if environ.get("OPENLINEAGE_DISABLED", "").lower() == "true":
        return None
    namespace = environ.get("OPENLINEAGE_NAMESPACE") or "headwater"
    url, file = environ.get("OPENLINEAGE_URL"), environ.get("OPENLINEAGE_FILE")
    if url:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ConfigError(f"OPENLINEAGE_URL is {url!r}", hint="write http:// or https://")
        path = environ.get("OPENLINEAGE_ENDPOINT") or "api/v1/lineage"
        key = environ.get("OPENLINEAGE_API_KEY")
        whole = urljoin(f"{url.rstrip('/')}/", path.lstrip("/"))
        return Target(namespace, url=whole, api_key=Secret(key) if key else None)
    return Target(namespace, file=Path(file)) if file else None
