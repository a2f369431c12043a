"""1,200 rounds of kill -9 against one stand-alone keeper after the other, half of them behind a real redis-server."""

import shutil
from pathlib import Path

from campaigns.progress import Progress
from support.kills import Kills, Redis, RoundFailed, Synthetic

TARGETS = ("penstock-keeper", "penstock_disk_calls")
ROUNDS = 1200
ROUNDS_OF_A_KEEPER = 50


def run(progress: Progress, build: Path) -> None:
    progress.of = ROUNDS
    while progress.done < ROUNDS:
        first = progress.done
        kind = (Synthetic, Redis)[first // ROUNDS_OF_A_KEEPER % 2]
        directory = progress.directory / f"from-{first}"
        shutil.rmtree(directory, ignore_errors=True)
        if not run_one(progress, build, kind, directory, first):
            continue  # its directory stays
        shutil.rmtree(directory)


def run_one(progress: Progress, build: Path, kind: type, directory: Path, first: int) -> bool:
    """The rounds of one keeper, up to the next multiple; a round that failed is its last."""
    with Kills(directory, build / "bin", kind, seed=first) as kills:
        while progress.done < ROUNDS:
            seed = progress.done
            try:
                kills.round(seed)
            except RoundFailed as failed:
                progress.fail(f"{kind.__name__.lower()} {failed}; see {directory}")
            for what, times in kills.counts.items():
                progress.count(what, times)
            kills.counts.clear()
            progress.count(f"rounds with a {kind.__name__.lower()} master")
            progress.step()
            if progress.failures and f"seed {seed} " in progress.failures[-1]:
                return False
            if progress.done % ROUNDS_OF_A_KEEPER == 0:
                return True
    return True
