"""The server's HTTP/1.1 protocol: a request line in raw UTF-8 (`?ministry=厚`) is percent-encoded before parsing."""

import re

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

NON_ASCII = re.compile(rb"[\x80-\xff]")


class Utf8Protocol(HttpToolsProtocol):
    """Changes only the request line. Bodies and pipelined requests are parsed as they are, so that a proxy and this
    server agree on where each request begins."""

    _at_start = True

    def data_received(self, data: bytes) -> None:
        at_start = self._at_start
        line, end, rest = data.partition(b"\n")
        if at_start and not line.isascii():
            data = NON_ASCII.sub(_percent_encode, line) + end + rest
        super().data_received(data)
        if at_start and not end:  # the line is not complete yet
            self._at_start = True

    def on_message_begin(self) -> None:
        self._at_start = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._at_start = True
        super().on_message_complete()


def _percent_encode(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]
