"""Records what a service answers to some two thousand requests, and tells where another answers them otherwise.

    python -m tests.recording record http://127.0.0.1:8000 FILE       asks, and writes requests and answers
    python -m tests.recording compare http://127.0.0.1:8000 FILE      asks the same again, and prints each difference

For a change that must not change any answer: serve the code as it was (`shisaku serve`) and record; serve the changed
code over a database of the same seed and compare. The requests are made from what the service says of itself, so that
every operation, filter, sort and facet is among them, with pages, errors, HEAD, conditional requests, ranges and gzip.
Differences are printed by kind of request, and the exit status is 1 if there are any. `Date`, `Server` and `Connection`
are not compared, nor the bytes of dataset.sqlite, which SQLite lays out.
"""

import gzip
import json
import sys
from collections import Counter
from difflib import unified_diff
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from itertools import combinations, product
from pathlib import Path
from random import Random
from socket import create_connection, socket
from typing import Any
from urllib.parse import quote, urlsplit

Request = tuple[str, str, str, str]  # kind, by which differences are grouped, method, target and headers
Answer = dict[str, Any]  # lines that tell status, headers, size and digest, and the body's text
Values = dict[str, list[list[str]]]  # by parameter, each value in all its spellings, the id first

PASSING = ("date", "server", "connection", "x-request-id")
LOOSE = "/v1/exports/dataset.sqlite"  # SQLite lays out its bytes: they are not compared, nor headers that tell of them
OF_BYTES = ("etag", "repr-digest", "content-length", "content-range")
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"
CODINGS = "|identity|gzip|br|gzip;q=0|gzip, br|*|*;q=0|gzip;q=0.5, identity|GZIP||gzip;q=x|identity;q=0"
ACCEPTS = f"|*/*|application/json|{BROWSER}|text/html|application/*|text/*|application/problem+json||*/*;q=0|nonsense"
DATES = "|Sat, 01 Jan 2000 00:00:00 GMT|Fri, 01 Jan 2100 00:00:00 GMT|yesterday|2026-11-24|0"
ORIGIN = "Origin: https://a.example"
USUAL = ["Accept: */*", "", f"Accept: {BROWSER}", "Accept-Encoding: gzip, br", "", ORIGIN, ""]
PLENTY = """創薬 バイオ の モダリティ バイオシミラー AMED ＡＭＥＤ health % _ a% zzzzz が - 4.1 ' " %2B がん+治療 A+b |
0 1 2 10 40 120 400000000 4300000000 15800000000 1000000000000000001 -1 1.5 007 １０ | =0-99 =100-199 =-50 =9000- =a
=99999999- =5-2 =0-0,5-9 =-0 =-99999999 =0- 0-9 | {}x {}/ {}?limit=1 {}%20 x{} %7A{} {}/lines | / /docs /docs/measures
/static/style.css /static/script.js /terms /healthz /readyz /.well-known/api-catalog /v1/exports/catalog.jsonld
/v1/exports/datapackage.zip /stability /v1/exports /v1/exports/dataset.sqlite /measures?lang=ja /openapi.json
/v1 /v1/mesures /v1/exports/measures.csv /v1/measures?limti=5 /v1/exports/pillars.xlsx /v1/search?q=創薬 | /v1/
/nothing /V1 //v1 /v1//measures /docs/ /docs/none.css /docs/../x /v1#x /docs/%2e%2e/x.py /v1/exports/none.csv
/v1/exports/measures.pdf /v1/measures/ * /v1/measures/%ff /v1/measures/a%00b /v1/measures/%0a /v1/measures%2F
/v1/documents//lines /robots.txt /v1/documents/none/lines /v1/packages/none/reconciliation /施策 /v1/measures/施策
/v1/measures\\ /v1/meas\x01ures /%ff /v1/../v1 /v1/measures/x/y http://a.example/v1 /v1?a=1 v1
/v1/budget-summary?group_by=ministry,pillar,section | limti=5 limit=-1 limit=501 limit=1.5 limit=１ limit= q=
sort=id,name order=up q=a+b q=a%0Ab q=a%00b q=a+b+c+d+e+f+g+h+i+j+k q=%E3%80%80 cursor=abc cursor=W10 facet=all q=%zz
日本=語 q=%ff limit limit=1;offset=2 q=創薬 q=\udcff limit=1#x limit=1&limit=2 amount_min=5&amount_max=1 && =
from=5&to=1 Limit=1 ?limit=1 sort=id&order=desc&limit=2 limit=2&offset=3 limit=%31 bom=yes offset=10001 sort=nam q=%"""
WORDS, NUMBERS, RANGES, NEAR, PAGES, NOWHERE, FAULTS = (part.split() for part in PLENTY.split(" |"))
FAULTS += [f"q={'x' * 201}", f"q={'x' * 8_191}", f"cursor={'x' * 601}", "&".join(["a=b"] * 201), f"facet={'a,' * 201}"]


