"""Keepers between servers of every version at hand (PENSTOCK_SERVERS): the protocol in both directions.

Debian's server is always there; docs/compatibility.md has a run with all of them."""

import json
import os
import re
import statistics
import subprocess
import threading
import time
from pathlib import Path

import pytest
import redis

from support import servers
from support.alone import free_port
from support.lab import Lab, client, digest, info, state
from support.synthetic import GETACK, RDB, Master, acknowledged, full_sync, greet, psync, stream_between
from support.wait import wait_until

SERVERS = servers.at_hand()
each_server = pytest.mark.parametrize("server", SERVERS, ids=str)
PART = "x" * (1 << 20)


@pytest.fixture
def lab(workdir, binaries, request):
    name = "".join(c if c.isalnum() or c in "-._" else "-" for c in request.node.name)
    with Lab(workdir / name, binaries) as servers_and_keepers:
        yield servers_and_keepers


def write_mixed(port: int, tag: str = "a") -> None:
    """A bit of everything that travels on a stream, in two databases; the last one selected is 3."""
    with client(port) as master:
        for i in range(100):
            master.set(f"{tag}:{i}", "v" * i)
        pipe = master.pipeline(transaction=True)
        pipe.incr(f"{tag}:count").rpush(f"{tag}:list", "a", "", PART[:1000]).execute()
        master.eval(f"redis.call('SET','{tag}:x',1) redis.call('SADD','{tag}:s',1,2) return 1", 0)
        master.execute_command("SET", f"{tag}:expires", 1, "EX", 1000)
        master.xadd(f"{tag}:stream", {"field": "value"})
        master.publish("channel", "message")
    with client(port, db=3) as master:
        master.hset(f"{tag}:hash", mapping={"f": "v", "g": "*3\r\n$3\r\n"})
        master.set(f"{tag}:large", PART * 2)


def caught_up(master: int, replica: int) -> None:
    def equal():
        got, have = info(replica, "replication"), info(master, "replication")
        return got["master_link_status"] == "up" and got["slave_repl_offset"] == have["master_repl_offset"]
    wait_until("the replica has all that its master wrote", equal)
    wait_until("and holds the same data", lambda: digest(replica) == digest(master), 10)


def full_syncs(port: int) -> int:
    return info(port, "stats")["sync_full"]


def test_the_table_of_edge_cases_is_whole_and_names_tests_that_exist(root):
    text = (root / "docs" / "compatibility.md").read_text()
    rows = re.findall(r"^\| (\d+) \|[^|]+\|(.*)\|$", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 58))
    sources = "".join(path.read_text() for path in (root / "tests").rglob("*")
                      if path.suffix in (".cc", ".py") and path.name != "test_20_compat.py")
    sources += Path(__file__).read_text().partition("# Full syncs")[2]
    missing = []
    for _, said in rows:
        for name in re.findall(r"`(test_\w+|[A-Z]\w+\.[A-Z]\w+|[a-z]+(?:_[a-z0-9]+){3,})`", said):
            if not re.search(r"\b" + r"\W+".join(map(re.escape, name.split("."))) + r"\b", sources):
                missing.append(name)
    assert not missing


# Full syncs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("diskless", ["yes", "no"], ids=["eof", "length"])
@each_server
def test_full_sync_and_the_bytes_behind_it(lab, server, diskless):
    master = lab.server("master", server, f"repl-diskless-sync {diskless}")
    write_mixed(master, "before")
    if server.since((7, 0)):
        client(master).execute_command("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', "
                                       "function() return 1 end)")
    keeper = lab.relay("keeper", master)
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {keeper}")
    caught_up(master, replica)
    write_mixed(master, "after")
    caught_up(master, replica)
    assert client(replica, db=3).hget("after:hash", "f") == "v"
    if server.since((7, 0)):
        assert client(replica).execute_command("FUNCTION", "LIST") == client(master).execute_command("FUNCTION", "LIST")
    assert full_syncs(master) == 1 and state(keeper)["full_syncs"] == "1"

    # The same offset, wherever it is asked for.
    end = info(master, "replication")["master_repl_offset"]
    seen = wait_until("the acknowledgements are there", lambda: (
        info(master, "replication")["slave0"]["offset"] == end == info(keeper, "replication")["slave0"]["offset"] and
        info(keeper, "replication")))
    assert (seen["slave_repl_offset"], seen["master_repl_offset"]) == (end, end)
    assert client(keeper).execute_command("ROLE")[4] == end == int(state(keeper)["offset"])
    # The log holds what the master has sent, byte for byte.
    replid, first = state(keeper)["replid"], int(state(keeper)["log_first"])
    assert replid == info(master, "replication")["master_replid"]
    ours, theirs = (stream_between(port, replid, first, end) for port in (keeper, master))
    assert len(ours) == len(theirs) == end - first + 1 > 2 << 20
    different = next((first + i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), None)
    assert different is None, f"offset {different} differs"


