"""The compressed link between two keepers: what is left of the bytes, and what that costs."""

import subprocess
from pathlib import Path

from figures.row import Row, figure
from instrument import GB, MB
from measure import Bench, Run, median
from peers import Keeper, Peer

FLAG = "--upstream-zstd"  # of the keeper that asks for it
TAPE = 64 * MB  # more than a compressor looks back


def knows_flag() -> bool:
    asked = subprocess.run([Keeper.binary, "--standalone", "--help"], capture_output=True, text=True, check=False)
    return FLAG in asked.stdout


def received(by: Peer, of: Peer) -> int:
    """Bytes that the connections of one process to the other have brought."""
    lines = subprocess.run(["ss", "-tinpOH", "dst", f"127.0.0.1:{of.port}"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return sum(int(word.split(":")[1]) for line in lines if f"pid={by.child.pid}," in line
               for word in line.split() if word.startswith("bytes_received:"))


def two_keepers(bench: Bench, *flags: str) -> Run:
    def run(directory: Path) -> dict:
        with (bench.instrument(value=256, text=True, tape=TAPE) as load,
              Keeper(directory / "near", load.port) as near,
              Keeper(directory / "far", near.port, *flags) as far):
            load.join(far.port)
            load.stream(200 * MB)
            before, near_cpu, far_cpu = received(far, near), near.cpu_seconds(), far.cpu_seconds()
            giga = load.stream(GB)["bytes"] / GB
            near_cpu, far_cpu = (near.cpu_seconds() - near_cpu) / giga, (far.cpu_seconds() - far_cpu) / giga
            link_ratio = (received(far, near) - before) / (giga * GB)
            load.verified(full_syncs=1)
            return {"link_ratio": link_ratio, "near_cpu_s_per_gb": near_cpu, "far_cpu_s_per_gb": far_cpu,
                    "cpu_s_per_gb": near_cpu + far_cpu, "peak_rss_mb": max(near.peak_rss_mb(), far.peak_rss_mb())}
    return run


@figure("link")
def link(bench: Bench) -> list[Row]:
    if not knows_flag():
        return [Row("compressed link ÷ stream", f"the keeper has no {FLAG}", 0.35, 0.35)]
    results = bench.take_turns("link", {"keeper plain": two_keepers(bench), "keeper zstd": two_keepers(bench, FLAG)})
    plain, zstd = results["keeper plain"], results["keeper zstd"]

    def more(key: str) -> float:
        return median(zstd, key) - median(plain, key)
    return [Row("compressed link ÷ stream", median(zstd, "link_ratio"), 0.35, 0.35,
                f"plain {median(plain, 'link_ratio'):.3f}"),
            Row("… CPU s/GB above the plain link's, both ends", more("cpu_s_per_gb"), 2.0, 2.0,
                f"{more('near_cpu_s_per_gb'):.3g} compressing, {more('far_cpu_s_per_gb'):.3g} decompressing")]
