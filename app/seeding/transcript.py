"""The transcript of a document, by line."""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import overload


class Transcript(Sequence[str]):
    """The lines of a transcript. They are kept as bytes, and decoded one by one: a transcript may be large."""

    def __init__(self, file: str, data: bytes, sha256: str) -> None:
        self.file = file
        self.sha256 = sha256
        self._data = data.removesuffix(b"\n")
        self._starts = array("Q", accumulate((len(line) + 1 for line in self._data.split(b"\n")), initial=0))

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, at: int) -> str: ...

    @overload
    def __getitem__(self, at: slice) -> list[str]: ...

    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        return self._data[self._starts[at] : self._starts[at + 1] - 1].decode()
