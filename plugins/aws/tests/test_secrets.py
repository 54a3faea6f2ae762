"""No secret is ever shown: canaries are planted, everything that can be printed is searched."""

from __future__ import annotations

import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from plugins.aws.tests.support import client_error, opened, seed

from headwater.auth.credentials import Access, Secret
from headwater.errors import HeadwaterError
from headwater_aws import AssumeRole, OidcRole, Profile, StaticKeys, list_files, translate
from headwater_aws.redaction import hide_from_logs
from headwater_aws.testing import Emulator


class Watch:
    """Collects secrets as they are made, and everything that is printed."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.log = io.StringIO()
        self.shown: list[str] = []

    def show(self, *things: Any) -> None:
        for thing in things:
            self.shown += [repr(thing), str(thing)]

    def found(self) -> list[str]:
        everything = "\n".join(self.shown) + self.log.getvalue()
        forms = {s for secret in self.secrets for s in (secret, quote(secret, safe=""))}
        return [form[:12] for form in forms if form in everything]


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    handler = logging.StreamHandler(watch.log)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield watch
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@pytest.fixture
def token(aws: Emulator, watch: Watch, tmp_path: Path) -> Callable[..., str]:
    def write(**claims: Any) -> str:
        text = aws.issuer.token(**{"sub": "me", **claims})
        watch.secrets.add(text)
        (tmp_path / "token").write_text(text)
        return f"file:{tmp_path / 'token'}"

    return write


def keep(watch: Watch, session: Any) -> None:
    issued = session.storage()
    watch.secrets |= {
        issued.secrets[name].reveal() for name in ("secret_access_key", "session_token")
    }
    watch.show(session, issued, session.identity(), session._credentials, session.__dict__)
    watch.show(session._credentials.__dict__)


def test_a_good_day(aws: Emulator, watch: Watch, token: Callable[..., str]) -> None:
    seed(aws)
    aws.client("s3").create_bucket(Bucket="lake")
    aws.client("s3").put_object(Bucket="lake", Key="a/b", Body=b"x")
    strategy = OidcRole(role_arn=aws.create_oidc_role(subject="me"), token=token())
    watch.show(strategy, strategy.model_dump(), strategy.model_dump_json(), strategy.token)
    watch.shown.append(repr(pickle.dumps(strategy)))
    with opened(aws, strategy) as session:
        session.client("glue").get_databases()
        assert len(list(list_files(session, "s3://lake/a"))) == 1
        keep(watch, session)
        aws.faults.expire_now()
        session.client("glue").get_databases()
        keep(watch, session)
        with Access({"lake": session}) as access:
            watch.show(access, access.identities(), access.storage("lake"))
    # The search can find: botocore did log these calls, and would have quoted the secrets.
    assert "botocore.parsers Response body" in watch.log.getvalue()
    assert "x-amz-security-token:***" in watch.log.getvalue()
    assert "WebIdentityToken" in watch.log.getvalue()
    assert len(watch.secrets) == 5
    assert watch.found() == []


@pytest.mark.parametrize(
    "claims",
    [{"sub": "stranger"}, {"aud": "other"}, {"expires_in": -60}, {}],
    ids=["sub", "aud", "expired", "outage"],
)
def test_a_bad_day(
    aws: Emulator, watch: Watch, token: Callable[..., str], claims: dict[str, Any]
) -> None:
    strategy = OidcRole(role_arn=aws.create_oidc_role(subject="me"), token=token(**claims))
    if not claims:
        aws.faults.fail("sts:*", 503, None)
    with opened(aws, strategy) as session, pytest.raises(HeadwaterError) as caught:
        session.identity()
    error = caught.value
    watch.show(error, error.to_dict(), error.__dict__, error.__cause__)
    watch.shown += traceback.format_exception(error)
    watch.shown.append(json.dumps(error.to_dict()))
    watch.shown.append(repr(pickle.dumps(error)))
    assert watch.found() == []


def show_frames(watch: Watch, error: BaseException) -> int:
    """Show what trackers of errors record: all variables of all frames, causes and contexts too."""
    frames, chain, seen = 0, [error], set[int]()
    while chain:
        one = chain.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        watch.show(one, one.__dict__)
        for frame, _ in traceback.walk_tb(one.__traceback__):
            # The test's own frames hold what the test wrote.
            if frame.f_globals.get("__name__", "") != __name__:
                frames += 1
                watch.show(*frame.f_locals.values())
        chain += [e for e in (one.__cause__, one.__context__) if e is not None]
    return frames


FAILING: dict[str, tuple[dict[str, Any], Callable[[Emulator], object]]] = {
    "stranger": ({"sub": "stranger"}, lambda aws: None),
    "audience": ({"aud": "other"}, lambda aws: None),
    "expired": ({"expires_in": -60}, lambda aws: None),
    "outage": ({}, lambda aws: aws.faults.fail("sts:*", 503, None)),
    "broken answer": ({}, lambda aws: aws.faults.truncate("sts:*", after=10, times=None)),
    "later call": ({}, lambda aws: aws.faults.fail("sts:GetCallerIdentity", 400, None)),
}


@pytest.mark.parametrize("day", FAILING)
def test_no_frame_of_a_failing_web_identity_holds_a_secret(
    aws: Emulator, watch: Watch, token: Callable[..., str], day: str
) -> None:
    claims, fault = FAILING[day]
    fault(aws)
    role = aws.create_oidc_role(subject="me")
    with (
        opened(aws, OidcRole(role_arn=role, token=token(**claims), then=())) as session,
        pytest.raises(HeadwaterError) as caught,
    ):
        session.identity()
    issued = aws._identities._sessions.values()
    watch.secrets |= {s.secret for s in issued} | {s.token for s in issued}
    assert show_frames(watch, caught.value) > 2
    assert watch.found() == []


def test_no_frame_of_a_refused_role_holds_a_secret(aws: Emulator, watch: Watch) -> None:
    key, secret = aws.create_user_keys(policy=None, name="someone")
    watch.secrets |= {secret, "canary-mfa", "canary-external"}
    trust: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    role = aws.create_role(name="reader", trust=trust)
    strategy = AssumeRole(
        role_arn=role,
        source=StaticKeys(access_key_id=key, secret_access_key=Secret(secret)),
        mfa_serial="arn:aws:iam::123456789012:mfa/me",
        mfa_code="command:echo canary-mfa",
    )
    with opened(aws, strategy) as session, pytest.raises(HeadwaterError) as caught:
        session.identity()
    assert show_frames(watch, caught.value) > 3
    assert watch.found() == []


def test_no_frame_of_a_refused_signature_holds_a_secret(aws: Emulator, watch: Watch) -> None:
    watch.secrets.add("canary-secret-key-of-nobody-0000000000000")
    strategy = StaticKeys(
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        secret_access_key=Secret("canary-secret-key-of-nobody-0000000000000"),
    )
    with opened(aws, strategy) as session, pytest.raises(HeadwaterError) as caught:
        session.identity()
    assert show_frames(watch, caught.value) > 1
    assert watch.found() == []


PRINTED = {
    "cut": """printf '{"SecretAccessKey":"%s"' canary-printed""",
    "a list": """printf '["%s"]' canary-printed""",
    "no UTF-8": """printf '\\377%s' canary-printed""",
    "no key": """printf '{"Version":1,"SecretAccessKey":"%s"}' canary-printed""",
    "a number": """printf '{"Version":1,"AccessKeyId":5,"SecretAccessKey":"%s"}' canary-printed""",
    "no date": """printf '{"Version":1,"AccessKeyId":"","Expiration":"x",'