class Service:
    """Asks over one connection, while it lasts; keeps each request with its answer, and asks nothing twice."""

    def __init__(self, base: str) -> None:
        self._address = (urlsplit(base).hostname or "", urlsplit(base).port or 80)
        self._socket: socket | None = None
        self._random = Random(20261125)  # noqa: S311 - nothing secret hangs on it
        self.kept: dict[str, tuple[Request, Answer]] = {}

    def answer(self, request: Request) -> Answer:
        _, method, target, headers = request
        body = "" if method in ("GET", "HEAD", "OPTIONS") else "{}"
        lines = [f"{method} {target} HTTP/1.1", "Host: recording", headers, "Content-Length: 2" if body else ""]
        connection, self._socket = self._socket or create_connection(self._address, timeout=60), None
        try:
            connection.sendall("\r\n".join([*filter(None, lines), "", body]).encode("utf-8", "surrogateescape"))
            response = HTTPResponse(connection, method=method)
            response.begin()
            found = response.read()
            text = (gzip.decompress(found) if found[:2] == b"\x1f\x8b" else found).decode(errors="replace")
        except (OSError, EOFError, HTTPException) as error:
            connection.close()
            return {"told": ["status: 0"], "text": repr(error)}  # no answer, or one that breaks off
        self._socket = None if response.will_close else connection
        passing, found = (PASSING + OF_BYTES, b"") if target == LOOSE else (PASSING, found)
        told = sorted(f"{n.lower()}: {v}" for n, v in response.getheaders() if n.lower() not in passing)
        size = f"body: {len(found)} bytes, sha256 {sha256(found).hexdigest()}"
        text = text if found and "\ufffd" not in text else ""
        return {"told": [f"status: {response.status}", *told, size], "text": text}

    def ask(self, kind: str, path: str, *query: str, headers: str = "", method: str = "GET") -> Answer:
        target = "?".join(filter(None, (path, "&".join(filter(None, query)))))
        key = f"{method} {target} {headers}"
        if key not in self.kept:
            request = (kind, method, target, headers or USUAL[len(self.kept) % len(USUAL)])
            self.kept[key] = request, self.answer(request)
        return self.kept[key][1]

    def some(self, of: list[Any], most: int) -> list[Any]:
        return self._random.sample(of, min(most, len(of)))

    def ways(self, values: Values) -> list[str]:
        """Ways to ask for values: by id, by other names, several at once, none, and misspelled."""
        found = []
        for name, spelled in values.items():
            some = self.some(spelled, 3)
            ids, names = [each[0] for each in some], [max(each) for each in some]  # Japanese sorts last
            several = (",".join(ids), ",".join(map(self._random.choice, some)), f"{ids[0]},none", "none")
            found += [f"{name}={quote(each, safe=',')}" for each in (*ids, *names, *several, ids[0][:-1])]
            found.append(f"{name}={quote(ids[-1])}&{name}={quote(names[0].upper())}")
        return found

    def filters(self, values: Values) -> str:
        names = self.some(list(values), self._random.randint(1, 3))
        return "&".join(f"{name}={quote(self._random.choice(self._random.choice(values[name])))}" for name in names)

    def walk(self, path: str, *query: str) -> None:
        links = json.loads(self.ask("page", path, *query)["text"]).get("links", {})
        for rel in ("next", "next", "prev", "last", "prev", "prev", "next", "first"):
            links = json.loads(self.ask("page", links[rel])["text"])["links"] if links.get(rel) else links

    def resource(self, path: str, values: Values, sorts: list[str], facets: list[str]) -> list[str]:
        """A resource's list, downloads and items; gives the ids."""
        rows = json.loads(self.ask("list", path, "limit=500")["text"])["data"]
        names = [name for row in rows for name in (row.get("name") or {}).values() if isinstance(name, str)]
        words = [name[at:end] for name in self.some(names, 2) for at, end in ((0, 1), (1, 3), (0, 3), (2, 9))]
        asked = [("list", query) for query in (*self.ways(values), *(self.filters(values) for _ in range(6)))]
        asked += [("sort", f"sort={sort}{order}") for sort, order in product(sorts, ("", "&order=asc", "&order=desc"))]
        asked += [("q", f"q={quote(word)}") for word in (*words, *self.some(WORDS, 5))]
        for form, query in product(("csv", "ndjson", "xlsx"), ("", "bom=true", *(q for _, q in self.some(asked, 4)))):
            self.ask("export", f"{path.replace('/v1', '/v1/exports')}.{form}", query)
        asked += [("facet", f"facet={facet}&limit=0") for facet in facets]
        asked += [("facet", f"facet={by.join(facets)}&{self.filters(values)}") for by in (",", "&facet=") * 3]
        for kind, query in asked:
            self.ask(kind, path, query, self._random.choice(("", "limit=3")))
        for query in ("limit=1", f"limit=3&{self.filters(values)}", f"limit=2&sort={sorts[-1]}"):
            self.walk(path, query)
        ids = [row["id"] for row in rows]
        for each in (*self.some(ids, 25), *(near.format(id_) for id_ in self.some(ids, 2) for near in NEAR)):
            self.ask("item", f"{path}/{each}")
        return ids

    def question(self, path: str, values: Values, needed: list[str]) -> None:
        """What is no list of a resource: each value that must be sent, each that may, and pages."""
        kind, bases = path.rpartition("/")[2], [""]
        for name in needed:
            one = [quote(each) for (each, *_) in values.pop(name)]
            bases = [f"{name}={each}" for each in (*one, *map(",".join, self.some([*combinations(one, 2)], 15)))]
        for base in bases:
            self.ask(kind, path, base)
            if "limit" in values:
                self.walk(path, base, "limit=2")
        for query in (*self.ways(values), *(self.filters(values) for _ in range(20 if values else 0))):
            self.ask(kind, path, self._random.choice(bases), query)

    def manners(self, target: str) -> None:
        """How an answer is asked for: codings, types, conditions, methods and ranges."""
        codings, accepts, dates = (each.split("|")[1:] for each in (CODINGS, ACCEPTS, DATES))
        plain, packed = (self.ask("gzip", target, headers=f"Accept-Encoding: {each}")["told"] for each in codings[:2])
        told = dict(line.split(": ", 1) for line in (*packed, *plain))
        tag = told.get("etag", "")
        tags = (tag, f"W/{tag}", f'"other",{tag}', f'"other", W/{tag[:-1]}-gzip"', tag.strip('"'), "*", '"other"')
        conditions = [f"If-None-Match: {each}" for each in tags]
        conditions += [f"If-Modified-Since: {each}" for each in dates]
        conditions += [f"{each}\r\n{conditions[-1]}\r\nAccept-Encoding: gzip" for each in self.some(conditions, 2)]
        asked = [("gzip", "GET", f"Accept-Encoding: {each}") for each in self.some(codings, 3)]
        asked += [("accept", "GET", f"Accept: {each}") for each in self.some(accepts, 3)]
        asked += [("conditional", "GET", each) for each in self.some(conditions, 6)]
        asked += [("head", "HEAD", each) for each in ("", *self.some(conditions, 1))]
        asked += [("options", "OPTIONS", self._random.choice(("", f"{ORIGIN}\r\nAccess-Control-Request-Method: GET")))]
        asked += [("method", self._random.choice(("POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")), ORIGIN)]
        for each, unless in product(
            RANGES if "/exports/" in target else (), ("", self._random.choice((tag, dates[0])))
        ):
            asked.append(("range", "GET", f"Range: bytes{each}" + f"\r\nIf-Range: {unless}" * bool(unless)))
        for kind, method, headers in asked:
            self.ask(kind, target, headers=headers, method=method)


