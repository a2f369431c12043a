"""Point 1: the console's REST makes inventory, in SQLite and in each data center's ZooKeeper; owners consume events."""

import json
import signal
import sqlite3
import time
from contextlib import contextmanager

import jsonschema

from support.wait import wait_until
from topology.layout import CLUSTERS, DCS, SHARDS


def test_rest_lists_what_was_created(world):
    topology = world.console("GET", "/topology")
    assert topology.ok, topology
    text = topology.body.decode()
    for address in [r.address for r in world.layout.all_redises()] + [k.address for k in world.layout.all_keepers()]:
        assert f'"{address}"' in text, f"{address} is missing in GET /topology"
    for cluster in CLUSTERS:
        answer = world.console("GET", f"/clusters/{cluster}")
        assert answer.ok and answer.json()["name"] == cluster, answer


def test_inventory_is_in_sqlite(world):
    directory = world.layout.directory(world.layout.console)
    files = [f for f in directory.rglob("*") if f.is_file() and f.open("rb").read(15) == b"SQLite format 3"]
    assert files, f"no SQLite database in {directory}"
    database = sqlite3.connect(f"file:{files[0]}?mode=ro", uri=True)
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    cells = {str(cell) for table in tables for row in database.execute(f'SELECT * FROM "{table}"') for cell in row}
    for wanted in (*CLUSTERS, *DCS, *(k.address for k in world.layout.all_keepers())):
        assert wanted in cells, f"{wanted} is in no table of {files[0].name}"


def test_config_is_in_each_zookeeper(world):
    for dc in DCS:
        with world.zookeeper(dc) as tree:
            assert set(CLUSTERS) <= set(tree.children(f"/meta/{dc}/clusters"))
            for cluster, shard in SHARDS:
                config = tree.json(f"/meta/{dc}/clusters/{cluster}/{shard}")
                assert {k["address"] for k in config["keepers"]} == {
                    k.address for k in world.layout.keepers(dc, cluster, shard)}
                assert {r["address"] for r in config["redises"]} == {
                    r.address for r in world.layout.redises(dc, cluster, shard)}
                cluster_config = tree.json(f"/meta/{dc}/clusters/{cluster}")
                assert cluster_config["activeDc"] == world.active_dc(cluster)
                peers = {peer["name"]: peer["metaservers"] for peer in cluster_config["peers"]}
                assert peers == {other: [m.address for m in world.layout.metaservers(other)]
                                 for other in DCS if other != dc}


@contextmanager
def frozen_metaservers(world, dc):
    """Stopped for less than their session timeout, so that events stay where they are while we look."""
    servers = world.layout.metaservers(dc)
    for server in servers:
        world.machine.signal(server, signal.SIGSTOP)
    try:
        yield
    finally:
        for server in servers:
            world.machine.signal(server, signal.SIGCONT)


def event_of(tree, path, shard):
    """The name of the event that announces `shard`, and what it says. Others may wait beside it: a data center consumes
    at its own pace what the tests before have announced to all of them."""
    for name in tree.children(path):
        if (event := tree.json(f"{path}/{name}"))["shard"] == shard:
            return name, event
    return None


def test_events_reach_each_zookeeper_and_are_consumed(world, root):
    cluster = "audit"
    created = world.console("POST", "/clusters", {"name": cluster, "activeDc": "east", "backupDcs": ["west"]})
    assert created.ok or created.status == 409, created
    for dc in DCS:
        shard = f"s{time.time_ns():x}"
        with world.zookeeper(dc) as tree:
            path = f"/event/{dc}/{cluster}"
            with frozen_metaservers(world, dc):
                answer = world.console("POST", f"/clusters/{cluster}/shards", {"name": shard})
                assert answer.ok, answer
                name, event = wait_until(f"an event of {shard} in {path}", lambda: event_of(tree, path, shard), 2)
            assert event["type"] and event["id"] and event["version"] > 0 and event["by"], event
            schema = json.loads((root / "proto" / "schemas" / "event.json").read_text())
            jsonschema.Draft202012Validator(schema).validate(event)
            wait_until("the owner consumes it", lambda: name not in tree.children(path), 10)
            state = tree.json(f"/state/{dc}/{cluster}/{shard}")
            assert state["lastEvent"]["id"] == event["id"], state


def test_consuming_and_recording_are_one_transaction(world):
    """The zxid that removed the last event is the one that wrote a state of that cluster."""
    def same_transaction(tree, dc):
        shard = f"s{time.time_ns():x}"
        assert world.console("POST", "/clusters/audit/shards", {"name": shard}).ok
        wait_until("its event is consumed", lambda: tree.json(f"/state/{dc}/audit/{shard}")["lastEvent"], 10)
        wait_until("events are consumed", lambda: tree.children(f"/event/{dc}/audit") == [], 10)
        removed = tree.exists(f"/event/{dc}/audit").pzxid
        written = {tree.exists(f"/state/{dc}/audit/{name}").mzxid for name in tree.children(f"/state/{dc}/audit")}
        return removed in written

    world.console("POST", "/clusters", {"name": "audit", "activeDc": "east", "backupDcs": ["west"]})
    for dc in DCS:
        with world.zookeeper(dc) as tree:
            # A later write of the same state hides the proof, so it may take more than one look.
            assert any(same_transaction(tree, dc) for _ in range(5)), "no event left in the multi that recorded it"


def test_a_restarted_console_remembers(world):
    before = world.console("GET", "/clusters/orders").json()
    world.machine.stop([world.layout.console])
    world.restart(world.layout.console)
    assert world.console("GET", "/clusters/orders").json()["activeDc"] == before["activeDc"]
