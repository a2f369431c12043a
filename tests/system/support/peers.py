"""Both ends of a replication link with a memory: what a master has sent, byte for byte, and a replica that compares."""

import bisect
import random
import socket
import threading
import time

from support.synthetic import encode

RDB = b"REDIS0009\xfe\x00%s\xff" + b"\x00" * 8  # the checksum is switched off


class Stream:
    """The newest part of a replication stream. Offsets as in Redis: the first byte has offset 1."""

    KEPT = 48 << 20

    def __init__(self, base: int):
        self.base, self.data, self.boundaries = base, bytearray(), [base]
        self.grew = threading.Condition()

    @property
    def end(self) -> int:
        return self.base + len(self.data)

    def append(self, data: bytes, boundary: bool = True) -> None:
        with self.grew:
            self.data += data
            if boundary:
                self.boundaries.append(self.end)
            if len(self.data) > 2 * self.KEPT:
                self._forget(self.end - self.KEPT)
            self.grew.notify_all()

    def _forget(self, until: int) -> None:
        del self.data[:until - self.base]
        self.base = until
        del self.boundaries[:bisect.bisect_left(self.boundaries, until)]

    def holds(self, first: int) -> bool:
        """Everything from offset `first` on?"""
        with self.grew:
            return self.base < first <= self.end + 1

    def read(self, first: int, most: int) -> bytes:
        with self.grew:
            return bytes(self.data[first - self.base - 1:first - self.base - 1 + most])

    def wait(self, first: int, seconds: float) -> None:
        """Until there is something at `first`, or time is up."""
        with self.grew:
            self.grew.wait_for(lambda: self.end >= first, seconds)

    def is_boundary(self, offset: int) -> bool:
        with self.grew:
            at = bisect.bisect_left(self.boundaries, offset)
            return at < len(self.boundaries) and self.boundaries[at] == offset

    def boundary_before(self, offset: int) -> int:
        with self.grew:
            return self.boundaries[bisect.bisect_right(self.boundaries, offset) - 1]


class Lines:
    """A connection that is read line by line and in pieces of known length."""

    def __init__(self, connection: socket.socket):
        self.connection, self.rest = connection, b""

    def more(self) -> None:
        piece = self.connection.recv(1 << 18)
        if not piece:
            raise ConnectionError("closed by the peer")
        self.rest += piece

    def line(self) -> bytes:
        while b"\r\n" not in self.rest:
            self.rest = self.rest.lstrip(b"\n")  # keep-alives
            self.more()
        line, self.rest = self.rest.split(b"\r\n", 1)
        return line.lstrip(b"\n")

    def exactly(self, size: int) -> bytes:
        while len(self.rest) < size:
            self.more()
        piece, self.rest = self.rest[:size], self.rest[size:]
        return piece

    def command(self) -> list[bytes]:
        while not (head := self.line()).startswith(b"*"):
            pass  # a loading replica's newlines
        words = []
        for _ in range(int(head[1:])):
            size = int(self.line()[1:])
            words.append(self.exactly(size + 2)[:-2])
        return words


class Load(threading.Thread):
    """Says what is written: single commands and transactions, now and then a large value. `put` gets the bytes."""

    def __init__(self, seed: int, put, bytes_per_second: int = 12 << 20):
        super().__init__(name="load", daemon=True)
        self.random, self.put, self.rate = random.Random(seed), put, bytes_per_second
        self.noise = random.Random(1).randbytes(1 << 20)
        self.number = 0
        self.going = threading.Event()
        self.resting = threading.Event()
        self.ended = False

    def value(self) -> bytes:
        size = self.random.choice((10, 100, 500, 2000, 20_000, 200_000) if self.random.random() < 0.05 else (10, 100, 500))
        at = self.random.randrange(len(self.noise) - size)
        return self.noise[at:at + size]

    def write(self) -> bytes:
        self.number += 1
        return encode(b"SET", b"key:%d" % (self.number % 500), self.value())

    def piece(self) -> bytes:
        """One or more whole commands."""
        if self.random.random() < 0.8:
            return self.write()
        return encode(b"MULTI") + self.write() + self.write() + encode(b"EXEC")

    def run(self) -> None:
        while not self.ended:
            if not self.going.wait(0.1):
                self.resting.set()
                continue
            self.resting.clear()
            began, size = time.monotonic(), 0
            while size < self.rate // 100 and self.going.is_set():
                size += self.put(self.piece())
            time.sleep(max(0.0, began + size / self.rate - time.monotonic()))  # paces; nothing waits for it

    def pause(self) -> None:
        self.going.clear()
        assert self.resting.wait(30), "the load does not rest"

    def go_on(self) -> None:
        self.resting.clear()
        self.going.set()

    def end(self) -> None:
        self.ended = True
        self.going.set()
        self.join(10)


