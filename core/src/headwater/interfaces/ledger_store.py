"""LedgerStore: where a ledger's bytes are kept. What the ledger means is none of its business."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class LedgerStore(Protocol):
    """One place that holds the bytes of one ledger.

    A `mark` stands for the very bytes that were loaded or saved; only the store reads meaning into
    it. What a store promises is tested by `headwater.testing.ledger_stores`.
    """

    def load(self) -> tuple[bytes, str | None]:
        """Return the saved bytes and their mark; `(b"", None)` where nothing was saved yet.

        Raises:
            LedgerError: If it can't be looked at. That nothing is there must be certain: a store
                that says so where it may not look loses a ledger.
        """
        ...

    def save(self, content: bytes, expected_mark: str | None) -> str | None:
        """Replace the bytes that a mark stands for, atomically.

        Whoever loads meanwhile gets the old bytes or the new ones, and so does whoever loads after
        a crash. When it returns, they are kept for good.

        Args:
            content: The bytes.
            expected_mark: What must still be there; None: nothing.

        Returns:
            The mark of what is kept now; None where the store can't tell, and is to be asked.

        Raises:
            LedgerMovedError: If something else is there: nothing was changed.
            LedgerError: If it can't be kept.
        """
        ...


@runtime_checkable
class Appending(Protocol):
    """A store that can append lines, which is less to write than everything."""

    def append(self, line: bytes, expected_mark: str | None) -> str | None:
        """Append a line to the bytes that a mark stands for; otherwise as `LedgerStore.save`.

        It may be several lines. A crash may leave some of them, and a part of one, which no `load`
        gives.

        Args:
            line: The line, with its newline.
            expected_mark: What must still be there; never None.
        """
        ...


@runtime_checkable
class KeepingFiles(Protocol):
    """A store that also keeps what files' footers said, beside the ledger.

    That may be lost, and be of an older ledger: it is read again from the files then. So nothing
    is compared here, and whoever saves last wins; half of them is never taken for the whole, which
    tells its own digest. They are bytes of any kind, and no text.
    """

    def load_files(self) -> bytes:
        """Return the bytes that `save_files` saved; empty where there are none.

        Raises:
            HeadwaterError: If it can't be read: then it is as if there were nothing.
        """
        ...

    def save_files(self, content: bytes) -> None:
        """Keep other bytes.

        Args:
            content: The bytes.

        Raises:
            HeadwaterError: If they can't be kept: then nothing is, and nobody minds.
        """
        ...