printf '"SecretAccessKey":"%s"}' canary-printed""",
    "failing": "echo canary-printed >&2; exit 3",
}


@pytest.mark.parametrize("way", PRINTED)
def test_what_a_profiles_program_printed_is_in_no_message_and_no_frame(
    aws: Emulator, watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{PRINTED[way]}\n")
    program.chmod(0o755)
    config = tmp_path / "config"
    config.write_text(f"[profile p]\nregion=us-east-1\ncredential_process={program}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    watch.secrets.add("canary-printed")
    with opened(aws, Profile(name="p")) as session, pytest.raises(HeadwaterError) as caught:
        session.identity()
    assert caught.value.code == "credentials-config"
    show_frames(watch, caught.value)
    watch.show(caught.value, *caught.value.args)
    assert watch.found() == []


def test_static_and_assumed(aws: Emulator, watch: Watch) -> None:
    anyone = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    key, secret = aws.create_user_keys(policy=anyone, name="someone")
    watch.secrets |= {secret, "canary-mfa"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "123456789012"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = aws.create_role(name="reader", trust=trust)
    source = StaticKeys(access_key_id=key, secret_access_key=Secret(secret))
    strategy = AssumeRole(role_arn=role, source=source)
    watch.show(source, strategy, source.model_dump(), strategy.model_dump_json())
    with opened(aws, strategy) as session:
        keep(watch, session)
        with pytest.raises(TypeError):
            pickle.dumps(session)
        with pytest.raises(TypeError):
            pickle.dumps(session.storage())
    with_mfa = AssumeRole(
        role_arn=role, source=source, mfa_serial="serial", mfa_code="command:echo canary-mfa"
    )
    watch.show(with_mfa, with_mfa.model_dump())
    assert watch.found() == []


def test_a_message_of_aws_is_passed_on_without_credentials() -> None:
    # SignatureDoesNotMatch quotes the canonical request in fields beside its message.
    error: Any = client_error("SignatureDoesNotMatch", "does not match", "ListObjectsV2")
    error.response["Error"]["CanonicalRequest"] = "x-amz-security-token:canary"
    told = translate(error, doing="list s3://lake/")
    assert "canary" not in f"{told}{told.__dict__}"


def test_old_secrets_are_forgotten_in_time(caplog: pytest.LogCaptureFixture) -> None:
    hide_from_logs("the-first-secret-of-all")
    log = logging.getLogger("botocore.endpoint")
    with caplog.at_level(logging.DEBUG, "botocore.endpoint"):
        log.debug("with %s", "the-first-secret-of-all")
        assert caplog.messages[-1] == "with ***"
        hide_from_logs(*(f"one-of-many-secrets-{n:04}" for n in range(1200)), None, "", "plain")
        log.debug("with %s and %s", "one-of-many-secrets-1199", {"b": "plain"})
        assert caplog.messages[-1] == "with *** and {'b': 'plain'}"
        log.debug("without")
        assert caplog.messages[-1] == "without"
        log.debug("with %s", "the-first-secret-of-all")
        assert caplog.messages[-1] == "with the-first-secret-of-all"
