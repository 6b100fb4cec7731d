"""The load: many connections from one thread, each waiting for its answer before it asks again. It reads no more of an
answer than where it ends, so that it takes little of the cores that the servers run on; loopback only."""

import select
import socket
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter

PATIENCE = 30.0  # seconds that an answer may take after the last question
BUFFER = 1 << 18
LAST_CHUNK = b"\r\n0\r\n\r\n"


def get(path: str, *headers: str) -> bytes:
    """A request as it is sent. The headers come last, so that the bare application finds its response by the last."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: bench", *headers, "", ""]).encode()


def post(path: str, text: str) -> bytes:
    body = text.encode()
    return f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass
class Stream:
    """Requests to one port over so many connections, and what came of them."""

    port: int
    requests: Iterator[bytes]
    connections: int
    times: "array[float]" = field(default_factory=lambda: array("d"))  # from question to the end of its answer
    firsts: "array[float]" = field(default_factory=lambda: array("d"))  # from question to the first byte
    ended: "array[float]" = field(default_factory=lambda: array("d"))  # when each answer ended
    statuses: Counter[str] = field(default_factory=Counter)
    rows: int = 0  # line ends in what was read, of answers that are sent in chunks
    begun: float = 0.0
    until: float = 0.0

    @property
    def gap(self) -> float:
        """The longest time without an answer, from the first question to the last."""
        marks = sorted([self.begun, *self.ended, self.until])
        return max(after - before for before, after in pairwise(marks))

    @property
    def refused(self) -> int:
        """Answers that are no success, and connections that ended without one."""
        return sum(count for status, count in self.statuses.items() if status not in ("200", "304"))


class _Connection:
    """One connection: asks, reads to the answer's end, asks again."""

    __slots__ = ("chunked", "closed", "head", "left", "socket", "started", "stream", "tail")

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.closed = False
        self.socket = socket.create_connection(("127.0.0.1", stream.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> bool:
        """Sends the next request; False when there is none."""
        request = next(self.stream.requests, None)
        if request is None:
            return False
        self.head, self.tail, self.left, self.chunked = b"", b"", -1, False
        self.started = perf_counter()
        self.socket.sendall(request)
        return True

    def read(self) -> bool:
        """Reads what is there; True when the answer is whole, or will never be."""
        try:
            data = self.socket.recv(BUFFER)
        except ConnectionError:
            data = b""
        if not data:
            self.stream.statuses["closed"] += 1
            self.closed = True
            return True
        if self.left < 0 and not self.chunked:
            if not self.head:
                self.stream.firsts.append(perf_counter() - self.started)
            self.head += data
            end = self.head.find(b"\r\n\r\n")
            if end < 0:
                return False
            data = self._begin(self.head[:end].lower(), self.head[end + 4 :])
        if self.chunked:
            self.stream.rows += data.count(b"\n")
            self.tail = (self.tail + data)[-7:]
            return self._whole(ended=self.tail.endswith(LAST_CHUNK) or self.tail == LAST_CHUNK[2:])
        self.left -= len(data)
        return self._whole(ended=self.left <= 0)

    def _begin(self, head: bytes, rest: bytes) -> bytes:
        """Learns from the head where the answer ends."""
        at = head.find(b"content-length:")
        if at >= 0:
            self.left = int(head[at + 15 :].partition(b"\r")[0])
        elif b"transfer-encoding: chunked" in head:
            self.chunked = True
        else:
            self.left = 0
        return rest

    def _whole(self, *, ended: bool) -> bool:
        if ended:
            now = perf_counter()
            self.stream.times.append(now - self.started)
            self.stream.ended.append(now)
            self.stream.statuses[self.head[9:12].decode()] += 1
        return ended


class _Loop:
    """The connections that wait for an answer, and the turn of each that has one."""

    def __init__(self, until: float) -> None:
        self._poll = select.epoll()
        self._until = until
        self.busy: dict[int, _Connection] = {}

    def begin(self, connection: _Connection) -> None:
        if connection.ask():
            self.busy[connection.socket.fileno()] = connection
            self._poll.register(connection.socket, select.EPOLLIN)
        else:
            connection.socket.close()

    def end(self, connection: _Connection) -> None:
        self._poll.unregister(connection.socket)
        del self.busy[connection.socket.fileno()]
        connection.socket.close()

    def turn(self, patience: float) -> None:
        for number, _ in self._poll.poll(patience):
            connection = self.busy[number]
            if not connection.read():
                continue
            more = perf_counter() < self._until
            if connection.closed:
                self.end(connection)
                if more:
                    self.begin(_Connection(connection.stream))
            elif not (more and connection.ask()):
                self.end(connection)

    def close(self) -> None:
        for connection in list(self.busy.values()):
            connection.stream.statuses["unanswered"] += 1
            self.end(connection)
        self._poll.close()


def load(streams: list[Stream], seconds: float, patience: float = PATIENCE) -> float:
    """Runs the streams side by side for so long, waits for their last answers, and returns how long it took in all."""
    begun = perf_counter()
    until = begun + seconds
    loop = _Loop(until)
    try:
        for stream in streams:
            stream.begun, stream.until = begun, until
            for _ in range(stream.connections):
                loop.begin(_Connection(stream))
        while loop.busy and (left := until + patience - perf_counter()) > 0:
            loop.turn(left)
    finally:
        loop.close()
    return perf_counter() - begun