@each_server
def test_the_database_of_a_stream_that_a_replica_passes_on(lab, server):
    """A Redis between master and keeper never repeats SELECT: only its RDB says which database the stream is in."""
    master = lab.server("master", server)
    between = lab.server("between", server, f"replicaof 127.0.0.1 {master}")
    client(master, db=3).set("first", "1")
    caught_up(master, between)
    keeper = lab.relay("keeper", between)
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {keeper}")
    wait_until("the replica is there", lambda: info(replica, "replication")["master_link_status"] == "up")
    client(master, db=3).set("second", "1")
    wait_until("what follows lands where it belongs", lambda: client(replica, db=3).get("second") == "1")
    assert client(replica).dbsize() == 0


@each_server
def test_joining_a_bgsave_that_others_began(lab, server):
    """The offset of such a full sync is in the past, and what was written since follows at once."""
    master = lab.server("master", server, "repl-diskless-sync no", "rdb-key-save-delay 300")
    client(master).execute_command("DEBUG", "POPULATE", 3000, "key", 10)
    lab.server("other", server, f"replicaof 127.0.0.1 {master}")
    wait_until("a snapshot is under way", lambda: info(master, "persistence")["rdb_bgsave_in_progress"] == 1)
    for i in range(100):
        client(master).set(f"meanwhile:{i}", i)
    keeper = lab.relay("keeper", master)
    wait_until("the keeper waits as well", lambda: info(master, "replication")["connected_slaves"] == 2)
    client(master).set("last", "1")
    client(master).config_set("rdb-key-save-delay", 0)
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {keeper}")
    caught_up(master, replica)
    assert int(state(keeper)["rdb_offset"]) < info(master, "replication")["master_repl_offset"]


@each_server
def test_redis_cli_takes_an_rdb_from_a_keeper(lab, server):
    cli = server.path.parent / "redis-cli"
    master = lab.server("master", server)
    write_mixed(master)
    keeper = lab.relay("keeper", master)
    wait_until("connected", lambda: state(keeper)["link"] == "connected")
    backup = lab.directory / "backup"
    backup.mkdir()
    taken = subprocess.run([cli, "-p", str(keeper), "--rdb", str(backup / "dump.rdb")], capture_output=True,
                           text=True, timeout=20, check=False)
    assert taken.returncode == 0, taken
    restored = lab.server("restored", server, f"dir {backup}")
    assert digest(restored) == digest(master)


# Continuing ------------------------------------------------------------------------------------------------------------


@each_server
def test_each_end_comes_back_and_continues(lab, server):
    master = lab.server("master", server)
    keeper = lab.relay("keeper", master)
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {keeper}", f"dir {lab.directory}",
                         "dbfilename replica.rdb")
    write_mixed(master, "first")
    caught_up(master, replica)

    lab.kill("keeper")
    write_mixed(master, "without-keeper")
    lab.start_again("keeper")
    caught_up(master, replica)
    assert state(keeper)["full_syncs"] == "1" and full_syncs(master) == 1

    client(replica).save()
    lab.kill("replica")
    write_mixed(master, "without-replica")
    lab.start_again("replica")
    caught_up(master, replica)
    assert full_syncs(keeper) == 0, "counted since the keeper came back"

    before = info(master, "stats")["sync_partial_ok"]
    client(master).execute_command("CLIENT", "KILL", "TYPE", "replica")
    wait_until("the keeper is back at once", lambda: info(master, "stats")["sync_partial_ok"] > before, 5)
    write_mixed(master, "last")
    caught_up(master, replica)
    assert (full_syncs(master), full_syncs(keeper), state(keeper)["full_syncs"]) == (1, 0, "1")