def record(service: Service, file: Path) -> None:
    """Asks what the service tells of itself, picked by a seed: the same answers give the same file."""
    there, api = (json.loads(service.ask("page", path)["text"]) for path in ("/v1", "/openapi.json"))
    told: Values = {"q": [[each] for each in WORDS], "from": [["2"], ["9"]], "to": [["1"], ["12"], ["99"]]}
    ids: dict[str, list[str]] = {}
    for each in there["resources"]:
        own = {one["name"]: [[v["value"], *v["aliases"]] for v in one["values"]] for one in each["filters"]}
        own = {name: values or [[number] for number in NUMBERS] for name, values in own.items()}
        ids[each["list_path"]] = service.resource(each["list_path"], own, each["sorts"], each["facets"])
        told |= own
    paths = [*ids, *(f"{path}/{service.some(found, 1)[0]}" for path, found in ids.items() if found)]
    for path in there["questions"]:
        taken = [
            each for each in api["paths"][path]["get"].get("parameters", []) if each["name"] not in ("id", "cursor")
        ]
        values: Values = {}
        for each in taken:
            schema = each["schema"].get("items", each["schema"])
            schema = api["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], schema)
            values[each["name"]] = told.get(each["name"]) or [[one] for one in schema.get("enum", ("1", "3", "20"))]
        for found in [path.replace("{id}", id_) for id_ in service.some(ids.get(path.partition("/{id}")[0], [""]), 4)]:
            service.question(found, dict(values), [each["name"] for each in taken if each["required"]])
            paths.append(found)
    main = max(there["resources"], key=lambda each: len(each["filters"]))["list_path"]
    other = (json.loads(service.ask("page", main, "limit=1")["text"])["links"]["next"] or "").partition("?")[2]
    wrong = [f"{path}?{each}" for path in paths for each in (*service.some(FAULTS, 99 if path == main else 4), other)]
    wrong += [f"{main}?{each}" for each in (f"{other}&q=a", other[:-3], f"{other}A", other.replace("1", "2", 1))]
    for target in (*wrong, *NOWHERE):
        service.ask("error", target)
    for target in (*PAGES, *service.some(paths, 7), *service.some(wrong, 2), f"{main}?facet=document&limit=0"):
        service.manners(target)
    kept = [(of, each | {"text": each["text"] * (len(each["text"]) < 20_000)}) for of, each in service.kept.values()]
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, kept)).encode(), mtime=0))
    sys.stdout.write(f"{len(kept)} requests: {dict(Counter(kind for (kind, *_), _ in kept))}\n")


def compare(service: Service, file: Path) -> bool:
    found: dict[str, list[str]] = {}
    kept = gzip.decompress(file.read_bytes()).splitlines()
    for request, was in map(json.loads, kept):
        now = service.answer(request)
        now["text"] = now["text"] if was["text"] else ""
        old, new = ([*each["told"], *each["text"].split(",")] for each in (was, now))  # a line for each part of JSON
        told = [line for line in unified_diff(old, new, n=0, lineterm="") if line[0] != "@"][2:40]
        if told:
            found.setdefault(request[0], []).append("\n    ".join([" ".join(map(repr, request[1:])), *told]))
    for kind, each in found.items():
        sys.stdout.write("\n  ".join([f"{kind}: {len(each)} differ", *each]) + "\n")
    sys.stdout.write(f"{len(kept)} requests, {sum(map(len, found.values()))} answered otherwise\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit({"record": record, "compare": compare}[sys.argv[1]](Service(sys.argv[2]), Path(sys.argv[3])))
