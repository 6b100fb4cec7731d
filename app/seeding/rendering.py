"""Checks the content of all entries and renders their records, share by share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import orjson

from app.resources import BY_NAME
from app.schemas import Record
from app.seeding.checks import content_errors, coverage_errors, located, own_errors
from app.seeding.entries import KINDS
from app.seeding.entries.base import Json
from app.seeding.errors import InvalidSeed, SeedError
from app.seeding.links import link_errors
from app.seeding.pool import mapped
from app.seeding.progress import progress
from app.seeding.reading import Source
from app.seeding.records import HIDDEN_VALUES, RENDERERS
from app.seeding.rendered_records import RenderedRecords, Row, csv_of
from app.seeding.staging import Seed

SHARE_SIZE = 200  # entries of the largest kind that are checked and rendered at once

Share = dict[str, range]  # by kind, numbers of entries


@dataclass
class ShareResult:
    """What was found in a share. `coverage` are errors that are reported if there are no others; `rows` are the
    records, by resource."""

    errors: list[SeedError] = field(default_factory=list)
    coverage: list[SeedError] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)


def check_and_render(seed: Seed, source: Source, rendered: RenderedRecords) -> None:
    """Raises InvalidSeed with every error of the seed, sorted. If there is none, every record is rendered."""
    errors = [*source.errors, *link_errors(seed, source)]
    coverage: list[SeedError] = []
    shares = list(_shares(seed.counts))
    check = partial(_check_share, seed, render=not errors)
    with progress("Verifying", len(shares)) as done, mapped(check, shares, sum(seed.counts.values())) as results:
        for result in results:
            errors.extend(result.errors)
            coverage.extend(result.coverage)
            if not errors:
                for name, rows in result.rows.items():
                    rendered.append(name, rows)
            done(1)
    if errors or coverage:
        raise InvalidSeed(sorted(set(errors or coverage)))


def _shares(counts: dict[str, int]) -> Iterator[Share]:
    """Shares have the same part of each kind, so that a share's entries mostly link to entries of the same share."""
    number = max(1, -(-max(counts.values(), default=0) // SHARE_SIZE))
    for share in range(number):
        yield {
            kind: range(1 + count * share // number, 1 + count * (share + 1) // number)
            for kind, count in counts.items()
        }


def _check_share(seed: Seed, share: Share, *, render: bool) -> ShareResult:
    result = ShareResult()
    for kind, numbers in share.items():
        for entry in seed.each(KINDS[kind], numbers, all_=True):
            result.errors.extend(located(entry, own_errors(entry, seed)))
            if (kind, entry.id) not in seed.broken:
                result.errors.extend(located(entry, content_errors(entry, seed)))
            if render and kind in RENDERERS and not result.errors:
                record, model = RENDERERS[kind](entry, seed), BY_NAME[kind].record
                result.coverage.extend(located(entry, coverage_errors(record, entry, model)))
                json = orjson.dumps(_in_order(record, model))
                model.model_validate_json(json)
                hidden = orjson.dumps(HIDDEN_VALUES[kind](entry, seed) if kind in HIDDEN_VALUES else {})
                result.rows.setdefault(kind, []).append((entry.id, json, csv_of(model).line(record), hidden))
    return result


def _in_order(record: Json, model: type[Record]) -> Json:
    """The fields of a record in the order of its model."""
    shown = (info.alias or name for name, info in model.model_fields.items())
    return {name: record[name] for name in shown if name in record} | record  # what is unknown is for the validation