@each_server
@pytest.mark.since((7, 0))
def test_a_master_that_comes_back_from_its_rdb(lab, server):
    """From 7.0 on it remembers the history that it had, and continues it under a new id."""
    master = lab.server("master", server, f"dir {lab.directory}", "dbfilename master.rdb")
    keeper = lab.relay("keeper", master)
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {keeper}")
    write_mixed(master)
    caught_up(master, replica)
    old = state(keeper)["replid"]
    with pytest.raises(redis.ConnectionError):
        client(master).execute_command("SHUTDOWN", "SAVE")
    wait_until("it is gone", lambda: not lab.alive("master"))
    lab.start_again("master")
    wait_until("the keeper follows the new history", lambda: state(keeper)["replid"] not in (old, ""))
    client(master).set("after", "1")
    caught_up(master, replica)
    assert (state(keeper)["full_syncs"], full_syncs(master), state(keeper)["replid2"]) == ("1", 0, old)


@each_server
def test_a_promotion_and_a_second_one_while_a_replica_sleeps(lab, server):
    """+CONTINUE with a new id, twice; who slept through both is continued: a keeper remembers several old ids."""
    masters = [lab.server("m0", server)]
    masters += [lab.server(f"m{i}", server, f"replicaof 127.0.0.1 {masters[0]}") for i in (1, 2)]
    keeper = lab.relay("keeper", masters[0])
    awake = lab.server("awake", server, f"replicaof 127.0.0.1 {keeper}")
    asleep = lab.server("asleep", server, f"replicaof 127.0.0.1 {keeper}")
    write_mixed(masters[0])
    for replica in (*masters[1:], awake, asleep):
        caught_up(masters[0], replica)
    lab.freeze("asleep")
    for dead, heir in ((0, 1), (1, 2)):
        lab.kill(f"m{dead}")
        client(masters[heir]).replicaof("NO", "ONE")
        for follower in (*masters[heir + 1:], keeper):
            client(follower).execute_command("REPLICAOF", "127.0.0.1", masters[heir])
        client(masters[heir]).set("promoted", heir)
        for replica in (*masters[heir + 1:], awake):
            caught_up(masters[heir], replica)
        assert full_syncs(masters[heir]) == 0
    lab.thaw("asleep")
    caught_up(masters[2], asleep)
    assert state(keeper)["full_syncs"] == "1" and full_syncs(keeper) == 2, "the two at the beginning"


@each_server
def test_a_master_dies_between_multi_and_exec(lab, server):
    """The keeper has a part of a transaction that no replica has applied: everybody continues all the same."""
    master = lab.server("master", server)
    heir = lab.server("heir", server, f"replicaof 127.0.0.1 {master}")
    first = lab.relay("first", master)
    second = lab.relay("second", first)
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {second}")
    write_mixed(master)
    for who in (heir, replica):
        caught_up(master, who)
    before = int(state(first)["offset"])
    syncs = [(state(keeper)["full_syncs"], full_syncs(keeper)) for keeper in (first, second)]
    # More than the sockets hold: who is frozen has a part of it in his kernel when the master dies.
    lab.freeze("heir", "first")
    pipe = client(master).pipeline(transaction=True)
    for i in range(24):
        pipe.set(f"part:{i}", PART)
    pipe.execute()
    lab.kill("master")
    lab.thaw("heir", "first")
    wait_until("the links are seen to be down", lambda: state(first)["link"] == "connecting" and
               info(heir, "replication")["master_link_status"] == "down")
    assert int(state(first)["offset"]) > before + 14, "the keeper has seen MULTI"
    client(heir).replicaof("NO", "ONE")
    assert info(heir, "replication")["second_repl_offset"] <= int(state(first)["offset"])
    client(first).execute_command("REPLICAOF", "127.0.0.1", heir)
    write_mixed(heir, "later")
    caught_up(heir, replica)
    assert client(replica).exists("part:0") == 0
    assert full_syncs(heir) == 0
    assert syncs == [(state(keeper)["full_syncs"], full_syncs(keeper)) for keeper in (first, second)]


