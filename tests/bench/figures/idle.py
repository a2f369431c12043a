"""What a keeper costs that has nothing to do, one of thousands in a process."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from figures.row import Row, figure
from instrument import Spoilt
from measure import Bench
from peers import Keeper, Peer
from topology import rest

KEEPERS = 2000
MEASURE = 30.0  # seconds
QUIET = 30.0  # bytes per second: a command now and then, as a master says PING


class Zookeeper(Peer):
    def command(self) -> list[str]:
        config = self.directory / "zoo.cfg"
        config.write_text(f"tickTime=500\ndataDir={self.directory}/data\nclientPort={self.port}\n"
                          "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\n")
        return [shutil.which("java") or "/usr/bin/java", "-Xmx128m", "-XX:+UseSerialGC", "-cp",
                "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(config)]


class Host(Peer):
    """A keeper host; `upstream` is its ZooKeeper, `port` its REST."""

    def command(self) -> list[str]:
        config = self.directory / "keeper.toml"
        config.write_text(f"""id = "bench-k1"
dc = "bench"
data_dir = "{self.directory}/data"
[zookeeper]
servers = "127.0.0.1:{self.upstream}"
[admin]
listen = "127.0.0.1:{self.port}"
[log]
level = "warn"
""")
        return [str(Keeper.binary), "--config", str(config)]

    def ready(self) -> bool:
        return rest.get(f"http://127.0.0.1:{self.port}/readyz").ok

    def create(self, number: int, port: int) -> None:
        body = {"cluster": "bench", "shard": f"s{number}", "address": f"127.0.0.1:{port}"}
        answer = rest.post(f"http://127.0.0.1:{self.port}/api/v1/keepers", body, timeout=60)
        if not answer.ok:
            raise Spoilt(f"keeper {number}: {answer}")

    def cost(self) -> dict:
        return {"threads": self.status("Threads"), "rss_kb": self.status("VmRSS"), "cpu_s": self.cpu_seconds()}


def until(condition: Callable[[], bool], what: str, limit: float) -> None:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise Spoilt(f"{what}: not within {limit:.0f} s")


def order(port: int, upstream: int) -> None:
    """The order that a metaserver gives: be active, follow the master."""
    words = ["KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", str(upstream), "EPOCH", "1", "ACTIVEDC", "yes"]
    text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection(("127.0.0.1", port), 60) as link:
        link.sendall(text.encode())
        answer = link.recv(256)
    if not answer.startswith(b"+OK"):
        raise Spoilt(f"KEEPER SETSTATE: {answer!r}")


def ports(count: int) -> list[int]:
    """Free ones, below those that the kernel gives to outgoing connections."""
    found, port = [], 20_000
    while len(found) < count:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                found.append(port)
            except OSError:
                pass
        port += 1
    return found


def many_keepers(bench: Bench, directory: Path) -> dict:
    with (bench.instrument(value=16) as load, Zookeeper(directory / "zk", 0) as zookeeper,
          Host(directory / "host", zookeeper.port) as host):
        until(host.ready, "the host is ready", 60)
        without = host.cost()
        chosen = ports(KEEPERS)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(host.create, range(KEEPERS), chosen))
            list(pool.map(order, chosen, [load.port] * KEEPERS))
        until(lambda: load.ask("status")["master"]["streaming"] == KEEPERS, "all keepers follow the master", 300)
        load.pace(QUIET)
        time.sleep(10)
        before, began = host.cost(), time.monotonic()
        time.sleep(MEASURE)
        after = host.cost()
        load.verified(full_syncs=KEEPERS)
        return {"threads": after["threads"], "threads_without": without["threads"],
                "rss_kb_each": (after["rss_kb"] - without["rss_kb"]) / KEEPERS,
                "cpu_us_each": (after["cpu_s"] - before["cpu_s"]) / (time.monotonic() - began) / KEEPERS * 1e6,
                "disk_kb_each": disk_kb(directory / "host") / KEEPERS}


def disk_kb(directory: Path) -> int:
    return int(subprocess.run(["du", "-sk", directory], capture_output=True, text=True, check=True).stdout.split()[0])


@figure("idle")
def idle(bench: Bench) -> list[Row]:
    if not Path("/usr/share/java/zookeeper.jar").exists():
        return [Row(f"{KEEPERS} idle keepers", "there is no ZooKeeper")]
    run = bench.take_turns("idle", {"host": lambda directory: many_keepers(bench, directory)}, rounds=1)["host"][0]
    return [Row(f"{KEEPERS} idle keepers in a process, threads", run["threads"],
                detail=f"{run['threads_without']} without any"),
            Row("… RSS of each, kB", run["rss_kb_each"]),
            Row("… CPU of each, µs per second", run["cpu_us_each"])]
