from __future__ import annotations

import subprocess
import sys

import pytest

import headwater_aws
from headwater.auth.credentials import AuthStrategy
from headwater_aws import plugin


def test_every_strategy_loads_under_its_own_name() -> None:
    specs = plugin.headwater_auth()
    assert [s.kind for s in specs] == ["oidc-role", "assume-role", "profile", "static", "default"]
    for spec in specs:
        strategy = spec.load()
        assert issubclass(strategy, AuthStrategy)
        assert strategy.model_fields["type"].default == spec.kind
        assert spec.summary


def test_every_public_name_is_there() -> None:
    for name in headwater_aws.__all__:
        assert getattr(headwater_aws, name).__name__ == name
    assert set(headwater_aws.__all__) == set(headwater_aws._HOME) == set(dir(headwater_aws))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = headwater_aws.nothing


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import headwater_aws, headwater_aws.plugin", ("botocore", "pydantic", "moto")),
        ("from headwater_aws import OidcRole, AssumeRole", ("botocore", "moto")),
    ],
)
def test_imports_stay_light(code: str, absent: tuple[str, ...]) -> None:
    check = f"{code}; import sys; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
