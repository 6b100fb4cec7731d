"""A synthetic seed of any size, in the real format: the same for the same size, skewed as real budgets are; it holds
no word of a real document.

    python -m tests.corpus FOLDER LINES
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    ("新薬", "New medicines"), ("再生", "Regenerative"), ("細胞", "Cells"), ("遺伝子", "Genes"),
    ("ワクチン", "Vaccines"), ("診断", "Diagnostics"), ("後発品", "Generics"), ("医療機器", "Devices"),
    ("健診", "Check-ups"), ("データ", "Data"), ("介護", "Care"), ("感染症", "Infectious diseases"),
]  # fmt: skip
SUBJECTS = [
    ("医療", "medical"), ("創薬", "drug discovery"), ("治験", "clinical trial"), ("感染症", "infectious disease"),
    ("難病", "rare disease"), ("がん", "cancer"), ("バイオ", "biotechnology"), ("ＡＩ", "AI"),
    ("健康", "health"), ("地域", "regional"), ("農業", "farming"), ("防災", "disaster prevention"),
    ("教育", "education"), ("交通", "transport"), ("エネルギー", "energy"), ("半導体", "semiconductor"),
    ("量子", "quantum"), ("宇宙", "space"), ("海洋", "ocean"), ("子育て", "child care"),
]  # fmt: skip
OBJECTS = [
    ("基盤", "foundations"), ("拠点", "sites"), ("人材", "people"), ("データ", "data"),
    ("研究", "research"), ("製造", "manufacturing"), ("供給網", "supply chains"), ("制度", "institutions"),
    ("設備", "equipment"), ("ネットワーク", "networks"), ("国際連携", "international cooperation"), ("実証", "trials"),
]  # fmt: skip
VERBS = [
    ("整備", "Preparing"), ("強化", "Strengthening"), ("推進", "Promoting"), ("支援", "Supporting"),
    ("育成", "Raising"), ("確保", "Securing"), ("活用", "Using"), ("高度化", "Refining"),
    ("構築", "Building"), ("開発", "Developing"),
]  # fmt: skip
TAILS = [
    ("事業", "project"), ("等の推進", "and related work"), ("に関する取組", "efforts"), ("支援事業", "support project"),
    ("基金", "fund"), ("プログラム", "programme"),
]  # fmt: skip
YEARS = range(2018, 2028)
NUMBERS = "①②③④⑤⑥⑦⑧⑨⑩"
PILLARS = 6
SECTIONS = 8
NESTED = [f"cs-4.{part}.{sub}" for part in range(1, SECTIONS + 1) for sub in (1, 2)]
DOCUMENTS = 5
DIRECTIONS = 24  # of a section, at most
LINKS = 8  # of a direction, at most: a crosswalk is written by hand, and does not grow with the budget

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


@dataclass(eq=False)
class Direction:
    """A measure of the strategy that programmes may be linked to, and its line in the transcript."""

    id: str
    document: str
    line: int
    links: int = 0


@dataclass
class Crosswalk:
    """The directions by the word that they share with a programme; each takes a few links."""

    share: float
    by_subject: dict[str, list[Direction]] = field(default_factory=dict)

    def serving(self, random: Random, subject: str) -> Direction | None:
        """The direction that a programme of this subject serves, if it is one of the share that serves any."""
        if random.random() >= self.share:
            return None
        open_ = [each for each in self.by_subject.get(subject, []) if each.links < LINKS]
        if not open_:
            return None
        (chosen,) = zipf(random, open_, 1)
        chosen.links += 1
        return chosen  # type: ignore[no-any-return]


@dataclass
class Package:
    """A year's budget in one document: its pillars' headings, and what its lines come to so far."""

    id: str
    year: int
    entry: Entry
    headings: list[tuple[int, str]] = field(default_factory=list)
    oku_yen: int = 0


CHANGES = {"ja": "最初の版。", "en": "The first version."}


def write(folder: Path, lines: int) -> None:
    """Writes a seed of so many budget lines."""
    random = Random(lines)  # noqa: S311 - a corpus, not a secret
    folder.mkdir(parents=True)
    about = {
        "version": "1.0.0",
        "released": "2026-01-01",
        "changes": CHANGES,
        "name": name("合成データ", "Synthetic data"),
    }
    text = orjson.dumps({**about, "description": name("試験のためのデータ", "Data for tests")}).decode()
    (folder / "dataset.yaml").write_text(text + "\n")
    most = len(NESTED) * DIRECTIONS * LINKS
    crosswalk = Crosswalk(share=min(1 / 6, most / max(lines, 1)))
    documents, years = min(DOCUMENTS, 1 + lines // 100), YEARS[-1 - lines // 10 :]
    for number in range(documents):
        share = lines // documents + (1 if number < lines % documents else 0)
        directions = min(DIRECTIONS, 1 + lines // 200) if number == 0 else 0
        _document(Document(folder, number), number, share, directions, years, crosswalk, random)


def _document(
    document: Document,
    number: int,
    lines: int,
    directions: int,
    years: range,
    crosswalk: Crosswalk,
    random: Random,
) -> None:
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
        _directions(document, directions, crosswalk, random, rule)
    packages = list(_packages(document, number, years, rule))
    written = place = 0
    while written < lines:
        place += 1
        count = min(random.choices((1, 2, 3), cum_weights=(80, 95, 100))[0], lines - written, len(packages))
        _programme(document, f"m{number}-{place}", random.sample(packages, count), crosswalk, random, rule)
        written += count
    for package in packages:
        _total(document, package)
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
    for place, (ja, en) in enumerate(MODALITIES):
        line = document.print(ja)
        broader = {"broader": f"modality-{random.randrange(place // 2)}"} if place > 5 else {}
        evidence = [quoted("stated", line, ja, "name")]
        if broader:
            evidence.append(quoted("editorial", line, ja, "broader", **rule))
        silent = {"not_stated": ["also", *([] if broader else ["broader"])]}
        entry = {"id": f"modality-{place}", "name": name(ja, en), **broader}
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
            (subject, about), (thing, things) = SUBJECTS[part], OBJECTS[part]
            ja = f"{subject}の{thing}"
            line = document.print(f"{number} {ja}")
            nested = number.count(".") > 1
            section: Entry = {
                "id": f"cs-{number}",
                "number": number,
                "code": number,
                "name": name(ja, f"{about.capitalize()} {things}"),
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


def _directions(document: Document, each: int, crosswalk: Crosswalk, random: Random, rule: Entry) -> None:
    """What the strategy will do: so many measures of every sub-section."""
    for section in NESTED:
        for place in range(1, each + 1):
            subject, thing, verb = random.choice(SUBJECTS), random.choice(OBJECTS), random.choice(VERBS)
            ja, id_ = f"{subject[0]}に係る{thing[0]}の{verb[0]}", f"d{section.removeprefix('cs-4.')}-{place}"
            line = document.print(f"◆{ja}")
            evidence = [
                quoted("stated", line, ja, "name"),
                quoted("editorial", line, f"◆{ja}", "kind", **rule),
                quoted("reading", line, f"◆{ja}", "sections", **rule),
            ]
            entry = {"id": id_, "kind": "direction", "name": name(ja, f"{verb[1]} {subject[1]} {thing[1]}")}
            silent = {"not_stated": ["description", "pillar", "ministries", "organizations", "modalities"]}
            document.add("measures", {**entry, "sections": [section], "evidence": evidence, "silent": silent})
            crosswalk.by_subject.setdefault(subject[0], []).append(Direction(id_, document.id, line))


def _packages(document: Document, number: int, years: range, rule: Entry) -> Iterator[Package]:
    """Each year's package, with the lines of its pillars' headings."""
    for year in years:
        era = "平成30年度" if year == 2018 else f"令和{'元' if year == 2019 else year - 2018}年度"
        ja, id_ = f"{era}補正予算 第{number + 1}部", f"p{number}-{year}"
        line = document.print(ja)
        entry = {
            "id": id_,
            "name": name(ja, f"FY{year} supplementary, part {number + 1}"),
            "fiscal_year": year,
            "budget_kind": "supplementary",
            "evidence": [quoted("stated", line, ja, "name", "fiscal_year", "budget_kind")],
        }
        package = Package(id_, year, entry)
        for pillar in range(1, PILLARS + 1):
            (subject, about), (verb, doing) = SUBJECTS[pillar + number], VERBS[pillar]
            symbol, ja = NUMBERS[pillar - 1], f"{subject}を{verb}する"
            heading = document.print(f"{symbol}{ja}")
            evidence = [
                quoted("stated", heading, f"{symbol}{ja}", "number", "symbol", "name"),
                quoted("reading", line, era, "package", **rule),
            ]
            pillar_entry = {
                "id": f"{id_}-{pillar}",
                "number": pillar,
                "symbol": symbol,
                "name": name(ja, f"{doing} {about}, FY{year}"),
                "package": id_,
            }
            document.add("pillars", {**pillar_entry, "evidence": evidence})
            package.headings.append((heading, f"{symbol}{ja}"))
        yield package


def _total(document: Document, package: Package) -> None:
    """The package with the total that it states: its lines' sum, rounded up as printed totals are."""
    value = -(-package.oku_yen // 100) * 100
    text = f"{value:,}億円程度"
    line = document.print(f"事業規模 : {text}")
    amount = {"value": value, "unit": "億円", "text": text, "approximate": True, "basis": "project_scale"}
    package.entry["stated_totals"] = [{"kind": "project_scale", "amount": amount}]
    package.entry["evidence"].append(quoted("stated", line, f"事業規模 : {text}", "stated_totals"))
    document.add("packages", {**package.entry, "silent": {"not_stated": ["aims"]}})


def _programme(
    document: Document, id_: str, packages: list[Package], crosswalk: Crosswalk, random: Random, rule: Entry
) -> None:
    subject, thing = random.choice(SUBJECTS), random.choice(OBJECTS)
    verb, tail = random.choice(VERBS), random.choice(TAILS)
    ja = f"{subject[0]}{thing[0]}の{verb[0]}{tail[0]} {id_[1:]}"
    line = document.print(ja)
    entry: Entry = {
        "id": id_,
        "kind": "programme",
        "name": name(ja, f"{verb[1]} {subject[1]} {thing[1]}: {tail[1]} {id_[1:]}"),
        "sections": zipf(random, NESTED, random.choice((0, 1))),
        "modalities": zipf(
            random, [f"modality-{place}" for place in range(len(MODALITIES))], random.choice((0, 0, 1, 1, 2))
        ),
    }
    evidence = [quoted("stated", line, ja, "name"), quoted("editorial", line, ja, "kind", **rule)]
    silent = ["pillar", "organizations"]
    for filled in ("modalities", "sections"):
        if entry[filled]:
            evidence.append(quoted("editorial", line, ja, filled, **rule))
        else:
            silent.append(filled)
    if random.random() < 0.2:
        other, part, deed = random.choice(SUBJECTS), random.choice(OBJECTS), random.choice(VERBS)
        told = f"{other[0]}分野の{part[0]}の{deed[0]}を通じて、{subject[0]}の{thing[0]}を{verb[0]}する。"
        entry["description"] = name(
            told, f"{verb[1]} {subject[1]} {thing[1]} by {deed[1].lower()} {other[1]} {part[1]}."
        )
        evidence.append(quoted("stated", document.print(told), told, "description"))
    else:
        silent.append("description")
    document.add("measures", {**entry, "evidence": evidence, "silent": {"not_stated": silent}})
    direction = crosswalk.serving(random, subject[0])
    if direction:
        _link(document, direction, id_, line, subject)
    for package in packages:
        _line(document, id_, package, bool(entry["modalities"]), random, rule)


def _link(document: Document, direction: Direction, programme: str, line: int, word: tuple[str, str]) -> None:
    """A link of the crosswalk, which rests on a word that both sides print."""
    note = name(f"いずれも{word[0]}をいう。", f"Both are about {word[1]} ({word[0]}).")
    evidence = [
        quoted("editorial", direction.line, word[0], "direction", note=note, document=direction.document),
        quoted("editorial", line, word[0], "programme", note=note),
    ]
    entry = {"id": f"{direction.id}--{programme}", "direction": direction.id, "programme": programme, "note": note}
    document.add("crosswalk", {**entry, "evidence": evidence})


def _line(document: Document, measure: str, package: Package, tagged: bool, random: Random, rule: Entry) -> None:
    paying = zipf(random, MINISTRIES, random.choices((1, 2, 3), cum_weights=(85, 97, 100))[0])
    marks = "".join(f"【{mark}】" for _, mark, _ in paying)
    stated, about = random.random() > 0.05, random.random() > 0.3
    value = min(int(10 ** random.uniform(0, 4)), 9_999)
    text = f"{value:,}億円{'程度' if about else ''}"
    printed = f"{text}{marks}" if stated else f"調整中{marks}"
    line = document.print(printed)
    pillar = random.randrange(PILLARS)
    heading, words = package.headings[pillar]
    entry: Entry = {
        "id": f"{measure}-fy{package.year}-supplementary",
        "measure": measure,
        "package": package.id,
        "pillar": f"{package.id}-{pillar + 1}",
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
        package.oku_yen += value
    document.add("budget-lines", entry)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
