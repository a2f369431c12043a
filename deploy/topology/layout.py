"""Which processes and keepers the two data centers have, and on which ports. Values only."""

from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
DCS = ("east", "west")
ACTIVE_DC = "east"
CLUSTERS = {"orders": ("shard-1", "shard-2"), "sessions": ("shard-1",)}
SHARDS = tuple((cluster, shard) for cluster, shards in CLUSTERS.items() for shard in shards)
METASERVERS = KEEPER_HOSTS = REDISES = KEEPERS = 2  # of a DC; of a shard and DC
SENTINELS = 3
PORT_BLOCK = 200  # all ports lie in [base, base + PORT_BLOCK)


@dataclass(frozen=True)
class Process:
    name: str
    kind: str  # console metaserver keeper-host redis sentinel zookeeper
    dc: str  # "" for the console
    port: int
    cluster: str = ""
    shard: str = ""

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


@dataclass(frozen=True)
class Keeper:
    name: str
    dc: str
    cluster: str
    shard: str
    port: int
    host: str  # name of the keeper-host process

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


@dataclass(frozen=True)
class Layout:
    """Everything there is, from a state directory, the directory of the binaries and a base port."""

    state: Path
    binaries: Path
    base: int

    @property
    def console(self) -> Process:
        return Process("console", "console", "", self.base)

    def _port(self, dc: str, offset: int) -> int:
        return self.base + 10 + 100 * DCS.index(dc) + offset

    def zookeeper(self, dc: str) -> Process:
        return Process(f"{dc}-zookeeper", "zookeeper", dc, self._port(dc, 0))

    def metaservers(self, dc: str) -> list[Process]:
        return [Process(f"{dc}-metaserver-{i + 1}", "metaserver", dc, self._port(dc, 10 + i))
                for i in range(METASERVERS)]

    def sentinel_port(self, metaserver: Process) -> int:
        """Where a metaserver speaks Sentinel's protocol."""
        return metaserver.port + METASERVERS

    def keeper_hosts(self, dc: str) -> list[Process]:
        return [Process(f"{dc}-keeperhost-{i + 1}", "keeper-host", dc, self._port(dc, 20 + i))
                for i in range(KEEPER_HOSTS)]

    def sentinels(self, dc: str) -> list[Process]:
        return [Process(f"{dc}-sentinel-{i + 1}", "sentinel", dc, self._port(dc, 30 + i)) for i in range(SENTINELS)]

    def redises(self, dc: str, cluster: str, shard: str) -> list[Process]:
        first = 40 + REDISES * SHARDS.index((cluster, shard))
        return [Process(f"{dc}-{cluster}-{shard}-redis-{i + 1}", "redis", dc, self._port(dc, first + i), cluster, shard)
                for i in range(REDISES)]

    def keepers(self, dc: str, cluster: str, shard: str) -> list[Keeper]:
        index = SHARDS.index((cluster, shard))
        hosts = self.keeper_hosts(dc)
        # The first keeper of neighbouring shards lies on different hosts, so that no host has all the active ones.
        return [Keeper(f"{dc}-{cluster}-{shard}-keeper-{i + 1}", dc, cluster, shard,
                       self._port(dc, 60 + KEEPERS * index + i), hosts[(i + index) % KEEPER_HOSTS].name)
                for i in range(KEEPERS)]

    def all_redises(self) -> list[Process]:
        return [redis for dc in DCS for cluster, shard in SHARDS for redis in self.redises(dc, cluster, shard)]

    def all_keepers(self) -> list[Keeper]:
        return [keeper for dc in DCS for cluster, shard in SHARDS for keeper in self.keepers(dc, cluster, shard)]

    def stores(self) -> list[Process]:
        """What runs without Penstock: ZooKeeper, Redis, Sentinel."""
        return [*(self.zookeeper(dc) for dc in DCS), *self.all_redises(),
                *(sentinel for dc in DCS for sentinel in self.sentinels(dc))]

    def daemons(self) -> list[Process]:
        return [*(server for dc in DCS for server in self.metaservers(dc)),
                *(host for dc in DCS for host in self.keeper_hosts(dc)), self.console]

    def processes(self) -> list[Process]:
        """In the order of starting; stopping goes backwards."""
        return self.stores() + self.daemons()

    def process(self, name: str) -> Process:
        for process in self.processes():
            if process.name == name:
                return process
        raise KeyError(f"no process is called '{name}'; there are: {', '.join(p.name for p in self.processes())}")

    def ports(self) -> dict[int, str]:
        """Every port that is listened on, with the name of whose it is."""
        faces = {self.sentinel_port(p): p.name for dc in DCS for p in self.metaservers(dc)}
        return faces | {p.port: p.name for p in self.processes()} | {k.port: k.name for k in self.all_keepers()}

    def directory(self, process: Process) -> Path:
        """Where a process keeps its configuration and data."""
        return self.state / (process.dc or "global") / process.name

    @property
    def certificates(self) -> Path:
        return self.state / "tls"

    def hook(self, dc: str) -> Path:
        """What the DC's Sentinels call after a fail-over."""
        return self.state / dc / "penstock-sentinel-hook"

    def log(self, process: Process) -> Path:
        return self.state / "log" / f"{process.name}.log"
