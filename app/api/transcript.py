class TranscriptLine(Shape):
    """One line of a transcript."""

    number: Int32 = Field(description="From 1.")
    text: Sentence


def _end(name: str, meaning: str) -> Parameter:
    return Parameter(name=name, meaning=meaning, kind="integer", minimum=1, maximum=10_000_000)


LAST_LINE = Statement(select(func.max(LINE.c.key)).where(LINE.c.document == bindparam("document")))


TEXTS = Statement(
    select(LINE.c.key, LINE.c.text).where(LINE.c.document == bindparam("document"), Among(LINE.c.key, "keys"))
)


def _lines(document: int, found: Sequence[Found], rows: Rows) -> list[dict[str, Any]]:
    keys = [row.key for row in found]
    by_number = dict(rows(TEXTS, document=document, keys=keys))
    return [{"number": number, "text": by_number[number]} for number in keys]


LINES = by_name(
    _end("from", "First line; the transcript's first when left out."),
    _end("to", "Last line, included; the transcript's last when left out."),
    limit_to(500),
    OFFSET,
    CURSOR,
)


def operations(service: Service) -> list[Operation]:
    """The lines of a document."""

    async def list_document_lines(snapshot: Snapshot, question: Question, id_: str) -> Response:
        first, last = question.number("from") or 1, question.number("to") or LINES["to"].maximum
        if first > last:
            message = "`from` is after `to`. Swap them."
            raise Problem(422, message, errors=[conflict("from", message)])

        def listing(rows: Rows) -> Listing:
            found = rows(DOCUMENTS.reads.key, id=id_)
            if not found:
                raise missing(DOCUMENTS, id_, rows)
            ((document,),) = found
            ((count,),) = rows(LAST_LINE, document=document)
            lines = Keys(BitMap(range(first, min(last, count) + 1)))
            return Listing(f"documents/{id_}/lines", View((lines,)), lambda found, rows: _lines(document, found, rows))

        body, links = await snapshot.database.answer(
            lambda rows: answer(
                listing(rows),
                question,
                snapshot.dataset,
                f"{service.settings.prefix}/v1/documents/{id_}/lines",
                rows,
            )
        )
        return respond(body, links)

    return [
        Operation(
            path="/v1/documents/{id}/lines",
            answer=list_document_lines,
            name="list_document_lines",
            summary="List the lines of a document's transcript",
            description="The words as they were read, line by line; evidence names these numbers.",
            tag="documents",
            shape=page_of(TranscriptLine),
            parameters=LINES,
        )
    ]
