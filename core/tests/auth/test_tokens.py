from __future__ import annotations

import base64
import json
import pickle
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from headwater.auth.credentials import Secret, TokenSource
from headwater.auth.tokens import (
    CallableToken,
    ClientCredentialsToken,
    CommandToken,
    EnvToken,
    FileToken,
    claims,
    parse_secret_source,
    parse_token_source,
)
from headwater.errors import AuthError, ConfigError

CANARY = "canary-3f9c"


def jwt(**body: Any) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(body)}.{'c2lnbmF0dXJl'}"


class TestFile:
    def test_is_read_again_at_each_call(self, tmp_path: Path) -> None:
        path = tmp_path / "token"
        path.write_text("one\n")
        source = FileToken(str(path))
        assert source.token() == "one"
        path.write_text("  two\n")
        assert source.token() == "two"

    def test_names_the_file_that_vanished(self, tmp_path: Path) -> None:
        path = tmp_path / "gone"
        with pytest.raises(AuthError, match=f"{path} can't be read: No such file") as caught:
            FileToken(str(path)).token()
        assert caught.value.code == "token-file"

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "is empty"),
            (b" \n", "is empty"),
            (b"\xff\xfe", "not hold text"),
            (b"x" * 70000, "over"),
        ],
    )
    def test_refuses_what_is_no_token(self, tmp_path: Path, content: bytes, problem: str) -> None:
        path = tmp_path / "token"
        path.write_bytes(content)
        with pytest.raises(AuthError, match=problem):
            FileToken(str(path)).token()

    def test_a_directory_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(AuthError, match="Is a directory"):
            FileToken(str(tmp_path)).token()


class TestEnv:
    def test_is_looked_up_at_each_call(self, monkeypatch: pytest.MonkeyPatch) -> None:
        source = EnvToken("HEADWATER_TEST_TOKEN")
        with pytest.raises(AuthError, match="HEADWATER_TEST_TOKEN is not set"):
            source.token()
        monkeypatch.setenv("HEADWATER_TEST_TOKEN", " abc ")
        assert source.token() == "abc"
        monkeypatch.setenv("HEADWATER_TEST_TOKEN", "")
        with pytest.raises(AuthError, match="is empty"):
            source.token()


class TestCommand:
    def test_gives_what_it_prints(self) -> None:
        assert CommandToken((sys.executable, "-c", "print(' abc ')")).token() == "abc"

    def test_no_shell_expands_it(self) -> None:
        source = parse_token_source("command:echo '$HOME' $HOME")
        assert source.token() == "$HOME $HOME"

    @pytest.mark.parametrize(
        ("program", "problem"),
        [
            ("import sys; print('secret'); sys.exit(3)", "ended with exit status 3"),
            ("", "ended with no output"),
        ],
    )
    def test_failure_shows_neither_output_nor_arguments(self, program: str, problem: str) -> None:
        with pytest.raises(AuthError, match=problem) as caught:
            CommandToken((sys.executable, "-c", f"'{CANARY}'; {program}")).token()
        assert CANARY not in f"{caught.value}{caught.value.__cause__!r}"
        assert "secret" not in str(caught.value)

    def test_is_stopped_in_time(self) -> None:
        source = CommandToken((sys.executable, "-c", "import time; time.sleep(60)"), timeout=0.2)
        with pytest.raises(AuthError, match=r"did not end within 0\.2 seconds"):
            source.token()

    def test_names_a_missing_program(self) -> None:
        with pytest.raises(AuthError, match=r"command no-such-program can't be run: No such file"):
            parse_token_source("command:no-such-program --secret x").token()


