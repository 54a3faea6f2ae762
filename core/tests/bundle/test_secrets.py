"""What is struck out of a bundle: known secrets, what looks like one, values of rows."""

import base64
import json
import time
from urllib.parse import quote

import pytest

from headwater.bundle.secrets import Secrets, without_values
from headwater.interfaces.recording import Vocabulary

KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYzzCANARY0001"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"key {KEY} here", "key *** here"),
        ("t eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln end", "t *** end"),
        ("password=hunter2, user=joe", "password=***, user=joe"),
        ('{"db.password": "hunter2"}', '{"db.password": "***"}'),
        ("postgresql://joe:hunter2@db/x", "postgresql://***@db/x"),
        ("https://b.example/a?X-Amz-Signature=abc", "https://b.example/a?***"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: Bearer ***"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY----- x", "*** x"),
        ("see s3://lake/a/part-00000-0123456789abcdef0123456789abcdef01234567.parquet", None),
        ("etag 9bb58f26192e4ba00f01e2e7b136bbd8", None),
    ],
)
def test_what_looks_like_a_secret_goes_and_the_rest_stays(text: str, left: str | None) -> None:
    assert Secrets().text(text) == (text if left is None else left)


def test_known_secrets_go_wherever_they_stand_the_longest_first() -> None:
    secrets = Secrets(
        {"hunter2-long", "hunter2", "abc"},
        [Vocabulary(strike=lambda t: t.replace("plugin's", "***"))],
    )
    told = secrets.value({"a hunter2-long b": ["hunter2", {"x": "plugin's abc"}]})
    assert told == {"a *** b": ["***", {"x": "*** abc"}]}


def test_what_stands_under_the_name_of_a_secret_goes() -> None:
    told = Secrets().value({"s3.secret-access-key": "x1", "tokens": "page-1", "token_id": ["t"]})
    assert told == {"s3.secret-access-key": "***", "tokens": "page-1", "token_id": ["***"]}


def test_a_condition_of_a_query_stays_one() -> None:
    sql = "SELECT 1 FROM t WHERE token = 'x' AND password='y'"
    assert Secrets().value({"query": sql}) == {"query": sql}


def test_messages_about_rows_quote_names_and_no_values() -> None:
    message = "column 'score' holds 'Mr O''Neil' and \"42\" in `t`, and can't be cast"
    left = without_values(message, frozenset({"score", "t"}))
    assert left == "column 'score' holds '***' and \"***\" in `t`, and can't be cast"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://joe:p@ss/CANARY@db.example/x",
        "jdbc:oracle:thin:joe/CANARY@//db:1521/x",
        "https://CANARY@git.example/x.git",
        "password='two words CANARY' and",
        'password: "two, CANARY"',
        "password=a,CANARY",
        '"{\\"password\\": \\"a CANARY\\"}"',
        "https://hooks.slack.com/services/T0/B0/CANARY",
        "glpat-CANARYabcdefghijk",
        "sk_live_CANARY0123456789ab",
        "DB_PASS=CANARY",
    ],
)
def test_what_stands_where_secrets_do_goes_whole(text: str) -> None:
    assert "CANARY" not in Secrets().text(text)


@pytest.mark.parametrize(
    "name", ["db_pwd", "dbPwd", "DB_PASS", "sas", "hmac", "encryption.key", "dsn"]
)
def test_more_names_of_secrets(name: str) -> None:
    assert Secrets().value({name: "x"}) == {name: "***"}


def test_a_column_may_be_called_as_a_secret() -> None:
    told = {"labels": {"token": "pass"}, "predictions": {"secret": "a"}}
    assert Secrets().value(told) == told


def test_a_known_secret_goes_however_it_is_written() -> None:
    known = 'pä+s/s "w\\ord"'
    forms = [
        quote(known, safe=""),
        base64.b64encode(known.encode()).decode().rstrip("="),
        known.encode().hex(),
        json.dumps(known),
        repr(known),
    ]
    secrets = Secrets({known})
    assert [f for f in forms if f.strip("'\"") in secrets.text(f"a {f} b")] == []


def test_what_is_packed_is_gone_through() -> None:
    view = {"originalSql": "SELECT 'x://joe:CANARY@db'", "comment": "CANARY"}
    packed = f"/* Presto View: {base64.b64encode(json.dumps(view).encode()).decode()} */"
    told = Secrets().value({"ViewOriginalText": packed, "json": json.dumps({"doc": "CANARY"})})
    (inside,) = [told["ViewOriginalText"].split()[3]]
    assert b"CANARY" not in base64.b64decode(inside)
    assert "CANARY" not in told["json"]


@pytest.mark.parametrize(
    "text",
    ["token" * 60_000, "a" * 300_000, "x://" + "a:" * 150_000, "b://?" + "_a" * 150_000 + "@",
     "password" + " " * 300_000, "1" * 300_000 + "x", "'" * 300_001, "token=" * 50_000],
    ids=["names", "word", "users", "asked", "spaces", "digits", "quotes", "pairs"],
)  # fmt: skip
def test_a_text_takes_no_longer_than_it_is_long(text: str) -> None:
    began = time.process_time()
    Secrets().text(text)
    without_values(text, frozenset())
    assert time.process_time() - began < 10


def test_what_duckdb_quotes_without_escaping_goes() -> None:
    left = without_values("Could not convert string 'James' cat' to INT32", frozenset())
    assert left == "Could not convert string '***' to INT32"
