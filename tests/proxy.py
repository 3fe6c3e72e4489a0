"""A proxy for TCP, to break what goes through it to a server that others use, too."""

import socket
import threading
from contextlib import suppress

OPEN_CHANNEL = bytes.fromhex("0014000a")
"""What a client of AMQP 0-9-1 sends once it is connected."""


class Proxy:
    """Forwards connections to a server, unless it hangs or is stopped.

    Args:
        port: where it listens, on 127.0.0.1.
        server: host and port.
    """

    def __init__(self, port: int, server: tuple[str, int]) -> None:
        self.server = server
        self._port = port
        self._flowing = threading.Event()
        self._connections: list[socket.socket] = []

    def start(self) -> None:
        """Listen; again, if it was stopped."""
        self._flowing.set()
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def stop(self) -> None:
        """Cut every connection and refuse new ones, like a server that was killed."""
        for connection in (self._listener, *self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._connections.clear()

    def hang(self) -> None:
        """Forward nothing; new connections get as far as their first channel, and never further."""
        self._flowing.clear()

    def go_on(self) -> None:
        """Forward again, also what came meanwhile."""
        self._flowing.set()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it was stopped
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(self.server)
                self._connections += [client, server]
                is_new = not self._flowing.is_set()
                for ends in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._forward, args=(*ends, is_new), daemon=True
                    ).start()

    def _forward(self, source: socket.socket, target: socket.socket, is_new: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_new and OPEN_CHANNEL in data:
                    return
                if not is_new:
                    self._flowing.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
