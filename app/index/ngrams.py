"""Text search: an inverted index of the n-grams, of one to three characters, of every word.

A term of up to three characters is found by one look-up. For a longer term the n-grams that it consists of give
candidates, and its presence is verified in their text. All texts and terms are folded by the caller.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pyroaring import BitMap

from app.index.entries import Entry, dump

MAX_NGRAM = 3  # characters of the longest n-gram
FLUSH_EVERY = 1 << 17  # records whose words are collected before they are split into n-grams

Field = Literal["names", "descriptions"]
FIELDS: tuple[Field, ...] = ("names", "descriptions")


def text_entry_name(field: Field) -> str:
    """The name of the entries that hold a field's n-grams."""
    return f"text/{field}"


def ngrams(text: str) -> set[str]:
    """Every n-gram of the words of a text, of one to MAX_NGRAM characters."""
    found: set[str] = set()
    for word in text.split():
        for length in range(1, MAX_NGRAM + 1):
            found.update(word[place : place + length] for place in range(len(word) - length + 1))
    return found


def covering(term: str) -> list[str]:
    """The n-grams that any text containing the term contains: the term itself if it is short."""
    if len(term) <= MAX_NGRAM:
        return [term]
    return [term[place : place + MAX_NGRAM] for place in range(len(term) - MAX_NGRAM + 1)]


def anchors(name: str) -> set[str]:
    """Entries for how a name begins, after a line break, and for a short name as a whole, between two."""
    found = {f"\n{name[:length]}" for length in range(1, MAX_NGRAM + 1)}
    if len(name) <= MAX_NGRAM:
        found.add(f"\n{name}\n")
    return found


class NgramWriter:
    """Collects the n-grams of all records. Each distinct word is split into n-grams once, for most words are those of
    many records."""

    def __init__(self) -> None:
        self._count = 0
        self._words: dict[tuple[Field, str], array[int]] = defaultdict(lambda: array("I"))
        self._ngrams: dict[tuple[Field, str], BitMap] = {}

    def add(self, key: int, names: Iterable[str], descriptions: Iterable[str]) -> None:
        """The folded texts of a record."""
        self._count += 1
        for name in names:
            for word in (*name.split(), *anchors(name)):
                self._words["names", word].append(key)
        for text in descriptions:
            for word in text.split():
                self._words["descriptions", word].append(key)
        if self._count % FLUSH_EVERY == 0:
            self._flush()

    def _flush(self) -> None:
        for (field, word), keys in self._words.items():
            rows = BitMap(keys)
            for ngram in (word,) if "\n" in word else ngrams(word):
                known = self._ngrams.get((field, ngram))
                if known is None:
                    self._ngrams[field, ngram] = rows.copy()
                else:
                    known |= rows
        self._words.clear()

    def entries(self) -> Iterator[Entry]:
        """(name, value, data) of every n-gram."""
        self._flush()
        for field, ngram in sorted(self._ngrams):
            yield text_entry_name(field), ngram, dump(self._ngrams[field, ngram])


class TextReader(Protocol):
    """What a search reads of the database."""

    def entries(self, names: Sequence[str], values: Sequence[str]) -> Iterable[Entry]:
        """The entries of these names and values."""
        ...

    def containing(self, field: Field, rows: BitMap, text: str) -> BitMap:
        """Those of the rows whose field contains the text."""
        ...


@dataclass(frozen=True)
class TextMatches:
    """The rows that contain every term: in their names, in their own texts, and in those or what they link to."""

    in_names: BitMap
    in_texts: BitMap
    anywhere: BitMap


def search(terms: Sequence[str], reader: TextReader, linked: Sequence[BitMap]) -> TextMatches:
    """The rows that contain each of these folded terms. `linked` gives for each term the rows that contain it by what
    they link to, which no text of theirs says."""
    lookup = _lookup({ngram for term in terms for ngram in covering(term)}, reader)
    names, descriptions = (
        [BitMap.intersection(*(lookup(field, ngram) for ngram in covering(term))) for term in terms] for field in FIELDS
    )
    found = list(zip(terms, names, descriptions, linked, strict=True))
    anywhere = BitMap.intersection(*(named | described | through for _, named, described, through in found))
    in_names = in_texts = anywhere
    for term, named, described, through in found:
        in_name, in_text = named, named | described
        if len(term) > MAX_NGRAM:
            in_name = reader.containing("names", named & anywhere, term)
            in_text = in_name | reader.containing("descriptions", (described & anywhere) - in_name, term)
        in_names, in_texts = in_names & in_name, in_texts & in_text
        anywhere = anywhere & (in_text | through)
    return TextMatches(in_names & anywhere, in_texts & anywhere, anywhere)


def search_beginnings(beginning: str, whole: str, rows: BitMap, reader: TextReader) -> tuple[BitMap, BitMap]:
    """Of these rows, those that have a name equal to `whole`, and those that have one that begins with `beginning`;
    both are folded."""
    begins, equals = f"\n{beginning}", f"\n{whole}\n"
    lookup = _lookup({begins[: MAX_NGRAM + 1], equals}, reader)
    found = rows & lookup("names", begins[: MAX_NGRAM + 1])
    if len(beginning) > MAX_NGRAM:
        found = reader.containing("names", found, begins)
    if len(whole) > MAX_NGRAM:
        return reader.containing("names", found, equals), found
    return found & lookup("names", equals), found


def _lookup(values: set[str], reader: TextReader) -> Callable[[Field, str], BitMap]:
    found: Mapping[tuple[str, str], BitMap] = {
        (name, value): BitMap.deserialize(data)
        for name, value, data in reader.entries([text_entry_name(field) for field in FIELDS], sorted(values))
    }
    return lambda field, value: found.get((text_entry_name(field), value)) or BitMap()
