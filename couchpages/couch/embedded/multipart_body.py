"""A document with its attachments in one multipart body, taken while it arrives (does).

The document comes first, in JSON; its attachments that `follow` come after it, in the order in which the document names
them. Source: CouchDB documentation, "Creating Multiple Attachments".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from couchpages.couch.embedded.compression import is_compressible
from couchpages.couch.embedded.documents import Draft, Follows, read_draft
from couchpages.couch.embedded.errors import (
    ApiError,
    bad_content_type,
    bad_request,
    digest_mismatch,
    document_too_large,
    wrong_length,
)
from couchpages.couch.embedded.intake import Flow, Intake, Sender
from couchpages.couch.embedded.json_text import read_json
from couchpages.couch.embedded.multipart import MultipartError, PartBegins, PartData, PartEnds, Reader, boundary_of
from couchpages.couch.embedded.new_attachments import NewAttachment
from couchpages.couch.embedded.writer import Writer

JSON_LIMIT = 64 * 1024 * 1024  # bytes of the document's own part


@dataclass(frozen=True, slots=True)
class _Arrived:
    told: Follows
    intake: Intake


class MultipartBody:
    """Reads the document, and takes each attachment as the document tells that it is."""

    def __init__(self, content_type: str, writer: Writer, sender: Sender) -> None:
        self._writer = writer
        self._flow = Flow(sender)
        self._text = bytearray()
        self._draft: Draft | None = None
        self._expected: Iterator[Follows] = iter(())
        self._arrived: list[_Arrived] = []
        self._in_document = False
        self._error: ApiError | None = None
        self._reader: Reader | None = None
        try:
            self._reader = Reader(boundary_of(content_type))
        except MultipartError as error:
            self._fail(bad_request(str(error)))

    def write(self, data: bytes) -> None:
        """Take bytes; after something wrong, only drop them."""
        if self._error is not None or self._reader is None:
            return
        try:
            for event in self._reader.feed(data):
                self._take(event)
        except MultipartError as error:
            self._fail(bad_request(str(error)))
        except ApiError as error:
            self._fail(error)

    def document(self) -> tuple[Draft, list[NewAttachment]]:
        """Return the document and the attachments that followed; raise what was wrong with the body."""
        if self._error is not None:
            raise self._error
        if self._draft is None or self._reader is None or not self._reader.closed:
            raise self._fail(bad_request("The multipart body ends before its last delimiter."))
        if next(self._expected, None) is not None:
            raise self._fail(bad_request("The multipart body has fewer parts than the document tells."))
        return self._draft, [_whole(each) for each in self._arrived]

    def check(self) -> None:
        """Raise what storing a piece has raised so far."""
        for each in self._arrived:
            each.intake.check()

    def abandon(self) -> None:
        """Forget everything."""
        for each in self._arrived:
            each.intake.abandon()
        self._text.clear()

    def _take(self, event: object) -> None:
        match event:
            case PartBegins() as part:
                self._begin(part)
            case PartData(data) if self._in_document:
                self._text += data
                if len(self._text) > JSON_LIMIT:
                    raise document_too_large("")
            case PartData(data):
                self._attach(data)
            case PartEnds() if self._in_document:
                self._read_document()
            case PartEnds():
                _check(self._arrived[-1])

    def _begin(self, part: PartBegins) -> None:
        if self._draft is None and not self._in_document:
            if part.content_type != "application/json":
                raise bad_content_type()
            self._in_document = True
            return
        told = next(self._expected, None)
        if told is None:
            raise bad_request("The multipart body has more parts than the document tells.")
        compress = told.encoding is None and is_compressible(told.content_type)
        self._arrived.append(
            _Arrived(told, Intake(self._writer, self._flow, compress=compress, encoding=told.encoding))
        )

    def _attach(self, data: bytes) -> None:
        arrived = self._arrived[-1]
        arrived.intake.write(data)
        if arrived.told.encoded is not None and arrived.intake.came > arrived.told.encoded:
            raise wrong_length(longer=True)

    def _read_document(self) -> None:
        # In the reactor's thread: what follows depends on it, and documents with attachments are small.
        draft = read_draft(read_json(bytes(self._text)), multipart=True)
        self._text.clear()
        self._in_document = False
        self._draft = draft
        self._expected = iter([each for each in draft.attachments if isinstance(each, Follows)])

    def _fail(self, error: ApiError) -> ApiError:
        self._error = error
        self.abandon()
        self._arrived.clear()
        return error


def _check(arrived: _Arrived) -> None:
    told, intake = arrived.told, arrived.intake
    if told.encoded is not None and intake.came < told.encoded:
        raise wrong_length(longer=False)
    if told.digest is not None and intake.came_md5 != told.digest:
        raise digest_mismatch()


def _whole(arrived: _Arrived) -> NewAttachment:
    told = arrived.told
    return NewAttachment(told.name, told.content_type, arrived.intake.received(told.length), told.generation)
