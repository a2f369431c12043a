"""Bringing the two data centers up, stage by stage, and taking them down."""

import sys
import time
from contextlib import contextmanager

from topology import chain, health, inventory
from topology.layout import DCS, SHARDS, Layout
from topology.machine import Failed, Machine, binaries_missing
from topology.observe import observe


class Stages:
    """Prints "[3/6] name   what   1.2 s" as each one ends."""

    def __init__(self, first: int, total: int, say=print):
        self.next, self.total, self.say = first, total, say

    @contextmanager
    def stage(self, name: str):
        began, said = time.monotonic(), []
        label = f"[{self.next}/{self.total}] {name:<11}"
        if sys.stdout.isatty() and self.say is print:
            print(f"{label} …", end="\r", flush=True)
        yield said.append
        self.next += 1
        self.say(f"{label} {' '.join(said):<52} {time.monotonic() - began:6.1f} s")


def bring_up(layout: Layout, stages: Stages) -> Machine:
    """Starts what is missing, configures what the console does not know, waits until all of it works."""
    machine = Machine(layout)
    if missing := binaries_missing(layout.binaries):
        raise Failed(f"not built: {', '.join(missing)} in {layout.binaries}")
    if taken := machine.taken_ports():
        raise Failed("these ports are not free:\n  " + "\n  ".join(taken))
    with stages.stage("stores") as say:
        started = bring_up_stores(machine)
        say(f"ZooKeeper, Redis, Sentinel: {len(layout.stores())} processes, {started} started")
    with stages.stage("daemons") as say:
        started = machine.start_missing(layout.daemons())
        machine.wait_ready(layout.daemons(), 60)
        say(f"metaservers, keeper hosts, console: {len(layout.daemons())} processes, {started} started")
    with stages.stage("configure") as say:
        try:
            created = inventory.configure(layout)
        except (inventory.Refused, OSError) as error:
            raise Failed(f"the console refused: {error}") from error
        say(f"{created} things told to the console" if created else "the console knows everything")
    with stages.stage("converge") as say:
        wait_converged(layout, 120)
        say(f"{len(SHARDS)} shards replicate through {len(DCS)} data centers")
    return machine


def bring_up_stores(machine: Machine) -> int:
    started = machine.start_missing(machine.layout.stores())
    machine.wait_ready(machine.layout.stores(), 30)
    return started


def unsettled(layout: Layout, active: dict[str, str] | None = None) -> list[str]:
    """What is not (yet) as it should be. `active`: the DC of each cluster, asked from the console when not given."""
    try:
        wanted = active or inventory.active_dcs(layout)
    except OSError as error:
        return [str(error)]
    return chain.problems(layout, observe(layout), wanted) or health.problems(layout)


def wait_converged(layout: Layout, seconds: float, active: dict[str, str] | None = None) -> None:
    deadline = time.monotonic() + seconds
    while found := unsettled(layout, active):
        if time.monotonic() > deadline:
            raise Failed(f"not converged after {seconds:.0f} s:\n  " + "\n  ".join(found))
        time.sleep(0.2)


def take_down(layout: Layout) -> list[str]:
    """Stops every process, removes the state directory. Names of what did not stop on SIGTERM."""
    machine = Machine(layout)
    stubborn = machine.stop_everything()
    machine.remove_state()
    return stubborn
