"""Content digests: what the rows of a read are, in sixty-four bits, whatever their order.

Two digests are made of the batches of a dataset as they stream by: of all that is delivered but the
actuals, and of the ids with their actuals. So two reads of a window can be compared that lie years
apart, without a row being kept: rows that are the same in other files, in another order, by another
engine, have the same digests; a label that came to be known moves the second alone.

A digest is the sum, modulo 2^64, of a hash of each row. A sum knows no order; two different
contents have the same one by chance in one of 2^64 cases. It is no signature: who can choose the
rows can make them meet.

A row's hash is made of a canonical form of its values: NaN is one value, -0.0 is 0.0, a number is
what it is and not how wide its column is (a decimal: not how many zeros end it), a map is its
entries in no order, NULL is neither zero nor the empty text. This form is kept: the digests of
ledgers depend on it. Whoever changes it raises `FORM`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from headwater.interfaces.schema import Role
from headwater.reading.conversion import role_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

FORM: Final = 1
"""Number of the canonical form and of the hash."""

_ROWS: Final = 1 << 15
"""Rows that are hashed at once: what they take stays near the processor."""
_LONG: Final = 128
"""Bytes from which on a text is hashed by itself: it takes longer than to call for it."""
_MIX: Final = 0xD6E8FEB86659FD93
_STEP: Final = 0x9E3779B97F4A7C15
_NULL: Final = 0x5BF0363C6D5A2E91
_SIXTY_FOUR: Final = 1 << 64


class ContentDigest:
    """The two digests of one read, fed with its batches.

    Args:
        schema: The dataset's, with the roles of its columns.
        ids: Of how many rows ids are kept (`ids`): of more, none are.
    """

    def __init__(self, schema: pa.Schema, ids: int = 0) -> None:
        columns = sorted((f.name, i, role_of(f)) for i, f in enumerate(schema))
        seeds = {name: _seed(f"{name}\0{_kind(schema.field(i).type)}") for name, i, _ in columns}
        own = [(i, seeds[n]) for n, i, role in columns if role is not Role.ACTUAL]
        by_id = [(i, seeds[n]) for n, i, role in columns if role is Role.ID]
        self._own = own
        self._actuals = [(i, seeds[n]) for n, i, role in columns if role is Role.ACTUAL]
        # Without an id, a label is told by the row that it stands in.
        self._ids = by_id or own
        self._room = ids
        self._id_words: list[Words] | None = [] if ids and len(by_id) == 1 else None
        self._rows = 0
        self._labels = 0
        self.labelled = 0
        """Rows of which an actual is known."""

    def update(self, batch: pa.RecordBatch) -> None:
        """Take a batch of the dataset."""
        for start in range(0, batch.num_rows, _ROWS):
            self._take(batch.slice(start, _ROWS))

    @property
    def rows(self) -> str:
        """Digest of all that was delivered but the actuals."""
        return f"{self._rows:016x}"

    @property
    def labels(self) -> str:
        """Digest of the ids with their actuals, where one is known."""
        return f"{self._labels:016x}"

    def ids(self) -> Words | None:
        """Return the word of each id, NULLs left out; None if none are kept."""
        import numpy as np

        if self._id_words is None:
            return None
        return np.concatenate([np.empty(0, np.uint64), *self._id_words])

    def _take(self, batch: pa.RecordBatch) -> None:
        import numpy as np

        word_columns = self._ids if self._actuals or self._id_words is not None else ()
        hashes, words = _chained(batch, self._own, word_columns)
        self._rows = (self._rows + _total(hashes)) % _SIXTY_FOUR
        self._keep_ids(batch, words)
        if not self._actuals:
            return
        actuals = [batch.column(i) for i, _ in self._actuals]
        labelled = np.zeros(batch.num_rows, bool)
        for array in actuals:
            labelled |= _valid(array)
        self.labelled += int(labelled.sum())
        if not labelled.any():
            return
        hashes, _ = _chained(batch, (*self._ids, *self._actuals), (), words)
        self._labels = (self._labels + _total(hashes[labelled])) % _SIXTY_FOUR

    def _keep_ids(self, batch: pa.RecordBatch, words: Mapping[int, Words]) -> None:
        if self._id_words is None:
            return
        self._room -= batch.num_rows
        if self._room < 0:
            self._id_words = None
            return
        place = self._ids[0][0]
        self._id_words.append(words[place][_valid(batch.column(place))])


def _seed(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") | 1  # an odd number loses nothing when multiplied


def id_words(ids: pa.Array[Any]) -> Words:
    """Return the word of each id, NULLs left out: equal ids have equal ones."""
    return _words(ids)[_valid(ids)]


def _total(hashes: Words) -> int:
    import numpy as np

    return int(np.add.reduce(_mixed(hashes)))


def _chained(
    batch: pa.RecordBatch,
    columns: Sequence[tuple[int, int]],
    returned: Sequence[tuple[int, int]],
    ready: Mapping[int, Words] = MappingProxyType({}),
) -> tuple[Words, dict[int, Words]]:
    """Return a hash of each row over some of its columns, and the words of some of these.

    Args:
        batch: The rows.
        columns: The columns, by their places, each with its seed.
        returned: Those whose words are returned. The others are not held beside each other: one
            column's stay near the processor.
        ready: Words that were made before.
    """
    import numpy as np

    state = np.full(batch.num_rows, _STEP, np.uint64)
    beside = np.empty_like(state)
    indices = {i for i, _ in returned}
    words_of: dict[int, Words] = {}
    for index, seed in columns:
        words = ready.get(index)
        if words is None:
            words = _words(batch.column(index))
        if index in indices:
            words_of[index] = words
        _enter(state, words, seed, beside)
    return state, words_of


def _enter(state: Words, words: Words, seed: int, beside: Words) -> None:
    """Have words change a state: each step loses nothing of the state, and nothing of the word."""
    import numpy as np

    np.bitwise_xor(state, words, out=state)
    np.multiply(state, np.uint64(seed), out=state)
    np.right_shift(state, np.uint64(32), out=beside)
    np.bitwise_xor(state, beside, out=state)


def _mixed(words: Words) -> Words:
    """Return words of which each bit depends on all bits of what was given."""
    import numpy as np

    state = words.copy()
    beside = np.empty_like(state)
    for _ in range(2):
        np.right_shift(state, np.uint64(32), out=beside)
        np.bitwise_xor(state, beside, out=state)
        np.multiply(state, np.uint64(_MIX), out=state)
    np.right_shift(state, np.uint64(32), out=beside)
    np.bitwise_xor(state, beside, out=state)
    return state


def _kind(type_: pa.DataType) -> str:
    """Return what a type's values are, widths and encodings left aside."""
    import pyarrow as pa

    t = pa.types
    if t.is_dictionary(type_) or t.is_run_end_encoded(type_):
        return _kind(type_.value_type)
    if t.is_list(type_) or t.is_large_list(type_) or t.is_fixed_size_list(type_):
        return f"[{_kind(type_.value_type)}]"
    if t.is_map(type_):
        return f"{{{_kind(type_.key_type)}:{_kind(type_.item_type)}}}"
    if t.is_struct(type_):
        return f"({','.join(sorted(f'{f.name}:{_kind(f.type)}' for f in type_))})"
    for name, is_kind in (
        ("boolean", t.is_boolean),
        ("integer", t.is_integer),
        ("float", t.is_floating),
        ("decimal", t.is_decimal),
        ("text", lambda x: t.is_string(x) or t.is_large_string(x) or t.is_string_view(x)),
        ("date", t.is_date),
        ("duration", t.is_duration),
        ("time", t.is_time),
    ):
        if is_kind(type_):
            return name
    if t.is_timestamp(type_):
        return "timestamp" if type_.tz is None else "instant"
    binary = t.is_binary(type_) or t.is_large_binary(type_) or t.is_binary_view(type_)
    return "binary" if binary or t.is_fixed_size_binary(type_) else str(type_)


