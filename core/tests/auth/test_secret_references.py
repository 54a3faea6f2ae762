"""A field for a secret: by reference in a file, as a Secret in code, and never shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from headwater.auth.credentials import Secret
from headwater.auth.secret_references import SecretReference


class Login(BaseModel, frozen=True):
    user: str
    password: SecretReference
    token: SecretReference | None = None


@pytest.mark.parametrize("kind", ["env", "file", "secret"])
def test_it_is_read_when_it_is_used(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "password"
    given: dict[str, Any] = {
        "env": "env:ACME_PASSWORD",
        "file": f"file:{path}",
        "secret": Secret("canary-1"),
    }
    login = Login(user="u", password=given[kind])
    monkeypatch.setenv("ACME_PASSWORD", "canary-1")
    path.write_text("canary-1\n")
    assert login.password.token() == "canary-1"
    shown = repr(login) + str(login.model_dump()) + login.model_dump_json()
    assert "canary" not in shown
    assert login.token is None


def test_the_secret_itself_is_no_reference() -> None:
    with pytest.raises(ValidationError) as caught:
        Login(user="u", password="canary-2")
    assert "env:NAME" in str(caught.value)
    assert "canary-2" not in str(caught.value).partition("input_value")[0]
