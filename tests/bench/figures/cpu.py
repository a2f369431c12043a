"""What relaying costs: CPU seconds for each 10⁹ bytes of stream, when nothing is new to the relay any more."""

import json
import subprocess
from pathlib import Path

from figures.row import Row, figure
from instrument import GB, MB
from measure import Bench, Run, cpu_of_stream, median, ratio
from peers import Haproxy, Keeper, Peer, Redis, RedisAof

SIZES = {"16 B": 16, "256 B": 256, "4 KB": 4096, "64 KB": 65536}
LIMITS = {"16 B": (0.10, 0.07), "256 B": (0.30, 0.20), "4 KB": (0.60, 0.45), "64 KB": (1.2, 0.9)}
MANY = 4  # replicas


def steady(bench: Bench, kind: type[Peer], value: int, size: int, replicas: int = 1) -> Run:
    """After `fill`, segments are recycled and keys are overwritten; what that cost is reported beside it."""
    def run(directory: Path) -> dict:
        with bench.instrument(value=value) as load, kind(directory, load.port) as peer:
            load.join(peer.port, replicas)
            fill = cpu_of_stream(load, peer, kind.fill)
            result = cpu_of_stream(load, peer, size)
            status = load.verified(full_syncs=1 if kind.pulls_once else replicas)
            return {**result, "fill_cpu_s_per_gb": fill["cpu_s_per_gb"], "peak_rss_mb": peer.peak_rss_mb(),
                    "pulled": status["master"]["stream_bytes"] / status["head"]}
    return run


def against(results: dict[str, list[dict]], other: str) -> tuple[float, str]:
    ours, theirs = results["keeper"], results[other]
    return (ratio(ours, theirs, "cpu_s_per_gb"),
            f"{median(ours, 'cpu_s_per_gb'):.3g} / {median(theirs, 'cpu_s_per_gb'):.3g} s/GB")


@figure("cpu")
def cpu(bench: Bench) -> list[Row]:
    rows, own = [], {}
    for label, value in SIZES.items():
        redis_bytes = 250 * MB if value == 16 else 800 * MB
        results = bench.take_turns(f"cpu {label}", {"keeper": steady(bench, Keeper, value, GB),
                                                    "redis": steady(bench, Redis, value, redis_bytes)})
        measured, detail = against(results, "redis")
        fill = f"; {median(results['keeper'], 'fill_cpu_s_per_gb'):.3g} while the log is new"
        rows.append(Row(f"CPU s/GB ÷ redis, {label}", measured, *LIMITS[label], detail + fill))
        own[label] = median(results["keeper"], "cpu_s_per_gb")
    rows.append(Row("CPU s/GB at 16 B ÷ at 64 KB", own["16 B"] / own["64 KB"], 2.5, 1.5))
    return rows


@figure("cpu-aof")
def cpu_aof(bench: Bench) -> list[Row]:
    results = bench.take_turns("cpu-aof", {"keeper": steady(bench, Keeper, 256, GB),
                                           "redis+aof": steady(bench, RedisAof, 256, 500 * MB)})
    measured, detail = against(results, "redis+aof")
    return [Row("CPU s/GB ÷ redis AOF everysec, 256 B", measured, 0.15, 0.10, detail)]


@figure("replicas")
def replicas(bench: Bench) -> list[Row]:
    runs = {f"{kind.__name__.lower()} × {count}": steady(bench, kind, 256, 500 * MB, count)
            for count in (1, MANY) for kind in (Keeper, Redis, Haproxy)}
    results = bench.take_turns("replicas", runs)

    def each(name: str) -> float:
        many, one = (median(results[f"{name} × {count}"], "cpu_s_per_gb") for count in (MANY, 1))
        return (many - one) / (MANY - 1)
    pulled = {name: median(results[f"{name} × {MANY}"], "pulled") for name in ("keeper", "redis", "haproxy")}
    return [Row("each extra replica, CPU s/GB ÷ redis", each("keeper") / each("redis"), 0.6, 0.35,
                f"{each('keeper'):.3g} / {each('redis'):.3g} s/GB; haproxy {each('haproxy'):.3g}"),
            Row(f"pulled from the master ÷ stream, {MANY} replicas", pulled["keeper"], 1.0, 1.0,
                f"redis {pulled['redis']:.3f}, haproxy {pulled['haproxy']:.3f}")]


@figure("scanner")
def scanner(bench: Bench) -> list[Row]:
    """The boundary scanner by itself; with the figure `cpu` in the same call, its share of the whole."""
    output = subprocess.run([bench.programs / "scanner_bench"], check=True, capture_output=True, text=True).stdout
    rows = []
    for label, line in zip(SIZES, output.splitlines()):
        cost = json.loads(line)
        whole = [run["cpu_s_per_gb"] for run in bench.runs if run["figure"] == f"cpu {label}" and run["peer"] == "keeper"]
        share = f", {cost['ns_per_byte'] / sorted(whole)[len(whole) // 2]:.1%} of the keeper's CPU" if whole else ""
        rows.append(Row(f"boundary scanner, ns per command, {label}", cost["ns_per_command"],
                        detail=f"{cost['ns_per_byte']:.4f} s/GB{share}"))
    return rows
