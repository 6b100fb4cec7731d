"""HTTP/1.1 as people type it: a request line in UTF-8 (`?ministry=厚`) is percent-encoded before it is parsed."""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


class TypedProtocol(HttpToolsProtocol):
    """Touches nothing but the line that begins a request: bodies and pipelined requests are parsed as they are, so
    that what a proxy counted stays what is counted here."""

    _begins = True

    def data_received(self, data: bytes) -> None:
        begins = self._begins
        line, end, rest = data.partition(b"\n")
        if begins and not line.isascii():
            data = BEYOND_ASCII.sub(_encoded, line) + end + rest
        super().data_received(data)
        if begins and not end:  # the line goes on
            self._begins = True

    def on_message_begin(self) -> None:
        self._begins = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._begins = True
        super().on_message_complete()


def _encoded(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]
