"""Planned switches that are interrupted at a chosen moment of a chosen step, in real processes.

Every step of a switch x crash before it, crash after an intent was recorded, crash after it was done, and the owner stopped
for longer than its lease before and behind it (for who asks, a timeout without and with effect) x both ways to freeze."""

import contextlib
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import redis

from support.load import Load
from support.wait import wait_until
from support.without_failover import without_failover
from topology.layout import DCS

CLUSTER, SHARD = "sessions", "shard-1"
STEPS = ("target:lock", "source:lock", "source:unmonitor", "source:freeze", "target:drain", "source:fence", "target:commit",
         "target:promote", "target:attach", "source:follow", "target:monitor", "target:verify", "source:verify",
         "target:unlock", "source:unlock")
WATCHES = ("target:attach", "target:monitor", "target:verify", "source:verify")  # record nothing: reconcile acts
FREEZES = ("failover", "pause")
STOPPED_S = 7  # the session of a metaserver lasts 4 s
ENDS_WITHIN_S = 30


@dataclass(frozen=True)
class Fault:
    name: str
    action: str  # kill or stop
    line: str  # of the log, beside the step
    outcome: str = ""


FAULTS = (Fault("crash before", "kill", "step begins"), Fault("crash after intent", "kill", "recorded"),
          Fault("crash after act", "kill", "step ends", "done"), Fault("timeout without effect", "stop", "step begins"),
          Fault("timeout with effect", "stop", "step ends", "done"))


@dataclass(frozen=True)
class Case:
    step: str
    fault: Fault
    freeze: str

    def __str__(self) -> str:
        return f"{self.fault.name} {self.step}, frozen by {self.freeze}"


def is_possible(step: str, fault: Fault) -> bool:
    return fault.line != "recorded" or step not in WATCHES


CASES = tuple(Case(step, fault, freeze) for freeze in FREEZES for step in STEPS for fault in FAULTS
              if is_possible(step, fault))


class AcceptedWrites:
    """Writes to every Redis of the shard, whatever its role, as often as it takes them: who accepted what, when."""

    def __init__(self, world):
        self.servers = [server for dc in DCS for server in world.layout.redises(dc, CLUSTER, SHARD)]
        self.accepted: dict[str, list[tuple[float, float]]] = {server.name: [] for server in self.servers}
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._write, args=(server,), daemon=True) for server in self.servers]

    def _write(self, server) -> None:
        connection = redis.Redis("127.0.0.1", server.port, socket_timeout=2, socket_connect_timeout=1)
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                connection.set(f"accepted:{server.name}", began)
                self.accepted[server.name].append((began, time.monotonic()))
            except (redis.RedisError, OSError):
                pass
            self.stopping.wait(0.01)  # the pace of the samples

    def __enter__(self) -> "AcceptedWrites":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join(10)

    def overlaps(self) -> list[str]:
        """Two servers one of which began to accept a write after the other had begun to be the writable one, and the
        other way round. One switch moves the writable place once, or there and back."""
        turns = sorted((began, ended, name) for name, times in self.accepted.items() for began, ended in times)
        moves = [(a, b) for a, b in zip(turns, turns[1:]) if a[2] != b[2]]
        return [f"{a[2]} until {a[1]:.3f}, {b[2]} from {b[0]:.3f}" for a, b in moves if b[0] < a[1]] + (
            [f"the writable place moved {len(moves)} times"] if len(moves) > 1 else [])


class Interruptions:
    """with Interruptions(world, build) as switches: switches.run(case); the metaservers run with the faults preloaded."""

    def __init__(self, world, build: Path):
        self.world, self.preload = world, build / "tests" / "libpenstock_step_faults.so"
        self.file = world.layout.state / "step-fault"
        self.metaservers = [server for dc in DCS for server in world.layout.metaservers(dc)]

    def __enter__(self) -> "Interruptions":
        assert self.preload.exists(), f"{self.preload} is not built"
        for server in self.metaservers:
            self.world.machine.environments[server.name] = {"LD_PRELOAD": str(self.preload),
                                                            "PENSTOCK_STEP_FAULT": str(self.file)}
        self._restart_metaservers()
        return self

    def __exit__(self, *_exception) -> None:
        self.file.unlink(missing_ok=True)
        self.world.machine.environments.clear()
        self._wake_all()
        self._restart_metaservers()

    def _restart_metaservers(self) -> None:
        for server in self.metaservers:
            if self.world.machine.pid(server):
                self.world.machine.kill(server)
            self.world.restart(server)
        self.world.wait_converged()

    def _wake_all(self) -> None:
        for server in self.metaservers:
            if self.world.machine.pid(server):
                self.world.machine.signal(server, signal.SIGCONT)

    def _frozen_by(self, freeze: str):
        return without_failover(self.world, [(CLUSTER, SHARD)]) if freeze == "pause" else contextlib.nullcontext()

    def run(self, case: Case) -> dict:
        """The operation as it ended. Fails when a write is lost, two were writable, or it does not end."""
        source, target = self.world.active_dc(CLUSTER), self.world.backup_dc(CLUSTER)
        before = self.world.full_syncs()
        with self._frozen_by(case.freeze), AcceptedWrites(self.world) as accepted, \
                Load(self.world.layout, [(CLUSTER, SHARD)]) as load:
            wait_until("writes flow", lambda: load.acked() > 50)
            self.file.write_text("\t".join(filter(None, [case.fault.action, case.fault.line, f"during={case.step}",
                                                         case.fault.outcome])))
            answer = self.world.switch(CLUSTER, target)
            assert answer.status == 202, answer
            fired = self._meet_the_fault(case, answer.json()["operation"]["id"])
            operation = self.world.wait_operation(answer.json()["operation"]["id"], ENDS_WITHIN_S)
            self.world.machine.start_missing(self.metaservers)
            acked = load.acked()
            wait_until("writes flow again", lambda: load.acked() > acked + 50)
        self.world.wait_converged()
        active = self.world.active_dc(CLUSTER)
        assert active == (target if operation["state"] == "done" else source), (active, operation)
        assert accepted.overlaps() == []
        self.world.wait_equal(CLUSTER, SHARD)
        assert load.verify(self.world.read_list) == [], load.summary()
        assert self.world.full_syncs().since(before) == [], "no interruption costs a full sync"
        return operation | {"fault": "met" if fired else "not met"}

    def _meet_the_fault(self, case: Case, operation: str) -> bool:
        """A process that was stopped is woken when its lease is over. False: the operation has ended without the fault."""
        def met():
            if not self.file.exists():
                return "met"
            state = self.world.console("GET", f"/operations/{operation}").json()["state"]
            return state not in ("pending", "running") and "ended"
        met_how = wait_until(f"the fault is met: {case}", met, ENDS_WITHIN_S, 0.01)
        self.file.unlink(missing_ok=True)
        if met_how == "met" and case.fault.action == "stop":
            time.sleep(STOPPED_S)  # the fault itself: this long the process stands still
            self._wake_all()
        return met_how == "met"
