"""One topology for the whole run, on free ports, in a temporary directory; every test gets it healthy."""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy"), str(ROOT / "tests" / "system")]

from support.world import World  # noqa: E402
from topology import ports, stages  # noqa: E402
from topology.layout import Layout  # noqa: E402
from topology.machine import Failed, Machine  # noqa: E402


def _terminate(_number, _frame):
    raise KeyboardInterrupt  # pytest then ends the session and with it the fixtures


def pytest_configure(config):
    signal.signal(signal.SIGTERM, _terminate)


@pytest.fixture(scope="session")
def binaries() -> Path:
    return Path(os.environ.get("PENSTOCK_BINARIES", ROOT / "build" / "release" / "bin"))


@pytest.fixture(scope="session")
def root() -> Path:
    """Of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def workdir() -> Path:
    """Of this session; removed at its end, unless PENSTOCK_KEEP is set."""
    parent = os.environ.get("PENSTOCK_TEST_DIR")
    path = Path(tempfile.mkdtemp(prefix="penstock-system-", dir=parent))
    yield path
    if not os.environ.get("PENSTOCK_KEEP"):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def topology(workdir, binaries, request) -> World:
    base, guard = ports.free_block()
    machine = Machine(Layout(workdir / "topology", binaries, base))
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text: str):
        with capture.global_and_fixture_disabled():
            print(text, flush=True)

    try:
        say(f"\ntopology on ports {base} to {base + 199}, logs in {machine.layout.state}/log")
        try:
            machine = stages.bring_up(machine.layout, stages.Stages(1, 4, say))
        except Failed as error:
            keep_logs(machine.layout.state)
            pytest.exit(f"the topology does not come up: {error}", returncode=1)
        yield World(machine)
    finally:
        machine.stop_everything()
        guard.close()
        if request.session.testsfailed:
            keep_logs(machine.layout.state)


def keep_logs(state: Path) -> None:
    """The logs of a failed run outlive its directory."""
    kept = ROOT / "build" / "test-results" / "system-logs"
    shutil.rmtree(kept, ignore_errors=True)
    if (state / "log").exists():
        shutil.copytree(state / "log", kept)


@pytest.fixture
def world(topology) -> World:
    """Healthy before the test, and again after it: a test that leaves damage behind fails itself."""
    topology.heal()
    yield topology
    topology.heal()
