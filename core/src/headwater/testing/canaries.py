"""Secrets of a plugin's values, found however they are held, and where they show."""

from __future__ import annotations

import contextlib
import io
import logging
import pickle
import re
import traceback
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

from headwater.auth.credentials import Credentials, Secret

_SECRET_NAME: Final = re.compile(
    r"(^|.*_)(password|passwd|passphrase|pwd|secret|token|credentials?|bearer|authorization"
    r"|(api|access|account|private|secret|shared|signing)_?key)$",
    re.IGNORECASE,
)
"""Names of fields that hold a secret, and no name, file or address of one."""
_REFERENCE: Final = re.compile(r"(env|file|command|http|https|literal)\b.*[:/]", re.IGNORECASE)
_SHORTEST: Final = 4
"""Characters of the shortest secret that is looked for: shorter ones are found anywhere."""
_CANARY: Final = "canary"
"""What a text with this word in it is: a secret that a test planted."""


def secrets(*values: object) -> dict[str, str]:
    """Return the secrets in values and their fields, however deep: text to the name of its field.

    These are what a `Secret` holds, and texts that should be held by one: of a field that is called
    so (`password`, `api_key`), in an address (`https://user:password@host`), with the word `canary`
    in it. What a model also shows under another name is none: the id of an access key.
    """
    hidden: dict[str, str] = {}
    plain: set[str] = set()
    visited: set[int] = set()
    left: list[tuple[str, object]] = [(type(v).__name__, v) for v in values]
    while left:
        name, value = left.pop()
        if id(value) in visited and not isinstance(value, str):
            continue
        visited.add(id(value))
        match value:
            case Secret():
                hidden.setdefault(value.reveal(), name)
            case str():
                if _is_secret(name.rpartition(".")[2], value):
                    hidden[value] = name
                elif password := _password_in(value):
                    hidden[password] = name
                else:
                    plain.add(value)
            case bytes():
                left.append((name, value.decode("latin-1")))
            case Mapping():
                left += [(f"{name}.{key}", v) for key, v in value.items()]
            case list() | tuple() | set() | frozenset():
                left += [(name, v) for v in value]
            case BaseModel():
                left += [(f"{name}.{n}", getattr(value, n)) for n in type(value).model_fields]
            case SecretStr() | SecretBytes():
                hidden.setdefault(str(value.get_secret_value()), name)
            case _ if hasattr(value, "describe") or isinstance(value, Credentials):
                left += [(f"{name}.{n}", v) for n, v in _attributes(value)]
    return {
        text: name for text, name in hidden.items() if len(text) >= _SHORTEST and text not in plain
    }


def _is_secret(name: str, value: str) -> bool:
    if _REFERENCE.match(value):
        return False
    return bool(_SECRET_NAME.match(name)) or _CANARY in value


def _password_in(value: str) -> str | None:
    if "://" not in value or "@" not in value:
        return None
    try:
        password = urlsplit(value).password
    except ValueError:
        return None
    return unquote(password) if password else None


def _attributes(value: object) -> list[tuple[str, object]]:
    """Return what an object holds, in its dict or its slots."""
    slots = [n for c in type(value).__mro__ for n in getattr(c, "__slots__", ())]
    slot_values = [(n, getattr(value, n)) for n in slots if hasattr(value, n)]
    return [*slot_values, *getattr(value, "__dict__", {}).items()]


def shown(hidden: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """Return which secrets show where, without saying them.

    Args:
        hidden: As `secrets` returns them.
        places: What is looked at: its name to its text.
    """
    return [
        f"{name} shows in {place}"
        for text, name in hidden.items()
        for place, output in places.items()
        if text in output
    ]


def unsaid(hidden: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets that no log may say: all but the ids of keys, which requests carry."""
    return {text: name for text, name in hidden.items() if not name.endswith("key_id")}


def value_places(name: str, value: BaseModel) -> dict[str, str]:
    """Return the texts that a value gives of itself, by what gives them."""
    return {
        f"repr({name})": repr(value),
        f"str({name})": str(value),
        f"{name}.model_dump()": repr(value.model_dump()),
        f"{name}.model_dump_json()": value.model_dump_json(fallback=repr),
        f"the pickle of {name}": pickled(value),
    }


def pickled(value: object) -> str:
    """Return a value's pickle as text; empty for what does not pickle, and carries nothing."""
    try:
        return pickle.dumps(value).decode("latin-1")
    except Exception:  # noqa: BLE001 - whatever a plugin's values raise
        return ""


def error_places(error: BaseException) -> dict[str, str]:
    """Return the texts of an error and of what it came from, by what gives them."""
    texts: list[str] = []
    one: BaseException | None = error
    while one is not None:
        texts.append(f"{one!r}{one}")
        one = one.__cause__ or one.__context__
    return {
        "the error or its causes": "".join(texts),
        "the traceback": "".join(traceback.format_exception(error)),
        "the pickle of the error": pickled(error),
    }


@contextmanager
def listening() -> Iterator[dict[str, str]]:
    """Collect what is logged (at every level), warned and printed inside; filled in at the end."""
    output: dict[str, str] = {}
    out, err, logged = io.StringIO(), io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(logged)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    root = logging.getLogger()
    loggers = [root, *_loggers()]
    levels = [(one, one.level) for one in loggers]
    disabled = root.manager.disable
    deaf = [(one, one.handlers) for one in loggers if one is root or not one.propagate]
    for one, _ in deaf:
        one.handlers = [handler]  # nobody else writes down what may be a secret
    for one in loggers:
        one.setLevel(logging.DEBUG)
    logging.disable(logging.NOTSET)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always")
            yield output
    finally:
        logging.disable(disabled)
        for one, level in levels:
            one.setLevel(level)
        for one, handlers in deaf:
            one.handlers = handlers
    output["a log record"] = logged.getvalue()
    output["what it printed"] = out.getvalue() + err.getvalue()
    output["a warning"] = "".join(str(w.message) for w in warned)


def _loggers() -> Iterable[logging.Logger]:
    registered: Any = logging.getLogger().manager.loggerDict.values()
    return [one for one in registered if isinstance(one, logging.Logger)]
