"""Bad input: answered with what is wrong with it, and without effect."""

import json
import socket
import threading

import pytest
import redis

from support.alone import Alone
from support.wait import wait_until
from topology import rest
from topology.layout import DCS


def problem(answer, *statuses):
    assert answer.status in statuses, answer
    body = answer.json()
    assert body["status"] == answer.status and body["title"] and body["code"] and body["detail"], body
    return body["detail"]


# Metaservers ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["", "/redis/master", "/keeper/active", "/arch"])
def test_unknown_cluster_and_shard_are_named(world, path):
    for dc in DCS:
        for server in world.layout.metaservers(dc):
            assert "no-such-cluster" in problem(world.ask(server, f"/api/no-such-cluster/shard-1{path}"), 404)
            assert "no-such-shard" in problem(world.ask(server, f"/api/orders/no-such-shard{path}"), 404)


@pytest.mark.parametrize("body, field", [
    (b"{", ""), (b"[]", ""), (b"", ""), ({}, "to"), ({"from": "127.0.0.1:1", "to": 7}, "to"),
    ({"from": "127.0.0.1:1", "to": "localhost:6379", "source": "x"}, "to"),
    ({"from": "127.0.0.1:1", "to": "127.0.0.1:70000", "source": "x"}, "to"),
    ({"from": "127.0.0.1", "to": "127.0.0.1:6379", "source": "x"}, "from"),
])
def test_malformed_master_change(world, body, field):
    for dc in DCS:
        for server in world.layout.metaservers(dc):
            answer = rest.request("POST", f"http://{server.address}/api/orders/shard-1/redis/master/change", body)
            assert field in problem(answer, 400, 422)


def test_a_stranger_does_not_become_master(world):
    before = world.master("orders", "shard-1").address
    answer = world.tell(world.metaserver(world.active_dc("orders")), "/api/orders/shard-1/redis/master/change",
                        {"from": before, "to": "127.0.0.1:1", "source": "test"})
    assert 400 <= answer.status < 500, answer
    assert world.master("orders", "shard-1").address == before


def test_unknown_path_and_method(world):
    server = world.metaserver("east")
    problem(world.ask(server, "/no/such/path/at/all"), 404)
    answer = rest.request("DELETE", f"http://{server.address}/api/orders/shard-1")
    assert answer.status == 405, answer


# Console --------------------------------------------------------------------------------------------------------

BAD_NAMES = ["", "a b", "x" * 65, "ä", "a/b", "..", "a\nb"]


@pytest.mark.parametrize("name", BAD_NAMES + ["api", "v1", "shard", "metaserver", "livez", "readyz", "leader",
                                              "metrics", "openapi.json"])
def test_cluster_names(world, name):
    answer = world.console("POST", "/clusters", {"name": name, "activeDc": "east", "backupDcs": ["west"]})
    problem(answer, 400, 422)
    assert "name" in answer.body.decode() or "cluster" in answer.body.decode()


@pytest.mark.parametrize("name", BAD_NAMES + ["backup", "active", "upstreamchanged"])
def test_shard_names(world, name):
    problem(world.console("POST", "/clusters/orders/shards", {"name": name}), 400, 422)


@pytest.mark.parametrize("address", ["localhost:6379", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x",
                                     "256.0.0.1:1", "", 6379, None, "127.0.0.1:6379 x", "[::1]", "0x7f.1:6379"])
def test_addresses(world, address):
    body = {"dc": "west", "address": address}
    answer = world.console("POST", "/clusters/orders/shards/shard-1/redises", body)
    assert "address" in problem(answer, 400, 422) + answer.body.decode()
    answer = world.console("POST", "/clusters/orders/shards/shard-1/keepers", {**body, "host": "west-keeperhost-1"})
    assert "address" in problem(answer, 400, 422) + answer.body.decode()


