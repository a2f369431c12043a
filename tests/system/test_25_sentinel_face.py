"""The Sentinel face: clients that know nothing of Penstock find the master in every data center, and follow it."""

import contextlib
import socket
import subprocess
import time

import pytest
import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from support.followers import IoredisFollower, PythonFollower, ioredis
from support.wait import wait_until
from topology import resp, status
from topology.layout import DCS, SHARDS

CHANNEL = "+switch-master"


def faces(world, dc):
    return [world.layout.sentinel_port(server) for server in world.layout.metaservers(dc)]


def all_faces(world):
    return [port for dc in DCS for port in faces(world, dc)]


def named(port, name):
    """What the face there calls the master; None: it knows none."""
    reply = resp.call(port, "SENTINEL", "get-master-addr-by-name", name)
    return reply and f"{reply[0]}:{reply[1]}"


def wait_named(world, cluster, shard, seconds=15):
    """Every face of every data center names the one master that there is."""
    master = world.master(cluster, shard)
    for port in all_faces(world):
        wait_until(f"{port} names {master.name}",
                   lambda port=port: named(port, f"{cluster}/{shard}") == master.address, seconds)
    return master


def redis_cli(port, *words):
    return subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True, timeout=10,
                          check=True).stdout.split()


def test_status_says_where_the_faces_are(world):
    rows = [row for row in status.status(world.layout) if row["kind"] == "metaserver"]
    assert {row["sentinel_port"] for row in rows} == set(all_faces(world))
    assert all("sentinel_port" not in row for row in status.status(world.layout) if row["kind"] != "metaserver")


def test_every_face_names_every_master(world):
    for cluster, shard in SHARDS:
        master = wait_named(world, cluster, shard)
        for port in all_faces(world):
            assert redis_cli(port, "sentinel", "get-master-addr-by-name", f"{cluster}/{shard}") == [
                "127.0.0.1", str(master.port)]
            assert redis_cli(port, "-3", "sentinel", "ckquorum", f"{cluster}/{shard}")[0] == "OK"


def test_lists_are_those_of_the_data_center(world):
    for dc in DCS:
        for port in faces(world, dc):
            client = redis.Redis(port=port, decode_responses=True)
            masters = client.sentinel_masters()
            assert set(masters) == {f"{cluster}/{shard}" for cluster, shard in SHARDS}
            assert {other["port"] for other in client.sentinel_sentinels("orders/shard-1")} == set(
                faces(world, dc)) - {port}
            for cluster, shard in SHARDS:
                master = world.master(cluster, shard)
                assert masters[f"{cluster}/{shard}"]["port"] == master.port
                assert {replica["port"] for replica in client.sentinel_slaves(f"{cluster}/{shard}")} == {
                    near.port for near in world.layout.redises(dc, cluster, shard)} - {master.port}
            assert client.info()["redis_mode"] == "sentinel"
            assert len(client.execute_command("SENTINEL", "MYID")) == 40


def test_an_unknown_name_is_none(world):
    for port in all_faces(world):
        for name in ("orders/shard-9", "orders", "", "nothing/at-all", "x" * 300):
            assert named(port, name) is None
        with pytest.raises(resp.RedisError, match="No such master with that name"):
            resp.call(port, "SENTINEL", "master", "orders/shard-9")
    with pytest.raises(MasterNotFoundError):
        Sentinel([("127.0.0.1", all_faces(world)[0])]).discover_master("orders/shard-9")


def test_bad_input_is_answered_and_hurts_nobody(world):
    port = all_faces(world)[0]
    for nonsense in (b"*99999\r\n", b"*1\r\n$99999999\r\n", b"\x16\x03\x01\x02\x00" * 2_000, b"*1\r\n+x\r\n"):
        with socket.create_connection(("127.0.0.1", port), 5) as peer:
            peer.sendall(nonsense)
            peer.settimeout(5)
            assert peer.recv(1000).startswith(b"-ERR Protocol error"), nonsense[:20]
    with pytest.raises(resp.RedisError, match="takes no orders"):
        resp.call(port, "SENTINEL", "FAILOVER", "orders/shard-1")
    assert resp.call(port, "PING") == "PONG"


