"""Names become placeholders: everywhere the same, in order, and what is no name stays."""

import re

import pytest

from headwater.bundle.names import Names, names_in
from headwater.interfaces.recording import Vocabulary

SQL = (
    "SELECT c.claim_no AS id, 'Mr Smith' AS who, date_format(at, 'yyyy-MM-dd') AS d -- of acme\n"
    "FROM insurance.claims c WHERE country = 'US' AND n > 4111111111 AND x < 0.73 "
    "AND dt >= '2026-01-01' AND CAST(y AS DECIMAL(38, 18)) > 42 ORDER BY 1"
)


def settled(*documents: object, **vocabulary: object) -> Names:
    spoken = Vocabulary(**vocabulary)  # type: ignore[arg-type]
    return names_in([(document, "") for document in documents], [spoken])


def test_a_query_keeps_its_form() -> None:
    hidden = settled({"query": SQL}).sql(SQL)
    left = re.sub(r"name_\d+", "N", re.sub(r"text_\d", "T", hidden))
    assert left == (
        "SELECT N.N AS id, 'T' AS N, date_format(N, 'yyyy-MM-dd') AS N \n"
        "FROM N.N N WHERE N = 'T' AND N > 1000000000 AND N < 0.11 "
        "AND N >= '2026-01-01' AND CAST(N AS DECIMAL(38, 18)) > 11 ORDER BY 1"
    )


def test_a_name_is_the_same_wherever_it_stands() -> None:
    config = {"database": "insurance", "query": "SELECT amount FROM insurance.claims"}
    names = settled(config, {"path": "s3://acme-lake/claims/country=elbonia/part-0.gz.parquet"})
    text = (
        "can't read 'claims' at s3://acme-lake/claims/country=elbonia/part-0.gz.parquet: "
        "INSURANCE.Claims has no `amount` of elbonia"
    )
    database, table = names.name("insurance"), names.name("claims")
    hidden = names.text(text)
    assert hidden.startswith(f"can't read '{table}' at s3://bucket-1/{table}/column_1=value_1/key_")
    assert hidden.endswith(
        f".gz.parquet: {database}.{table} has no `{names.name('amount')}` of value_1"
    )


def test_placeholders_follow_each_other_as_names_do() -> None:
    names = Names()
    given = [f"n{chr(97 + number)}x" for number in range(26)]
    for name in reversed(given):
        names.learn("column", name)
    names.settle()
    hidden = [names.name(name) for name in given]
    assert hidden == sorted(hidden)
    assert len(set(hidden)) == 26


@pytest.mark.parametrize("name", ["date", "timestamp", "id", "count"])
def test_words_of_sql_and_of_ours_stay(name: str) -> None:
    assert settled({"column": name}).text(name) == name


@pytest.mark.parametrize(
    "path",
    ["_delta_log/00000000000000000010.json", "2026/01/02/", "dt=2026-01-01/_SUCCESS", "metadata/"],
)
def test_what_tells_nothing_of_a_path_stays(path: str) -> None:
    assert settled({"path": path}).text(path).replace("column_1", "dt") == path


def test_times_and_their_patterns_stay_as_values_too() -> None:
    sql = "SELECT date_format(x, 'yyyy-MM-dd HH:mm'), '2026-01-01 00:00:00', '/', '5', 'US'"
    assert settled({"query": sql}).sql(sql).count("text_") == 1


def test_a_provider_says_where_its_names_stand() -> None:
    entry = {"Owner": "Joe of acme", "Bucket": "acme", "At": "000111222333", "Class": "org.acme.X"}
    names = settled(
        entry,
        kinds={"Bucket": "bucket"},
        prose=frozenset({"Owner"}),
        plain=frozenset({"Class"}),
        accounts=re.compile(r"\d{12}"),
    )
    assert names.value(entry) == {
        "Owner": "...",
        "Bucket": "bucket-1",
        "At": "000000000001",
        "Class": "org.acme.X",
    }


def test_fields_of_a_document_stay_and_mappings_by_name_do_not() -> None:
    document = {
        "tables": {"ml.status": {"kind": "hive"}},
        "labels": {"status": "state"},
        "column": "status",
        "status": "ok",
    }
    hidden = settled(document).value(document)
    name = hidden["column"]
    assert name.startswith("column_")
    assert hidden["status"] == "ok"
    assert list(hidden["labels"]) == [name]
    assert list(hidden["tables"]) == [f"ml.{name}"]


def test_patterns_of_files_grow_wider() -> None:
    names = settled({"path": "s3://acme/pred-*.parquet"})
    assert names.text("s3://acme/%Y/%m/pred-*.parquet") == "s3://bucket-1/%Y/%m/*.parquet"
