"""Every fault at every call that the store makes to the disk, and every crash before it, with crashes after errors and
crashes of the recovery (tests/unit/keeper/store_faults.h)."""

import json
import subprocess
import tempfile
from pathlib import Path

from campaigns.progress import Progress

TARGETS = ("keeper_store_faults",)
CALLS_AT_ONCE = 8


def run(progress: Progress, build: Path) -> None:
    program = build / "tests" / "unit" / "keeper" / "keeper_store_faults"
    plan = [line.split() for line in subprocess.check_output([program, "plan"], text=True, timeout=600).splitlines()]
    pieces = [(script, at) for script, calls in plan for at in range(0, int(calls), CALLS_AT_ONCE)]
    progress.of = len(pieces)
    shm = Path("/dev/shm")
    for script, at in pieces[progress.done:]:
        with tempfile.TemporaryDirectory(prefix="penstock-faults-", dir=shm if shm.is_dir() else None) as scratch:
            answer = subprocess.run([program, "run", script, str(at), str(at + CALLS_AT_ONCE), scratch],
                                    capture_output=True, text=True, timeout=3600, check=False)
        where = f"{script}, calls {at} to {at + CALLS_AT_ONCE - 1}"
        if answer.returncode not in (0, 1):
            progress.fail(f"{where}: ended with {answer.returncode}: {answer.stderr[-500:]}")
        else:
            said = json.loads(answer.stdout)
            progress.count("runs", said["runs"])
            progress.count("recovered states of a disk", said["states"])
            for problem in said["problems"]:
                progress.fail(f"{where}: {problem}")
        progress.step()