@each_server
def test_a_lone_master_forgets_its_history(lab, server):
    """Away for longer than repl-backlog-ttl: the id is another one then, and one full sync cannot be avoided."""
    master = lab.server("master", server, "repl-backlog-ttl 1")
    keeper = lab.relay("keeper", master)
    client(master).set("k", "v")
    wait_until("connected", lambda: state(keeper)["link"] == "connected")
    old = info(master, "replication")["master_replid"]
    lab.stop("keeper")
    wait_until("the master has a new id", lambda: info(master, "replication")["master_replid"] != old, 15)
    lab.start_again("keeper")
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {keeper}")
    caught_up(master, replica)
    assert state(keeper)["full_syncs"] == "2"


# Who may, who waits ----------------------------------------------------------------------------------------------------


@each_server
def test_passwords_and_users(lab, server):
    master = lab.server("master", server, "requirepass everybody")
    admin = client(master, password="everybody")
    admin.execute_command("ACL", "SETUSER", "keeper", "on", ">secret", "+psync", "+replconf", "+ping")
    secret, everybody = lab.secret("secret", "secret"), lab.secret("everybody", "everybody")
    by_user = lab.relay("by-user", master, "--user", "keeper", "--password-file", secret)
    by_password = lab.relay("by-password", master, "--password-file", everybody, "--required-password-file", everybody)
    wrong = lab.relay("wrong", master, "--password-file", secret)
    wait_until("a user's rights are enough", lambda: state(by_user)["link"] == "connected")
    wait_until("a password alone", lambda: client(by_password, password="everybody").execute_command("ROLE")[3] ==
               "connected")
    wait_until("a wrong one is said to be wrong", lambda: "WRONGPASS" in info(wrong, "keeper")["keeper_upstream_error"])
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {by_password}", "masterauth everybody",
                         "masteruser default")
    admin.set("k", "v")
    wait_until("a replica that says user and password", lambda: client(replica).get("k") == "v")

    # The right to PSYNC is taken away, and given again.
    admin.execute_command("ACL", "SETUSER", "keeper", "-psync")
    admin.execute_command("CLIENT", "KILL", "USER", "keeper")
    wait_until("it is refused", lambda: "NOPERM" in info(by_user, "keeper")["keeper_upstream_error"])
    admin.execute_command("ACL", "SETUSER", "keeper", "+psync")
    wait_until("it is let in again", lambda: state(by_user)["link"] == "connected", 30)
    assert state(by_user)["full_syncs"] == "1"


@each_server
def test_an_upstream_that_loads_or_has_lost_its_master(lab, server):
    """-LOADING, -NOMASTERLINK and -MASTERDOWN pass: the keeper asks again, serves what it has, and syncs nothing twice."""
    master = lab.server("master", server, f"dir {lab.directory}", "dbfilename slow.rdb", "rdbcompression no")
    client(master).execute_command("DEBUG", "POPULATE", 2000, "key", 5000)  # it answers every 2 MB
    client(master).save()
    lab.kill("master")
    lab.commands["master"] += ["--key-load-delay", "2000"]
    starting = threading.Thread(target=lab.start_again, args=("master",))  # ends when it answers PING without -LOADING
    starting.start()
    keeper = lab.relay("keeper", master)
    wait_until("-LOADING is heard", lambda: "LOADING" in info(keeper, "keeper")["keeper_upstream_error"])
    starting.join()
    wait_until("and passes", lambda: state(keeper)["link"] == "connected")

    between = lab.server("between", server, f"replicaof 127.0.0.1 {master}")
    wait_until("between is there", lambda: info(between, "replication")["master_link_status"] == "up")
    client(between).replicaof("127.0.0.1", str(free_port()))
    below = lab.relay("below", between)
    wait_until("-NOMASTERLINK is heard", lambda: "NOMASTERLINK" in info(below, "keeper")["keeper_upstream_error"])
    client(between).config_set("replica-serve-stale-data", "no")
    wait_until("-MASTERDOWN is heard", lambda: "MASTERDOWN" in info(below, "keeper")["keeper_upstream_error"])
    client(between).replicaof("127.0.0.1", str(master))
    wait_until("and pass", lambda: state(below)["link"] == "connected")
    assert (state(below)["full_syncs"], state(keeper)["full_syncs"]) == ("1", "1")


