"""Runs the processes of a layout: start, ready, kill, stop, each known by its pid file."""

import shutil
import signal
import socket
import time
from pathlib import Path

from topology import configs, process, resp, rest
from topology.layout import Layout, Process


class Failed(RuntimeError):
    """Said to the user as it is, without a stack trace."""


def _answers_ruok(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.sendall(b"ruok")
        return connection.recv(16) == b"imok"


def is_ready(p: Process) -> bool:
    """Does it do its work? For our daemons that is /readyz."""
    try:
        if p.kind == "zookeeper":
            return _answers_ruok(p.port)
        if p.kind in ("redis", "sentinel"):
            return resp.call(p.port, "PING", timeout=1) == "PONG"
        return rest.get(f"http://{p.address}/readyz", timeout=2).ok
    except (OSError, resp.RedisError):
        return False


class Machine:
    def __init__(self, layout: Layout):
        self.layout = layout
        self.started: list[Process] = []  # by this object
        self.environments: dict[str, dict[str, str]] = {}  # name of a process → what it gets beside ours

    def pid_file(self, p: Process) -> process.PidFile:
        return process.PidFile(self.layout.state / "run" / f"{p.name}.json")

    def pid(self, p: Process) -> int | None:
        process.reap()
        return self.pid_file(p).pid()

    def start(self, p: Process) -> bool:
        """False when it runs already. Failed when somebody else has its port."""
        if self.pid(p):
            return False
        if owner := process.listener(p.port):
            raise Failed(f"port {p.port}, wanted by {p.name}, is taken by {owner}")
        configs.prepare(self.layout, p)
        process.spawn(configs.command(self.layout, p), self.layout.directory(p), self.layout.log(p), self.pid_file(p),
                      self.environments.get(p.name))
        self.started.append(p)
        return True

    def start_missing(self, processes: list[Process]) -> int:
        return sum(self.start(p) for p in processes)

    def wait_ready(self, processes: list[Process], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        waiting = list(processes)
        while waiting := [p for p in waiting if not is_ready(p)]:
            for p in waiting:
                if not self.pid(p):
                    raise Failed(f"{p.name} has ended before it was ready; its log ({self.layout.log(p)}) ends with:\n"
                                 + self.log_tail(p))
            if time.monotonic() > deadline:
                names = ", ".join(p.name for p in waiting)
                raise Failed(f"not ready after {seconds:.0f} s: {names}; the log of {waiting[0].name} "
                             f"({self.layout.log(waiting[0])}) ends with:\n{self.log_tail(waiting[0])}")
            time.sleep(0.05)

    def log_tail(self, p: Process, lines: int = 15) -> str:
        try:
            text = self.layout.log(p).read_text(errors="replace")
        except FileNotFoundError:
            return "  (no log)"
        return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (empty)"

    def signal(self, p: Process, number: int) -> None:
        pid = self.pid(p)
        if pid is None:
            raise Failed(f"{p.name} is not running")
        process.send(pid, number)

    def kill(self, p: Process) -> None:
        """kill -9, and waits until it is gone."""
        self.signal(p, signal.SIGKILL)
        if process.wait_gone([self.pid_file(p)], 5):
            raise Failed(f"{p.name} survived SIGKILL")

    def stop(self, processes: list[Process], patience: float = 10.0) -> list[str]:
        return process.stop_all([self.pid_file(p) for p in processes], patience)

    def stop_everything(self) -> list[str]:
        """Everything that has a pid file below the state directory, daemons first. Names of what had to be killed."""
        run = self.layout.state / "run"
        files = [process.PidFile(path) for path in sorted(run.glob("*.json"))]
        stores = {p.name for p in self.layout.stores()}
        first = [file for file in files if file.path.stem not in stores]
        last = [file for file in files if file.path.stem in stores]
        return process.stop_all(first) + process.stop_all(last)

    def remove_state(self) -> None:
        shutil.rmtree(self.layout.state, ignore_errors=False)

    def taken_ports(self) -> list[str]:
        """Ports of the layout that belong to somebody who is not of this topology."""
        ours = {p.port for p in self.layout.processes() if self.pid(p)}
        hosts = {p.name for p in self.layout.processes() if self.pid(p)}
        ours |= {k.port for k in self.layout.all_keepers() if k.host in hosts}
        ours |= {port for port, name in self.layout.ports().items() if name in hosts}
        return [f"port {port} ({name}) is taken by {owner}" for port, name in self.layout.ports().items()
                if port not in ours and (owner := process.listener(port))]


def binaries_missing(binaries: Path) -> list[str]:
    names = ("penstock-keeper", "penstock-metaserver", "penstock-console", "penstock-sentinel-hook")
    return [name for name in names if not (binaries / name).exists()]
