"""A synthetic seed of any size, in the real format: the same for the same size, skewed as real budgets are.

python tests/corpus.py FOLDER LINES
"""

import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import IO, Any

import orjson

MINISTRIES = [
    ("mhlw", "厚", "厚生労働省"), ("mext", "文", "文部科学省"), ("meti", "経", "経済産業省"), ("cao", "内", "内閣府"),
    ("maff", "農", "農林水産省"), ("mlit", "国", "国土交通省"), ("mic", "総", "総務省"), ("env", "環", "環境省"),
    ("mof", "財", "財務省"), ("mofa", "外", "外務省"), ("moj", "法", "法務省"), ("mod", "防", "防衛省"),
    ("npa", "警", "警察庁"), ("digital", "デ", "デジタル庁"), ("caa", "消", "消費者庁"), ("cfa", "こ", "こども家庭庁"),
]  # fmt: skip
MODALITIES = [
    "新薬",
    "再生",
    "細胞",
    "遺伝子",
    "ワクチン",
    "診断",
    "後発品",
    "医療機器",
    "健診",
    "データ",
    "介護",
    "感染症",
]
SUBJECTS = [
    "医療", "創薬", "治験", "感染症", "難病", "がん", "バイオ", "ＡＩ", "健康", "地域",
    "農業", "防災", "教育", "交通", "エネルギー", "半導体", "量子", "宇宙", "海洋", "子育て",
]  # fmt: skip
OBJECTS = [
    "基盤",
    "拠点",
    "人材",
    "データ",
    "研究",
    "製造",
    "供給網",
    "制度",
    "設備",
    "ネットワーク",
    "国際連携",
    "実証",
]
VERBS = ["整備", "強化", "推進", "支援", "育成", "確保", "活用", "高度化", "構築", "開発"]
TAILS = ["事業", "等の推進", "に関する取組", "支援事業", "基金", "プログラム"]
YEARS = range(2018, 2028)
NUMBERS = "①②③④⑤⑥⑦⑧⑨⑩"
PILLARS = 6
SECTIONS = 8
DOCUMENTS = 5

Entry = dict[str, Any]


def zipf(random: Random, items: list[Any], count: int) -> list[Any]:
    """Some of the items, the first far oftener than the last."""
    weights = list(accumulate(1 / rank for rank in range(1, len(items) + 1)))
    return list(dict.fromkeys(random.choices(items, cum_weights=weights, k=count)))


def name(ja: str, en: str) -> Entry:
    return {"ja": ja, "en": en}


class Document:
    """One document being written: a transcript, and entries that quote it."""

    def __init__(self, folder: Path, number: int) -> None:
        self.id = f"corpus-{number}"
        self.folder = folder / self.id
        self.folder.mkdir(parents=True)
        self._transcript = (self.folder / "transcript.md").open("w", encoding="utf-8", newline="\n")
        self._files: dict[str, IO[bytes]] = {}
        self.lines = 0

    def print(self, text: str) -> int:
        """Prints a line of the transcript and returns its number."""
        self._transcript.write(f"{text}\n")
        self.lines += 1
        return self.lines

    def add(self, kind: str, entry: Entry) -> None:
        file = self._files.get(kind)
        if file is None:
            file = self._files[kind] = (self.folder / f"{kind}.ndjson").open("wb")
        file.write(orjson.dumps(entry) + b"\n")

    def close(self) -> str:
        """Ends every file and returns the transcript's digest."""
        self._transcript.close()
        for file in self._files.values():
            file.close()
        return sha256((self.folder / "transcript.md").read_bytes()).hexdigest()


def quoted(basis: str, line: int, quote: str, *supports: str, **more: Any) -> Entry:
    return {"basis": basis, "lines": str(line), "quote": quote, "supports": list(supports), **more}


def write(folder: Path, lines: int) -> None:
    """Writes a seed of so many budget lines."""
    random = Random(lines)  # noqa: S311 - a corpus, not a secret
    folder.mkdir(parents=True)
    about = {"version": "1.0.0", "released": "2026-01-01", "name": name("合成データ", "Synthetic data")}
    text = orjson.dumps({**about, "description": name("試験のためのデータ", "Data for tests")}).decode()
    (folder / "dataset.yaml").write_text(text + "\n")
    for number in range(DOCUMENTS):
        share = lines // DOCUMENTS + (1 if number < lines % DOCUMENTS else 0)
        _document(Document(folder, number), number, share, random)