@each_server
def test_silence_of_each_end(lab, server):
    """Nobody sends anything for longer than the other side's patience: links flap, data does not move."""
    master = lab.server("master", server, "repl-timeout 2")
    patient = lab.relay("patient", master)
    hasty = lab.relay("hasty", master, "--repl-timeout", "2")
    replica = lab.server("replica", server, f"replicaof 127.0.0.1 {patient}", "repl-timeout 2")
    client(master).set("k", "v")
    wait_until("replicated", lambda: client(replica).get("k") == "v")
    end = info(master, "replication")["master_repl_offset"]
    wait_until("the hasty keeper has asked again", lambda: int(info(hasty, "keeper")["keeper_partial_syncs"]) >= 1, 15)
    wait_until("and so has the replica", lambda: info(patient, "stats")["sync_partial_ok"] >= 1, 15)
    assert "Disconnecting timedout replica" not in lab.log("master"), \
        "a keeper's acknowledgements keep its master patient"
    for who in (patient, hasty):
        assert info(who, "replication")["slave_repl_offset"] == end, "no byte was put into a stream"
        assert state(who)["full_syncs"] == "1"
    assert info(master, "replication")["master_repl_offset"] == end
    assert full_syncs(patient) == 1
    # A replica that says nothing is dropped, and continued when it speaks again.
    third = lab.server("third", server, f"replicaof 127.0.0.1 {hasty}")
    wait_until("it follows", lambda: state(hasty)["replicas"] == "1")
    lab.freeze("third")
    wait_until("it is dropped", lambda: state(hasty)["replicas"] == "0", 15)
    lab.thaw("third")
    client(master).set("later", "v")
    wait_until("it is back", lambda: client(third).get("later") == "v")
    assert full_syncs(hasty) == 1


# What clients count ----------------------------------------------------------------------------------------------------


@each_server
def test_wait_counts_those_who_follow_the_master(lab, server):
    master = lab.server("master", server)
    one, two = lab.relay("one", master), lab.relay("two", master)
    behind = lab.relay("behind", one)
    lab.server("replica", server, f"replicaof 127.0.0.1 {behind}")
    wait_until("all are there", lambda: all(state(k)["link"] == "connected" for k in (one, two, behind)) and
               state(behind)["replicas"] == "1")
    with client(master) as writer:
        for i in range(20):
            writer.set("k", i)
            assert writer.execute_command("WAIT", 2, 5000) == 2
        assert writer.execute_command("WAIT", 3, 200) == 2, "who follows a keeper is the keeper's"
        lab.freeze("one")
        writer.set("k", "last")
        assert writer.execute_command("WAIT", 2, 300) == 1, "no more is acknowledged than is there"
        lab.thaw("one")
        assert writer.execute_command("WAIT", 2, 5000) == 2


@each_server
@pytest.mark.since((7, 2))
def test_waitaof_means_on_a_keepers_disk(lab, server):
    master = lab.server("master", server)
    keeper = lab.relay("keeper", master, "--fsync", "no")
    wait_until("connected", lambda: state(keeper)["link"] == "connected")
    with client(master) as writer:
        writer.set("k", "v")
        assert writer.execute_command("WAIT", 1, 5000) == 1
        assert writer.execute_command("WAITAOF", 0, 1, 1500) == [0, 0], "what is never synced is not durable"
    for policy in ("everysec", "always"):
        durable = lab.relay(policy, master, "--fsync", policy)
        wait_until("connected", lambda durable=durable: state(durable)["link"] == "connected")
        with client(master) as writer:
            for i in range(3):
                writer.set("k", i)
                offset = writer.info("replication")["master_repl_offset"]
                assert writer.execute_command("WAITAOF", 0, 1, 10_000)[1] == 1, policy
                assert int(info(durable, "keeper")["keeper_durable_offset"]) >= offset
        lab.stop(policy)


# The hand-over ---------------------------------------------------------------------------------------------------------


