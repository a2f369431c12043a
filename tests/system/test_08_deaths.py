"""Point 8: kill -9 of parts of the control plane: the data path does not notice, the control plane recovers."""

import time

import pytest

from support.load import Load
from support.wait import wait_until
from topology.layout import DCS, SHARDS

SHORT = 1.0  # s: no writer may wait longer; keepers, replicas and masters are not touched here


def control_plane_works(world):
    """Both data centers answer, know the truth, and events are consumed."""
    world.wait_converged()
    shard = f"s{time.time_ns():x}"
    made = world.console("POST", "/clusters", {"name": "audit", "activeDc": "east", "backupDcs": ["west"]})
    assert made.ok or made.status == 409, made
    assert world.console("POST", "/clusters/audit/shards", {"name": shard}).ok
    for dc in DCS:
        with world.zookeeper(dc) as tree:
            wait_until(f"{dc} has the new shard", lambda tree=tree, dc=dc: tree.exists(
                f"/meta/{dc}/clusters/audit/{shard}"), 20)
            wait_until(f"{dc} consumes the event", lambda tree=tree, dc=dc: tree.children(
                f"/event/{dc}/audit") == [], 20)


def unnoticed(world, break_it, mend_it):
    """Under load: break, see data flow to both data centers, mend, see the control plane work again."""
    before = world.full_syncs()
    with Load(world.layout, list(SHARDS), writers_per_shard=1, pause=0.005) as load:
        wait_until("writes flow", lambda: load.acked() > 100)
        masters = {(c, s): world.master(c, s).address for c, s in SHARDS}
        break_it()
        broken_at = time.monotonic()
        for cluster, shard in SHARDS:
            world.write_and_read(cluster, shard, 3)
        wait_until("every writer goes on", lambda: load.acked_since(broken_at + 1), 10)
        mend_it()
        control_plane_works(world)
        assert {(c, s): world.master(c, s).address for c, s in SHARDS} == masters
    assert load.verify(world.read_list) == [], load.summary()
    assert not any(w.history.unknown or w.history.refused for w in load.writers), load.summary()
    assert load.longest_gap() < SHORT, load.summary()
    assert world.full_syncs().since(before) == []
    for cluster, shard in SHARDS:
        world.wait_equal(cluster, shard)


def leader_of(world, dc):
    return world.layout.process(world.ask(world.metaserver(dc), "/leader").json()["leader"])


@pytest.mark.parametrize("dc", DCS)
def test_a_metaserver_dies(world, dc):
    leader = leader_of(world, dc)
    victim = next(server for server in world.layout.metaservers(dc) if server.name != leader.name)
    unnoticed(world, lambda: world.machine.kill(victim), lambda: world.restart(victim))


@pytest.mark.parametrize("dc", DCS)
def test_the_metaserver_leader_dies(world, dc):
    victim = leader_of(world, dc)
    survivor = next(server for server in world.layout.metaservers(dc) if server.name != victim.name)

    def mend():
        wait_until("the survivor leads", lambda: leader_of(world, dc).name == survivor.name, 20)
        for cluster, shard in SHARDS:
            wait_until(f"the survivor answers for {cluster}/{shard}", lambda cluster=cluster, shard=shard: world.ask(
                survivor, f"/api/{cluster}/{shard}/redis/master").ok, 20)
        world.restart(victim)
    unnoticed(world, lambda: world.machine.kill(victim), mend)


def test_every_metaserver_of_a_data_center_dies(world):
    dc = world.active_dc("orders")
    servers = world.layout.metaservers(dc)

    def break_it():
        for server in servers:
            world.machine.kill(server)

    def mend():
        for server in servers:
            world.restart(server)
    unnoticed(world, break_it, mend)


def test_the_console_dies(world):
    console = world.layout.console
    unnoticed(world, lambda: world.machine.kill(console), lambda: world.restart(console))


@pytest.mark.parametrize("dc", DCS)
def test_a_zookeeper_dies_for_ten_seconds(world, dc):
    zookeeper = world.layout.zookeeper(dc)
    died = []

    def break_it():
        world.machine.kill(zookeeper)
        died.append(time.monotonic())

    def mend():
        for server in world.layout.metaservers(dc):
            wait_until(f"{server.name} says that it is not ready",
                       lambda server=server: world.ask(server, "/readyz").status == 503, 15)
        # The outage itself is ten seconds: longer than any session.
        wait_until("ten seconds have passed", lambda: time.monotonic() - died[0] > 10, 15)
        world.restart(zookeeper)
    unnoticed(world, break_it, mend)


def test_a_fail_over_without_console_and_the_other_zookeeper(world):
    """A data center stands alone: its master fails over with the console and the other ZooKeeper gone."""
    cluster, shard = "sessions", "shard-1"
    near, far = world.active_dc(cluster), world.backup_dc(cluster)
    world.machine.kill(world.layout.console)
    world.machine.kill(world.layout.zookeeper(far))
    old = world.master(cluster, shard)
    heir = next(r for r in world.layout.redises(near, cluster, shard) if r.address != old.address)
    before = world.full_syncs()
    world.machine.kill(old)
    wait_until("Sentinel promotes", lambda: [m.address for m in world.masters(cluster, shard)] == [heir.address], 30)
    world.redis(heir).set("alone", "1")
    for replica in world.layout.redises(far, cluster, shard):
        wait_until(f"{replica.name} follows", lambda replica=replica: world.redis(replica).get("alone") == "1", 20)
    assert world.full_syncs().since(before) == []
    world.restart(world.layout.zookeeper(far))
    world.restart(world.layout.console)
    world.restart(old)
    world.wait_converged()