class SyntheticMaster:
    """Serves its stream to one replica, knows what it has acknowledged and what it has asked for."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.replid, self.old = self.new_id(), []  # old: (id, first offset that it does not share)
        self.stream = Stream(1000)
        self.acknowledged = self.durable = 0
        self.asked: list[tuple[str, int, bool]] = []  # replid, offset, continued
        self.problems: list[str] = []
        self.slow_rdb = 0.0  # seconds that an RDB takes
        self.links: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def new_id(self) -> str:
        return f"{self.random.getrandbits(160):040x}"

    def put(self, piece: bytes) -> int:
        """In parts at times: a boundary only stands behind the last."""
        if self.random.random() < 0.1:
            cut = self.random.randrange(1, len(piece))
            self.stream.append(piece[:cut], boundary=False)
            piece = piece[cut:]
        self.stream.append(piece)
        return len(piece)

    def fail_over(self) -> None:
        """The same history under another id, as after a promotion."""
        self.old.append((self.replid, self.stream.end + 1))
        self.replid = self.new_id()
        self.cut_links()

    def begin_anew(self) -> None:
        """Another history."""
        self.cut_links()
        self.replid, self.old, self.stream = self.new_id(), [], Stream(self.random.randrange(10_000))
        self.acknowledged = self.durable = 0

    def cut_links(self) -> None:
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.links.clear()

    def close(self) -> None:
        self.listener.close()
        self.cut_links()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.links.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self.converse(connection)
        except (OSError, ConnectionError, ValueError):
            pass  # killed, or cut

    def converse(self, connection: socket.socket) -> None:
        lines = Lines(connection)
        while True:
            words = lines.command()
            name = words[0].upper()
            if name == b"PSYNC":
                return self.feed(connection, lines, words[1].decode(), int(words[2]))
            if name == b"INFO":
                text = f"role:master\r\nmaster_replid:{self.replid}\r\nmaster_repl_offset:{self.stream.end}\r\n".encode()
                connection.sendall(b"$%d\r\n%s\r\n" % (len(text), text))
            else:
                connection.sendall(b"+PONG\r\n" if name == b"PING" else b"+OK\r\n")

    def knows(self, replid: str, first: int) -> bool:
        limits = [limit for old, limit in self.old if old == replid]
        return replid == self.replid or any(first <= limit for limit in limits)

    def feed(self, connection: socket.socket, lines: Lines, replid: str, first: int) -> None:
        stream = self.stream
        continued = self.knows(replid, first) and stream.holds(first)
        self.asked.append((replid, first, continued))
        if continued:
            connection.sendall(f"+CONTINUE {self.replid}\r\n".encode())
        else:
            first = stream.end + 1
            self.send_rdb(connection, first - 1)
        threading.Thread(target=self.listen, args=(lines, stream), daemon=True).start()
        while True:
            stream.wait(first, 0.5)
            piece = stream.read(first, 1 << 18)
            connection.sendall(piece)
            first += len(piece)

    def send_rdb(self, connection: socket.socket, offset: int) -> None:
        rdb = RDB % self.random.randbytes(1 << 21).replace(b"\xff", b"\x01")
        connection.sendall(f"+FULLRESYNC {self.replid} {offset}\r\n${len(rdb)}\r\n".encode())
        for at in range(0, len(rdb), 1 << 17):
            connection.sendall(rdb[at:at + (1 << 17)])
            time.sleep(self.slow_rdb / 16)  # a slow link

    def listen(self, lines: Lines, stream: Stream) -> None:
        try:
            while True:
                words = lines.command()
                if words[:2] != [b"REPLCONF", b"ACK"] or stream is not self.stream:
                    continue
                acknowledged = int(words[2])
                if acknowledged > stream.end:
                    self.problems.append(f"{acknowledged} was acknowledged, {stream.end} was sent")
                self.acknowledged = acknowledged
                self.durable = int(words[4]) if len(words) > 4 else 0
        except (OSError, ConnectionError, ValueError):
            pass


class Recorder(threading.Thread):
    """A replica of a real master that keeps the stream as it came."""

    def __init__(self, port: int):
        super().__init__(name="recorder", daemon=True)
        self.connection = socket.create_connection(("127.0.0.1", port), 10)
        self.lines = Lines(self.connection)
        for words in ((b"PING",), (b"REPLCONF", b"listening-port", b"1"), (b"REPLCONF", b"capa", b"psync2")):
            self.connection.sendall(encode(*words))
            self.lines.line()
        self.connection.sendall(encode(b"PSYNC", b"?", b"-1"))
        _, replid, offset = self.lines.line().decode().split()
        self.replid, self.stream = replid, Stream(int(offset))
        self.lines.exactly(int(self.lines.line()[1:]))
        self.connection.settimeout(0.5)
        self.ended = False
        self.start()

    def run(self) -> None:
        told = 0.0
        if self.lines.rest:
            self.stream.append(self.lines.rest)
        while not self.ended:
            try:
                piece = self.connection.recv(1 << 20)
                if not piece:
                    return
                self.stream.append(piece)
            except TimeoutError:
                pass
            if time.monotonic() - told > 1:
                told = time.monotonic()
                self.connection.sendall(encode(b"REPLCONF", b"ACK", str(self.stream.end).encode()))

    def end(self) -> None:
        self.ended = True
        self.join(5)
        self.connection.close()


def first_difference(port: int, replid: str, first: int, stream: Stream, end: int) -> str:
    """PSYNCs from offset `first` and compares what comes, up to offset `end`, with the stream. Empty: they are equal."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        lines = Lines(connection)
        connection.sendall(encode(b"REPLCONF", b"capa", b"eof", b"capa", b"psync2"))
        lines.line()
        connection.sendall(encode(b"PSYNC", replid.encode(), str(first).encode()))
        answer = lines.line().decode()
        if not answer.startswith("+CONTINUE"):
            return f"PSYNC {replid} {first}: {answer}"
        if not stream.holds(first):
            return f"offset {first} was never sent"
        while first <= end:
            if not lines.rest:
                lines.more()
            wanted = stream.read(first, len(lines.rest))
            if wanted != lines.rest:
                at = next((i for i, pair in enumerate(zip(wanted, lines.rest)) if pair[0] != pair[1]), len(wanted))
                return f"another byte than was sent at offset {first + at}"
            first += len(lines.rest)
            lines.rest = b""
    return "" if first == end + 1 else f"{first - 1 - end} bytes more than were sent"