class HandOver:
    """A master that hands itself over to its keeper by FAILOVER, as a planned switch asks it to."""

    def __init__(self, lab, server):
        self.lab = lab
        self.master = lab.server("master", server)
        self.keeper = lab.relay("keeper", self.master)
        wait_until("connected", lambda: state(self.keeper)["link"] == "connected")
        client(self.master).set("k", "v")
        self.replid = info(self.master, "replication")["master_replid"]

    def say(self, *words):
        return client(self.keeper).execute_command("KEEPER", "HANDOVER", *words)

    def arm(self, ttl_ms: int = 60_000) -> None:
        assert self.say("ARM", self.replid, "EPOCH", 7, "TTL", ttl_ms) in ("OK", True)

    def fail_over(self) -> None:
        client(self.master).execute_command("FAILOVER", "TO", "127.0.0.1", self.keeper, "TIMEOUT", 20_000)

    def hold(self) -> None:
        self.fail_over()
        wait_until("it is held", lambda: state(self.keeper)["handover"] == "held")

    def wait_role(self, role: str) -> None:
        def settled():
            now = info(self.master, "replication")
            return now["role"] == role and now["master_failover_state"] == "no-failover" and (
                role == "master" or now["master_link_status"] == "up")
        wait_until(f"the old master is a {role} for good", settled)

    def expect_a_master_again(self) -> None:
        self.wait_role("master")
        client(self.master).set("again", "1")
        wait_until("the keeper has followed to the new id", lambda: state(self.keeper)["link"] == "connected" and
                   state(self.keeper)["replid"] == info(self.master, "replication")["master_replid"] != self.replid)
        assert (state(self.keeper)["full_syncs"], full_syncs(self.master)) == ("1", 1)
        assert state(self.keeper)["handover"] == "none"


@pytest.fixture
def handover(lab, server):
    return HandOver(lab, server)


@each_server
def test_handover_accepted(handover):
    handover.arm()
    handover.hold()
    frozen = info(handover.master, "replication")["master_repl_offset"]
    assert (state(handover.keeper)["handover_offset"], state(handover.keeper)["offset"]) == (str(frozen), str(frozen))
    handover.say("ACCEPT")
    handover.wait_role("slave")
    with pytest.raises(redis.ReadOnlyError):
        client(handover.master).set("k", "w")
    assert state(handover.keeper)["upstream"] == "", "nobody is followed until the next order"
    assert info(handover.master, "replication")["master_replid"] == handover.replid
    assert full_syncs(handover.keeper) == 0


@each_server
def test_handover_aborted_or_too_late(handover):
    handover.arm()
    handover.hold()
    handover.say("ABORT")
    handover.expect_a_master_again()
    handover.replid = state(handover.keeper)["replid"]
    handover.arm(ttl_ms=1_500)
    handover.hold()
    handover.expect_a_master_again()


@each_server
def test_handover_unarmed_is_refused(handover):
    handover.fail_over()
    handover.expect_a_master_again()


@each_server
def test_handover_held_by_a_keeper_that_dies(handover):
    handover.arm()
    handover.hold()
    handover.lab.kill("keeper")
    handover.lab.start_again("keeper")
    with pytest.raises(redis.ResponseError, match="no hand-over is held"):
        handover.say("ACCEPT")
    handover.expect_a_master_again()


@each_server
def test_handover_accepted_by_a_keeper_that_dies(handover):
    """The verdict was persisted: the master that asks again gets the same one."""
    handover.arm()
    handover.hold()
    handover.lab.freeze("master")  # it does not read the answer before the keeper is gone
    handover.say("ACCEPT")
    handover.lab.kill("keeper")
    handover.lab.start_again("keeper")
    handover.lab.thaw("master")
    assert state(handover.keeper)["handover"] == "accepted"
    handover.say("ACCEPT")
    handover.wait_role("slave")
    assert info(handover.master, "replication")["master_replid"] == handover.replid


# Servers of different versions -----------------------------------------------------------------------------------------


def report(lines: dict) -> None:
    """For docs/compatibility.md: PENSTOCK_COMPAT_REPORT names a file of JSON lines."""
    if path := os.environ.get("PENSTOCK_COMPAT_REPORT"):
        with Path(path).open("a") as out:
            out.write(json.dumps(lines) + "\n")


def settle(replica: int, keeper: int, name: str, lab) -> str:
    """"up", or "refused" once the replica was told why."""
    def settled():
        if info(replica, "replication")["master_link_status"] == "up":
            return "up"
        said = lab.log(name)
        return "refused" if "cannot load an RDB of version" in said or "were not loaded" in said else None
    return wait_until("the replica loads, or is told that it cannot", settled, 20)


