"""How a figure is measured: peers take turns, each run on fresh processes, and medians are compared."""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from instrument import Instrument, Spoilt
from peers import Peer

ATTEMPTS = 2  # a run on a busy machine may be spoilt once
Run = Callable[[Path], dict]  # in a directory of its own


@dataclass
class Bench:
    """One call of tests/bench/run: where the programs are, how often each run is repeated, what came out."""

    programs: Path  # relay_load, scanner_bench
    work: Path
    rounds: int
    runs: list[dict] = field(default_factory=list)

    def instrument(self, **options: int | bool) -> Instrument:
        words: list[object] = []
        for key, value in options.items():
            words += [f"--{key}"] if value is True else [f"--{key}", value]
        return Instrument(self.programs / "relay_load", *words)

    def take_turns(self, figure: str, runs: dict[str, Run], rounds: int | None = None) -> dict[str, list[dict]]:
        """A B A B …: each of `runs` once a round. The results by name, in order."""
        results: dict[str, list[dict]] = {name: [] for name in runs}
        for number in range(rounds or self.rounds):
            for name, run in runs.items():
                result = self._once(f"{figure}: {name}", run)
                results[name].append(result)
                self.runs.append({"figure": figure, "peer": name, "round": number, **result})
                print(f"   {figure}: {name}: {brief(result)}", file=sys.stderr, flush=True)
        return results

    def _once(self, what: str, run: Run) -> dict:
        for attempt in range(1, ATTEMPTS + 1):
            directory = self.work / "run"
            try:
                return {**run(directory), "load": os.getloadavg()[0]}
            except Spoilt as spoilt:
                print(f"   {what}: spoilt: {spoilt}\n{tail(directory)}", file=sys.stderr, flush=True)
                if attempt == ATTEMPTS:
                    raise
            finally:
                shutil.rmtree(directory, ignore_errors=True)
        raise AssertionError


@contextmanager
def undisturbed():
    """What is started within goes before everybody else, where that is allowed. For figures that are times; they must
    leave a core to the others most of the time."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def tail(directory: Path) -> str:
    return "\n".join(line for log in sorted(directory.rglob("log"))
                     for line in log.read_text(errors="replace").splitlines()[-8:])


def brief(result: dict) -> str:
    return "  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                     for key, value in result.items())


def median(results: list[dict], key: str) -> float:
    return statistics.median(result[key] for result in results)


def ratio(ours: list[dict], theirs: list[dict], key: str) -> float:
    """The median of the ratios within each round: what disturbs the machine disturbs both."""
    return statistics.median(one[key] / other[key] for one, other in zip(ours, theirs))


def cpu_of_stream(load: Instrument, peer: Peer, size: int) -> dict:
    """CPU seconds of the peer for each 10⁹ bytes of a stream at full blast, and the speed of it."""
    before, began = peer.cpu_seconds(), time.monotonic()
    giga = load.stream(size)["bytes"] / 1e9
    return {"cpu_s_per_gb": (peer.cpu_seconds() - before) / giga, "mb_per_s": giga * 1000 / (time.monotonic() - began)}
