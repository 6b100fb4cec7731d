"""A way to a PostgreSQL server over TCP on loopback, which loses packets or resets connections when it is told to."""

import ctypes
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.postgres import OWNER, Server

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
# A program of one instruction for the kernel's packet filter: take 0 bytes of each packet, so that it is not even
# acknowledged.
_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
DROP_ALL = struct.pack("@HP", 1, ctypes.addressof(_NOTHING))
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: to close is to reset


class Network:
    """Forwards connections to the socket of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._near: dict[socket.socket, socket.socket] = {}  # the client's side, and the server's
        self._lock = threading.Lock()
        self._ended = self._dropping = self._resetting = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def url(self, database: str, user: str = OWNER) -> str:
        """What `SHISAKU_DATABASE_URL` is set to."""
        host, port = self._listening.getsockname()
        return self._server.url(database, user).replace("@/", f"@{host}:{port}/").partition("?")[0]

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """Every packet of a client is lost, and every answer of the server."""
        with self._lock:
            self._dropping = True
            cut = [self._listening, *self._near]
            for each in cut:
                each.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, DROP_ALL)
        try:
            yield
        finally:
            with self._lock:
                self._dropping = False
                for each in cut:
                    each.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)

    @contextmanager
    def resetting(self) -> Iterator[None]:
        """Every connection is reset, and so is every new one."""
        with self._lock:
            self._resetting = True
            self._reset()
        try:
            yield
        finally:
            with self._lock:
                self._resetting = False

    def _reset(self) -> None:
        for near, far in self._near.items():
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            near.close()
            far.close()
        self._near.clear()

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._reset()
        self._listening.close()

    def _run(self) -> None:
        while not self._ended:
            with self._lock:
                sockets = [] if self._dropping else [self._listening, *self._near, *self._near.values()]
            ready = select.select(sockets, [], [], 0.01)[0]
            with self._lock:
                for each in () if self._dropping else ready:
                    self._forward(each)

    def _forward(self, ready: socket.socket) -> None:
        if ready is self._listening:
            near, far = ready.accept()[0], socket.socket(socket.AF_UNIX)
            far.connect(str(self._server.folder / ".s.PGSQL.5432"))
            self._near[near] = far
            if self._resetting:
                self._reset()
            return
        for near, far in [*self._near.items()]:
            if ready in (near, far):
                data = b""
                with suppress(ConnectionError):
                    data = ready.recv(1 << 16)
                    (far if ready is near else near).sendall(data)
                if not data:
                    del self._near[near]
                    near.close()
                    far.close()


@contextmanager
def network(server: Server) -> Iterator[Network]:
    """A network for as long as a test runs."""
    made = Network(server)
    try:
        yield made
    finally:
        made.close()
