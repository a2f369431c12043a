"""The Redis protocol, as little of it as asking questions needs. No dependency, one connection a call."""

import socket


class RedisError(Exception):
    """An error reply."""


def _read(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("connection closed")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        return RedisError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        size = int(rest)
        return None if size < 0 else stream.read(size + 2)[:-2].decode(errors="replace")
    if kind == b"*":
        return None if int(rest) < 0 else [_read(stream) for _ in range(int(rest))]
    raise ConnectionError(f"not RESP: {line[:40]!r}")


def pipeline(port: int, commands: list[tuple], timeout: float = 2.0) -> list:
    """The replies to `commands` (error replies as RedisError values). OSError when the peer cannot be asked."""
    request = b""
    for command in commands:
        words = [str(word).encode() for word in command]
        request += b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    with socket.create_connection(("127.0.0.1", port), timeout) as connection, connection.makefile("rb") as stream:
        connection.sendall(request)
        return [_read(stream) for _ in commands]


def call(port: int, *command, timeout: float = 2.0):
    """One command; RedisError is raised."""
    reply = pipeline(port, [command], timeout)[0]
    if isinstance(reply, RedisError):
        raise reply
    return reply


def info(port: int, section: str, timeout: float = 2.0) -> dict[str, str]:
    lines = call(port, "INFO", section, timeout=timeout).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
