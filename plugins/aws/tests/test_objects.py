from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from plugins.aws.tests.support import opened

from headwater.errors import (
    AccessDeniedError,
    AuthError,
    CancelledError,
    DataChangedError,
    SourceError,
)
from headwater.interfaces.stopping import Stop
from headwater.tables.relation import DataFile
from headwater_aws import AwsSession
from headwater_aws.objects import look
from headwater_aws.testing import Emulator

BODY = bytes(range(256)) * 40
URI = "s3://lake/t/a b.gz"


@pytest.fixture
def session(aws: Emulator) -> Iterator[AwsSession]:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="t/a b.gz", Body=BODY)
    with opened(aws) as found:
        yield found


def planned(aws: Emulator) -> DataFile:
    head: Any = aws.client("s3").head_object(Bucket="lake", Key="t/a b.gz")
    return DataFile(URI, head["ContentLength"], etag=head["ETag"].strip('"'))


def gets(aws: Emulator) -> int:
    return sum(r.action == "GetObject" for r in aws.requests)


def test_an_object_is_streamed_by_one_call(aws: Emulator, session: AwsSession) -> None:
    with session.content(planned(aws), "read it") as content:
        assert content.read(3) == BODY[:3]
        assert content.readall() == BODY[3:]
    assert gets(aws) == 1


def test_an_answer_that_breaks_off_goes_on_where_it_ended(
    aws: Emulator, session: AwsSession
) -> None:
    aws.faults.truncate("s3:GetObject", after=5000, times=2)
    with session.content(planned(aws), "read it") as content:
        assert content.readall() == BODY
    assert gets(aws) == 3


def test_a_part_is_streamed_by_one_call_and_goes_on_where_it_ended(
    aws: Emulator, session: AwsSession
) -> None:
    with session.part(planned(aws), 100, 9_000, "read it") as content:
        assert content.read(3) == BODY[100:103]
        assert content.readall() == BODY[103:9_000]
    assert gets(aws) == 1
    aws.faults.truncate("s3:GetObject", after=5000, times=1)
    with session.part(planned(aws), 100, 9_000, "read it") as content:
        assert content.readall() == BODY[100:9_000]
    assert gets(aws) == 3


def test_a_part_of_another_version_is_not_given(aws: Emulator, session: AwsSession) -> None:
    file = planned(aws)
    aws.client("s3").put_object(Bucket="lake", Key="t/a b.gz", Body=bytes(len(BODY)))
    with session.part(file, 0, 10, "read it") as content, pytest.raises(DataChangedError):
        content.readall()


def test_an_answer_of_other_bytes_than_were_asked_for_is_an_error(
    aws: Emulator, session: AwsSession
) -> None:
    """Something on the way that knows no ranges gives the object's beginning."""

    def without_range(params: dict[str, Any], **_: Any) -> None:
        params["headers"].pop("Range", None)

    session.client("s3").meta.events.register("before-call.s3.GetObject", without_range)
    with (
        session.part(planned(aws), 100, 200, "read it") as content,
        pytest.raises(SourceError, match="the bytes 100-199 were asked for, and all given"),
    ):
        content.readall()


def test_answers_that_always_break_off_end(aws: Emulator, session: AwsSession) -> None:
    aws.faults.truncate("s3:GetObject", after=0, times=None)
    with session.content(planned(aws), "read it") as content, pytest.raises(SourceError) as caught:
        content.readall()
    assert (caught.value.code, caught.value.retryable) == ("broken-answer", True)


def test_nothing_is_asked_for_once_the_read_is_to_end(aws: Emulator, session: AwsSession) -> None:
    """Storage that hangs is waited for once: a minute, not five."""
    stop = Stop()
    file = planned(aws)
    aws.faults.truncate("s3:GetObject", after=5000, times=None)
    with stop.within(), session.part(file, 0, len(BODY), "read it") as content:
        assert content.read(5000) == BODY[:5000]
        stop.set()
        with pytest.raises(CancelledError):
            content.readall()
    assert gets(aws) == 1


def test_answers_that_break_off_after_a_few_bytes_end_too(
    aws: Emulator, session: AwsSession
) -> None:
    aws.faults.truncate("s3:GetObject", after=1, times=None)
    with session.content(planned(aws), "read it") as content, pytest.raises(SourceError) as caught:
        content.readall()
    assert caught.value.code == "broken-answer"
    assert gets(aws) == 5


def test_a_long_object_may_break_off_as_often_as_it_gets_on(
    aws: Emulator, session: AwsSession
) -> None:
    body = BODY * 800
    aws.client("s3").put_object(Bucket="lake", Key="t/a b.gz", Body=body)
    aws.faults.truncate("s3:GetObject", after=600_000, times=None)
    with session.content(planned(aws), "read it") as content:
        assert content.readall() == body
    assert gets(aws) > 10


def test_another_version_is_not_read(aws: Emulator, session: AwsSession) -> None:
    file = planned(aws)
    aws.client("s3").put_object(Bucket="lake", Key="t/a b.gz", Body=BODY[::-1])
    with (
        session.content(file, "read a b.gz") as content,
        pytest.raises(DataChangedError, match=r"a b\.gz"),
    ):
        content.readall()


def test_no_frame_shows_what_a_buffer_held_before(aws: Emulator, session: AwsSession) -> None:
    file = planned(aws)
    aws.faults.fail("s3:GetObject", 403, None)
    buffer = bytearray(b"a key that was here before")
    with pytest.raises(AccessDeniedError) as caught, session.content(file, "read it") as content:
        content.readinto(buffer)
    shown = [
        repr(value)
        for frame, _ in traceback.walk_tb(caught.value.__traceback__)
        if frame.f_globals["__name__"].startswith("headwater")
        for value in frame.f_locals.values()
    ]
    assert shown
    assert not any("a key that was" in text for text in shown)


def test_a_refusal_in_the_middle_is_told(aws: Emulator, session: AwsSession) -> None:
    aws.faults.truncate("s3:GetObject", after=5000)
    aws.faults.fail("s3:GetObject", 403, None, skip=1)
    with session.content(planned(aws), "read it") as content, pytest.raises(AccessDeniedError):
        content.readall()


def test_a_refused_head_is_asked_again_with_a_body(aws: Emulator, session: AwsSession) -> None:
    said = "The difference between the request time and the current time is too large."
    aws.faults.fail("s3:HeadObject", 403, None, code="RequestTimeTooSkewed", message=said)
    aws.faults.fail("s3:GetObject", 403, None, code="RequestTimeTooSkewed", message=said)
    with pytest.raises(AuthError) as caught:
        look(session, URI)
    assert caught.value.code == "clock-skew"


def test_an_object_is_looked_at(aws: Emulator, session: AwsSession) -> None:
    found = look(session, URI)
    assert found is not None
    assert found["ContentLength"] == len(BODY)
    assert look(session, "s3://lake/none") is None


def test_what_is_not_refused_has_no_refusal(aws: Emulator, session: AwsSession) -> None:
    assert session.refusal(URI, "read it") is None
