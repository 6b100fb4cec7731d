"""Shelf: the entries of one kind where they stand in the seed's files, made one at a time; it judges nothing."""

import json
import os
import weakref
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import orjson

from app.facts.entry import At, Entry, Place, Sought
from app.facts.library import Entries

E = TypeVar("E", bound=Entry)

HELD = 2_000  # entries of a kind that are held because they may be asked for again
WORD = 0xFFFF_FFFF_FFFF_FFFF
ID = "id"

Lines = Mapping[At, int]
Pairs = list[tuple[int, int]]  # (hash of a value, place of an entry that has it)


class File(ABC, Generic[E]):
    """The entries of one file, by their place in it."""

    def __init__(self, name: str, document: str | None, kind: type[E]) -> None:
        self.name = name
        self.document = document
        self.kind = kind

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def raw(self, at: int) -> Any:
        """What is written there, before it is known to be an entry."""

    @abstractmethod
    def place(self, at: int) -> Place:
        """Where it stands."""

    def made(self, at: int, raw: object) -> E:
        """The entry that was written so; raises ValidationError when it is faulty."""
        entry = self.kind.model_validate(raw)
        object.__setattr__(entry, "place", self.place(at))
        return entry

    def entry(self, at: int) -> E:
        return self.made(at, self.raw(at))

    def id(self, at: int) -> str | None:
        """Of a faulty entry, too."""
        return id_of(self.raw(at))

    def line(self, at: int) -> int:
        """On which its id stands."""
        return self.place(at).line(ID)


class Held(File[E]):
    """A file that is in memory, because its form (YAML) must be read as a whole."""

    def __init__(
        self, name: str, document: str | None, kind: type[E], raws: Sequence[Any], lines: Sequence[Lines]
    ) -> None:
        super().__init__(name, document, kind)
        self._raws = raws
        self._lines = lines

    def __len__(self) -> int:
        return len(self._raws)

    def raw(self, at: int) -> Any:
        return self._raws[at]

    def place(self, at: int) -> Place:
        return Place(self.name, self.document, self._lines[at])


class Bulk(File[E]):
    """A file of one entry a line, of which only where its lines begin is in memory."""

    def __init__(self, name: str, document: str | None, kind: type[E], path: Path) -> None:
        super().__init__(name, document, kind)
        with path.open("rb") as lines:
            self._starts = array("Q", accumulate(map(len, lines), initial=0))
        self._file = _opened(self, path)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def text(self, at: int) -> bytes:
        """The line."""
        start = self._starts[at]
        return os.pread(self._file, self._starts[at + 1] - start, start)

    def raw(self, at: int) -> Any:
        text = self.text(at)
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return json.loads(text)  # it takes a little more, such as the mark with which some editors begin a file

    def place(self, at: int) -> Place:
        return Place(self.name, self.document, {(): at + 1})


def _opened(owner: object, path: Path) -> int:
    """A descriptor for reading at any place, by any process; it closes with its owner."""
    file = os.open(path, os.O_RDONLY)
    weakref.finalize(owner, os.close, file)
    return file


def id_of(raw: object) -> str | None:
    found = raw.get(ID) if isinstance(raw, dict) else None
    return found if isinstance(found, str) else None


def word(value: str) -> int:
    """What a value is found by: its hash, which is the same in every process that one build forks."""
    return hash(value) & WORD


class Index:
    """The places of entries by the hash of a value. A million take 12 MB."""

    def __init__(self, words: Iterable[int], places: Iterable[int]) -> None:
        self._words = array("Q", words)
        self._places = array("I", places)

    @classmethod
    def of(cls, parts: Iterable["Index"]) -> "Index":
        """One of several, whose order does not matter."""
        pairs = [pair << 32 | place for part in parts for pair, place in part]
        pairs.sort()
        return cls((pair >> 32 for pair in pairs), (pair & 0xFFFF_FFFF for pair in pairs))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._words, self._places, strict=True)

    def places(self, value: str) -> Sequence[int]:
        """Where entries with the value may stand, in their order."""
        sought = word(value)
        first = bisect_left(self._words, sought)
        return self._places[first : bisect_right(self._words, sought, first)]

    def lacks(self, words: Iterable[int]) -> bool:
        """Whether one of these hashes is not here."""
        mine, count = self._words, len(self._words)
        return any((at := bisect_left(mine, each)) == count or mine[at] != each for each in words)

    def repeated(self) -> Iterator[int]:
        """The places of what may have the value of an entry before it."""
        words = self._words
        return (self._places[at] for at in range(1, len(words)) if words[at] == words[at - 1])


