"""Point 5: kill -9 of the active keeper, on either side: the backup takes over and nobody does a full sync."""

import time

import pytest

from support.load import Load
from support.wait import wait_until


def take_over(world, dc, cluster, shard, dead):
    def taken():
        active = world.keeper(dc, cluster, shard)
        return active if active.address != dead.address else None
    return wait_until(f"the backup keeper of {dc} takes over", taken, 30)


@pytest.mark.parametrize("side", ["active", "backup"])
def test_the_backup_takes_over(world, side):
    cluster, shard = "orders", "shard-1"
    dc = world.active_dc(cluster) if side == "active" else world.backup_dc(cluster)
    far = world.backup_dc(cluster)
    before = world.full_syncs()
    with Load(world.layout, [(cluster, shard)]) as load:
        wait_until("writes flow", lambda: load.acked() > 100)
        dead = world.keeper(dc, cluster, shard)
        host = world.host_of(dead)
        world.machine.kill(host)
        successor = take_over(world, dc, cluster, shard, dead)
        killed_at = time.monotonic()
        wait_until("writes go on", lambda: load.acked_since(killed_at))
        mark = world.redis(world.master(cluster, shard))
        mark.set("after-take-over", successor.name)
        for replica in world.layout.redises(far, cluster, shard):
            wait_until(f"replication to {replica.name} goes on", lambda replica=replica:
                       world.redis(replica).get("after-take-over") == successor.name)
        assert world.full_syncs().since(before) == []
        world.restart(host)
        world.wait_converged()
        assert world.keeper(dc, cluster, shard).address == successor.address, "the active one is kept"
        assert world.full_syncs().since(before) == [], "the return of the dead keeper cost a full sync"
    assert load.verify(world.read_list) == [], load.summary()
    world.wait_equal(cluster, shard)
