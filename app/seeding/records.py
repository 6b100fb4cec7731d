# --- amount


# --- dates


# --- documents
def _publish(entry: DocumentEntry, library: Library) -> Published:
    lines = library.transcripts[entry.id]
    key = library.key(DocumentEntry, entry.id)
    record = Document(
        **library.common("documents", entry),
        name=entry.name.published(),
        issuer=organization_ref(library, entry.issuer),
        issued=day(entry.issued),
        attribution=entry.attribution,
        licence=entry.licence,
        url=entry.url,
        sha256=entry.sha256,
        line_count=len(lines),
        parts=[
            DocumentPart(title=part.title.published(), lines=part.lines, transcript=part.transcript)
            for part in entry.parts
        ],
    )
    texts = ({"document": key, "key": number, "text": text} for number, text in enumerate(lines, 1))
    return Published(record, {"issued": entry.issued.isoformat()}, aside=((LINE, texts),))


# --- strategies
@remembered
def strategy_ref(library: Library, id_: Id) -> Ref:
    return Ref(id=id_, name=library.of(StrategyEntry)[id_].name.published())


def _publish(entry: StrategyEntry, library: Library) -> Published:
    period = entry.period
    return Published(
        Strategy(
            **library.common("strategies", entry),
            name=entry.name.published(),
            decided=day(entry.decided) if entry.decided else None,
            period=Period(from_=fiscal_year(period.from_), to=fiscal_year(period.to)) if period else None,
        )
    )


# --- sections
@remembered
def section_ref(library: Library, id_: str) -> SectionRef:
    entry = library.of(SectionEntry)[id_]
    return SectionRef(id=id_, number=entry.number, code=entry.code, name=entry.name.published())


def with_parents(library: Library, ids: Iterable[str]) -> list[int]:
    """The keys of these and of all that they are part of: a row stands under each of them."""
    return library.keys(SectionEntry, (above for id_ in ids for above in library.up(SectionEntry, "parent", id_)))


def _publish(entry: SectionEntry, library: Library) -> Published:
    from app.resources.measures import MeasureEntry  # measures hold sections: the later file, read when asked

    under = library.down(SectionEntry, "parent", entry.id)
    record = Section(
        **library.common("sections", entry),
        number=entry.number,
        code=entry.code,
        name=entry.name.published(),
        strategy=strategy_ref(library, entry.strategy),
        parent=section_ref(library, entry.parent) if entry.parent else None,
        depth=len(list(library.up(SectionEntry, "parent", entry.id))),
        cited=any(piece.basis is not Basis.EXTERNAL for piece in entry.evidence if "number" in piece.supports),
        measure_count=library.count(MeasureEntry, "sections", under),
    )
    return Published(
        record,
        {
            "number": entry.number,
            "strategy": library.key(StrategyEntry, entry.strategy),
            "parent": library.key(SectionEntry, entry.parent) if entry.parent else None,
            "depth": record.depth,
            "cited": record.cited,
            "measure_count": record.measure_count,
        },
    )


# --- packages
@remembered
def package_ref(library: Library, id_: str) -> Ref:
    return Ref(id=id_, name=library.of(PackageEntry)[id_].name.published())


def _publish(entry: PackageEntry, library: Library) -> Published:
    record = Package(
        **library.common("packages", entry),
        name=entry.name.published(),
        fiscal_year=fiscal_year(entry.fiscal_year),
        budget_kind=entry.budget_kind,
        aims=[aim.published() for aim in entry.aims],
        stated_totals=[StatedTotal(kind=total.kind, amount=total.amount.published()) for total in entry.stated_totals],
    )
    known = [[note.model_dump() for note in library.notes(total.notes)] for total in entry.stated_totals]
    return Published(
        record,
        {
            "fiscal_year": entry.fiscal_year,
            "budget_kind": entry.budget_kind.value,
            "known": orjson.dumps(known).decode(),
        },
    )


# --- pillars
@remembered
def pillar_ref(library: Library, id_: str) -> PillarRef:
    entry = library.of(PillarEntry)[id_]
    return PillarRef(id=id_, number=entry.number, name=entry.name.published())


def _publish(entry: PillarEntry, library: Library) -> Published:
    from app.resources.budget_lines import lines_under  # lines hold pillars: the later file, read when asked

    lines = lines_under(library, entry.id)
    amounts = [line.amount for line in lines if line.amount]
    record = Pillar(
        **library.common("pillars", entry),
        number=entry.number,
        symbol=entry.symbol,
        name=entry.name.published(),
        package=package_ref(library, entry.package),
        line_count=len(lines),
        amount=Amount(
            **summed(
                sum(amount.jpy for amount in amounts),
                (amount.basis for amount in amounts),
                approximate=any(amount.approximate for amount in amounts),
                uncertain=any(amount.uncertain for amount in amounts),
            )
        ),
    )
    return Published(
        record,
        {
            "number": entry.number,
            "package": library.key(PackageEntry, entry.package),
            "line_count": record.line_count,
            "amount": record.amount.jpy,
        },
    )


