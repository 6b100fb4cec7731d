"""Reads YAML into plain values, every scalar a text or None, with the line of every key and item."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from app.seeding.entries.base import FieldPath
from app.seeding.errors import Unreadable
from app.text import NOT_IN_TEXT

MAX_TEXT = 100_000  # characters of a text
MAX_DEPTH = 50
MAX_ALIASED = 100_000  # values that the aliases of a file stand for
NULLS = ("", "~", "null", "Null", "NULL")
NULL_TAG = "tag:yaml.org,2002:null"

Lines = dict[FieldPath, int]
Report = Callable[[int, str], None]  # takes the line and the message of an error


def decoded(data: bytes, report: Report) -> str | None:
    """The text of a file; None if it has an error."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        report(data.count(b"\n", 0, error.start) + 1, "this is not UTF-8: save the file as UTF-8")
        return None


def not_in_text(character: str) -> str:
    """The message of a text that holds a control character."""
    return f"a character that no text should hold (U+{ord(character):04X}): remove it"


def parse_yaml(data: bytes, report: Report) -> tuple[Any, Mapping[FieldPath, int]]:
    """The value of a file, every scalar a string or None, and the line of each path; None if it has none."""
    text = decoded(data, report)
    if text is None:
        return None, {}
    if not text.strip():
        report(1, "the file is empty: write its entries, or remove it")
        return None, {}
    reader = _YamlReader(yaml.parse(text, Loader=yaml.CSafeLoader), report)
    try:
        return reader.document(), reader.lines
    except Unreadable as error:
        report(error.line, str(error))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        tab = any("\t" in each for each in text.split("\n")[line - 1 : line])
        mend = "indent with blanks, not tabs" if tab else "correct the YAML here or just above"
        report(line, f"{error.problem}: {mend}")
    except yaml.reader.ReaderError as error:
        report(text.count("\n", 0, error.position) + 1, "a character that no text should hold: remove it")
    return None, {}


def _line(event: yaml.Event) -> int:
    assert event.start_mark  # noqa: S101 - narrows the type; a parser sets it
    return int(event.start_mark.line) + 1


class _YamlReader:
    """Builds the value of a YAML document from its events. The length of the file bounds time and memory: the values
    that aliases stand for are counted, since one may stand for many others, and deep nesting is refused."""

    def __init__(self, events: Iterator[yaml.Event], report: Report) -> None:
        self.lines: Lines = {}
        self._events = events
        self._report = report
        self._anchors: dict[str, tuple[Any, int]] = {}  # what each stands for, and how many values that are
        self._values = 0
        self._aliased = 0

    def document(self) -> Any:
        """The value of the one document; None if there is none."""
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise Unreadable(1, "the file holds comments only: write its entries, or remove it")
        value = self._value(next(self._events), ())
        next(self._events)  # the end of the document
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise Unreadable(_line(after), "another document begins here: write one file for each")
        return value

    def _value(self, event: Any, path: FieldPath) -> Any:
        line = _line(event)
        self.lines.setdefault(path, line)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, line)
        before = self._values
        self._values += 1
        value = self._own_value(event, path, line)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._values - before
        return value

    def _alias(self, name: Any, line: int) -> Any:
        if name not in self._anchors:
            raise Unreadable(line, f"`*{name[:80]}` stands for nothing that is written above: correct it")
        value, count = self._anchors[name]
        self._values += count
        self._aliased += count
        if self._aliased > MAX_ALIASED:
            raise Unreadable(line, f"aliases stand for more than {MAX_ALIASED:,} values: write out what is meant")
        return value

    def _own_value(self, event: Any, path: FieldPath, line: int) -> Any:
        if len(path) > MAX_DEPTH:
            raise Unreadable(line, f"this is nested more than {MAX_DEPTH} deep: no entry is")
        if isinstance(event, yaml.MappingStartEvent):
            return dict(self._items(path))
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._value(event, (*path, len(items))))
            return items
        if len(event.value) > MAX_TEXT:
            raise Unreadable(line, f"this text has more than {MAX_TEXT:,} characters: no field has")
        self._check_text(event.value, line)
        plain = event.tag is None and event.implicit[0]
        return None if (plain and event.value in NULLS) or event.tag == NULL_TAG else event.value

    def _check_text(self, text: str, line: int) -> None:
        if found := NOT_IN_TEXT.search(text):
            self._report(line, not_in_text(found[0]))

    def _items(self, path: FieldPath) -> Iterator[tuple[str, Any]]:
        seen = set()
        while not isinstance(key := next(self._events), yaml.MappingEndEvent):
            line = _line(key)
            if not isinstance(key, yaml.ScalarEvent):
                raise Unreadable(line, "a key is a word: correct the YAML here")
            name = key.value
            if name in seen:
                self._report(line, f"the key `{name[:80]}` is given twice: keep one")
            seen.add(name)
            self._check_text(name, line)
            self.lines[*path, name] = line
            yield name, self._value(next(self._events), (*path, name))