def _document(document: Document, number: int, lines: int, random: Random) -> None:
    title = f"合成予算資料 第{number + 1}部"
    at = {
        "title": document.print(title),
        "day": document.print("令和8年1月5日"),
        "issuer": document.print("【事】：合成事務局"),
    }
    rule = {"rule": f"order-{number}"}
    document.add(
        "notes", {"id": f"order-{number}", "ja": "資料の並びによる。", "en": "From the order of the document."}
    )
    if number == 0:
        _vocabularies(document, random, at["issuer"], rule)
    packages = list(_packages(document, number, rule))
    written = place = 0
    while written < lines:
        place += 1
        count = min(random.choices((1, 2, 3), cum_weights=(80, 95, 100))[0], lines - written, len(packages))
        _measure(document, f"m{number}-{place}", random.sample(packages, count), random, rule)
        written += count
    end = document.lines
    digest = document.close()
    entry = {
        "id": document.id,
        "name": name(title, f"Synthetic budget, part {number + 1}"),
        "issuer": "corpus-office",
        "issued": "2026-01-05",
        "attribution": f"出典: 合成事務局「{title}」(令和8年1月5日)を加工して作成",
        "sha256": digest,
        "parts": [{"title": name(title, "All"), "lines": f"1-{end}", "transcript": "full"}],
        "evidence": [
            quoted("stated", at["title"], title, "name", "parts"),
            quoted("stated", at["day"], "令和8年1月5日", "issued"),
            quoted("stated", at["issuer"], "合成事務局", "issuer"),
        ],
        "silent": {"not_stated": ["licence", "url"]},
    }
    (document.folder / "documents.ndjson").write_bytes(orjson.dumps(entry) + b"\n")


def _vocabularies(document: Document, random: Random, issuer: int, rule: Entry) -> None:
    def body(id_: str, mark: str, ja: str, kind: str, line: int) -> None:
        evidence = [
            quoted("stated", line, f"【{mark}】：{ja}", "name", "abbreviation"),
            quoted("editorial", line, ja, "kind", **rule),
        ]
        entry = {"id": id_, "name": name(ja, id_.upper()), "kind": kind, "abbreviation": mark, "evidence": evidence}
        document.add("organizations", entry)

    body("corpus-office", "事", "合成事務局", "secretariat", issuer)
    for id_, mark, ja in MINISTRIES:
        body(id_, mark, ja, "agency" if ja.endswith("庁") else "ministry", document.print(f"【{mark}】：{ja}"))
    for place, ja in enumerate(MODALITIES):
        line = document.print(ja)
        broader = {"broader": f"modality-{random.randrange(place // 2)}"} if place > 5 else {}
        evidence = [quoted("stated", line, ja, "name")]
        if broader:
            evidence.append(quoted("editorial", line, ja, "broader", **rule))
        silent = {"not_stated": ["also", *([] if broader else ["broader"])]}
        entry = {"id": f"modality-{place}", "name": name(ja, f"Modality {place}"), **broader}
        document.add("modalities", {**entry, "evidence": evidence, "silent": silent})
    line = document.print("合成戦略")
    strategy = {
        "id": "cs",
        "name": name("合成戦略", "The synthetic strategy"),
        "evidence": [quoted("stated", line, "合成戦略", "name")],
    }
    document.add("strategies", {**strategy, "silent": {"not_stated": ["decided", "period"]}})
    for part in range(1, SECTIONS + 1):
        for number in (f"4.{part}", f"4.{part}.1", f"4.{part}.2"):
            ja = f"{SUBJECTS[part]}の{OBJECTS[part]}"
            line = document.print(f"{number} {ja}")
            nested = number.count(".") > 1
            section: Entry = {
                "id": f"cs-{number}",
                "number": number,
                "code": number,
                "name": name(ja, f"Section {number}"),
                "strategy": "cs",
            }
            evidence = [
                quoted("stated", line, f"{number} {ja}", "number", "code", "name"),
                quoted("reading", line, ja, "strategy", **rule),
            ]
            if nested:
                section["parent"] = f"cs-4.{part}"
                evidence.append(quoted("reading", line, number, "parent", **rule))
            silence = {} if nested else {"silent": {"not_applicable": ["parent"]}}
            document.add("sections", {**section, "evidence": evidence, **silence})