def test_unknown_things_are_named(world):
    redis_body = {"dc": "west", "address": "127.0.0.1:1"}
    assert "no-such-cluster" in problem(world.console("GET", "/clusters/no-such-cluster"), 404)
    assert "no-such-cluster" in problem(
        world.console("POST", "/clusters/no-such-cluster/shards", {"name": "s"}), 404)
    assert "no-such-shard" in problem(
        world.console("POST", "/clusters/orders/shards/no-such-shard/redises", redis_body), 404)
    assert "no-such-dc" in problem(world.console(
        "POST", "/clusters/orders/shards/shard-1/redises", {**redis_body, "dc": "no-such-dc"}), 404, 422)
    assert "no-such-dc" in problem(world.console(
        "POST", "/clusters", {"name": "new", "activeDc": "no-such-dc", "backupDcs": []}), 404, 422)


@pytest.mark.parametrize("path", ["/dcs", "/clusters", "/clusters/orders/shards", "/webhooks",
                                  "/clusters/orders/shards/shard-1/redises", "/clusters/orders/shards/shard-1/keepers",
                                  "/clusters/orders/switch"])
@pytest.mark.parametrize("body", [b"{", b"[1]", b"null", b'{"name":', b"\xff\xfe", b"[" * 100_000],
                         ids=["torn", "array", "null", "half", "not-utf8", "deep"])
def test_malformed_bodies(world, path, body):
    before = world.console("GET", "/topology").json()
    problem(world.console("POST", path, body), 400, 422)
    after = world.console("GET", "/topology").json()
    assert json.dumps(before.get("clusters"), sort_keys=True) == json.dumps(after.get("clusters"), sort_keys=True)


def test_a_body_that_is_too_large(world):
    answer = world.console("POST", "/clusters", b'{"name": "' + b"x" * 3_000_000 + b'"}')
    assert answer.status in (400, 413, 422), answer


# Keepers --------------------------------------------------------------------------------------------------------

class BadMaster(threading.Thread):
    """Speaks like a Redis master up to a point and then as `script` wants it. Counts how often it was asked."""

    def __init__(self, script):
        super().__init__(daemon=True)
        self.script, self.visits = script, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.visits += 1
            with peer:
                peer.settimeout(5)
                try:
                    self.serve(peer)
                except OSError:
                    pass

    def serve(self, peer):
        stream = peer.makefile("rb")
        while line := stream.readline():
            if not line.startswith(b"*"):
                continue
            words = []
            for _ in range(int(line[1:])):
                size = int(stream.readline()[1:])
                words.append(stream.read(size + 2)[:-2])
            name = words[0].upper()
            if name == b"PING":
                peer.sendall(self.script.get("ping", b"+PONG\r\n"))
            elif name == b"REPLCONF":
                if words[1].upper() != b"ACK":
                    peer.sendall(self.script.get("replconf", b"+OK\r\n"))
            elif name == b"PSYNC":
                peer.sendall(self.script["psync"])
                if self.script.get("close", True):
                    peer.shutdown(socket.SHUT_RDWR)
                    return

    def close(self):
        self.listener.close()


FULL = b"+FULLRESYNC " + b"a" * 40 + b" 1000\r\n"
RDB = bytes.fromhex("524544495330303131") + b"\xff" + b"\0" * 8  # an empty data set, its checksum off

