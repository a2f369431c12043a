"""Every step of a planned switch x every fault x both ways to freeze, against real processes under load."""

import shutil
from pathlib import Path

import pytest

from campaigns.progress import Progress
from support.interruptions import CASES, Interruptions
from support.world import World
from topology import ports, stages
from topology.layout import Layout
from topology.machine import Failed, Machine

TARGETS = ("penstock-console", "penstock-metaserver", "penstock-keeper", "penstock-sentinel-hook", "penstock_step_faults")


def run(progress: Progress, build: Path) -> None:
    progress.of = len(CASES)
    while progress.done < len(CASES):
        run_on_one_topology(progress, build)


def run_on_one_topology(progress: Progress, build: Path) -> None:
    """Until the end, or until a case has failed: the next has a topology of its own."""
    base, _guard = ports.free_block()
    state = progress.directory / "topology"
    shutil.rmtree(state, ignore_errors=True)
    layout = Layout(state, build / "bin", base)
    try:
        world = World(stages.bring_up(layout, stages.Stages(1, 4, lambda line: print(line, flush=True))))
        with Interruptions(world, build) as switches:
            while progress.done < len(CASES):
                case = CASES[progress.done]
                operation = switches.run(case)
                progress.count(operation["state"])
                progress.count(f"faults {operation['fault']}")
                progress.step()
    except (pytest.fail.Exception, AssertionError, Failed, OSError) as error:
        case = CASES[progress.done]
        logs = progress.directory / f"case-{progress.done}"
        shutil.rmtree(logs, ignore_errors=True)
        shutil.copytree(layout.state / "log", logs)
        progress.fail(f"case {progress.done}, {case}: {str(error)[:1500]}; see {logs}")
        progress.step()
    finally:
        Machine(layout).stop_everything()
