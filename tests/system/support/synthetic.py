"""Peers on a replication link that do what a test says, byte by byte: a replica, and a master."""

import socket
import threading
import time
from dataclasses import dataclass

ID = "8e4d1b5c6f7a8e4d1b5c6f7a8e4d1b5c6f7a8e4d"
# An RDB as far as anybody looks who does not load it: magic, end mark, a checksum that is switched off.
RDB = b"REDIS0010" + b"nothing in particular" + b"\xff" + bytes(8)
GETACK = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"


def encode(*words) -> bytes:
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Link:
    """One side of a connection. Every read has a deadline."""

    def __init__(self, connection: socket.socket, seconds: float = 20):
        connection.settimeout(seconds)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket, self.stream = connection, connection.makefile("rb")

    def close(self) -> None:
        self.stream.close()
        self.socket.close()

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> str:
        """The next one that is not a keep-alive; "" at the end of the link."""
        while (line := self.stream.readline()) in (b"\n", b"\r\n"):
            pass
        return line.decode().rstrip("\r\n")

    def read(self, count: int) -> bytes:
        return self.stream.read(count)

    def ask(self, *words) -> str:
        self.send(encode(*words))
        return self.line()

    def command(self) -> list[str] | None:
        """What a replica says next; None at the end of the link."""
        header = self.line()
        if not header:
            return None
        words = []
        for _ in range(int(header.removeprefix("*"))):
            size = int(self.line().removeprefix("$"))
            words.append(self.stream.read(size + 2)[:-2].decode())
        return words


@dataclass
class Sync:
    """What PSYNC has brought; `link` is open and streams."""
    link: Link
    answer: str
    rdb: bytes = b""

    @property
    def replid(self) -> str:
        return self.answer.split()[1]

    @property
    def offset(self) -> int:
        """Of +FULLRESYNC."""
        return int(self.answer.split()[2])


def _read_rdb(link: Link) -> bytes:
    header = link.line()
    if not header.startswith("$EOF:"):
        return link.read(int(header.removeprefix("$")))
    mark, rdb = header.removeprefix("$EOF:").encode(), b""
    while not rdb.endswith(mark):
        rdb += link.read(1)
    return rdb[:-len(mark)]


def psync(port: int, replid: str = "?", offset: int = -1, introduction: tuple = (), sync: bool = True) -> Sync:
    """As a replica without a name of its own. Reads an RDB when there is one."""
    link = Link(socket.create_connection(("127.0.0.1", port), 20))
    for command in (("REPLCONF", "capa", "eof", "capa", "psync2"), *introduction):
        link.ask(*command)
    answer = link.ask("PSYNC", replid, offset)
    if not answer.startswith("+FULLRESYNC") or not sync:
        return Sync(link, answer)
    result = Sync(link, answer, _read_rdb(link))
    link.send(encode("REPLCONF", "ACK", result.offset))
    return result


def stream_between(port: int, replid: str, first: int, last: int) -> bytes:
    """The bytes of a history, both ends included, from whoever holds them."""
    got = psync(port, replid, first)
    with got.link:
        assert got.answer.startswith("+CONTINUE"), got.answer
        return got.link.read(last - first + 1)


class Master:
    """with Master(script) as master: …; `script(link)` plays on a thread for each connection."""

    def __init__(self, script):
        self.script = script
        self.links: list[Link] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def __enter__(self) -> "Master":
        return self

    def __exit__(self, *_exception) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for link in self.links:
            try:
                link.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(5)
        for link in self.links:
            link.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            link = Link(connection)
            self.links.append(link)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, link: Link) -> None:
        try:
            self.script(link)
        except (OSError, ValueError):
            pass  # the link has ended in the middle of the script


def greet(link: Link) -> list[str] | None:
    """Answers the handshake; the PSYNC that ends it."""
    while (command := link.command()) and command[0] != "PSYNC":
        link.send(b"+PONG\r\n" if command[0] == "PING" else b"+OK\r\n")
    return command


def full_sync(link: Link, offset: int = 0, rdb: bytes = RDB) -> None:
    link.send(f"+FULLRESYNC {ID} {offset}\r\n${len(rdb)}\r\n".encode() + rdb)


def acknowledged(link: Link) -> int:
    """The offset of the next REPLCONF ACK."""
    while command := link.command():
        if command[:2] == ["REPLCONF", "ACK"]:
            return int(command[2])
    raise ConnectionError("the link has ended")


def seconds(action) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began