# --- organizations
@remembered
def organization_ref(library: Library, id_: str) -> Ref:
    """The body as other records show it."""
    return Ref(id=id_, name=library.of(OrganizationEntry)[id_].name.published())


def _publish(entry: OrganizationEntry, library: Library) -> Published:
    record = Organization(
        **library.common("organizations", entry),
        name=entry.name.published(),
        kind=entry.kind,
        abbreviation=entry.abbreviation,
    )
    return Published(record, {"kind": entry.kind.value})


# --- modalities
def with_broader(library: Library, ids: Iterable[str]) -> list[int]:
    """The keys of these and of all that is broader: a row stands under each of them."""
    return library.keys(ModalityEntry, (above for id_ in ids for above in library.up(ModalityEntry, "broader", id_)))


@remembered
def modality_ref(library: Library, id_: str) -> Ref:
    return Ref(id=id_, name=library.of(ModalityEntry)[id_].name.published())


def _publish(entry: ModalityEntry, library: Library) -> Published:
    from app.resources.measures import MeasureEntry  # measures hold modalities: the later file, read when asked

    under = library.down(ModalityEntry, "broader", entry.id)
    record = Modality(
        **library.common("modalities", entry),
        name=entry.name.published(),
        also=entry.also,
        broader=modality_ref(library, entry.broader) if entry.broader else None,
        narrower=[modality_ref(library, id_) for id_ in under[1:]],
        measure_count=library.count(MeasureEntry, "modalities", under),
    )
    broader = library.key(ModalityEntry, entry.broader) if entry.broader else None
    return Published(record, {"broader": broader, "measure_count": record.measure_count})


# --- stages
def _publish(entry: StageEntry, library: Library) -> Published:
    common = library.common("stages", entry)
    record = Stage(**common, name=entry.name.published(), order=entry.order, track=entry.track)
    return Published(record, {"order": entry.order, "track": entry.track.value})


# --- measures
@remembered
def measure_ref(library: Library, id_: str) -> Ref:
    return Ref(id=id_, name=library.of(MeasureEntry)[id_].name.published())


def relations(library: Library, id_: str) -> Iterator[tuple[RelationEntry, str]]:
    """The crosswalk's links of a measure, each with the measure at its other end."""
    yield from ((link, link.programme) for link in library.where(RelationEntry, "direction", id_))
    yield from ((link, link.direction) for link in library.where(RelationEntry, "programme", id_))


def _publish(entry: MeasureEntry, library: Library) -> Published:
    from app.resources.budget_lines import BudgetLineEntry, line_amount, pillar_of  # lines hold measures

    lines = library.where(BudgetLineEntry, "measure", entry.id)
    links = list(relations(library, entry.id))
    ministries = ordered([*entry.ministries, *(ministry for line in lines for ministry in line.ministries)])
    pillars = ordered(pillar for pillar in (entry.pillar, *(pillar_of(library, line) for line in lines)) if pillar)
    years = ordered(library.of(PackageEntry)[line.package].fiscal_year for line in lines)
    common = library.common("measures", entry, _borrowed(entry, library, lines))
    if not links:
        common["notes"].append(UNLINKED)
    record = Measure(
        **common,
        kind=entry.kind,
        name=entry.name.published(),
        description=entry.description.published() if entry.description else None,
        sections=[section_ref(library, id_) for id_ in entry.sections],
        pillar=pillar_ref(library, entry.pillar) if entry.pillar else None,
        ministries=[organization_ref(library, id_) for id_ in ministries],
        organizations=[
            Part(id=part.id, name=organization_ref(library, part.id).name, role=part.role)
            for part in entry.organizations
        ],
        modalities=[modality_ref(library, id_) for id_ in entry.modalities],
        budget_lines=[LineRef(id=line.id, amount=line_amount(line)) for line in lines],
        related=[
            Related(id=id_, name=measure_ref(library, id_).name, basis=link.basis, note=link.note)
            for link, id_ in links
        ],
    )
    asides = [
        {
            "key": library.key(RelationEntry, link.id),
            "direction": library.key(MeasureEntry, entry.id),
            "programme": library.key(MeasureEntry, link.programme),
            "related": related.model_dump_json(),
        }
        for (link, _), related in zip(links, record.related, strict=True)
        if link.direction == entry.id
    ]
    bodies = [*ministries, *(part.id for part in entry.organizations)]
    return Published(
        record,
        {"kind": entry.kind.value, "funded": bool(lines)},
        {
            "ministry": library.keys(OrganizationEntry, ministries),
            "organization": library.keys(OrganizationEntry, bodies),
            "modality": with_broader(library, entry.modalities),
            "pillar": library.keys(PillarEntry, pillars),
            "section": with_parents(library, entry.sections),
            "fiscal_year": years,
        },
        ((RELATION, asides),),
    )