class TestCallable:
    def test_is_called_each_time(self) -> None:
        given = iter(["a", "b"])
        source = CallableToken(lambda: next(given))
        assert [source.token(), source.token()] == ["a", "b"]

    def test_its_exception_is_not_repeated(self) -> None:
        def broken() -> str:
            raise ValueError(CANARY)

        with pytest.raises(AuthError, match=r"function .*broken raised ValueError") as caught:
            CallableToken(broken).token()
        assert CANARY not in str(caught.value)
        assert caught.value.__cause__ is None

    @pytest.mark.parametrize(("gives", "problem"), [(" ", "an empty text"), (None, "NoneType")])
    def test_refuses_what_is_no_text(self, gives: Any, problem: str) -> None:
        with pytest.raises(AuthError, match=f"returned {problem}"):
            CallableToken(lambda: gives).token()

    def test_an_auth_error_passes(self) -> None:
        def broken() -> str:
            raise AuthError("log in first", code="mine")

        with pytest.raises(AuthError, match="log in first"):
            CallableToken(broken).token()


class TestParse:
    @pytest.mark.parametrize(
        ("given", "source"),
        [
            ("file:/var/run/token", FileToken("/var/run/token")),
            ("file:///var/run/token", FileToken("/var/run/token")),
            ("file:relative/token", FileToken("relative/token")),
            ("env:NAME", EnvToken("NAME")),
            ("command:idp 'a b'", CommandToken(("idp", "a b"))),
            ({"type": "file", "path": "/t"}, FileToken("/t")),
            ({"type": "command", "command": "idp x", "timeout": 5}, CommandToken(("idp", "x"), 5)),
            (FileToken("/t"), FileToken("/t")),
        ],
    )
    def test_forms(self, given: Any, source: TokenSource) -> None:
        assert parse_token_source(given) == source

    def test_a_callable(self) -> None:
        assert parse_token_source(lambda: "abc").token() == "abc"

    @pytest.mark.parametrize("given", [CANARY, f"eyJ{CANARY}.x.y", f"http://{CANARY}", "file:", ""])
    def test_other_text_is_refused_and_not_repeated(self, given: str) -> None:
        with pytest.raises(ConfigError, match="given by reference") as caught:
            parse_token_source(given)
        assert CANARY not in str(caught.value)

    def test_further_sources_by_word(self) -> None:
        more: dict[str, Callable[..., TokenSource]] = {"mine": lambda path="/m": FileToken(path)}
        assert parse_token_source("mine", more=more) == FileToken("/m")
        fields = {"type": "mine", "path": "/x"}
        assert parse_token_source(fields, more=more) == FileToken("/x")

    def test_unknown_type_and_fields(self) -> None:
        with pytest.raises(ConfigError, match="type 'fil' is not known") as caught:
            parse_token_source({"type": "fil"})
        assert "file" in (caught.value.hint or "")
        with pytest.raises(ConfigError, match="unexpected keyword argument 'paht'"):
            parse_token_source({"type": "file", "paht": CANARY})

    def test_other_things(self) -> None:
        with pytest.raises(ConfigError, match="can't be given as int"):
            parse_token_source(3)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="unclosed quote"):
            parse_token_source("command:idp 'a")

    def test_a_secret_in_code(self) -> None:
        source = parse_secret_source(Secret(CANARY))
        assert source.token() == CANARY
        assert CANARY not in repr(source) + source.describe()
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(source)

    def test_sources_pickle_without_secrets(self) -> None:
        for source in (FileToken("/t"), EnvToken("N"), CommandToken(("idp",))):
            assert pickle.loads(pickle.dumps(source)) == source


class TestClaims:
    def test_are_read(self) -> None:
        assert claims(jwt(sub="me", aud=["a", "b"])) == {"sub": "me", "aud": ["a", "b"]}

    @pytest.mark.parametrize(
        "token",
        [
            "",
            "a.b",
            "a.b.c",
            "a.b.c.d",
            "e30.W10.x",
            f'{{"token":"{CANARY}"}}',
            "e30.e30." + "x" * 300_000,
        ],
    )
    def test_what_is_no_jwt_is_not_shown(self, token: str) -> None:
        with pytest.raises(AuthError, match="the answer is not a JWT") as caught:
            claims(token, what="the answer")
        assert caught.value.code == "token-malformed"
        assert CANARY not in str(caught.value)
        assert caught.value.__cause__ is None


