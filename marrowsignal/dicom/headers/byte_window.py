"""The stretch of a file that is looked at, so that no header costs more memory than it has bytes."""

from __future__ import annotations

import io
from typing import BinaryIO

__all__ = ["Window"]

_WINDOW_BYTES = 2**14

# Elements within sequences of undefined length that may be stepped over; no image has as many.
_MOST_NESTED = 2_000_000


class Window:
    """The stretch of a file that is in memory, moved on when what is asked for lies beyond.

    Parameters
    ----------
    stream : file object
        The file, opened without a buffer.
    size : int
        Its length, bytes.
    """

    __slots__ = ("_size", "_stream", "data", "nested_left", "start")

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._size = stream, size
        self.data, self.start = b"", 0
        self.nested_left = _MOST_NESTED

    @classmethod
    def over(cls, data: bytes) -> Window:
        """Return a window over bytes that are in memory."""
        window = cls(io.BytesIO(data), len(data))
        window.data = data
        return window

    def index(self, place: int, count: int) -> int:
        """Return where `place` is in `data`, behind which `count` bytes must be in the file.

        Raises
        ------
        EOFError
            If they are not.
        """
        index = place - self.start
        if index < 0 or index + count > len(self.data):
            self.check(place + count)
            self._stream.seek(place)
            self.data, self.start, index = self._read(count), place, 0
        return index

    def _read(self, count: int) -> bytes:
        data = self._stream.read(max(count, _WINDOW_BYTES))
        # A share may give less than was asked for.
        while len(data) < count:
            more = self._stream.read(count - len(data))
            if not more:
                raise EOFError("the file has become shorter")
            data += more
        return data

    def check(self, place: int) -> None:
        """Raise EOFError when the file ends before `place`."""
        if place > self._size:
            raise EOFError("the file ends within its header")

    def peek(self, place: int, count: int) -> bytes:
        """Return the bytes from `place` on, fewer than `count` at the end of the file."""
        count = max(0, min(count, self._size - place))
        index = self.index(place, count) if count else 0
        return self.data[index : index + count]

    def ends_at(self, place: int) -> bool:
        """Whether no further element fits."""
        return place + 8 > self._size
