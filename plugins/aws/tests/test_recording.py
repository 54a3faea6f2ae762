"""What is noted of a call: the fields that are known, of errors and of objects."""

from types import SimpleNamespace
from typing import Any

from headwater_aws.recording import _answer


def answered(status: int, parsed: dict[str, Any], service: str = "s3") -> str:
    return str(_answer(service, (SimpleNamespace(status_code=status, headers={}), parsed), None))


def test_an_error_tells_what_went_wrong_and_not_the_request_that_was_signed() -> None:
    token = "FwoGCANARY"
    error = {
        "Code": "SignatureDoesNotMatch",
        "Message": "The request signature we calculated does not match",
        "CanonicalRequest": f"GET\nx-amz-security-token:{token}",
        "CanonicalRequestBytes": token.encode().hex(" "),
        "StringToSignBytes": token.encode().hex(" "),
        "Token-0": token,
        "HostId": token,
    }
    told = answered(403, {"Error": error})
    assert token not in told
    assert token.encode().hex(" ") not in told
    assert "SignatureDoesNotMatch" in told


def test_an_object_tells_its_size_and_not_what_its_writer_put_beside() -> None:
    head = {
        "ContentLength": 7,
        "ETag": '"x"',
        "Metadata": {"customer": "CANARY"},
        "Expiration": 'rule-id="CANARY"',
        "ContentDisposition": "CANARY",
        "WebsiteRedirectLocation": "CANARY",
    }
    told = answered(200, head)
    assert "CANARY" not in told
    assert "7" in told


def test_a_catalog_tells_no_values_of_columns() -> None:
    table = {
        "Name": "t",
        "StorageDescriptor": {"SkewedInfo": {"SkewedColumnValues": ["CANARY"]}},
        "Parameters": {"spark.sql.statistics.colStats.a.max": "CANARY", "x": "y"},
    }
    told = answered(200, {"Table": table}, "glue")
    assert "CANARY" not in told
    assert "'x': 'y'" in told
