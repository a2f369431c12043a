"""Point 7: the writable place moves to the other data center and back under load: nothing is lost, nobody full-syncs.
A switch whose pre-check fails changes nothing and says why."""

import pytest

from support.load import Load
from support.wait import wait_until
from support.without_failover import without_failover
from topology.layout import CLUSTERS, DCS

SOURCE_STEPS = {"lock", "unmonitor", "freeze", "fence", "follow", "verify", "unlock"}
TARGET_STEPS = {"lock", "drain", "commit", "promote", "attach", "monitor", "verify", "unlock"}


def shards_of(cluster):
    return [(cluster, shard) for shard in CLUSTERS[cluster]]


def check_result(operation, cluster, source, target):
    assert operation["state"] == "done", operation
    for shard in CLUSTERS[cluster]:
        steps = [step for step in operation["steps"] if step["shard"] == shard]
        assert steps, f"the result lists no step of {shard}: {operation}"
        by_dc = {dc: {step["step"] for step in steps if step["dc"] == dc} for dc in (source, target)}
        assert SOURCE_STEPS <= by_dc[source], by_dc
        assert TARGET_STEPS <= by_dc[target], by_dc
        assert all(step["durationMs"] >= 0 for step in steps), steps


def check_tree(world, cluster, target):
    """The new master's own DC follows it directly; the old master's DC follows its keeper."""
    source = next(dc for dc in DCS if dc != target)
    seen = world.observe()
    for _, shard in shards_of(cluster):
        master = world.master(cluster, shard)
        assert master.dc == target
        for replica in world.layout.redises(target, cluster, shard):
            if replica.address != master.address:
                assert seen.redises[replica.address].upstream == master.address
        keeper = world.keeper(source, cluster, shard)
        for replica in world.layout.redises(source, cluster, shard):
            assert seen.redises[replica.address].upstream == keeper.address
        assert seen.keepers[keeper.address].upstream == world.keeper(target, cluster, shard).address


def switch_under_load(world, cluster, source, target):
    before = world.full_syncs()
    with Load(world.layout, shards_of(cluster)) as load:
        wait_until("writes flow", lambda: load.acked() > 200)
        acked_before = load.acked()
        operation = world.switched(cluster, target)
        check_result(operation, cluster, source, target)
        wait_until("writes flow at the new master", lambda: load.acked() > acked_before + 400)
    assert world.active_dc(cluster) == target
    world.wait_converged()
    check_tree(world, cluster, target)
    assert world.full_syncs().since(before) == [], f"a switch without full sync; {load.summary()}"
    for _, shard in shards_of(cluster):
        world.wait_equal(cluster, shard)
    assert load.verify(world.read_list) == [], load.summary()
    print(f"{cluster} {source} → {target}: {load.summary()}")
    for step in operation["steps"]:
        print(f"  {step['shard']:8} {step['dc']:5} {step['step']:10} {step['durationMs']} ms")


def test_there_and_back_under_load(world):
    assert world.active_dc("orders") == "east"
    switch_under_load(world, "orders", "east", "west")
    switch_under_load(world, "orders", "west", "east")


def test_there_and_back_by_client_pause(world):
    """Where there is no FAILOVER, the master is frozen by CLIENT PAUSE, and what that needed is put back."""
    cluster = "orders"
    with without_failover(world, shards_of(cluster)):
        for source, target in (("east", "west"), ("west", "east")):
            old = [world.master(*shard) for shard in shards_of(cluster)]
            switch_under_load(world, cluster, source, target)
            for server in old:
                stats = world.redis(server).info("commandstats")
                assert stats["cmdstat_client|pause"]["calls"] >= 1, stats
                assert world.redis(server).config_get("repl-ping-replica-period") == {"repl-ping-replica-period": "10"}


def test_sentinel_moves_with_the_active_data_center(world):
    """After a switch, the fail-over inside the new active data center works as in the old one."""
    cluster, shard = "sessions", "shard-1"
    source = world.active_dc(cluster)
    target = world.backup_dc(cluster)
    assert world.switched(cluster, target)["state"] == "done"
    world.wait_converged()
    old = world.master(cluster, shard)
    heir = next(r for r in world.layout.redises(target, cluster, shard) if r.address != old.address)
    before = world.full_syncs()
    world.machine.kill(old)
    wait_until("the new active data center's Sentinels promote",
               lambda: [m.address for m in world.masters(cluster, shard)] == [heir.address], 30)

    def source_follows():
        seen = world.observe()
        followers = [seen.redises[r.address] for r in world.layout.redises(source, cluster, shard)]
        return all(f.link_up and f.replid == seen.redises[heir.address].replid for f in followers)
    wait_until("the old data center follows", source_follows, 20)
    assert world.full_syncs().since(before) == []
    world.restart(old)
    world.wait_converged()
    assert world.switched(cluster, source)["state"] == "done"
    world.wait_converged()


def fingerprint(world):
    """What a refused switch must not touch."""
    seen = world.observe()
    found = {a: (v.role, v.upstream, v.replid) for a, v in seen.redises.items() if v}
    found |= {a: (v.state, v.upstream, v.fields["epoch"], v.fields["handover"]) for a, v in seen.keepers.items() if v}
    found |= {a: v for a, v in seen.sentinels.items()}
    for dc in DCS:
        with world.zookeeper(dc) as tree:
            for path, data in tree.all("/").items():
                if path.startswith((f"/meta/{dc}/clusters/", f"/state/{dc}/", "/switch/")):
                    found[f"{dc}{path}"] = (tree.exists(path).version, data)
    return found


def refused_and_why(world, cluster, target):
    """The refusal as text, whether it came at once or as the end of the operation."""
    answer = world.switch(cluster, target)
    if answer.status == 202:
        operation = world.wait_operation(answer.json()["operation"]["id"])
        assert operation["state"] not in ("done",), operation
        return str(operation)
    assert 400 <= answer.status < 500, answer
    return answer.body.decode()


def test_an_unknown_target_is_refused(world):
    before = fingerprint(world)
    assert "nowhere" in refused_and_why(world, "orders", "nowhere")
    assert fingerprint(world) == before


def test_a_switch_to_where_it_is_changes_nothing(world):
    before = fingerprint(world)
    refused_and_why(world, "orders", world.active_dc("orders"))
    assert fingerprint(world) == before


@pytest.mark.parametrize("missing", ["redis", "keeper", "sentinel"])
def test_a_failed_pre_check_changes_nothing_and_says_why(world, missing):
    source, target = world.active_dc("orders"), world.backup_dc("orders")
    if missing == "redis":
        victims = world.layout.redises(target, "orders", "shard-2")
    elif missing == "keeper":
        victims = world.layout.keeper_hosts(target)
    else:
        victims = world.layout.sentinels(source)[:1]
    world.machine.stop(victims)
    if missing == "keeper":  # what follows a keeper that is gone shows it
        wait_until("the replicas notice", lambda: not any(
            world.observe().redises[r.address].link_up for r in world.layout.redises(target, "orders", "shard-1")), 20)
    before = fingerprint(world)
    why = refused_and_why(world, "orders", target)
    after = fingerprint(world)
    assert {k: v for k, v in after.items() if before.get(k) != v} == {}, why
    assert "shard-2" in why or missing != "redis", why
    assert [word for word in ("replica", "keeper", "sentinel", "redis") if word in why.lower()], why
    for victim in victims:
        world.restart(victim)
    world.wait_converged()
    assert world.active_dc("orders") == source


def test_operations_are_listed_and_unknown_ones_are_404(world):
    assert world.console("GET", "/operations/no-such-operation").status == 404
