"""Point 2: per data center one leader, 256 slots with an owner each, any server answers, updates reach the owner."""

import zlib
from collections import Counter

from support.wait import wait_until
from topology.layout import DCS, SHARDS

SLOTS = 256
SEED_PATHS = ("", "/redis/master", "/keeper/active", "/arch")


def leaders(world, dc):
    return [world.ask(server, "/leader").json() for server in world.layout.metaservers(dc)
            if world.machine.pid(server)]


def slot_table(world, dc):
    with world.zookeeper(dc) as tree:
        return tree.json(f"/meta/{dc}/slots")


def registered(world, dc):
    with world.zookeeper(dc) as tree:
        return tree.children(f"/meta/{dc}/metaservers")


def owner(world, dc, cluster):
    identity = slot_table(world, dc)["owners"][zlib.crc32(cluster.encode()) % SLOTS]
    return world.layout.process(identity)


def balanced(world, dc, servers):
    table = slot_table(world, dc)
    shares = Counter(table["owners"])
    assert len(table["owners"]) == SLOTS
    assert set(shares) == set(servers), f"{dc}: owners {dict(shares)}, servers {servers}"
    assert max(shares.values()) - min(shares.values()) <= 1, dict(shares)
    return True


def test_one_leader_and_balanced_slots(world):
    for dc in DCS:
        names = [server.name for server in world.layout.metaservers(dc)]
        assert registered(world, dc) == sorted(names)
        said = [answer["leader"] for answer in leaders(world, dc)]
        assert len(set(said)) == 1 and said[0] in names, said
        assert balanced(world, dc, names)


def test_any_metaserver_answers(world):
    for dc in DCS:
        for cluster, shard in SHARDS:
            for path in SEED_PATHS:
                for server in world.layout.metaservers(dc):
                    answer = world.ask(server, f"/api/{cluster}/{shard}{path}")
                    assert answer.ok, f"{server.name} {path}: {answer}"
                    assert answer.json(), f"{server.name} {path}: {answer}"


def test_master_and_active_keeper_are_true(world):
    for cluster, shard in SHARDS:
        master = world.master(cluster, shard)
        for dc in DCS:
            keeper = world.keeper(dc, cluster, shard)
            for server in world.layout.metaservers(dc):
                assert master.address in world.ask(server, f"/api/{cluster}/{shard}/redis/master").body.decode()
                assert keeper.address in world.ask(server, f"/api/{cluster}/{shard}/keeper/active").body.decode()


def test_arch_shows_the_tree_across_data_centers(world):
    for cluster, shard in SHARDS:
        for dc in DCS:
            text = world.ask(world.metaserver(dc), f"/api/{cluster}/{shard}/arch").body.decode()
            for server in world.layout.redises(dc, cluster, shard):
                assert server.address in text, f"{dc} /arch lacks {server.address}: {text}"
            for keeper in world.layout.keepers(dc, cluster, shard):
                assert keeper.address in text, f"{dc} /arch lacks {keeper.address}: {text}"


def test_updates_are_forwarded_to_the_owner(world):
    """The same order to the owner and to the other server has the same effect."""
    dc = world.active_dc("orders")
    master = world.master("orders", "shard-1")
    body = {"from": master.address, "to": master.address, "source": "test"}
    answers = {server.name: world.tell(server, "/api/orders/shard-1/redis/master/change", body)
               for server in world.layout.metaservers(dc)}
    assert all(answer.ok for answer in answers.values()), answers


def test_slots_move_when_a_metaserver_dies_and_when_it_joins(world):
    for dc in DCS:
        leader = world.layout.process(leaders(world, dc)[0]["leader"])
        follower = next(server for server in world.layout.metaservers(dc) if server.name != leader.name)
        world.machine.kill(follower)
        wait_until("the survivor owns every slot", lambda: balanced(world, dc, [leader.name]), 20)
        for cluster, shard in SHARDS:
            wait_until(f"the survivor answers for {cluster}/{shard}",
                       lambda cluster=cluster, shard=shard: world.ask(leader, f"/api/{cluster}/{shard}").ok, 10)
        world.restart(follower)
        names = sorted([leader.name, follower.name])
        wait_until("the slots are shared again", lambda: balanced(world, dc, names), 20)


def test_a_new_leader_when_the_leader_leaves(world):
    dc = "west"
    leader = world.layout.process(leaders(world, dc)[0]["leader"])
    survivor = next(server for server in world.layout.metaservers(dc) if server.name != leader.name)
    world.machine.stop([leader])
    wait_until("the survivor leads", lambda: leaders(world, dc)[0]["leader"] == survivor.name, 20)
    world.restart(leader)
    wait_until("both agree", lambda: len({a["leader"] for a in leaders(world, dc)}) == 1, 20)
