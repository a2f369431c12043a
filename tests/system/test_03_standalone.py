"""Point 3, one keeper by itself between two Redis servers: both framings of an RDB, partial resync, restart."""

import subprocess

import pytest
import redis

from support.alone import Alone
from support.wait import wait_until


@pytest.fixture
def alone(workdir, binaries, request):
    with Alone(workdir / request.node.name.replace("/", "_"), binaries) as servers:
        yield servers


def full_syncs(port):
    return redis.Redis(port=port).info("stats")["sync_full"]


def digest(port):
    return redis.Redis(port=port).execute_command("DEBUG", "DIGEST")


@pytest.mark.parametrize("diskless", ["yes", "no"], ids=["eof-framing", "length-framing"])
def test_full_sync_through_a_keeper(alone, diskless):
    master = alone.redis("master", f"repl-diskless-sync {diskless}")
    redis.Redis(port=master).execute_command("DEBUG", "POPULATE", 20000, "key", 100)
    keeper = alone.keeper("keeper", master)
    replica = alone.redis("replica", f"replicaof 127.0.0.1 {keeper}")
    wait_until("the replica has the master's data", lambda: digest(replica) == digest(master))
    redis.Redis(port=master).set("later", "x")
    wait_until("the stream goes on", lambda: redis.Redis(port=replica).get("later") == b"x")
    assert full_syncs(master) == 1


def test_a_second_replica_does_not_reach_the_master(alone):
    master = alone.redis("master")
    redis.Redis(port=master).execute_command("DEBUG", "POPULATE", 1000, "key", 100)
    keeper = alone.keeper("keeper", master)
    for name in ("one", "two", "three"):
        replica = alone.redis(name, f"replicaof 127.0.0.1 {keeper}")
        wait_until(f"replica {name} has the data", lambda replica=replica: digest(replica) == digest(master))
    assert full_syncs(master) == 1


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restarted_keeper_resumes(alone, how):
    master = alone.redis("master")
    keeper = alone.keeper("keeper", master)
    replica = alone.redis("replica", f"replicaof 127.0.0.1 {keeper}")
    redis.Redis(port=master).set("before", "1")
    wait_until("replicated", lambda: redis.Redis(port=replica).get("before") == b"1")
    getattr(alone, how)("keeper")
    redis.Redis(port=master).execute_command("DEBUG", "POPULATE", 1000, "while-away", 100)
    redis.Redis(port=master).set("after", "1")  # DEBUG POPULATE is not replicated, a write is
    redis.Redis(port=master).flushall()
    redis.Redis(port=master).set("last", "1")
    alone.start_again("keeper")
    wait_until("the stream has caught up", lambda: redis.Redis(port=replica).get("last") == b"1")
    assert digest(replica) == digest(master)
    assert full_syncs(master) == 1, "the keeper's return cost a full sync"
    assert redis.Redis(port=replica).info("replication")["master_link_status"] == "up"


def test_an_old_history_is_continued_after_a_fail_over(alone):
    """The keeper is re-pointed to a promoted replica: it follows by replid2, its own replica with it."""
    master = alone.redis("master")
    other = alone.redis("other", f"replicaof 127.0.0.1 {master}")
    keeper = alone.keeper("keeper", master)
    replica = alone.redis("replica", f"replicaof 127.0.0.1 {keeper}")
    redis.Redis(port=master).set("before", "1")
    wait_until("replicated", lambda: redis.Redis(port=replica).get("before") == b"1" ==
               redis.Redis(port=other).get("before"))
    alone.kill("master")
    redis.Redis(port=other).replicaof("NO", "ONE")
    redis.Redis(port=keeper).execute_command("REPLICAOF", "127.0.0.1", other)
    redis.Redis(port=other).set("after", "1")
    wait_until("the replica follows the new history", lambda: redis.Redis(port=replica).get("after") == b"1")
    assert full_syncs(other) == 0, "the keeper did a full sync with the promoted replica"
    assert redis.Redis(port=replica).info("replication")["master_replid"] == \
        redis.Redis(port=other).info("replication")["master_replid"]


def test_it_says_what_is_missing(binaries):
    answer = subprocess.run([binaries / "penstock-keeper", "--standalone"], capture_output=True, text=True, timeout=10,
                            check=False)
    assert answer.returncode != 0
    assert "--listen" in answer.stderr or "listen" in answer.stderr, answer.stderr
