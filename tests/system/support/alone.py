"""Single Redis servers and stand-alone keepers on free ports, for tests that need no data center."""

import signal
import socket
from pathlib import Path

from support.wait import wait_until
from topology import process, resp


def free_port() -> int:
    """A port that nobody listens on, and that stays away from those of outgoing connections for a moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Alone:
    def __init__(self, directory: Path, binaries: Path):
        self.directory, self.binaries = directory, binaries
        self.commands: dict[str, list[str]] = {}
        self.ports: dict[str, int] = {}

    def __enter__(self) -> "Alone":
        return self

    def __exit__(self, *_exception) -> None:
        process.stop_all([self._pid_file(name) for name in self.commands], 5)

    def _pid_file(self, name: str) -> process.PidFile:
        return process.PidFile(self.directory / "run" / f"{name}.json")

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def start_again(self, name: str) -> None:
        process.spawn(self.commands[name], self.directory / name, self.directory / f"{name}.log", self._pid_file(name))
        wait_until(f"{name} answers PING", lambda: resp.call(self.ports[name], "PING"), 10)

    def _start(self, name: str, port: int, command: list[str]) -> int:
        self.commands[name], self.ports[name] = command, port
        self.start_again(name)
        return port

    def redis(self, name: str, *lines: str) -> int:
        port = free_port()
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                     "--repl-diskless-sync-delay", "0", "--enable-debug-command", "local",
                     "--repl-backlog-size", "16mb"]
        for line in lines:
            key, *values = line.split()
            arguments += [f"--{key}", *values]
        return self._start(name, port, ["/usr/bin/redis-server", *arguments])

    def keeper(self, name: str, upstream: int, port: int | None = None) -> int:
        port = port or free_port()
        return self._start(name, port, [
            str(self.binaries / "penstock-keeper"), "--standalone", "--listen", f"127.0.0.1:{port}",
            "--upstream", f"127.0.0.1:{upstream}", "--data", str(self.directory / name / "data")])

    def alive(self, name: str) -> bool:
        return self._pid_file(name).pid() is not None

    def stop(self, name: str) -> None:
        process.stop_all([self._pid_file(name)], 10)

    def kill(self, name: str) -> None:
        process.send(self._pid_file(name).pid(), signal.SIGKILL)
        assert not process.wait_gone([self._pid_file(name)], 5)
