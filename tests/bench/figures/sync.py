"""What a relay does when somebody comes, comes back, or when it comes back itself."""

import shutil
import signal
import statistics
import time
from pathlib import Path

from figures.row import Row, figure
from instrument import GB, MB, Instrument, Spoilt
from measure import Bench, Run, median, ratio, undisturbed
from peers import Keeper, Peer, Redis

REPLICAS = 4
TRICKLE = 2 * MB  # bytes per second, so that there is something to be behind of
LOAD = 30 * MB
AWAY = 10.0  # seconds
LOG = 10 * GB
RESTARTS = 5


def cold(bench: Bench, kind: type[Peer]) -> Run:
    def run(directory: Path) -> dict:
        with bench.instrument(value=256, rdb=GB) as load:
            load.pace(TRICKLE)
            began = time.monotonic()
            with kind(directory, load.port) as peer:
                status = load.join(peer.port, REPLICAS, limit=180)
                cpu = peer.cpu_seconds()
                load.pace(0)
                load.verified()
                return {"live_s": max(replica["live"] for replica in status["replicas"]) - began, "cpu_s": cpu,
                        "full_syncs": status["master"]["full_syncs"], "peak_rss_mb": peer.peak_rss_mb()}
    return run


@figure("full-sync")
def full_sync(bench: Bench) -> list[Row]:
    results = bench.take_turns("full-sync", {"keeper": cold(bench, Keeper), "redis": cold(bench, Redis)})
    ours, theirs = results["keeper"], results["redis"]
    return [Row("1 GB to 4 cold replicas, time to live ÷ redis", ratio(ours, theirs, "live_s"), 0.30, 0.15,
                f"{median(ours, 'live_s'):.3g} / {median(theirs, 'live_s'):.3g} s, "
                f"CPU {median(ours, 'cpu_s'):.3g} / {median(theirs, 'cpu_s'):.3g} s"),
            Row("… RDBs that the master made", max(run["full_syncs"] for run in ours), 1, 1)]


def absent(bench: Bench, kind: type[Peer], *arguments: str) -> Run:
    """Two replicas stay, the third goes and comes back."""
    def run(directory: Path) -> dict:
        with (undisturbed() as fifo, bench.instrument(value=256) as load,
              kind(directory, load.port, *arguments) as peer):
            load.join(peer.port, 3)
            load.pace(LOAD)
            time.sleep(2)
            load.ask("latency", 0, 1)
            time.sleep(3)
            before = load.ask("latency", 0, 1)
            load.ask("leave", 2)
            time.sleep(AWAY)
            load.ask("latency", 0, 1)
            load.ask("back", 2)
            status = load.ask("await-live", 60)
            meanwhile = load.ask("latency", 0, 1)
            load.pace(0)
            load.verified(full_syncs=1)
            replica = status["replicas"][2]
            took = replica["live"] - replica["began"]
            return {"mb_per_s": (replica["behind"] / took + LOAD) / MB, "took_s": took,
                    "full_syncs": replica["full_syncs"] - 1, "p50_us": before["p50_us"],
                    "p50_meanwhile_us": meanwhile["p50_us"], "fifo": fifo,
                    "peak_rss_mb": peer.peak_rss_mb()}
    return run


@figure("away")
def away(bench: Bench) -> list[Row]:
    results = bench.take_turns("away", {"keeper": absent(bench, Keeper), "redis": absent(bench, Redis, "512mb")})
    ours, theirs = results["keeper"], results["redis"]
    meanwhile = statistics.median(run["p50_meanwhile_us"] / run["p50_us"] for run in ours)
    return [Row("replica away 10 s at 30 MB/s, full syncs", max(run["full_syncs"] for run in ours), 0, 0),
            Row("… catch-up rate ÷ redis", ratio(ours, theirs, "mb_per_s"), 1.0, 1.5,
                f"{median(ours, 'mb_per_s'):.0f} / {median(theirs, 'mb_per_s'):.0f} MB/s", more_is_better=True),
            Row("… the others' p50 meanwhile ÷ before", meanwhile, None, 1.3,
                f"redis {median(theirs, 'p50_meanwhile_us') / median(theirs, 'p50_us'):.3g}")]


def come_back(load: Instrument, peer: Peer) -> float:
    """kill -9 and start: seconds from exec until the replica gets a byte."""
    peer.stop(signal.SIGKILL)
    began = time.monotonic()
    peer.start()
    while time.monotonic() < began + 60:
        replica = load.ask("status")["replicas"][0]
        if replica["first_byte"] > began:
            load.ask("await-live", 60)
            return replica["first_byte"] - began
        time.sleep(0.002)
    raise Spoilt("the replica gets nothing after the restart")


def killed(bench: Bench, kind: type[Peer], size: int, *arguments: str) -> Run:
    def run(directory: Path) -> dict:
        with bench.instrument(value=4096) as load, kind(directory, load.port, *arguments) as peer:
            load.join(peer.port)
            load.stream(size)
            load.pace(TRICKLE)
            time.sleep(2)
            before = load.verified(full_syncs=1)
            with undisturbed() as fifo:
                times = [come_back(load, peer) for _ in range(RESTARTS)]
            load.pace(0)
            after = load.verified()
            return {"first_byte_ms": statistics.median(times) * 1000, "slowest_ms": max(times) * 1000,
                    "full_syncs_up": after["master"]["full_syncs"] - before["master"]["full_syncs"],
                    "full_syncs_down": after["replicas"][0]["full_syncs"] - before["replicas"][0]["full_syncs"],
                    "fifo": fifo, "peak_rss_mb": peer.peak_rss_mb()}
    return run


@figure("restart")
def restart(bench: Bench) -> list[Row]:
    if shutil.disk_usage(bench.work).free < 2 * LOG:
        return [Row("kill -9 with a 10 GB log", f"needs {2 * LOG // GB} GB of disk")]
    results = bench.take_turns("restart", {"keeper": killed(bench, Keeper, LOG + GB, "--log-mb", str(LOG >> 20)),
                                           "redis": killed(bench, Redis, 100 * MB, "512mb")}, rounds=1)
    ours, theirs = results["keeper"][0], results["redis"][0]
    synced = f"redis, without a log: {theirs['full_syncs_up']} up, {theirs['full_syncs_down']} down"
    return [Row(f"kill -9 with a 10 GB log, {RESTARTS} times, full syncs up", ours["full_syncs_up"], 0, 0, synced),
            Row("… full syncs down", ours["full_syncs_down"], 0, 0),
            Row("… first byte to a replica, ms", ours["first_byte_ms"], None, 150, f"slowest {ours['slowest_ms']:.0f}")]
