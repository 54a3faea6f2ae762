"""What an operation keeps: once for each question, within its bounds, and no errors."""

import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest

from headwater.auth.credentials import Access, Session
from headwater.auth.operation_cache import OperationCache, Same


def test_a_question_is_asked_once_by_however_many_threads():
    cache, asked = OperationCache(), []

    def ask():
        asked.append(1)
        time.sleep(0.05)
        return len(asked)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cache.once("question", ask), range(8)))
    assert answers == [1] * 8
    assert cache.once("another", ask) == 2


def test_an_error_is_no_answer():
    cache = OperationCache()
    with pytest.raises(ZeroDivisionError):
        cache.once("question", lambda: 1 // 0)
    assert cache.once("question", lambda: 7) == 7


def test_what_has_no_room_is_asked_again():
    cache, asked = OperationCache(largest=10), []

    def ask():
        asked.append(1)
        return b"123456"

    for question in ("first", "second", "first", "second"):
        assert cache.once(question, ask, len) == b"123456"
    assert len(asked) == 3
    assert cache.get("second") is None


def test_a_part_of_an_operation_knows_what_the_whole_does_and_the_next_one_nothing():
    ours, theirs, narrow = (Mock(spec=Session) for _ in range(3))
    whole, part = Access({"a": ours}), Access({"a": theirs, "b": theirs})
    joined = whole.joined(part)
    assert joined.cache is whole.cache
    assert joined.session("a") is ours
    assert joined.session("b") is theirs
    within = part.within(joined)
    assert within.cache is whole.cache
    assert within.refs == ("a", "b")
    assert within.session("a") is ours
    assert joined.replaced("a", narrow).cache is whole.cache
    assert Access().cache is not Access().cache


def test_an_object_in_a_key_is_itself_alone_and_lives_as_long_as_the_key() -> None:
    one: list[int] = []
    assert Same(one) == Same(one)
    assert Same(one) != Same([])
    cache = OperationCache()
    cache.keep(Same([1]), "kept")
    assert all(cache.get(Same([1])) is None for _ in range(100))


def test_what_is_kept_already_takes_no_room_again() -> None:
    cache = OperationCache(largest=10)
    cache.keep("a", 1, 6)
    cache.keep("a", 1, 6)
    cache.keep("b", 2, 4)
    assert (cache.get("a"), cache.get("b")) == (1, 2)