@cache
def sought(kind: type[Entry]) -> tuple[str, ...]:
    """The fields by which entries of a kind are looked up."""
    return tuple(
        name for name, info in kind.model_fields.items() if any(isinstance(mark, Sought) for mark in info.metadata)
    )


def values(entry: Entry, field: str) -> Iterable[str]:
    value = getattr(entry, field)
    if isinstance(value, list):
        return value
    return () if value is None else (value,)


class Shelf(Entries[E]):
    """All entries of a kind, from every file in its order. `out` are those that are not to be found: faulty ones,
    and later those that lead to such."""

    def __init__(self, kind: type[E]) -> None:
        self.kind = kind
        self.files: list[File[E]] = []
        self.out: set[int] = set()
        self._first = [0]
        self._indexes: dict[str, Index] = {}
        self._held = lru_cache(maxsize=HELD)(self._made)
        self._found = lru_cache(maxsize=HELD)(self._place)

    def add(self, file: File[E]) -> int:
        """Puts a file's entries after those that are here. Returns the place of its first."""
        self.files.append(file)
        self._first.append(self._first[-1] + len(file))
        return self._first[-2]

    def arrange(self, indexes: Mapping[str, Iterable[Index]]) -> None:
        """Takes the places of ids, and of the values of fields that are sought."""
        self._indexes = {field: Index.of(indexes.get(field, ())) for field in (ID, *sought(self.kind))}

    @property
    def ids(self) -> Index:
        """Of every entry, faulty ones included."""
        return self._indexes[ID]

    def file(self, place: int) -> tuple[File[E], int]:
        """The file of an entry, and its place there."""
        at = bisect_right(self._first, place) - 1
        return self.files[at], place - self._first[at]

    def leave_out(self, places: Iterable[int]) -> None:
        """No longer finds the entries that stand there."""
        self.out.update(places)
        self._found.cache_clear()

    def _made(self, place: int) -> E:
        file, at = self.file(place)
        return file.entry(at)

    def total(self) -> int:
        """How many there are, faulty ones included."""
        return self._first[-1]

    def named(self) -> Iterator[str]:
        """The ids of all, faulty ones included."""
        for file in self.files:
            yield from filter(None, map(file.id, range(len(file))))

    def names(self, id_: str) -> bool:
        """Whether an entry has the id, a faulty one included."""
        return any(file.id(at) == id_ for file, at in map(self.file, self.ids.places(id_)))

    def each(self, part: Iterable[int] | None = None) -> Iterator[tuple[int, E]]:
        """Those that are to be found, in their order, each with its place."""
        for place in range(self.total()) if part is None else part:
            if place not in self.out:
                yield place, self._held(place)

    def _place(self, id_: str) -> int:
        """Raises KeyError when no entry of the id is to be found."""
        for place in self.ids.places(id_):
            if place not in self.out and self._held(place).id == id_:
                return place
        raise KeyError(id_)

    def __getitem__(self, id_: str) -> E:
        return self._held(self._found(id_))

    def __iter__(self) -> Iterator[str]:
        return (entry.id for _, entry in self.each())

    def __len__(self) -> int:
        return self.total() - len(self.out)

    def key(self, id_: str) -> int:
        return self._found(id_) + 1

    def where(self, field_: str, value: str) -> list[E]:
        if not self.total():
            return []
        places = self._indexes[field_].places(value)
        found = (self._held(place) for place in places if place not in self.out)
        return [entry for entry in found if value in values(entry, field_)]

    def count(self, field_: str, values: Iterable[str]) -> int:
        index = self._indexes[field_]
        return len({place for value in values for place in index.places(value)} - self.out)


class Transcript(Sequence[str]):
    """The lines of a transcript, each decoded when it is asked for."""

    def __init__(self, file: str, data: bytes) -> None:
        self.file = file
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