@contextmanager
def answering(
    answer: Callable[[BaseHTTPRequestHandler, dict[str, list[str]]], tuple[int, Any]],
) -> Iterator[str]:
    """A server on this machine whose POSTs `answer` decides: (handler, form) -> status, JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            form = parse_qs(self.rfile.read(length).decode(), strict_parsing=True)
            status, body = answer(self, form)
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class TestClientCredentials:
    """Against a server that does what RFC 6749 says, sections 2.3.1, 4.4.2, 4.4.3 and 5.2."""

    token = jwt(sub="client")

    def endpoint(
        self, handler: BaseHTTPRequestHandler, form: dict[str, list[str]]
    ) -> tuple[int, Any]:
        if handler.headers["Content-Type"] != "application/x-www-form-urlencoded":
            return 400, {"error": "invalid_request"}
        if form.get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        scheme, _, encoded = (handler.headers["Authorization"] or "").partition(" ")
        if scheme == "Basic":
            user, _, secret = base64.b64decode(encoded).decode().partition(":")
        else:
            user, secret = form.get("client_id", [""])[0], form.get("client_secret", [""])[0]
        if (user, secret) not in (("app", "s%3Acret%2F"), ("app", "s:cret/")):
            description = f"client {user} and secret {secret} do not match"
            return 401, {"error": "invalid_client", "error_description": description}
        self.seen = form
        return 200, {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600}

    def source(self, url: str, secret: str = "s:cret/", **more: Any) -> ClientCredentialsToken:
        return ClientCredentialsToken(url, "app", Secret(secret), **more)

    @pytest.mark.parametrize("authentication", ["basic", "post"])
    def test_grant(self, authentication: str) -> None:
        with answering(self.endpoint) as url:
            source = self.source(url, authentication=authentication, scope="a b", audience="sts")
            assert source.token() == self.token
        assert self.seen["scope"] == ["a b"]
        assert self.seen["audience"] == ["sts"]

    def test_as_a_mapping(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HEADWATER_TEST_SECRET", "s:cret/")
        with answering(self.endpoint) as url:
            source = parse_token_source(
                {
                    "type": "client-credentials",
                    "token_url": url,
                    "client_id": "app",
                    "client_secret": "env:HEADWATER_TEST_SECRET",
                }
            )
            assert source.token() == self.token

    def test_refusal_names_the_reason_and_not_the_secret(self) -> None:
        with answering(self.endpoint) as url, pytest.raises(AuthError) as caught:
            self.source(url, secret=CANARY, authentication="post").token()
        assert f"{url} answered HTTP 401: invalid_client: client app" in str(caught.value)
        assert CANARY not in str(caught.value)
        assert not caught.value.retryable

    def test_an_outage_may_be_tried_again(self) -> None:
        with answering(lambda *_: (503, b"busy")) as url, pytest.raises(AuthError) as caught:
            self.source(url).token()
        assert caught.value.retryable
        with pytest.raises(AuthError, match="can't be reached") as caught:
            self.source(url).token()
        assert caught.value.retryable

    def test_an_opaque_token_is_refused(self) -> None:
        opaque = {"access_token": CANARY}
        with answering(lambda *_: (200, opaque)) as url, pytest.raises(AuthError) as caught:
            self.source(url).token()
        assert caught.value.code == "token-opaque"
        assert CANARY not in str(caught.value)

    @pytest.mark.parametrize(
        ("body", "problem"),
        [(b"<html>", "not JSON"), ({"id_token": "x"}, "gave no access_token"), ([], "gave no")],
    )
    def test_another_answer_is_refused(self, body: Any, problem: str) -> None:
        with (
            answering(lambda *_: (200, body)) as url,
            pytest.raises(AuthError, match=problem),
        ):
            self.source(url).token()

    def test_no_redirect_carries_the_secret_away(self) -> None:
        with (
            answering(lambda *_: (302, b"")) as url,
            pytest.raises(AuthError, match="answered HTTP 302"),
        ):
            self.source(url).token()

    def test_only_https_leaves_the_machine(self) -> None:
        with pytest.raises(ConfigError, match="is not HTTPS"):
            self.source("http://idp.example.com/token")
        assert "idp" in self.source("https://idp.example.com/token").describe()

    def test_the_secret_is_in_no_repr(self) -> None:
        source = self.source("https://idp.example.com/token", secret=CANARY)
        assert CANARY not in repr(source) + source.describe() + repr(vars(source))

    def test_a_raw_secret_is_refused_and_not_repeated(self) -> None:
        with pytest.raises(ConfigError, match="by reference") as caught:
            ClientCredentialsToken("https://idp.example.com/token", "app", CANARY)
        assert CANARY not in str(caught.value)


def quoting() -> str:
    held = CANARY
    raise ValueError(f"can't refresh {held}")


def printing(code: str) -> CommandToken:
    return CommandToken((sys.executable, "-c", code), timeout=2)


def a_file(path: Path, content: bytes) -> FileToken:
    path.write_bytes(content)
    return FileToken(str(path))


FAILING: dict[str, Callable[[Path], TokenSource]] = {
    "command fails": lambda path: printing(f"import sys; print({CANARY!r}); sys.exit(3)"),
    "command hangs": lambda path: printing(
        f"import time; print({CANARY!r}, flush=True); time.sleep(60)"
    ),
    "no command": lambda path: CommandToken(("no-such-program", CANARY)),
    "no text": lambda path: a_file(path / "token", CANARY.encode() + b"\xff"),
    "too large": lambda path: a_file(path / "token", CANARY.encode() * 10_000),
    "function raises": lambda path: CallableToken(quoting),
    "function gives no text": lambda path: CallableToken(lambda: CANARY.encode()),  # type: ignore[arg-type,return-value]
    "nobody there": lambda path: ClientCredentialsToken(
        "http://127.0.0.1:1/token", "client", Secret(CANARY)
    ),
    "nobody there, post": lambda path: ClientCredentialsToken(
        "http://127.0.0.1:1/token", "client", Secret(CANARY), authentication="post"
    ),
}


def variables(error: BaseException) -> Iterator[str]:
    """Yield what trackers of errors record: all variables of all frames but the test's own."""
    chain, seen = [error], set[int]()
    while chain:
        one = chain.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield f"{one!r} {one.__dict__}"
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if not frame.f_code.co_name.startswith("test_"):
                yield f"{frame.f_code.co_name}: {[*map(repr, frame.f_locals.values())]}"
        chain += [e for e in (one.__cause__, one.__context__) if e is not None]


@pytest.mark.parametrize("name", FAILING)
def test_no_frame_of_a_failing_source_holds_its_secret(tmp_path: Path, name: str) -> None:
    source = FAILING[name](tmp_path)
    with pytest.raises(AuthError) as caught:
        source.token()
    basic = base64.b64encode(f"client:{CANARY}".encode()).decode()
    assert [text for text in variables(caught.value) if CANARY in text or basic in text] == []


def test_no_frame_holds_a_token_that_is_none() -> None:
    with pytest.raises(AuthError) as caught:
        claims(CANARY)
    assert [text for text in variables(caught.value) if CANARY in text] == []


def test_where_a_secret_is_from_is_written_as_for_tokens():
    assert parse_secret_source("env:NAME") == parse_token_source("env:NAME")
    assert parse_secret_source({"type": "env", "name": "NAME"}) == EnvToken("NAME")
    assert parse_secret_source(Secret("x")).token() == "x"
