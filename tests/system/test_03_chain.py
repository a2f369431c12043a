"""Point 3: keepers are created, registered, elected; the chain forms by itself and survives restarts of its parts."""

import pytest
import redis

from support.wait import wait_until
from topology import rest
from topology.layout import DCS, SHARDS


def test_hosts_run_the_keepers_that_config_names(world):
    for dc in DCS:
        for host in world.layout.keeper_hosts(dc):
            answer = rest.get(f"http://{host.address}/api/v1/keepers")
            assert answer.ok, answer
            wanted = {k.address for k in world.layout.all_keepers() if k.host == host.name}
            for address in wanted:
                assert address in answer.body.decode(), f"{host.name} does not run {address}"


def test_keepers_register(world):
    for dc in DCS:
        with world.zookeeper(dc) as tree:
            for cluster, shard in SHARDS:
                path = f"/elector/{dc}/{cluster}/{shard}/keeper"
                registered = {tree.json(f"{path}/{node}")["address"] for node in tree.children(path)}
                assert registered == {k.address for k in world.layout.keepers(dc, cluster, shard)}


def test_the_chain_formed_by_itself(world):
    """master → active keeper → the other DC's active keeper → its replicas; backups hang off their active one."""
    assert world.problems() == []
    for cluster, shard in SHARDS:
        near, far = world.active_dc(cluster), world.backup_dc(cluster)
        master = world.master(cluster, shard)
        first, second = world.keeper(near, cluster, shard), world.keeper(far, cluster, shard)
        seen = world.observe()
        assert seen.keepers[first.address].upstream == master.address
        assert seen.keepers[second.address].upstream == first.address
        for replica in world.layout.redises(far, cluster, shard):
            assert seen.redises[replica.address].upstream == second.address
        for dc, active in ((near, first), (far, second)):
            backup = world.keeper(dc, cluster, shard, "BACKUP")
            assert seen.keepers[backup.address].upstream == active.address
        replids = {seen.redises[r.address].replid for dc in DCS for r in world.layout.redises(dc, cluster, shard)}
        assert len(replids) == 1, f"the whole tree has one history: {replids}"


def test_orders_carry_epochs(world):
    for cluster, shard in SHARDS:
        for dc in DCS:
            keeper = world.keeper(dc, cluster, shard)
            view = world.observe().keepers[keeper.address]
            epoch = int(view.fields["epoch"])
            assert epoch >> 32 >= 1 and epoch & 0xFFFFFFFF >= 1, f"epoch {epoch}"
            host, port = view.upstream.rsplit(":", 1)
            with pytest.raises(redis.ResponseError, match="^STALEEPOCH"):
                world.redis(keeper.address).execute_command("KEEPER", "SETSTATE", "BACKUP", host, port, "EPOCH",
                                                            epoch - 1)
            with pytest.raises(redis.ResponseError, match="^STALEEPOCH"):
                world.redis(keeper.address).execute_command("KEEPER", "SETSTATE", "BACKUP", host, port, "EPOCH", epoch)


def test_keepers_hold_log_and_rdb_on_disk(world):
    for cluster, shard in SHARDS:
        for dc in DCS:
            for keeper in world.layout.keepers(dc, cluster, shard):
                fields = world.observe().keepers[keeper.address].fields
                assert int(fields["log_first"]) >= 0, fields
    for dc in DCS:
        for host in world.layout.keeper_hosts(dc):
            data = [f for f in world.layout.directory(host).rglob("*") if f.is_file() and f.stat().st_size > 0]
            assert len(data) > 1, f"{host.name} keeps nothing on disk"


@pytest.mark.parametrize("side", ["active", "backup"])
def test_a_restarted_keeper_host_resumes_partially(world, side):
    dc = world.active_dc("orders") if side == "active" else world.backup_dc("orders")
    before = world.full_syncs()
    for host in world.layout.keeper_hosts(dc):
        world.machine.stop([host])
        for cluster, shard in SHARDS:
            world.redis(world.master(cluster, shard)).set("while-away", host.name)
        world.restart(host)
        world.wait_converged()
    for cluster, shard in SHARDS:
        world.write_and_read(cluster, shard)
    assert world.full_syncs().since(before) == []


def test_both_hosts_of_a_data_center_restart_at_once(world):
    dc = world.backup_dc("orders")
    before = world.full_syncs()
    world.machine.stop(world.layout.keeper_hosts(dc))
    for cluster, shard in SHARDS:
        world.redis(world.master(cluster, shard)).set("while-away", "both")
    for host in world.layout.keeper_hosts(dc):
        world.restart(host)
    wait_until("the chain stands again", lambda: world.problems() == [], 60)
    for cluster, shard in SHARDS:
        world.write_and_read(cluster, shard)
    assert world.full_syncs().since(before) == []
