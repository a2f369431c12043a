"""Point 6: kill -9 of the active DC's master: Sentinel promotes, the hook tells, keepers and the other DC follow."""

import subprocess

from support.load import Load
from support.wait import wait_until
from support.webhook import WebhookReceiver


def test_in_dc_fail_over(world):
    cluster, shard = "orders", "shard-2"
    near, far = world.active_dc(cluster), world.backup_dc(cluster)
    with WebhookReceiver() as receiver:
        registered = world.console("POST", "/webhooks", {"url": receiver.url})
        assert registered.ok, registered
        old = world.master(cluster, shard)
        heir = next(r for r in world.layout.redises(near, cluster, shard) if r.address != old.address)
        world.wait_equal(cluster, shard)
        before = world.full_syncs()
        old_replid = world.observe().redises[old.address].replid
        with Load(world.layout, [(cluster, shard)]) as load:
            wait_until("writes flow", lambda: load.acked() > 50)
        # Quiet when the master dies: a keeper that has more than the promoted replica has to sync in full, and says so.
        world.wait_equal(cluster, shard)
        world.machine.kill(old)
        wait_until("Sentinel promotes the replica",
                   lambda: [m.address for m in world.masters(cluster, shard)] == [heir.address], 30)
        for server in world.layout.metaservers(near):
            wait_until(f"{server.name} knows the new master", lambda server=server: heir.address in world.ask(
                server, f"/api/{cluster}/{shard}/redis/master").body.decode(), 15)
        new_replid = world.observe().redises[heir.address].replid
        assert new_replid != old_replid

        def west_follows():
            seen = world.observe()
            followers = [seen.redises[r.address] for r in world.layout.redises(far, cluster, shard)]
            return all(f and f.link_up and f.replid == new_replid for f in followers)
        wait_until("the other data center follows the new history", west_follows, 20)
        assert world.full_syncs().since(before) == [], "fail-over by partial resync"
        world.redis(heir).set("after-fail-over", "1")
        for replica in world.layout.redises(far, cluster, shard):
            wait_until(f"{replica.name} reads it",
                       lambda replica=replica: world.redis(replica).get("after-fail-over") == "1")
        wait_until("the webhook is called with the new master", lambda: [
            call for call in receiver.calls if heir.address in str(call) and shard in str(call)], 20)
        # All of it had reached the heir before the master died: nothing may be missing.
        assert load.verify(world.read_list) == [], load.summary()

        world.restart(old)
        wait_until("the killed Redis comes back as a replica of the new master",
                   lambda: world.observe().redises[old.address].upstream == heir.address, 40)
        world.wait_converged()
        world.wait_equal(cluster, shard)


def test_the_hook_says_why_it_cannot(world, binaries):
    hook = world.layout.hook(world.active_dc("orders"))
    wrong = subprocess.run([hook, "no-slash", "leader", "start", "127.0.0.1", "1", "127.0.0.1", "2"],
                           capture_output=True, text=True, timeout=20, check=False)
    assert wrong.returncode == 2 and "no-slash" in wrong.stderr, wrong
    unknown = subprocess.run([hook, "nowhere/shard-1", "leader", "start", "127.0.0.1", "1", "127.0.0.1", "2"],
                             capture_output=True, text=True, timeout=20, check=False)
    assert unknown.returncode == 2 and "404" in unknown.stderr, unknown