SCRIPTS = {
    "garbage instead of PONG": {"ping": b"HTTP/1.1 400 Bad Request\r\n\r\n", "psync": b""},
    "garbage instead of a PSYNC answer": {"psync": b"+WHATEVER\r\n"},
    "a replid that is none": {"psync": b"+FULLRESYNC short 12\r\n"},
    "an offset that is none": {"psync": b"+FULLRESYNC " + b"a" * 40 + b" -5x\r\n"},
    "continue that was not asked for": {"psync": b"+CONTINUE " + b"b" * 40 + b"\r\n"},
    "a lying length": {"psync": FULL + b"$1000000\r\n" + RDB},
    "a length that is none": {"psync": FULL + b"$-7\r\n" + RDB},
    "a length beyond reason": {"psync": FULL + b"$99999999999999999999\r\n"},
    "a truncated RDB in EOF framing": {"psync": FULL + b"$EOF:" + b"e" * 40 + b"\r\n" + RDB},
    "an RDB that is none": {"psync": FULL + b"$5\r\nHELLO"},
    "a peer that closes mid-way": {"psync": FULL + b"$18\r\n" + RDB[:7]},
    "an error": {"psync": b"-NOMASTERLINK Can't SYNC while not connected with my master\r\n"},
    "a stream that is no RESP": {"psync": FULL + b"$18\r\n" + RDB + b"this is no command\x00\x01\r\n" * 10},
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_keeper_survives_a_broken_upstream(workdir, binaries, script, request):
    directory = workdir / f"bad-{list(SCRIPTS.values()).index(script)}"
    bad = BadMaster(script)
    bad.start()
    try:
        with Alone(directory, binaries) as servers:
            keeper = servers.keeper("keeper", bad.port)
            wait_until("it tries again", lambda: bad.visits >= 2, 20)
            replica = servers.redis("replica")
            redis.Redis(port=replica).set("mine", "1")
            redis.Redis(port=replica).replicaof("127.0.0.1", keeper)
            wait_until("the keeper goes on trying", lambda: bad.visits >= 4, 30)
            assert servers.alive("keeper")
            assert redis.Redis(port=replica).get("mine") == b"1" or "stream" in request.node.name, \
                "something half-written was served"
            assert servers.log("keeper").strip(), "the log says nothing"
            # The keeper is well: with a good upstream it serves at once.
            good = servers.redis("good")
            redis.Redis(port=good).set("whole", "1")
            redis.Redis(port=keeper).execute_command("REPLICAOF", "127.0.0.1", good)
            wait_until("a good upstream is followed", lambda: redis.Redis(port=replica).get("whole") == b"1", 40)
    finally:
        bad.close()


def test_a_keeper_survives_a_broken_client(world):
    keeper = world.keeper("east", "orders", "shard-1")
    for noise in (b"\x00" * 100, b"*1000000000\r\n", b"$-5\r\n", b"*1\r\n$99999999999\r\n", b"GET / HTTP/1.1\r\n\r\n",
                  b"*2\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n", b"*3\r\n$6\r\nKEEPER\r\n$8\r\nSETSTATE\r\n$1\r\nX\r\n"):
        with socket.create_connection(("127.0.0.1", keeper.port), 2) as connection:
            connection.sendall(noise)
            connection.settimeout(0.2)
            try:
                connection.recv(1024)
            except OSError:
                pass
    assert world.redis(keeper.address).ping()
    world.write_and_read("orders", "shard-1")


# ZooKeeper is not there at start ----------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["metaserver", "keeper-host"])
def test_a_daemon_waits_for_zookeeper_and_says_so(world, workdir, kind):
    """Not ready without ZooKeeper, ready as soon as it is there."""
    dc = "west"
    servers = world.layout.metaservers(dc) if kind == "metaserver" else world.layout.keeper_hosts(dc)
    victim, zookeeper = servers[0], world.layout.zookeeper(dc)
    world.machine.stop([victim])
    log = world.layout.log(victim)
    already = log.stat().st_size
    world.machine.stop([zookeeper])
    world.machine.start(victim)
    wait_until("it is alive", lambda: rest.get(f"http://{victim.address}/livez").ok, 10)
    answer = wait_until("it is not ready", lambda: rest.get(f"http://{victim.address}/readyz"), 5)
    assert answer.status == 503, answer
    assert "zookeeper" in answer.body.decode().lower(), answer

    def said():
        with log.open("rb") as text:
            text.seek(already)
            return b"zookeeper" in text.read().lower()
    wait_until("the log says what is missing", said, 20)
    world.restart(zookeeper)
    world.machine.wait_ready([victim], 30)

