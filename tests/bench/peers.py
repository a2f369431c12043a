"""What stands between the synthetic master and the synthetic replicas: the keeper, and what people use today."""

import os
import signal
import socket
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Peer:
    """One process that relays from `upstream` to whoever asks at `port`. Its files are in `directory`."""

    pulls_once = True  # whatever the number of replicas, the master is asked once
    fill = 100_000_000  # bytes of stream until its backlog is full and its keys are all there

    def __init__(self, directory: Path, upstream: int):
        self.directory, self.upstream, self.port = directory, upstream, free_port()
        self.child: subprocess.Popen | None = None
        self.peak_before = 0.0  # MB, of the processes that were stopped

    def command(self) -> list[str]:
        raise NotImplementedError

    def __enter__(self) -> "Peer":
        self.directory.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.stop(signal.SIGKILL)

    def start(self) -> None:
        with (self.directory / "log").open("ab") as log:
            self.child = subprocess.Popen(self.command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log)

    def stop(self, how: int) -> None:
        if self.child:
            self.peak_before = self.peak_rss_mb()
            self.child.send_signal(how)
            self.child.wait(60)
            self.child = None

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, those that have ended included."""
        stat = Path(f"/proc/{self.child.pid}/stat").read_text()
        fields = stat[stat.rindex(")") + 2:].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def status(self, field: str) -> int:
        """A number of /proc/<pid>/status; memory is in kB there."""
        for line in Path(f"/proc/{self.child.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def peak_rss_mb(self) -> float:
        return max(self.peak_before, self.status("VmHWM") / 1024)


class Keeper(Peer):
    binary = Path()  # of the run
    fill = 1_200_000_000  # bytes of stream until every segment of the log has been used before

    def __init__(self, directory: Path, upstream: int, *more: str):
        super().__init__(directory, upstream)
        self.more = more

    def command(self) -> list[str]:
        return [str(self.binary), "--standalone", "--listen", f"127.0.0.1:{self.port}", "--upstream",
                f"127.0.0.1:{self.upstream}", "--data", str(self.directory / "data"), *self.more]


class Redis(Peer):
    aof = "no"

    def __init__(self, directory: Path, upstream: int, backlog: str = "64mb"):
        super().__init__(directory, upstream)
        self.backlog = backlog

    def command(self) -> list[str]:
        # No limit on what a replica may be behind, no rewriting of its log: both only cost it.
        return ["/usr/bin/redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", self.aof, "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0",
                "--replicaof", "127.0.0.1", str(self.upstream), "--repl-backlog-size", self.backlog,
                "--repl-diskless-sync-max-replicas", "4", "--client-output-buffer-limit", "replica 0 0 0"]


class RedisAof(Redis):
    aof = "yes"


class Haproxy(Peer):
    pulls_once = False

    def command(self) -> list[str]:
        config = self.directory / "haproxy.cfg"
        config.write_text(f"""global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen relay
  bind 127.0.0.1:{self.port}
  server master 127.0.0.1:{self.upstream}
""")
        return ["/usr/sbin/haproxy", "-db", "-f", str(config)]


class Direct(Peer):
    """Nobody between them."""

    pulls_once = False

    def __init__(self, directory: Path, upstream: int):
        super().__init__(directory, upstream)
        self.port = upstream

    def start(self) -> None:
        pass

    def cpu_seconds(self) -> float:
        return 0.0

    def peak_rss_mb(self) -> float:
        return 0.0
