"""check, plan, read: the real library on local files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from core.tests.cli import predictions
from core.tests.cli.support import Program


@pytest.fixture(autouse=True)
def data(headwater: Program) -> None:
    predictions.write(headwater.folder)


def reconfigure(old: str, new: str) -> None:
    assert old in predictions.CONFIG
    Path("headwater.yaml").write_text(predictions.CONFIG.replace(old, new))


def test_check_examines_every_connection(headwater: Program) -> None:
    outcome = headwater("check")
    assert (outcome.code, outcome.err) == (0, "")
    assert [line for line in outcome.out.splitlines() if line.startswith("Check of")] == [
        "Check of insurance/v1/serving",
        "Check of insurance/v1/training",
    ]
    assert "40 rows" in outcome.out


def test_check_of_one_connection_and_a_window(headwater: Program) -> None:
    outcome = headwater("check", "serving", "2026-01-02", "2026-01-04", "--json")
    assert outcome.code == 0
    [report] = outcome.json["reports"]
    assert report["connection"] == "insurance/v1/serving"
    assert [s["name"] for s in report["stages"]][-1] == "rows"
    assert report["stages"][-1]["details"]["rows"] == 20


def test_check_answers_no_with_one(headwater: Program) -> None:
    reconfigure("{amount: numeric}", "{amont: numeric}")
    outcome = headwater("check", "serving")
    assert outcome.code == 1
    assert "did you mean 'amount'?" in outcome.out
    assert headwater("check", "--json").json["ok"] is False


def test_check_without_connections(headwater: Program) -> None:
    Path("headwater.yaml").write_text("version: 1\n")
    assert headwater("check").out == "there are no connections to check\n"


def test_plan_explains_and_reads_nothing(headwater: Program) -> None:
    outcome = headwater("plan", "serving", "2026-01-02", "2026-01-04")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Plan of insurance/v1/serving" in outcome.out
    assert "partitions 2 of 4" in outcome.out
    answer = headwater("plan", "v1/serving", "2026-01-02", "2026-01-04", "--json").json
    assert answer["files"] == 2
    assert answer["engine"] == "embedded"


def test_plan_of_all_rows(headwater: Program) -> None:
    assert headwater("plan", "training", "--json").json["window"] is None


def test_read_writes_parquet_with_roles(headwater: Program) -> None:
    outcome = headwater("read", "serving", "2026-01-02", "2026-01-04", "--out", "out")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "wrote 20 rows to out/part-0.parquet\n"
        "  from 2026-01-02T00:00:00+00:00 to 2026-01-03T09:00:00+00:00\n"
        "  actual_will_buy is known for 10 rows (50.0%)\n"
    )
    table = pq.read_table("out/part-0.parquet")
    assert table.column_names == ["id", "timestamp", "amount", "will_buy", "actual_will_buy"]
    assert (table.schema.field("amount").metadata or {})[b"headwater.role"] == b"feature"


def test_read_as_json(headwater: Program) -> None:
    answer = headwater(
        "read", "serving", "2026-01-01", "2026-01-02", "--out", "rows.arrow", "--json"
    ).json
    assert answer["path"] == "rows.arrow"
    assert answer["stats"]["rows"] == 10
    with pa.ipc.open_file("rows.arrow") as file:
        assert file.read_all().num_rows == 10


@pytest.mark.parametrize(
    ("out", "format", "file"),
    [
        ("rows.csv", (), "rows.csv"),
        ("rows", ("--format", "csv"), "rows/part-0.csv"),
        ("rows.parquet", (), "rows.parquet"),
        ("a/b/rows.arrow", (), "a/b/rows.arrow"),
        ("a/b/rows.v2", ("-f", "arrow"), "a/b/rows.v2/part-0.arrow"),
    ],
)
def test_the_format_follows_from_the_ending(
    headwater: Program, out: str, format: tuple[str, ...], file: str
) -> None:
    Path("a/b/rows.v2").mkdir(parents=True)  # a folder is one, whatever its name ends in
    assert headwater("read", "training", "--out", out, *format).code == 0
    assert Path(file).is_file()


def test_read_takes_a_sample(headwater: Program) -> None:
    whole = headwater("read", "serving", "--out", "a.csv", "--json").json
    part = headwater("read", "serving", "--out", "b.csv", "--sample", "0.5", "--json").json
    assert 0 < part["stats"]["rows"] < whole["stats"]["rows"] == 40
    ids = set(pyarrow.csv.read_csv("a.csv")["id"].to_pylist())
    assert set(pyarrow.csv.read_csv("b.csv")["id"].to_pylist()) < ids


def test_read_of_nothing_gives_the_verdict(headwater: Program) -> None:
    outcome = headwater("read", "serving", "2027-01-01", "2027-01-02", "--out", "rows.csv")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("wrote 0 rows to rows.csv\n  warning[")
    answer = headwater(
        "read", "serving", "2027-01-01", "2027-01-02", "--out", "r.csv", "--json"
    ).json
    assert answer["stats"]["verdict"]["message"]


def test_windows_are_asked_for_by_words(headwater: Program) -> None:
    window = headwater("plan", "serving", "yesterday", "--json").json["window"]
    start, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
    assert end - start == timedelta(days=1)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert abs(end - today) <= timedelta(days=1)
    window = headwater("plan", "serving", "--last", "7d", "--json").json["window"]
    start, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
    assert end - start == timedelta(days=7)
    assert headwater("plan", "serving", "--since", "2026-01-01").code == 0
    assert headwater("check", "serving", "--since", "2026-01-01").code == 0


def test_words_are_of_the_connections_clock(headwater: Program) -> None:
    reconfigure("        serving:\n", "        windows: {timezone: Asia/Tokyo}\n        serving:\n")
    window = headwater("plan", "serving", "yesterday", "today", "--json").json["window"]
    assert window["start"].endswith("T15:00:00+00:00")
    window = headwater("plan", "serving", "2026-01-02", "2026-01-03", "--json").json["window"]
    assert window["start"] == "2026-01-01T15:00:00+00:00"
    other = ("plan", "serving", "2026-01-02", "2026-01-03", "--timezone", "UTC", "--json")
    assert headwater(*other).json["window"]["start"] == "2026-01-02T00:00:00+00:00"


def test_plan_of_many_windows(headwater: Program) -> None:
    window = ("2026-01-01", "2026-01-04")
    outcome = headwater("plan", "serving", *window, "--every", "1 day")
    assert (outcome.code, outcome.err) == (0, "")
    assert "3 windows of 1 day (UTC)" in outcome.out
    answer = headwater("plan", "serving", *window, "--every", "1d", "--json").json
    assert [w["files"] for w in answer["windows"]] == [1, 1, 1]


def test_read_of_many_windows_writes_a_file_for_each(headwater: Program) -> None:
    arguments = ("read", "serving", "2026-01-01", "2026-01-04", "--every", "1 day", "-o", "days")
    outcome = headwater(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    names = ["2026-01-01.parquet", "2026-01-02.parquet", "2026-01-03.parquet"]
    assert sorted(p.name for p in Path("days").iterdir()) == names
    assert pq.read_table(Path("days") / names[1]).num_rows == 10
    assert headwater(*arguments).code == 1  # nothing is replaced unasked
    answer = headwater(*arguments, "--overwrite", "--json").json
    assert [w["window"]["start"][:10] for w in answer["windows"]] == [n[:10] for n in names]
    hours = headwater(
        "read", "serving", "2026-01-01", "2026-01-02", "--every", "12h", "-o", "h", "-f", "csv"
    )
    assert hours.code == 0
    assert sorted(p.name for p in Path("h").iterdir()) == [
        "2026-01-01.csv",
        "2026-01-01T1200Z.csv",
    ]


def test_read_replaces_nothing_unasked(headwater: Program) -> None:
    Path("rows.csv").write_text("mine")
    outcome = headwater("read", "training", "--out", "rows.csv")
    assert outcome.code == 1
    assert outcome.err.startswith("error: rows.csv exists\n")
    assert Path("rows.csv").read_text() == "mine"
    assert headwater("read", "training", "--out", "rows.csv", "--overwrite").code == 0
    assert Path("rows.csv").read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan",), "Missing argument 'CONNECTION'"),
        (("plan", "serving", "2026-01-01"), "a window needs both start and end"),
        (("plan", "serving", "2026-01-02", "2026-01-01"), "is empty: its end is exclusive"),
        (("plan", "serving", "monday", "2026-01-01"), "'monday' is not a time: use ISO 8601"),
        (("plan", "serving", "--as-of", "soon"), "'soon' is not a time: use ISO 8601"),
        (("plan", "serving", "--sample", "0"), "0 is no share of the rows"),
        (("plan", "serving", "--sample", "2"), "2 is no share of the rows"),
        (("plan", "serving", "--smaple", "0.1"), "--sample"),
        (("read", "serving"), "Missing option '--out'"),
        (("plan", "serving", "--last", "soon"), "'soon' is no duration"),
        (("plan", "serving", "--since", "soon"), "'soon' is not a time"),
        (("plan", "serving", "--last", "7d", "--since", "today"), "give one of them"),
        (("check", "serving", "2026-01-01", "2026-01-02", "--last", "7d"), "start and end"),
        (("plan", "serving", "--every", "1m", "--last", "7d"), "is no step of a calendar"),
        (("plan", "serving", "--every", "1d"), "name START and END, --last or --since"),
        (("plan", "serving", "--timezone", "Mars/Base"), "unknown time zone 'Mars/Base'"),
    ],
)
def test_used_wrongly(headwater: Program, arguments: tuple[str, ...], message: str) -> None:
    outcome = headwater(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("plan", "training", "--engine", "sprak"), "error: no engine 'sprak' is installed\n"),
        (("plan", "insurance"), "error: 'insurance' could be any of"),
        (("read", "training", "--out", "x", "-f", "xls"), "error: no writer 'xls' is installed\n"),
    ],
)
def test_what_goes_wrong_is_told(
    headwater: Program, arguments: tuple[str, ...], message: str
) -> None:
    outcome = headwater(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(message)
    assert "hint: " in outcome.err


def test_a_file_with_two_problems_shows_both(headwater: Program) -> None:
    reconfigure("type: files\n", "type: files\n            formt: csv\n            querry: x\n")
    outcome = headwater("check")
    assert outcome.code == 1
    assert outcome.err == (
        "error: headwater.yaml has 2 problems\n"
        "  line 14: unknown key models.insurance.versions.v1.serving.source.formt\n"
        "    did you mean 'format'?\n"
        "  line 15: unknown key models.insurance.versions.v1.serving.source.querry\n"
        "    did you mean 'query'?\n"
    )
