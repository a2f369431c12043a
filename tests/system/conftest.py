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
    config.addinivalue_line("markers", "since(redis, valkey): the first versions of a server that have this")


def pytest_collection_modifyitems(config, items):
    """What a server does not have yet is no test of that server."""
    def is_too_old(item):
        since = item.get_closest_marker("since")
        return since and not item.callspec.params["server"].since(*since.args)
    if old := [item for item in items if is_too_old(item)]:
        config.hook.pytest_deselected(items=old)
        items[:] = [item for item in items if item not in old]


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


class Home:
    """The topology of this run. One that a failed test has left broken is built anew for the next one."""

    def __init__(self, layout: Layout, say):
        self.layout, self.say = layout, say
        self.world: World | None = None

    def build(self) -> World:
        machine = Machine(self.layout)
        machine.stop_everything()
        shutil.rmtree(self.layout.state, ignore_errors=True)
        self.say(f"\ntopology on ports {self.layout.base} to {self.layout.base + ports.PORT_BLOCK - 1}")
        self.world = World(stages.bring_up(self.layout, stages.Stages(1, 4, self.say)))
        return self.world

    def healthy(self) -> World:
        if self.world:
            try:
                self.world.heal()
                return self.world
            except (pytest.fail.Exception, Failed) as error:
                self.say(f"\nthe topology is beyond healing: {error}")
        return self.build()

    def check(self) -> None:
        """After a test: what it leaves behind must heal by itself."""
        try:
            self.world.heal()
        except (pytest.fail.Exception, Failed):
            keep_logs(self.layout.state)
            self.world = None
            raise


@pytest.fixture(scope="session")
def home(workdir, binaries, request) -> Home:
    base, guard = ports.free_block()
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text: str):
        with capture.global_and_fixture_disabled():
            print(text, flush=True)

    home = Home(Layout(workdir / "topology", binaries, base), say)
    try:
        yield home
    finally:
        if request.session.testsfailed:
            keep_logs(home.layout.state)
        Machine(home.layout).stop_everything()
        guard.close()


def keep_logs(state: Path) -> None:
    """The logs of a failure outlive its directory."""
    kept = ROOT / "build" / "test-results" / "system-logs"
    if (state / "log").exists():
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(state / "log", kept)


@pytest.fixture
def world(home) -> World:
    """Healthy before the test, and again after it: a test that leaves damage behind fails itself."""
    try:
        world = home.healthy()
    except Failed as error:
        keep_logs(home.layout.state)
        pytest.exit(f"the topology does not come up: {error}", returncode=1)
    yield world
    home.check()