class Listener:
    """Subscribed at every face, half of them with a pattern."""

    def __init__(self, world):
        self.subscriptions = {}
        for i, port in enumerate(all_faces(world)):
            pubsub = redis.Redis(port=port, decode_responses=True, socket_timeout=10).pubsub()
            pubsub.psubscribe("+switch-*") if i % 2 else pubsub.subscribe(CHANNEL)
            self.subscriptions[port] = pubsub
        self.heard = {port: [] for port in self.subscriptions}

    def __enter__(self):
        for port, pubsub in self.subscriptions.items():
            assert pubsub.get_message(timeout=5)["type"] in ("subscribe", "psubscribe"), port
        return self

    def __exit__(self, *_exception):
        for pubsub in self.subscriptions.values():
            pubsub.close()

    def wait_move(self, name, old, new):
        expected = f"{name} 127.0.0.1 {old.port} 127.0.0.1 {new.port}"

        def told_everywhere():
            for port, pubsub in self.subscriptions.items():
                while message := pubsub.get_message(timeout=0.01):
                    assert message["channel"] == CHANNEL
                    self.heard[port].append(message["data"])
            return all(expected in heard for heard in self.heard.values())
        wait_until(f"every face tells {expected}; heard: {self.heard}", told_everywhere, 15)
        assert all(heard.count(expected) == 1 for heard in self.heard.values()), self.heard


@contextlib.contextmanager
def followers(world, root, cluster, shard, copies):
    """Two clients of each kind, one in each data center, that have begun to write."""
    name = f"{cluster}/{shard}"
    module = ioredis(root)
    with contextlib.ExitStack() as stack:
        clients = [PythonFollower(f"python in {dc}", faces(world, dc), name, copies) for dc in DCS]
        if not isinstance(module, str):
            clients += [IoredisFollower(module, 2 + i, f"ioredis in {dc}", faces(world, dc)[:1], name, copies)
                        for i, dc in enumerate(DCS)]
        for client in clients:
            stack.enter_context(client)
        for client in clients:
            wait_until(f"it writes: {client}", lambda client=client: client.acked_since(0), 20)
        yield clients
    members = {client: world.redis(world.master(cluster, shard)).smembers(client.key) for client in clients}
    for client in clients:
        print(client)
    assert {str(client): lost for client in clients if (lost := client.lost(members[client]))} == {}


def wait_followed(clients, moment):
    for client in clients:
        wait_until(f"it writes to the new master: {client}", lambda client=client: client.acked_since(moment), 30)


def test_ioredis_is_at_hand(root):
    """It follows in the tests below, unmodified, when there is one."""
    if isinstance(module := ioredis(root), str):
        pytest.skip(f"no ioredis: {module}")


def test_clients_follow_a_fail_over(world, root):
    cluster, shard = "orders", "shard-1"
    old = wait_named(world, cluster, shard)
    heir = next(r for r in world.layout.redises(old.dc, cluster, shard) if r.address != old.address)
    # What only the master had is lost with it: acknowledged is what its replica and its keeper have too.
    with Listener(world) as listener, followers(world, root, cluster, shard, copies=2) as clients:
        world.machine.kill(old)
        wait_until("Sentinel promotes the replica", lambda: world.master(cluster, shard).address == heir.address, 30)
        listener.wait_move(f"{cluster}/{shard}", old, heir)
        world.restart(old)  # the second copy
        wait_followed(clients, time.monotonic())
    wait_named(world, cluster, shard)
    world.wait_converged()


def test_clients_follow_a_switch_there_and_back(world, root):
    cluster, shard = "sessions", "shard-1"
    source, target = world.active_dc(cluster), world.backup_dc(cluster)
    with Listener(world) as listener, followers(world, root, cluster, shard, copies=0) as clients:
        for dc in (target, source):
            old = wait_named(world, cluster, shard)
            operation = world.switched(cluster, dc)
            assert operation["state"] == "done", operation
            moment = time.monotonic()
            new = wait_named(world, cluster, shard)
            assert new.dc == dc
            listener.wait_move(f"{cluster}/{shard}", old, new)
            wait_followed(clients, moment)
            world.wait_converged()


def test_a_face_knows_all_of_it_again_after_a_restart(world):
    for dc in DCS:
        server = world.metaserver(dc)
        world.machine.kill(server)
        world.restart(server)
        for cluster, shard in SHARDS:
            wait_named(world, cluster, shard)