def _borrowed(entry: MeasureEntry, library: Library, lines: list["BudgetLineEntry"]) -> Iterator[Evidence]:
    for line in lines:
        yield from library.borrow(line, ministries=("ministries",), amount=("budget_lines",))
    for link, _ in relations(library, entry.id):
        yield from library.borrow(link, direction=("related",), programme=("related",))


# --- budget_lines
@remembered
def _by_abbreviation(library: Library, _: str) -> dict[str, str]:
    bodies = library.of(OrganizationEntry).values()
    return {body.abbreviation: body.id for body in bodies if body.abbreviation}


def line_amount(entry: BudgetLineEntry) -> Amount:
    return entry.amount.published() if entry.amount else UNSTATED


def pillar_of(library: Library, line: BudgetLineEntry) -> str | None:
    """The line's own pillar, or its measure's when that is of the line's package."""
    above = line.pillar or library.of(MeasureEntry)[line.measure].pillar
    return above if above and library.of(PillarEntry)[above].package == line.package else None


def lines_under(library: Library, pillar: str) -> list[BudgetLineEntry]:
    """The lines of a pillar."""
    own = library.where(BudgetLineEntry, "pillar", pillar)
    measures = library.where(MeasureEntry, "pillar", pillar)
    through = (line for measure in measures for line in library.where(BudgetLineEntry, "measure", measure.id))
    found = {line.id: line for line in (*own, *through) if pillar_of(library, line) == pillar}
    return list(found.values())


def _publish(entry: BudgetLineEntry, library: Library) -> Published:
    measure = library.of(MeasureEntry)[entry.measure]
    package = library.of(PackageEntry)[entry.package]
    pillar = pillar_of(library, entry)
    links = [library.of(MeasureEntry)[id_] for _, id_ in relations(library, measure.id)]
    sections = ordered(section for direction in links for section in direction.sections)
    amount, outside = line_amount(entry), entry.national_expenditure
    named = measure_ref(library, measure.id)
    record = BudgetLine(
        **library.common("budget-lines", entry, _borrowed(entry, library, measure, package)),
        name=named.name,
        measure=named,
        package=package_ref(library, package.id),
        pillar=pillar_ref(library, pillar) if pillar else None,
        fiscal_year=fiscal_year(package.fiscal_year),
        budget_kind=package.budget_kind,
        ministries=[organization_ref(library, id_) for id_ in entry.ministries],
        joint=len(entry.ministries) > 1,
        amount=amount,
        national_expenditure=Expenditure(amount=outside.amount.published(), url=outside.url) if outside else None,
        modalities=[modality_ref(library, id_) for id_ in measure.modalities],
        sections=[section_ref(library, id_) for id_ in sections],
    )
    return Published(
        record,
        {
            "measure": library.key(MeasureEntry, measure.id),
            "package": library.key(PackageEntry, package.id),
            "pillar": library.key(PillarEntry, pillar) if pillar else None,
            "fiscal_year": package.fiscal_year,
            "budget_kind": package.budget_kind.value,
            "joint": record.joint,
            "amount": amount.jpy,
            "approximate": amount.approximate,
            "uncertain": amount.uncertain,
            "basis": amount.basis.value if amount.basis else None,
            "shown": LineRef(id=entry.id, amount=amount).model_dump_json(),
        },
        {
            "ministry": library.keys(OrganizationEntry, entry.ministries),
            "modality": with_broader(library, measure.modalities),
            "section": with_parents(library, sections),
        },
    )


def _borrowed(
    entry: BudgetLineEntry, library: Library, measure: MeasureEntry, package: PackageEntry
) -> Iterator[Evidence]:
    yield from library.borrow(measure, name=("name", "measure"), modalities=("modalities",))
    if entry.pillar is None:
        yield from library.borrow(measure, pillar=("pillar",))
    yield from library.borrow(package, name=("package",), fiscal_year=("fiscal_year",), budget_kind=("budget_kind",))
    for link, _ in relations(library, measure.id):
        yield from library.borrow(link, direction=("sections",), programme=("sections",))