def _words(array: Any) -> Words:
    """Return a word for each value of an array; equal values have equal ones."""
    import numpy as np

    words = _present(array)
    if array.null_count:
        words = np.where(_valid(array), words, np.uint64(_NULL))
    return words


def _valid(array: Any) -> NDArray[np.bool_]:
    import numpy as np

    if array.null_count == 0:
        return np.ones(len(array), bool)
    valid: NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _present(array: Any) -> Words:
    """Return the words of an array's values; those of NULLs mean nothing."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    t, type_ = pa.types, array.type
    if t.is_dictionary(type_):
        if len(array.dictionary) == 0:
            return np.full(len(array), _NULL, np.uint64)
        places = array.indices.fill_null(0).cast(pa.int64())
        words: Words = _words(array.dictionary).take(_fixed(places, np.int64))
        return words
    if t.is_run_end_encoded(type_):
        return _words(pc.run_end_decode(array))  # type: ignore[attr-defined]
    if t.is_null(type_):
        return np.full(len(array), _NULL, np.uint64)
    if t.is_boolean(type_):
        truth: Words = _fixed(array.cast(pa.uint8()), np.uint8).astype(np.uint64)
        return truth
    if t.is_floating(type_):
        return _floats(array)
    if t.is_uint64(type_):
        as_they_are: Words = _fixed(array, np.uint64)
        return as_they_are
    if t.is_integer(type_):
        return _integers(array)
    if t.is_decimal(type_):
        return _decimals(array)
    if t.is_date(type_):
        return _integers(array.cast(pa.date32()).cast(pa.int32()))
    if t.is_timestamp(type_) or t.is_time(type_) or t.is_duration(type_):
        return _moments(array)
    if t.is_string(type_) or t.is_string_view(type_) or t.is_binary(type_):
        return _texts(array.cast(pa.large_binary()))
    if _kind(type_) in ("text", "binary"):
        return _texts(array.cast(pa.large_binary()))
    if t.is_map(type_):
        return _maps(array)
    if t.is_list(type_) or t.is_large_list(type_) or t.is_fixed_size_list(type_):
        return _lists(array)
    if t.is_struct(type_):
        return _structs(array)
    return _others(array)


def _fixed(array: Any, dtype: Any) -> Any:
    """Return the values of an array of fixed width, as they lie there."""
    import numpy as np

    if len(array) == 0:
        return np.empty(0, dtype)
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def _integers(array: Any) -> Words:
    import numpy as np
    import pyarrow as pa

    words: Words = _fixed(array.cast(pa.int64()), np.int64).view(np.uint64)
    return words


def _floats(array: Any) -> Words:
    import numpy as np
    import pyarrow as pa

    values = _fixed(array.cast(pa.float64()), np.float64) + 0.0  # which makes 0.0 of -0.0
    with np.errstate(all="ignore"):
        some = np.isnan(np.add.reduce(values))  # one NaN makes the sum one; so do two infinities
    if some:
        values[np.isnan(values)] = np.nan
    words: Words = values.view(np.uint64)
    return words


def _moments(array: Any) -> Words:
    """Return counts of microseconds; of nanoseconds, where there are any."""
    import numpy as np
    import pyarrow as pa

    type_ = array.type
    if type_.unit != "us" and pa.types.is_time(type_):
        array = array.cast(pa.time64("ns" if type_.unit == "ns" else "us"))
    counts = _fixed(array.cast(pa.int64()), np.int64)
    many = {"s": 1_000_000, "ms": 1_000}.get(type_.unit, 1)
    if many > 1 and not pa.types.is_time(type_):
        counts = counts * many
    words: Words = counts.view(np.uint64)
    if type_.unit == "ns":
        whole, rest = np.divmod(counts, 1000)
        words = np.where(rest == 0, whole.view(np.uint64), _mixed(words))
    return words


def _decimals(array: Any) -> Words:
    """Return the words of decimals: of the digits without the zeros at the end, and their place."""
    import numpy as np
    import pyarrow as pa

    type_ = array.type
    if not pa.types.is_decimal128(type_):
        if type_.precision > 38:
            return _each(array, lambda value: _plain(value.as_py()))
        array = array.cast(pa.decimal128(type_.precision, type_.scale))
    halves = np.frombuffer(array.buffers()[1], np.int64) if len(array) else np.empty(0, np.int64)
    low, high = (
        halves[2 * array.offset + half : 2 * (array.offset + len(array)) : 2] for half in (0, 1)
    )
    digits, place = low.copy(), np.full(len(array), type_.scale, np.int64)
    small = high == low >> 63
    left = np.flatnonzero(small & (digits != 0) & (place > 0))
    while len(left):
        tenth, rest = np.divmod(digits[left], 10)
        left, tenth = left[rest == 0], tenth[rest == 0]
        digits[left] = tenth
        place[left] -= 1
        left = left[place[left] > 0]
    place[digits == 0] = 0
    words: Words = _mixed(digits.view(np.uint64)) ^ (place.view(np.uint64) * np.uint64(_STEP))
    large = np.flatnonzero(~small & _valid(array))
    if len(large):
        values = array.take(pa.array(large)).to_pylist()
        words[large] = [_bytes_word(_plain(value)) for value in values]
        # What is small once its zeros are gone is the same number.
        for index, value in zip(large, values, strict=True):
            digits_of = _digits(value)
            if digits_of is not None:
                number, at = digits_of
                pair = np.array([number], np.int64).view(np.uint64)
                words[index] = (_mixed(pair) ^ (np.array([at], np.uint64) * np.uint64(_STEP)))[0]
    return words


def _digits(value: Decimal) -> tuple[int, int] | None:
    """Return a decimal's digits without zeros at the end, and their place, if they fit a word."""
    sign, figures, exponent = value.as_tuple()
    number, place = int("".join(map(str, figures))), -int(exponent)
    while place > 0 and number and number % 10 == 0:
        number, place = number // 10, place - 1
    number = -number if sign else number
    return (number, place) if -(2**63) <= number < 2**63 else None


