"""What a relay adds to the time that a write takes to a replica."""

import time
from pathlib import Path

from figures.row import Row, figure
from instrument import MB, Instrument
from measure import Bench, Run, median, undisturbed
from peers import Direct, Haproxy, Keeper, Peer, Redis

IDLE = 300_000  # bytes per second of 256-byte values: a command each millisecond
SETTLE, MEASURE = 1.0, 5.0


def latency_at(load: Instrument, rate: float) -> dict:
    load.pace(rate)
    time.sleep(SETTLE)
    load.ask("latency", 0)
    time.sleep(MEASURE)
    return load.ask("latency", 0)


def latencies(bench: Bench, kind: type[Peer]) -> Run:
    def run(directory: Path) -> dict:
        with undisturbed() as fifo, bench.instrument(value=256) as load, kind(directory, load.port) as peer:
            load.join(peer.port)
            idle = latency_at(load, IDLE)
            loaded = latency_at(load, 30 * MB)
            load.pace(0)
            load.verified(full_syncs=1)
            return {"idle_p50_us": idle["p50_us"], "idle_p99_us": idle["p99_us"], "p50_us": loaded["p50_us"],
                    "p99_us": loaded["p99_us"], "fifo": fifo, "peak_rss_mb": peer.peak_rss_mb()}
    return run


@figure("latency")
def latency(bench: Bench) -> list[Row]:
    kinds = {"direct": Direct, "keeper": Keeper, "haproxy": Haproxy, "redis": Redis}
    results = bench.take_turns("latency", {name: latencies(bench, kind) for name, kind in kinds.items()})
    rows = []
    for what, key, reach in (("idle", "idle_p50_us", 0.90), ("at 30 MB/s", "p50_us", 0.85)):
        p50 = {name: median(results[name], key) for name in kinds}
        added = {name: p50[name] - p50["direct"] for name in kinds}
        rows.append(Row(f"added p50 ÷ haproxy's, {what}", added["keeper"] / added["haproxy"], 1.05, reach,
                        f"µs: direct {p50['direct']:.0f}, keeper +{added['keeper']:.0f}, "
                        f"haproxy +{added['haproxy']:.0f}, redis +{added['redis']:.0f}"))
    return rows
