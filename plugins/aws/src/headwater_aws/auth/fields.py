"""The fields that identities share, checked when they are written down."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from headwater.auth.tokens import TokenInput
from headwater.errors import ConfigError
from headwater.untrusted.texts import json_value
from headwater_aws.session_policies import LIMIT
from headwater_aws.tokens import SOURCES, parse_token

_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_SESSION = re.compile(r"[\w+=,.@-]{2,64}")


def _role_arn(value: str) -> str:
    if not _ARN.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a role's ARN; write arn:aws:iam::<12-digit account>:role/<name>"
        )
    return value


def _session_name(value: str) -> str:
    if not _SESSION.fullmatch(value):
        raise ValueError(f"{value!r}: 2 to 64 letters, digits or any of _+=,.@-")
    return value


def _policy(value: str | Mapping[str, Any]) -> str:
    try:
        document = json_value(value) if isinstance(value, str) else dict(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"the session policy is not JSON: {error}") from error
    text = json.dumps(document, separators=(",", ":"))
    if len(text) > LIMIT:
        raise ValueError(f"the session policy has {len(text)} characters, AWS takes {LIMIT}")
    return text


def _token(value: TokenInput) -> TokenInput:
    try:
        return parse_token(value)
    except ConfigError as error:
        raise ValueError(f"{error.message}; {error.hint}") from None


def _described(value: Any) -> str:
    return str(value.describe())


_REFERENCE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": f"^(file:.+|env:.+|command:.+|{'|'.join(SOURCES)})$"},
        {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]},
    ]
}

RoleArn: TypeAlias = Annotated[str, AfterValidator(_role_arn)]
"""A role's ARN."""
SessionName: TypeAlias = Annotated[str, AfterValidator(_session_name)]
"""Name of a role session; CloudTrail shows it."""
Duration: TypeAlias = Annotated[int, Field(ge=900, le=43200)]
"""Seconds that a role session lasts before it is renewed."""
PolicyText: TypeAlias = Annotated[
    str | Mapping[str, Any],
    BeforeValidator(_policy),
    WithJsonSchema({"type": ["string", "object"]}),
]
"""A session policy, as JSON text or as the object itself; what is kept is the text."""
Token: TypeAlias = Annotated[
    TokenInput,
    BeforeValidator(_token),
    PlainSerializer(_described, return_type=str),
    WithJsonSchema(_REFERENCE_SCHEMA),
]
"""A token by reference: what is kept is the `TokenSource`."""
