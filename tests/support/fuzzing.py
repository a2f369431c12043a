"""Runs the fuzz targets of a build: tests/run fuzz for a minute each, tests/campaign fuzz for as long as asked.

Each target has a corpus of its own, begun with the seeds that stand in tests/fuzz/seeds as text. What a target finds lies
beside the logs as <results>/fuzz-<target>-crash-… (also -leak-, -timeout-, -oom-); build/fuzz/tests/fuzz/fuzz_<target> FILE
shows it again.
"""

import concurrent.futures
import os
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "tests" / "fuzz" / "seeds"
BINARIES = ROOT / "build" / "fuzz" / "tests" / "fuzz"
SLOWEST_RUN_SECONDS = 10
MEMORY_MB = 512


def targets() -> list[str]:
    return sorted(seeds.stem for seeds in SEEDS.glob("*.txt"))


def decode(line: str) -> bytes:
    """As tests/fuzz/replay.cc reads it."""
    def byte(match: re.Match) -> bytes:
        what = match.group(1)
        if len(what) == 3:
            return bytes([int(what[1:], 16)])
        return {b"r": b"\r", b"n": b"\n", b"t": b"\t"}.get(what, what)

    return re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", byte, line.encode())


def put_seeds(target: str, corpus: Path) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    lines = (SEEDS / f"{target}.txt").read_text().split("\n")
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            (corpus / f"seed-{number}").write_bytes(decode(line))


def fuzz_one(target: str, corpus: Path, seconds: int, results: Path) -> bool:
    put_seeds(target, corpus)
    words = SEEDS / f"{target}.dict"
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as work:
        command = [str(BINARIES / f"fuzz_{target}"), str(corpus), f"-max_total_time={seconds}",
                   f"-timeout={SLOWEST_RUN_SECONDS}", f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1",
                   f"-artifact_prefix={results}/fuzz-{target}-"]
        if words.exists():
            command.append(f"-dict={words}")
        with (results / f"fuzz-{target}.log").open("wb") as log:
            done = subprocess.run(command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False,
                                  timeout=seconds + 120, env={**os.environ, "TMPDIR": work})
    return done.returncode == 0


def last_lines(target: str, results: Path) -> str:
    return "\n".join((results / f"fuzz-{target}.log").read_text(errors="replace").splitlines()[-40:])


def runs(target: str, results: Path) -> str:
    text = (results / f"fuzz-{target}.log").read_text(errors="replace")
    found = re.findall(r"stat::number_of_executed_units:\s*(\d+)", text)
    return found[-1] if found else "?"


def fuzz_all(corpora: Path, seconds: int, results: Path, done) -> None:
    """All targets, one on each core at a time; done(target, ok) after each."""
    results.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        running = {pool.submit(fuzz_one, target, corpora / target, seconds, results): target for target in targets()}
        for finished in concurrent.futures.as_completed(running):
            target = running[finished]
            try:
                ok = finished.result()
            except subprocess.TimeoutExpired:
                ok = False
            done(target, ok)
