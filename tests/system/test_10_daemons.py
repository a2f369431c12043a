"""What every daemon does: --version, --check-config, probes, metrics, an end on SIGTERM."""

import re
import signal
import subprocess

import pytest

from support.wait import wait_until
from topology import configs, process, rest
from topology.layout import DCS

DAEMONS = {"penstock-keeper": "keeper.toml", "penstock-metaserver": "metaserver.toml",
           "penstock-console": "console.toml"}
KINDS = {"penstock-keeper": "keeper-host", "penstock-metaserver": "metaserver", "penstock-console": "console"}


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("daemon", [*DAEMONS, "penstock-sentinel-hook"])
def test_version(binaries, daemon):
    answer = run(binaries / daemon, "--version")
    assert answer.returncode == 0 and re.search(r"\d+\.\d+\.\d+", answer.stdout), answer


@pytest.mark.parametrize("daemon", DAEMONS)
def test_the_commented_defaults_are_valid(binaries, root, daemon):
    conf = root / "conf" / DAEMONS[daemon]
    answer = run(binaries / daemon, "--config", conf, "--check-config")
    assert answer.returncode == 0, answer


@pytest.mark.parametrize("daemon", DAEMONS)
def test_check_config_names_every_problem(binaries, root, workdir, daemon):
    text = (root / "conf" / DAEMONS[daemon]).read_text()
    bad = workdir / f"{daemon}-bad.toml"
    bad.write_text("surplus_key = 1\n" + text)
    answer = run(binaries / daemon, "--config", bad, "--check-config")
    assert answer.returncode != 0 and "surplus_key" in answer.stderr, answer
    bad.write_text("= nonsense\n" + text)
    answer = run(binaries / daemon, "--config", bad, "--check-config")
    assert answer.returncode != 0 and answer.stderr.strip(), answer


@pytest.mark.parametrize("daemon", DAEMONS)
def test_a_missing_config_is_a_clear_end(binaries, daemon):
    answer = run(binaries / daemon, "--config", "/nowhere/at/all.toml")
    assert answer.returncode != 0 and "/nowhere/at/all.toml" in answer.stderr, answer


def test_probes_and_metrics(world):
    for daemon in world.layout.daemons():
        assert world.ask(daemon, "/livez").ok
        assert world.ask(daemon, "/readyz").ok
        metrics = world.ask(daemon, "/metrics")
        assert metrics.ok and re.search(r"^penstock_\w+(\{.*\})? \S+$", metrics.body.decode(), re.MULTILINE), metrics


@pytest.mark.parametrize("daemon", KINDS)
def test_sigterm_is_a_clean_end(world, daemon):
    victim = next(p for p in world.layout.daemons() if p.kind == KINDS[daemon])
    world.machine.stop([victim])
    world.restart(victim)  # now it is a child of this process, whose exit code can be read
    pid = world.machine.pid(victim)
    child = next(c for c in process._children if c.pid == pid)
    world.machine.signal(victim, signal.SIGTERM)
    assert child.wait(10) == 0, world.machine.log_tail(victim)


@pytest.mark.parametrize("kind", ["metaserver", "console", "keeper-host"])
def test_a_taken_port_is_a_clear_end(world, kind):
    """A second one with the same configuration ends with a message that names the address."""
    victim = next(p for p in world.layout.daemons() if p.kind == kind)
    answer = run(*configs.command(world.layout, victim))
    assert answer.returncode != 0, answer
    assert str(victim.port) in answer.stderr + answer.stdout, answer


def test_logs_are_structured(world):
    for daemon in world.layout.daemons():
        lines = world.layout.log(daemon).read_text(errors="replace").splitlines()
        assert lines, f"{daemon.name} logs nothing"


def test_nothing_listens_beyond_loopback(world):
    ours = {world.machine.pid(p) for p in world.layout.processes()}
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    for line in listening.splitlines():
        pids = {int(pid) for pid in re.findall(r"pid=(\d+)", line)}
        if pids & ours:
            assert line.split()[3].startswith(("127.", "[::1]", "[::ffff:127.")), line


def test_probes_answer_while_a_redis_hangs(world):
    """A peer that hangs must not hang the daemons."""
    victim = world.layout.redises("west", "sessions", "shard-1")[1]
    world.machine.signal(victim, signal.SIGSTOP)
    try:
        for daemon in world.layout.daemons():
            assert rest.get(f"http://{daemon.address}/livez", timeout=2).ok
        for dc in DCS:
            server = world.metaserver(dc)
            wait_until("the others' shards are answered",
                       lambda server=server: world.ask(server, "/api/orders/shard-1", 2).ok, 10)
    finally:
        world.machine.signal(victim, signal.SIGCONT)