def _packages(document: Document, number: int, rule: Entry) -> Iterator[tuple[str, int, list[tuple[int, str]]]]:
    """Each year's package, with the lines of its pillars' headings."""
    for year in YEARS:
        era = "平成30年度" if year == 2018 else f"令和{'元' if year == 2019 else year - 2018}年度"
        ja, id_ = f"{era}補正予算 第{number + 1}部", f"p{number}-{year}"
        line = document.print(ja)
        entry = {
            "id": id_,
            "name": name(ja, f"FY{year} supplementary, part {number + 1}"),
            "fiscal_year": year,
            "budget_kind": "supplementary",
        }
        evidence = [quoted("stated", line, ja, "name", "fiscal_year", "budget_kind")]
        document.add("packages", {**entry, "evidence": evidence, "silent": {"not_stated": ["aims", "stated_totals"]}})
        headings = []
        for pillar in range(1, PILLARS + 1):
            symbol, ja = NUMBERS[pillar - 1], f"{SUBJECTS[pillar + number]}を{VERBS[pillar]}する"
            heading = document.print(f"{symbol}{ja}")
            evidence = [
                quoted("stated", heading, f"{symbol}{ja}", "number", "symbol", "name"),
                quoted("reading", line, era, "package", **rule),
            ]
            pillar_entry = {
                "id": f"{id_}-{pillar}",
                "number": pillar,
                "symbol": symbol,
                "name": name(ja, f"Pillar {pillar} of FY{year}"),
                "package": id_,
            }
            document.add("pillars", {**pillar_entry, "evidence": evidence})
            headings.append((heading, f"{symbol}{ja}"))
        yield id_, year, headings


def _measure(
    document: Document, id_: str, packages: list[tuple[str, int, list[tuple[int, str]]]], random: Random, rule: Entry
) -> None:
    words = (random.choice(SUBJECTS), random.choice(OBJECTS), random.choice(VERBS), random.choice(TAILS))
    ja = f"{words[0]}{words[1]}の{words[2]}{words[3]} {id_[1:]}"
    line = document.print(ja)
    modalities = zipf(random, [f"modality-{place}" for place in range(len(MODALITIES))], random.choice((0, 0, 1, 1, 2)))
    sections = zipf(
        random, [f"cs-4.{part}.{sub}" for part in range(1, SECTIONS + 1) for sub in (1, 2)], random.choice((0, 1))
    )
    evidence = [quoted("stated", line, ja, "name"), quoted("editorial", line, ja, "kind", **rule)]
    silent: list[str] = ["description", "pillar", "organizations"]
    for field, values in (("modalities", modalities), ("sections", sections)):
        if values:
            evidence.append(quoted("editorial", line, ja, field, **rule))
        else:
            silent.append(field)
    entry = {
        "id": id_,
        "kind": "programme",
        "name": name(ja, f"Programme {id_}"),
        "sections": sections,
        "modalities": modalities,
    }
    document.add("measures", {**entry, "evidence": evidence, "silent": {"not_stated": silent}})
    for package, year, headings in packages:
        _line(document, id_, (package, year, headings), bool(modalities), random, rule)


def _line(
    document: Document,
    measure: str,
    package: tuple[str, int, list[tuple[int, str]]],
    tagged: bool,
    random: Random,
    rule: Entry,
) -> None:
    paying = zipf(random, MINISTRIES, random.choices((1, 2, 3), cum_weights=(85, 97, 100))[0])
    marks = "".join(f"【{mark}】" for _, mark, _ in paying)
    stated, about = random.random() > 0.05, random.random() > 0.3
    value = min(int(10 ** random.uniform(0, 4)), 9_999)
    text = f"{value:,}億円{'程度' if about else ''}"
    printed = f"{text}{marks}" if stated else f"調整中{marks}"
    line = document.print(printed)
    pillar = random.randrange(PILLARS)
    heading, words = package[2][pillar]
    entry: Entry = {
        "id": f"{measure}-fy{package[1]}-supplementary",
        "measure": measure,
        "package": package[0],
        "pillar": f"{package[0]}-{pillar + 1}",
        "ministries": [id_ for id_, _, _ in paying],
        "evidence": [
            quoted("stated", line, printed, *(["amount"] if stated else []), "ministries"),
            quoted("reading", heading, words, "pillar", **rule),
        ],
        "silent": {
            "not_stated": ["national_expenditure", *([] if stated else ["amount"]), *([] if tagged else ["modalities"])]
        },
    }
    if stated:
        entry["amount"] = {"value": value, "unit": "億円", "text": text, "approximate": about}
    document.add("budget-lines", entry)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
