"""Point 4: written in one data center, read in the other; the master sees ordinary replicas."""

from support.wait import wait_until
from topology.layout import SHARDS


def test_a_write_is_read_in_the_other_data_center(world):
    for cluster, shard in SHARDS:
        world.write_and_read(cluster, shard, 3)


def test_data_of_every_type_arrives(world):
    master = world.redis(world.master("orders", "shard-1"))
    master.set("big", "x" * 3_000_000)
    master.hset("hash", mapping={str(i): "v" * 50 for i in range(500)})
    master.zadd("sorted", {str(i): i for i in range(500)})
    master.xadd("stream", {"a": "b"})
    master.eval("for i = 1, 50 do redis.call('INCR', KEYS[1]) end return 1", 1, "counter")
    with master.pipeline(transaction=True) as transaction:
        for i in range(100):
            transaction.rpush("list", i)
        transaction.execute()
    master.set("short-lived", "x", px=60_000)
    world.wait_equal("orders", "shard-1")


def test_wait_counts_the_replica_and_the_keeper(world):
    for cluster, shard in SHARDS:
        master = world.redis(world.master(cluster, shard))
        master.set("waited-for", "1")
        assert master.wait(2, 3000) >= 2, "the local replica and the active keeper acknowledge"


def test_info_replication_looks_ordinary(world):
    for cluster, shard in SHARDS:
        master = world.master(cluster, shard)
        dc = world.active_dc(cluster)
        expected = {r.port for r in world.layout.redises(dc, cluster, shard)} - {master.port}
        expected.add(world.keeper(dc, cluster, shard).port)

        def followers():
            info = world.redis(master).info("replication")
            assert info["role"] == "master" and info["connected_slaves"] == 2, info
            slaves = [info[f"slave{i}"] for i in range(2)]
            assert all(slave["state"] == "online" and slave["ip"] == "127.0.0.1" for slave in slaves), slaves
            assert all(int(slave["lag"]) <= 2 for slave in slaves), slaves
            return {int(slave["port"]) for slave in slaves} == expected
        wait_until("the master's INFO names replica and keeper", followers, 10)
        role = world.redis(master).execute_command("ROLE")
        assert role[0] == "master" and len(role[2]) == 2, role
