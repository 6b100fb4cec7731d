"""The byte cache: ready answers of one snapshot, kept by the question and found at once by how it was spelled before;
it never decides what an answer is."""

from collections import OrderedDict
from dataclasses import dataclass, field
from sys import getsizeof

Spelling = tuple[str, bytes]  # a path and its query string, as they were sent
# The path, and each parameter with its values in ids: the same for every spelling.
Key = tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]
Raw = list[tuple[bytes, bytes]]

ENTRY_COST = 2_000  # bytes that a representation takes beside its body and headers
SPELLING_COST = 250
VALUE_COST = 200  # of a parameter in a key
SPELLINGS = 8  # of one question; the ninth replaces the first, so that a flood of them ends here


@dataclass(slots=True, eq=False)
class Sent:
    """One representation of an answer, ready to leave, and what says that it is unchanged."""

    tag: bytes
    headers: Raw
    unchanged: Raw
    body: bytes

    @property
    def cost(self) -> int:
        return ENTRY_COST + len(self.body) + sum(map(len, dict(self.headers).values()))


@dataclass(slots=True, eq=False)
class Entry:
    """One answer: its media type and date, as it is and packed with gzip, and what the cache knows of it."""

    media_type: str
    modified: bytes
    plain: Sent
    packable: bool = False
    packed: Sent | None = None
    key: Key = ("", ())
    again: bool = False  # asked since it was last passed over
    spellings: list[Spelling] = field(default_factory=list)
    size: int = 0


class Cache:
    """Bounded by bytes, keys and spellings included. The oldest go first, but those asked again are passed over once:
    what nobody asks twice leaves before what many ask, and to find an answer moves nothing."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Entry] = OrderedDict()
        self._spelled: dict[Spelling, Entry] = {}
        self.size = 0

    def spelled(self, spelling: Spelling) -> Entry | None:
        """The answer to what was asked before in these very bytes."""
        entry = self._spelled.get(spelling)
        if entry is not None:
            entry.again = True
        return entry

    def asked(self, key: Key, spelling: Spelling) -> Entry | None:
        """The answer to what was asked before in any words, from now on in these too."""
        entry = self._kept.get(key)
        if entry is not None:
            entry.again = True
            self._remember(entry, spelling)
        return entry

    def keep(self, key: Key, spelling: Spelling, entry: Entry) -> None:
        """Keeps an answer, unless it is larger than all that may be kept, or another came first."""
        cost = entry.plain.cost + _key_cost(key) + _spelling_cost(spelling)
        if cost > self._most or self.asked(key, spelling) is not None:
            return
        # All of it is there before room is made, which may take it away again.
        entry.key, entry.spellings = key, [spelling]
        self._kept[key] = self._spelled[spelling] = entry
        self._grow(entry, cost)

    def pack(self, entry: Entry, packed: Sent) -> None:
        """Adds the packed representation."""
        if entry.packed is None:
            entry.packed = packed
            if self._kept.get(entry.key) is entry:
                self._grow(entry, packed.cost)

    def _remember(self, entry: Entry, spelling: Spelling) -> None:
        if spelling in self._spelled:
            return
        if len(entry.spellings) == SPELLINGS:
            oldest = entry.spellings.pop(0)
            del self._spelled[oldest]
            self._grow(entry, -_spelling_cost(oldest))
        entry.spellings.append(spelling)
        self._spelled[spelling] = entry
        self._grow(entry, _spelling_cost(spelling))

    def _grow(self, entry: Entry, more: int) -> None:
        entry.size += more
        self.size += more
        while self.size > self._most:
            key, oldest = self._kept.popitem(last=False)
            if oldest.again:
                oldest.again = False
                self._kept[key] = oldest
                continue
            self.size -= oldest.size
            for spelling in oldest.spellings:
                del self._spelled[spelling]


def _key_cost(key: Key) -> int:
    path, asked = key
    return getsizeof(path) + sum(VALUE_COST + sum(map(getsizeof, values)) for _, values in asked)


def _spelling_cost(spelling: Spelling) -> int:
    path, query = spelling
    return SPELLING_COST + getsizeof(path) + getsizeof(query)
