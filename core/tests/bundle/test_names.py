"""Names become placeholders: everywhere the same, in order, and what is no name stays."""

import re
import time

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
    assert list(hidden["tables"]) == [f"table_1.{name}"]


def test_patterns_of_files_grow_wider() -> None:
    names = settled({"path": "s3://acme/pred-*.parquet"})
    assert names.text("s3://acme/%Y/%m/pred-*.parquet") == "s3://bucket-1/%Y/%m/*.parquet"


@pytest.mark.parametrize(
    "value",
    [
        "078-05-1120",
        "555-123-4567",
        "Emma",
        "Sammy",
        "Muddy",
        "4711",
        "20991399",
        "1234-05",
        "+1555123",
    ],
)
def test_a_value_that_is_nearly_a_time_is_hidden(value: str) -> None:
    names = settled({"partitionValues": {"k": value}}, {"path": f"s3://acme/k={value}/x.parquet"})
    assert value not in names.text(f"at s3://acme/k={value}/x.parquet: '{value}'")
    sql = f"SELECT a FROM t WHERE k = '{value}'"
    assert value not in settled({"query": sql}).sql(sql)


@pytest.mark.parametrize(
    "value",
    ["2026-01-02", "20260102", "2026010203", "2026", "07", "2026-01-02 03:04:05.678", "2026/1/2",
     "02.01.2026", "yyyy-MM-dd'T'HH:mm:ss.SSS", "%Y/%m/%d", "yyyyMMddHH", "03:04", "MM-dd-yyyy",
     "2026-01-02T03:04:05+00:00", "2026-01-02-03", "2026-01"],
)  # fmt: skip
def test_a_time_and_a_pattern_of_one_stay(value: str) -> None:
    assert settled({"partitionValues": {"k": value}}).literal(value) == value


def test_numbers_in_paths_are_hidden() -> None:
    path = "s3://acme/customers/4711234/471/x.parquet"
    hidden = settled({"path": path}).text(path)
    assert "471" not in hidden
    assert hidden.count("/") == path.count("/")


def test_of_what_anybody_puts_into_a_bag_stays_what_is_known() -> None:
    bag = {
        "table_type": "ICEBERG",
        "projection.branch.values": "elbonia,us",
        "projection.dt.range": "NOW-3YEARS,NOW",
        "projection.dt.format": "yyyy-MM-dd",
        "field.delim": "|",
        "acmeteam": "Joe of acme",
        "parquet.note": "Joe of acme",
        "comment": "Joe",
        "nullvalue": "n/a",
    }
    known = re.compile(r"table_type|projection\..*|field\.delim|parquet\..*|comment|nullvalue")
    names = settled(
        {"Columns": [{"Name": "branch"}, {"Name": "dt"}]},
        {"Parameters": bag},
        bags=frozenset({"Parameters"}),
        bag_keys=known,
        entries={"Columns": "column"},
    )
    assert names.value({"Parameters": bag}) == {
        "Parameters": {
            "table_type": "ICEBERG",
            "projection.column_1.values": "value_1,text_1",
            "projection.column_2.range": "NOW-3YEARS,NOW",
            "projection.column_2.format": "yyyy-MM-dd",
            "field.delim": "|",
            "hidden_1": "...",
            "parquet.note": "...",
            "comment": "...",
            "nullvalue": "n/a",
        }
    }


def test_columns_that_are_spelled_as_fields_are_hidden_in_statistics() -> None:
    stats = {
        "numRecords": 1,
        "minValues": {"Surname": {"City": "2026-01-01"}, "account": "2026-01-01"},
    }
    schema = {"columns": [{"name": n, "type": "string"} for n in ("Surname", "City", "account")]}
    told = str(settled(schema).value(stats))
    assert not [n for n in ("Surname", "City", "account") if n in told]
    assert "numRecords" in told


def test_a_column_may_be_called_as_what_people_write() -> None:
    told = settled({"raw_inputs": {"comment": "string"}}).value(
        {"raw_inputs": {"comment": "string"}}
    )
    assert list(told["raw_inputs"].values()) == ["string"]


def test_branches_and_fields_of_partitions_are_names() -> None:
    document = {
        "refs": {"acmebranch": {"snapshot-id": 1}},
        "partition-specs": [{"fields": [{"name": "acme_bucket", "transform": "bucket[8]"}]}],
        "namespace": "com.acme.claims",
        "properties": {"acmeowner": "joe", "write.format.default": "parquet"},
    }
    told = str(settled(document).value(document))
    assert not re.findall("acme|joe", told)
    assert "'write.format.default': 'parquet'" in told


def test_paths_of_a_machine_are_hidden() -> None:
    document = {"tables": {"rows": "/mnt/users/jane/acme/rows-*.parquet"}}
    names = settled(document, {"message": "can't read /srv/jane/acme/token: no"})
    told = str(names.value(document)) + names.text("can't read /srv/jane/acme/token: no")
    assert not re.findall("jane|acme|srv|mnt", told)


def test_values_are_hidden_as_paths_escape_them_and_with_blanks() -> None:
    path = "s3://acme lake/acme root/k=Stra\u00dfe%3A 5/acme file (1).parquet"
    fields = {"values": frozenset({"Values"}), "addresses": frozenset({"Location"})}
    names = settled({"Values": ["Stra\u00dfe: 5"]}, {"Location": path}, **fields)
    for told in (path, f"can't read '{path}': no", path.replace("%3A", ":")):
        assert not re.findall("acme|Stra", names.text(told)), names.text(told)


def test_many_values_are_hidden_in_one_pass() -> None:
    given = [f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{n}@acme.example" for n in range(20_000)]
    document = [{"Values": [value], "Location": f"s3://b/k={value.upper()}/"} for value in given]
    names = settled(document, values=frozenset({"Values"}), addresses=frozenset({"Location"}))
    began = time.process_time()
    told = str(names.value(document))
    assert time.process_time() - began < 20
    assert "acme" not in told.casefold()
