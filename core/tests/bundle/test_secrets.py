"""What is struck out of a bundle: known secrets, what looks like one, values of rows."""

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
