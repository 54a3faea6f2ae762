from __future__ import annotations

from pathlib import Path

import pytest
from plugins.aws.tests.support import ACCOUNT, oidc_role, opened, seed
from pydantic import ValidationError

from headwater.auth.credentials import Secret
from headwater.errors import AuthError, CredentialsExpiredError
from headwater_aws import StaticKeys, translating
from headwater_aws.testing import Emulator


def test_keys_by_reference(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(aws)
    key, secret = aws.create_user_keys(name="someone")
    monkeypatch.setenv("LAKE_SECRET", secret)
    strategy = StaticKeys(access_key_id=key, secret_access_key="env:LAKE_SECRET")
    with opened(aws, strategy) as session:
        assert session.client("glue").get_databases()["DatabaseList"][0]["Name"] == "db"
        assert session.identity().name == f"arn:aws:iam::{ACCOUNT}:user/someone"
        assert session.identity().expires_at is None
        assert session.storage().expires_at is None
        assert session.narrowed([]) is session


def test_opening_reads_nothing(tmp_path: Path) -> None:
    strategy = StaticKeys(access_key_id="AKIA", secret_access_key=f"file:{tmp_path / 'gone'}")
    session = strategy.open(region="us-east-1")
    with session, pytest.raises(AuthError, match="gone can't be read"):
        session.storage()


def test_temporary_keys_are_read_again_when_refused(aws: Emulator, tmp_path: Path) -> None:
    seed(aws)
    with opened(aws, oidc_role(aws)) as other:

        def write() -> str:
            issued = other.storage().secrets
            for name, secret in issued.items():
                (tmp_path / name).write_text(secret.reveal())
            return issued["access_key_id"].reveal()

        strategy = StaticKeys(
            access_key_id=write(),
            secret_access_key=f"file:{tmp_path / 'secret_access_key'}",
            session_token=f"file:{tmp_path / 'session_token'}",
        )
        with opened(aws, strategy) as session:
            session.client("glue").get_databases()
            aws.faults.expire_now()
            with (
                pytest.raises(
                    CredentialsExpiredError, match="renewing them did not help"
                ) as caught,
                translating(doing="list databases", session=session),
            ):
                session.client("glue").get_databases()
            assert "can't renew themselves" in (caught.value.hint or "")
            # Whoever renews the keys writes them anew; the same session goes on.
            write()


def test_wrong_secret(aws: Emulator) -> None:
    key, _ = aws.create_user_keys()
    strategy = StaticKeys(access_key_id=key, secret_access_key=Secret("canary-wrong"))
    with opened(aws, strategy) as session, pytest.raises(AuthError) as caught:
        session.identity()
    assert caught.value.code == "credentials-refused"
    assert "canary-wrong" not in str(caught.value)


def test_a_raw_secret_is_refused_and_not_shown() -> None:
    with pytest.raises(ValidationError, match="by reference") as caught:
        StaticKeys(access_key_id="AKIA", secret_access_key="canary")
    assert "canary" not in str(caught.value)
    hidden = StaticKeys(access_key_id="AKIA", secret_access_key=Secret("canary"))
    assert "canary" not in f"{hidden!r}{hidden}{hidden.model_dump()}{hidden.model_dump_json()}"
