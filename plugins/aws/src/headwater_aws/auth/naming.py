"""The name of an opened identity, by which a plan's relations refer to it."""

from __future__ import annotations

import hashlib
import json

from headwater.auth.credentials import AuthStrategy, strategy_kind


def auth_ref(strategy: AuthStrategy, region: str | None, endpoint_url: str | None) -> str:
    """Return the name of an opened identity: the same for the same identity, in every process.

    Args:
        strategy: How it is obtained; its secrets are references, and do not enter the name.
        region: Region that it was opened for.
        endpoint_url: Address that it was opened for.

    Returns:
        E.g. `aws:oidc-role:1f0c9a3b52de`.
    """
    facts = [type(strategy).__qualname__, strategy.model_dump(mode="json"), region, endpoint_url]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
    return f"aws:{strategy_kind(strategy)}:{digest[:12]}"
