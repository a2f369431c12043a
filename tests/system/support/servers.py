"""The Redis and Valkey servers at hand: Debian's always, others by PENSTOCK_SERVERS=name=/path/redis-server:name=…"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    name: str  # "redis-7.0.15"
    path: Path

    @property
    def kind(self) -> str:
        return self.name.split("-")[0]

    @property
    def version(self) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", self.name)[:3])

    @property
    def is_valkey(self) -> bool:
        return self.kind == "valkey"

    def since(self, redis: tuple[int, ...] | None = None, valkey: tuple[int, ...] = (0,)) -> bool:
        """At least that Redis (None: no Redis has it), or at least that Valkey."""
        least = valkey if self.is_valkey else redis
        return least is not None and self.version >= least

    @property
    def rdb(self) -> str:
        """The RDB that it makes for a replica which says nothing of its own version."""
        if self.is_valkey:
            return "REDIS0011"
        newest = [((6, 2), 9), ((7, 0), 10), ((7, 2), 11), ((7, 4), 12)]
        return f"REDIS{max(number for version, number in newest if self.version >= version):04d}"

    def loads(self, rdb: str) -> bool:
        """With its default settings."""
        if rdb.startswith("VALKEY"):
            return self.is_valkey and self.version >= (9,)
        return int(rdb.removeprefix("REDIS")) <= int(self.rdb.removeprefix("REDIS"))

    def __str__(self) -> str:
        return self.name


def _server(path: Path) -> Server:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    kind, version = re.match(r"(?:(\w+) s|S)erver v=([\d.]+)", said).groups()
    return Server(f"{(kind or 'valkey').lower()}-{version}", path)  # Valkey 7.2 does not say its name


DEBIAN = _server(Path("/usr/bin/redis-server"))


def at_hand() -> list[Server]:
    """Debian's first; each version once."""
    found = {DEBIAN.name: DEBIAN}
    for entry in filter(None, os.environ.get("PENSTOCK_SERVERS", "").split(":")):
        server = _server(Path(entry.split("=", 1)[1]))
        found.setdefault(server.name, server)
    return list(found.values())
