"""The byte cache: answers as they left, kept by the request that asked for them; it never decides what an answer is."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

Key = tuple[str, bytes]  # a path and its query string, as they were sent
Raw = list[tuple[bytes, bytes]]

ENTRY_COST = 2_000  # bytes that an entry takes beside its bodies


@dataclass(frozen=True, slots=True)
class Sent:
    """One representation of an answer, ready to leave, and what says that it is unchanged."""

    tag: str
    headers: Raw
    unchanged: Raw
    body: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer: its media type and date, and its representations by content coding."""

    media_type: str
    modified: str
    sent: Mapping[str, Sent]


class Cache:
    """Entries made from one version of the data, bounded by bytes; the least recently asked go first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._version: object = None
        self._entries: OrderedDict[Key, tuple[Entry, int]] = OrderedDict()
        self.size = 0

    def get(self, version: object, key: Key) -> Entry | None:
        """The answer to a request, if it was made from this version; another version empties the cache."""
        if version is not self._version:
            self._entries.clear()
            self._version, self.size = version, 0
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, version: object, key: Key, entry: Entry) -> None:
        """Keeps an answer that was made from `version`, unless that was replaced meanwhile."""
        if version is not self._version:
            return
        _, before = self._entries.pop(key, (None, 0))
        size = ENTRY_COST + len(key[1]) + sum(len(each.body) for each in entry.sent.values())
        self._entries[key] = entry, size
        self.size += size - before
        while self.size > self._most:
            _, (_, oldest) = self._entries.popitem(last=False)
            self.size -= oldest