def _plain(value: Decimal) -> bytes:
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text).encode()


def _texts(array: Any) -> Words:
    """Return the words of texts, given as large binaries: of each eight bytes, and the length."""
    import numpy as np

    count = len(array)
    if count == 0:
        return np.empty(0, np.uint64)
    _, ends, content = array.buffers()
    offsets = np.frombuffer(ends, np.int64)[array.offset : array.offset + count + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    buffer = np.zeros((last - first) // 8 * 8 + 24, np.uint8)
    if last > first:
        buffer[: last - first] = np.frombuffer(content, np.uint8, last - first, first)
    eights = buffer.view("<u8")
    starts, lengths = offsets[:-1] - first, np.diff(offsets)
    shortest, longest = int(lengths.min()), int(lengths.max())
    state: Words = lengths.view(np.uint64) * np.uint64(_STEP)
    beside = np.empty_like(state)
    if shortest == longest <= _LONG:  # as of ids: they lie one behind the other
        padded = np.zeros((count, (longest + 7) // 8 * 8), np.uint8)
        padded[:, :longest] = buffer[: last - first].reshape(count, longest)
        for words in padded.view("<u8").T:
            _enter(state, words, _MIX, beside)
        return state
    for at in range(0, min(longest, _LONG), 8):
        if at < shortest:
            _enter(state, _eight_bytes(eights, starts + at, lengths - at), _MIX, beside)
            continue
        within = np.flatnonzero(lengths > at)
        part = state[within]
        words = _eight_bytes(eights, starts[within] + at, lengths[within] - at)
        _enter(part, words, _MIX, np.empty_like(part))
        state[within] = part
    if longest > _LONG:
        view = memoryview(buffer.data)
        for index in np.flatnonzero(lengths > _LONG):
            start = int(starts[index])
            state[index] = _bytes_word(view[start : start + int(lengths[index])])
    return state


def _eight_bytes(eights: Words, place: Any, left: Any) -> Words:
    """Return the eight bytes at each place, those beyond what is left of a text as zeros."""
    import numpy as np

    index = place >> 3
    shift = ((place & 7) << 3).view(np.uint64)
    low = eights[index] >> shift
    # Shifted in two steps: by 64 at once, nothing would be shifted.
    high = (eights[index + 1] << np.uint64(1)) << (np.uint64(63) - shift)
    words: Words = low | high
    if int(left.min()) < 8:
        keep = np.minimum(left, 8)
        words &= np.uint64(_SIXTY_FOUR - 1) >> ((8 - keep).view(np.uint64) << np.uint64(3))
    return words


def _bytes_word(value: bytes | memoryview) -> int:
    return int.from_bytes(hashlib.blake2b(value, digest_size=8).digest(), "little")


def _lists(array: Any) -> Words:
    """Return the words of lists: of how many values they have, and which, in order."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = _fixed(pc.list_value_length(array).fill_null(0).cast(pa.int64()), np.int64)
    starts = np.cumsum(lengths) - lengths
    words = _words(array.flatten())
    places = np.arange(len(words), dtype=np.int64) - np.repeat(starts, lengths)
    return _summed(words ^ _mixed(places.view(np.uint64) * np.uint64(_STEP)), lengths)


def _maps(array: Any) -> Words:
    """Return the words of maps: of how many entries they have, and which, in no order."""
    import numpy as np
    import pyarrow as pa

    offsets = _fixed(array.offsets.cast(pa.int64()), np.int64)
    lengths, first = np.diff(offsets), int(offsets[0])
    keys, values = (x.slice(first, int(offsets[-1]) - first) for x in (array.keys, array.items))
    words = _mixed(_words(keys))
    _enter(words, _words(values), _MIX, np.empty_like(words))
    valid = _valid(array)
    words, lengths = words[np.repeat(valid, lengths)], np.where(valid, lengths, 0)
    return _summed(words, lengths)


def _summed(words: Words, lengths: Any) -> Words:
    """Return one word for each so many words: of their sum, and of how many they are."""
    import numpy as np

    ends = np.cumsum(lengths)
    sums = np.zeros(len(words) + 1, np.uint64)
    np.cumsum(_mixed(words), out=sums[1:])
    total: Words = sums[ends] - sums[ends - lengths]
    return _mixed(total ^ (lengths.view(np.uint64) * np.uint64(_STEP)))


def _structs(array: Any) -> Words:
    import numpy as np

    state = np.full(len(array), _STEP, np.uint64)
    fields = sorted(
        zip((f.name for f in array.type), array.flatten(), strict=True), key=lambda f: f[0]
    )
    for name, values in fields:
        _enter(state, _words(values), _seed(name), np.empty_like(state))
    return _mixed(state)


def _each(array: Any, canonical: Callable[[Any], bytes]) -> Words:
    import numpy as np

    return np.array([_bytes_word(canonical(v)) if v.is_valid else _NULL for v in array], np.uint64)


def _others(array: Any) -> Words:
    """Return the words of values of a type that hardly any model has: of how Python writes them."""
    return _each(array, lambda value: repr(value.as_py()).encode("utf-8", "surrogatepass"))


if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("content digests are made of numbers as little-endian machines hold them")
