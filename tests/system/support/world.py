"""The two data centers under test, with the questions that tests ask."""

import json
import time

import redis
from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from support.counters import FullSyncs
from support.wait import wait_none, wait_until
from topology import chain, health, inventory, rest
from topology.layout import DCS, SHARDS, Keeper, Layout, Process
from topology.machine import Machine
from topology.observe import Observation, observe, redis_view

API = "/api/v1"


class World:
    def __init__(self, machine: Machine):
        self.machine = machine
        self.layout: Layout = machine.layout

    # REST ------------------------------------------------------------------------------------------------------

    def console(self, method: str, path: str, body=None, timeout: float = 10) -> rest.Answer:
        return rest.request(method, f"http://{self.layout.console.address}{API}{path}", body, timeout)

    def ask(self, server: Process, path: str, timeout: float = 5) -> rest.Answer:
        return rest.get(f"http://{server.address}{path}", timeout)

    def tell(self, server: Process, path: str, body=None, timeout: float = 10) -> rest.Answer:
        return rest.post(f"http://{server.address}{path}", body, timeout)

    def metaserver(self, dc: str) -> Process:
        """One that runs."""
        return next(server for server in self.layout.metaservers(dc) if self.machine.pid(server))

    # Redis -----------------------------------------------------------------------------------------------------

    def redis(self, server: Process | str) -> redis.Redis:
        port = server.port if isinstance(server, Process) else int(server.rsplit(":", 1)[1])
        return redis.Redis("127.0.0.1", port, socket_timeout=5, decode_responses=True)

    def redis_process(self, address: str) -> Process:
        return next(r for r in self.layout.all_redises() if r.address == address)

    def masters(self, cluster: str, shard: str) -> list[Process]:
        """Every Redis of the shard, in all data centers, that says it is a master."""
        found = []
        for dc in DCS:
            for server in self.layout.redises(dc, cluster, shard):
                try:
                    if redis_view(server.port).role == "master":
                        found.append(server)
                except OSError:
                    pass
        return found

    def master(self, cluster: str, shard: str) -> Process:
        masters = self.masters(cluster, shard)
        assert len(masters) == 1, f"{cluster}/{shard} has {len(masters)} masters: {[m.name for m in masters]}"
        return masters[0]

    def read_list(self, cluster: str, shard: str, key: str) -> list[str]:
        return self.redis(self.master(cluster, shard)).lrange(key, 0, -1)

    def digests(self, cluster: str, shard: str) -> dict[str, str]:
        return {server.name: self.redis(server).execute_command("DEBUG", "DIGEST")
                for dc in DCS for server in self.layout.redises(dc, cluster, shard)}

    def wait_equal(self, cluster: str, shard: str, seconds: float = 20) -> None:
        """All copies of the shard hold the same data. Nobody may be writing."""
        def differences():
            digests = self.digests(cluster, shard)
            return [] if len(set(digests.values())) == 1 else [f"{name} {digest}" for name, digest in digests.items()]
        wait_none(f"digests of {cluster}/{shard} are equal", differences, seconds)

    # Keepers ---------------------------------------------------------------------------------------------------

    def keeper(self, dc: str, cluster: str, shard: str, state: str = "ACTIVE") -> Keeper:
        """The one keeper of the shard and DC in that state."""
        seen = self.observe()
        found = [k for k in self.layout.keepers(dc, cluster, shard)
                 if (view := seen.keepers[k.address]) and view.state == state]
        assert len(found) == 1, f"{dc} has {len(found)} {state} keepers of {cluster}/{shard}"
        return found[0]

    def host_of(self, keeper: Keeper) -> Process:
        return self.layout.process(keeper.host)

    # All of it -------------------------------------------------------------------------------------------------

    def observe(self) -> Observation:
        return observe(self.layout)

    def full_syncs(self) -> FullSyncs:
        return FullSyncs.of(self.observe())

    def active_dc(self, cluster: str) -> str:
        return inventory.active_dcs(self.layout)[cluster]

    def backup_dc(self, cluster: str) -> str:
        return next(dc for dc in DCS if dc != self.active_dc(cluster))

    def problems(self, active: dict[str, str] | None = None) -> list[str]:
        """What of the replication, of Sentinel, or of the daemons is not as it should be."""
        found = [f"{p.name} is not running" for p in self.layout.processes() if not self.machine.pid(p)]
        try:
            wanted = active or inventory.active_dcs(self.layout)
        except OSError as error:
            return found + [str(error)]
        found += chain.problems(self.layout, self.observe(), wanted)
        for server in self.layout.daemons():
            try:
                if not (answer := self.ask(server, "/readyz", 2)).ok:
                    found.append(f"{server.name} is not ready: {answer}")
            except OSError as error:
                found.append(str(error))
        return found or health.problems(self.layout)

    def wait_converged(self, active: dict[str, str] | None = None, seconds: float = 60) -> None:
        wait_none("the topology is as it should be", lambda: self.problems(active), seconds)

    def heal(self) -> None:
        """Starts what is missing and waits until everything is well."""
        self.machine.start_missing(self.layout.processes())
        self.wait_converged()

    def restart(self, process: Process, seconds: float = 30) -> None:
        self.machine.start(process)
        self.machine.wait_ready([process], seconds)

    def write_and_read(self, cluster: str, shard: str, seconds: float = 10) -> None:
        """A key written to the master is read from every Redis of every data center."""
        value = f"{time.time_ns()}"
        self.redis(self.master(cluster, shard)).set("probe", value)
        for dc in DCS:
            for server in self.layout.redises(dc, cluster, shard):
                wait_until(f"{server.name} has what was written to the master",
                           lambda server=server: self.redis(server).get("probe") == value, seconds)

    # Switching -------------------------------------------------------------------------------------------------

    def switch(self, cluster: str, target: str, reason: str = "a test") -> rest.Answer:
        return self.console("POST", f"/clusters/{cluster}/switch", {"target": target, "reason": reason})

    def wait_operation(self, operation: str, seconds: float = 60) -> dict:
        """The operation once it has ended, whichever way."""
        def ended():
            answer = self.console("GET", f"/operations/{operation}")
            assert answer.ok, answer
            body = answer.json()
            return body if body["state"] not in ("pending", "running") else None
        return wait_until(f"operation {operation} ends", ended, seconds)

    def switched(self, cluster: str, target: str) -> dict:
        answer = self.switch(cluster, target)
        assert answer.status == 202, answer
        return self.wait_operation(answer.json()["operation"]["id"])

    # ZooKeeper -------------------------------------------------------------------------------------------------

    def zookeeper(self, dc: str) -> "Tree":
        return Tree(self.layout.zookeeper(dc).address)


class Tree:
    """with world.zookeeper("east") as tree: tree.json("/meta/east/slots")"""

    def __init__(self, address: str, chroot: str = "/penstock"):
        self.client = KazooClient(hosts=address + chroot, timeout=5)

    def __enter__(self) -> "Tree":
        self.client.start(timeout=10)
        return self

    def __exit__(self, *_exception) -> None:
        self.client.stop()
        self.client.close()

    def json(self, path: str):
        return json.loads(self.client.get(path)[0])

    def children(self, path: str) -> list[str]:
        """Empty also when there is no such node."""
        try:
            return sorted(self.client.get_children(path))
        except NoNodeError:
            return []

    def exists(self, path: str):
        return self.client.exists(path)

    def all(self, path: str = "/") -> dict[str, bytes]:
        """Every node below `path` with its data."""
        found = {}
        for child in self.children(path):
            full = f"{path.rstrip('/')}/{child}"
            try:
                found[full] = self.client.get(full)[0]
            except NoNodeError:  # deleted between the two calls
                continue
            found |= self.all(full)
        return found