@pytest.mark.parametrize("upstream", SERVERS, ids=lambda s: f"from-{s}")
def test_every_pair_of_versions(lab, upstream):
    """What a replica can load it gets byte for byte; from what it cannot load it is kept away with its data."""
    master = lab.server("master", upstream)
    client(master).mset({f"key:{i}": "v" * i for i in range(200)})
    client(master, db=2).hset("hash", mapping={"a": "1"})
    keepers = {None: lab.relay("keeper", master)}
    if upstream.since(None, (9,)):
        keepers["9.0.0"] = lab.relay("keeper-9", master, "--announce-version", "9.0.0")
    for announced, keeper in keepers.items():
        wait_until("connected", lambda keeper=keeper: state(keeper)["link"] == "connected")
        got = psync(keeper)
        got.link.close()
        rdb = got.rdb[:9].decode()
        assert rdb == ("VALKEY080" if announced else upstream.rdb)
        for downstream in SERVERS:
            name = f"{downstream}-{announced or 'plain'}"
            replica = lab.server(name, downstream)
            client(replica).set("precious", "1")
            served = full_syncs(keeper)
            client(replica).replicaof("127.0.0.1", str(keeper))
            seen = settle(replica, keeper, name, lab)
            report({"master": str(upstream), "announced": announced, "rdb": rdb, "replica": str(downstream),
                    "result": seen})
            if downstream.loads(rdb):
                assert seen == "up"
                client(master).set("later", name)
                wait_until("the stream goes on", lambda replica=replica, name=name: client(replica).get("later") == name)
                assert client(replica).get("key:199") == "v" * 199 and client(replica, db=2).hget("hash", "a") == "1"
                assert full_syncs(keeper) == served + 1
            elif downstream.since(None, (9,)):
                assert seen == "refused" and client(replica).get("precious") == "1", "it looks before it flushes"
            else:
                assert seen == "refused" and full_syncs(keeper) == served, "not one byte was sent"
                assert client(replica).get("precious") == "1", "it has kept what it had"
            lab.kill(name)
    assert state(keepers[None])["full_syncs"] == "1", "whatever the replicas are"


@each_server
def test_a_replica_of_unknown_version_that_cannot_load_causes_no_storm(lab, server):
    """It asks for a password that it has not said to the keeper, so nobody knows what it is, unless it says so itself
    as a Valkey 8 does."""
    def script(link):
        if greet(link):
            full_sync(link, rdb=b"REDIS0099" + RDB[9:])
            while link.command():
                pass
    with Master(script) as master:
        keeper = lab.relay("keeper", master.port)
        wait_until("connected", lambda: state(keeper)["link"] == "connected")
        replica = lab.server("replica", server, "requirepass own")
        client(replica, password="own").replicaof("127.0.0.1", str(keeper))
        why = wait_until("it is held off", lambda: re.search("not loaded|cannot load", lab.log("replica")))
        if why.group() == "cannot load":
            assert full_syncs(keeper) == 0
            return
        began = time.monotonic()
        wait_until("and may try again", lambda: full_syncs(keeper) >= 3, 20)
        assert full_syncs(keeper) - 3 <= time.monotonic() - began, "longer and longer pauses, the first a second"


def test_getack_is_answered_within_10_ms(lab):
    """The median of 200, one at a time: half of them would have to meet a busy machine to make it fail."""
    delays, done = [], threading.Event()

    def script(link):
        if not greet(link):
            return
        full_sync(link)
        offset = acknowledged(link)
        while len(delays) < 200:
            offset += len(GETACK)
            began = time.monotonic()
            link.send(GETACK)
            while acknowledged(link) < offset:
                pass  # the tick of each second, said before the question arrived
            delays.append(time.monotonic() - began)
        done.set()
        while link.command():
            pass
    with Master(script) as master:
        keeper = lab.relay("keeper", master.port)
        assert done.wait(30), f"{len(delays)} of 200 are answered"
        assert statistics.median(delays) <= 0.010, sorted(delays)[::20]
        assert int(state(keeper)["offset"]) == 200 * len(GETACK), "and each of them counts"
