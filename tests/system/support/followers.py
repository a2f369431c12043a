"""Clients that know nothing of Penstock: stock Sentinel clients that write to the master which their Sentinels name, and
remember what was acknowledged."""

import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import redis
from redis.sentinel import Sentinel

IOREDIS = "ioredis@6.0.0"
WRITER = Path(__file__).resolve().parents[1] / "clients" / "ioredis_writer.js"


class Follower:
    """Writes 1, 2, 3 … into the set `key`. Acknowledged: the master has said so, and that `copies` others have it."""

    def __init__(self, what: str, faces: list[int], name: str, copies: int):
        self.what, self.faces, self.name, self.copies = what, faces, name, copies
        self.key = f"followed:{what}:{time.time_ns():x}"
        self.acked: list[tuple[int, float]] = []  # value, time of the answer
        self.failures: list[str] = []

    def acked_since(self, moment: float, count: int = 20) -> bool:
        return len(self.acked) >= count and self.acked[-count][1] > moment

    def lost(self, members: set[str]) -> list[int]:
        return sorted({value for value, _ in self.acked} - {int(member) for member in members})

    def gap(self) -> float:
        return max((b[1] - a[1] for a, b in zip(self.acked, self.acked[1:])), default=0.0)

    def __str__(self) -> str:
        return (f"{self.what}: {len(self.acked)} acknowledged, longest gap {self.gap() * 1000:.0f} ms, "
                f"{len(self.failures)} failed, the last {self.failures[-3:]}")


class PythonFollower(Follower):
    """python3-redis."""

    def __enter__(self) -> "PythonFollower":
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name=self.key, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.stopping.set()
        self.thread.join(20)

    def _run(self) -> None:
        sentinel = Sentinel([("127.0.0.1", port) for port in self.faces], socket_timeout=3, min_other_sentinels=1)
        master = sentinel.master_for(self.name, socket_timeout=5, socket_connect_timeout=1)
        value = 0
        while not self.stopping.is_set():
            value += 1
            try:
                _, copies = master.pipeline(transaction=False).sadd(self.key, value).wait(self.copies, 1000).execute()
                if copies >= self.copies:
                    self.acked.append((value, time.monotonic()))
                else:
                    self.failures.append(f"on {copies} other servers only")
            except (redis.RedisError, OSError) as error:
                self.failures.append(f"{type(error).__name__}: {error}"[:120])
                self.stopping.wait(0.02)  # pacing of the retries
            self.stopping.wait(0.002)


class IoredisFollower(Follower):
    def __init__(self, module: Path, protocol: int, *arguments):
        super().__init__(*arguments)
        self.module, self.protocol = module, protocol

    def __enter__(self) -> "IoredisFollower":
        options = {"ioredis": str(self.module), "name": self.name, "key": self.key, "copies": self.copies,
                   "protocol": self.protocol, "sentinels": [{"host": "127.0.0.1", "port": port} for port in self.faces]}
        self.process = subprocess.Popen(["node", WRITER, json.dumps(options)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.thread = threading.Thread(target=self._listen, name=self.key, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.thread.join(10)
        self.process.stdout.close()

    def _listen(self) -> None:
        for line in self.process.stdout:
            kind, value, *why = line.split(maxsplit=2)
            if kind == "acked":
                self.acked.append((int(value), time.monotonic()))
            else:
                self.failures.append("".join(why).strip()[:120])


def ioredis(root: Path) -> Path | str:
    """The module, unmodified, from npm (once, into build/), or why there is none. PENSTOCK_IOREDIS names one that is
    there already."""
    if given := os.environ.get("PENSTOCK_IOREDIS"):
        return Path(given)
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not installed"
    module = root / "build" / "npm" / "node_modules" / "ioredis"
    if not module.exists():
        try:
            done = subprocess.run(["npm", "install", "--prefix", module.parents[1], "--no-audit", "--no-fund", "--silent",
                                   "--ignore-scripts", IOREDIS], capture_output=True, text=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return "npm has not answered within 60 s"
        if done.returncode:
            return f"npm: {done.stderr.strip()[-200:]}"
    return module
