"""An in-memory index over the rows of a finished build: which rows have a value, a number, a place in an order, a text.

Rows are numbered 1, 2, 3, … once for the whole database, so that any two sets can be intersected. The writer side runs
in the build and yields `(name, value, data)` entries; the reader side loads each named part when it is first used.

- equality: one Roaring bitmap per value (Chambi, Lemire, Kaser, Godin 2016)
- ranges and sums: bit-sliced columns (O'Neil, Quass 1997)
- text: an inverted index of character n-grams (Zobel, Moffat 2006), verified against the text where a term is longer
- pages: keyset pagination over a bitmap, in row order or in a stored sort order

It knows neither HTTP nor resources nor SQL.
"""

from app.index.keyset import Keyset, Row
from app.index.ngrams import MAX_NGRAM, NgramWriter, TextMatches, search, search_beginnings
from app.index.reader import Index, ValueIndex
from app.index.writer import IndexWriter

__all__ = [
    "MAX_NGRAM",
    "Index",
    "IndexWriter",
    "Keyset",
    "NgramWriter",
    "Row",
    "TextMatches",
    "ValueIndex",
    "search",
    "search_beginnings",
]
