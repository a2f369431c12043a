"""Three real Sentinels over a master, its replicas and two keepers: fail-overs go on as if the keepers were not there.

Three fail-overs in the gate: a quiet one, one under load, and one in which the keepers know more than any replica.
PENSTOCK_CAMPAIGN=1 makes them twenty."""

import os
import re
import threading

import pytest
import redis

from support.lab import Lab, client, info, state
from support.servers import DEBIAN
from support.synthetic import stream_between
from support.wait import wait_until
from topology import resp

FAIL_OVERS = 20 if os.environ.get("PENSTOCK_CAMPAIGN") else 3
PATIENCE = 45  # a lost election costs a Sentinel twice its failover-timeout
LOAD = "under load"
AHEAD = "keepers ahead"


class Group:
    """One shard as Sentinels see it. The test is the keepers' owner: it says SETSTATE."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.redises = {"r0": lab.server("r0")}
        self.master = self.redises["r0"]
        for name in ("r1", "r2"):
            self.redises[name] = lab.server(name, *self.following(self.master))
        keepers = lab.host("host", ["s1", "s2"])
        self.active, self.backup = keepers["s1"], keepers["s2"]
        self.shards = {port: shard for shard, port in keepers.items()}
        self.epoch = self.fail_overs = 0
        self.order(self.master)
        self.remote = lab.server("remote", *self.following(self.active))
        self.sentinels = [lab.sentinel(f"s{i}", self.master) for i in range(3)]
        for sentinel in self.sentinels:
            wait_until("a Sentinel knows the others, the replicas and the keepers",
                       lambda sentinel=sentinel: self.seen_by(sentinel)["num-other-sentinels"] == "2" and
                       self.seen_by(sentinel)["num-slaves"] == "4", PATIENCE)

    @staticmethod
    def following(port: int) -> tuple:
        return DEBIAN, f"replicaof 127.0.0.1 {port}"

    @property
    def master_name(self) -> str:
        return next(name for name, port in self.redises.items() if port == self.master)

    @property
    def replica_names(self) -> list[str]:
        return [name for name, port in self.redises.items() if port != self.master]

    def seen_by(self, sentinel: int) -> dict[str, str]:
        words = resp.call(sentinel, "SENTINEL", "MASTER", "shard")
        return dict(zip(words[::2], words[1::2]))

    def switches(self, sentinel: int) -> int:
        return self.lab.log(f"s{sentinel}").count("+switch-master")

    def seen_in_order(self, sentinel: int) -> bool:
        seen = self.seen_by(sentinel)
        assert (seen["flags"], seen["num-other-sentinels"], seen["port"]) == ("master", "2", str(self.master))
        return True

    def order(self, upstream: int) -> None:
        self.epoch += 1
        members = [f"127.0.0.1:{port}" for port in self.redises.values()]
        for keeper, what in ((self.active, "ACTIVE"), (self.backup, "BACKUP")):
            client(keeper).execute_command("KEEPER", "SETSTATE", what, "127.0.0.1", upstream, "EPOCH", self.epoch,
                                           "ACTIVEDC", "yes", "MEMBERS", *members)

    def wait_whole(self) -> None:
        """Everybody follows, nobody is behind (greetings of the Sentinels move the offset every other second)."""
        def whole():
            end = info(self.master, "replication")["master_repl_offset"]
            ends = [info(port, "replication")["slave_repl_offset"]
                    for port in [*(self.redises[name] for name in self.replica_names), self.active, self.backup,
                                 self.remote] if info(port, "replication")["master_link_status"] == "up"]
            return ends == [end] * 5
        wait_until("all are equal", whole, 20)

    def agreed(self) -> int | None:
        """The master that the three Sentinels name, when it is the same one."""
        named = {int(resp.call(s, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shard")[1]) for s in self.sentinels}
        return named.pop() if len(named) == 1 else None


@pytest.fixture(name="group")
def fixture_group(workdir, binaries):
    with Lab(workdir / "sentinels", binaries) as lab:
        yield Group(lab)


class Writer(threading.Thread):
    """Transactions to one master until it is gone."""

    def __init__(self, port: int):
        super().__init__(daemon=True)
        self.port, self.written = port, 0

    def run(self) -> None:
        try:
            with client(self.port) as master:
                while True:
                    pipe = master.pipeline(transaction=True)
                    pipe.incr("count").set(f"key:{self.written % 100}", "v" * 300).execute()
                    self.written += 1
        except (redis.RedisError, OSError):
            return


def get_ahead(group: Group) -> None:
    """Both keepers acknowledge writes that no replica has: those were cut off, and could not come back."""
    group.lab.freeze(*group.replica_names)
    with client(group.master) as writer:
        before = writer.info("stats")["sync_partial_ok"]
        writer.execute_command("CLIENT", "KILL", "TYPE", "replica")
        wait_until("the keepers are back", lambda: writer.info("stats")["sync_partial_ok"] >= before + 2, 5, 0.01)
        for i in range(20):
            writer.set(f"only-here:{group.epoch}:{i}", "v" * 50)
        assert writer.execute_command("WAIT", 2, 3000) == 2


def fail_over(group: Group, how: str) -> None:
    group.wait_whole()
    old, name = group.master, group.master_name
    writer = Writer(old)
    if how == LOAD:
        writer.start()
        wait_until("writes flow", lambda: writer.written > 200)
    common = info(group.remote, "replication")["slave_repl_offset"]
    history = state(group.active)["replid"]
    syncs = {k: (state(k)["full_syncs"], info(k, "keeper")["keeper_diverged_files"])
             for k in (group.active, group.backup)}
    served = info(group.active, "stats")["sync_full"]
    if how == AHEAD:
        get_ahead(group)
    group.lab.kill(name)
    # What each keeper has of the history that ends here.
    ends = {}
    for keeper in (group.active, group.backup):
        wait_until("the death is seen", lambda keeper=keeper: state(keeper)["link"] != "connected", 10, 0.01)
        ends[keeper] = int(state(keeper)["offset"])
    stream = stream_between(group.active, history, common + 1, ends[group.active]) \
        if ends[group.active] > common else b""
    group.lab.thaw(*group.replica_names)

    new = wait_until("the Sentinels agree on another master", lambda: (group.agreed() or old) != old and group.agreed(),
                     PATIENCE)
    assert new in group.redises.values(), "never a keeper"
    group.master = new
    # Sentinel's REPLICAOF: the ACTIVE keeper obeys it before its owner says anything, the BACKUP one says +OK.
    wait_until("the active keeper follows", lambda: state(group.active)["upstream"] == f"127.0.0.1:{new}" and
               state(group.active)["link"] == "connected", 20)
    assert state(group.active)["epoch"] == str(group.epoch)
    wait_until("the backup keeper is taken for one who follows",
               lambda: info(group.backup, "replication")["master_port"] == new, 20)
    assert state(group.backup)["upstream"] == f"127.0.0.1:{old}"
    group.order(new)
    wait_until("the backup keeper follows its owner", lambda: state(group.backup)["link"] == "connected", 20)
    other = next(port for n, port in group.redises.items() if port not in (old, new))
    wait_until("the other replica follows", lambda: info(other, "replication")["master_port"] == new and
               info(other, "replication")["master_link_status"] == "up", 20)
    assert info(new, "replication")["master_replid2"] == history
    group.fail_overs += 1
    # The leader says it last: when every replica, keepers among them, has been seen to follow.
    wait_until("each Sentinel is done", lambda: [group.switches(i) for i in range(3)] == [group.fail_overs] * 3, 20)

    second = info(new, "replication")["second_repl_offset"]
    for keeper in (group.active, group.backup):
        check_tail(group, keeper, history, second, ends[keeper], stream[second - common - 1:], syncs[keeper])
    was_ahead = ends[group.active] >= second
    assert was_ahead or how != AHEAD
    wait_until("what is behind the keeper follows", lambda: info(group.remote, "replication")["master_replid"] ==
               info(new, "replication")["master_replid"], 20)
    assert info(group.active, "stats")["sync_full"] - served == was_ahead

    group.lab.start_again(name)
    client(old).replicaof("127.0.0.1", str(new))


def check_tail(group, keeper, history, second, end, lost, before) -> None:
    """No full sync, unless the keeper had more than the promoted replica: then exactly that is put aside and told.
    `lost`: what the active keeper had of it."""
    full_syncs, files = before
    now = (int(state(keeper)["full_syncs"]) - int(full_syncs),
           info(keeper, "keeper")["keeper_diverged_files"] - files)
    if end < second:
        assert now == (0, 0)
        return
    assert now == (1, 1)
    name = f"diverged-{history}-{second}-{end}"
    saved = (group.lab.directory / "host" / "data" / "c1" / group.shards[keeper] / name).read_bytes()
    assert len(saved) == end - second + 1
    shared = min(len(saved), len(lost))  # they died with the master at different bytes, perhaps
    assert shared > 0 and saved[:shared] == lost[:shared]
    assert re.search(f"put aside.*{second}.*{end}", group.lab.log("host")), "it is said where to look"


def test_fail_overs_with_keepers_attached(group):
    kinds = ["quiet", LOAD, AHEAD]
    for i in range(FAIL_OVERS):
        fail_over(group, kinds[i % 3])
    group.wait_whole()

    keepers = (str(group.active), str(group.backup))
    for i, sentinel in enumerate(group.sentinels):
        log = group.lab.log(f"s{i}")
        selected = re.findall(r"\+(?:selected-slave|promoted-slave|slave-reconf-sent-noone).*? 127\.0\.0\.1 (\d+) @", log)
        assert not set(selected) & set(keepers), "a keeper is never selected"
        aborted = [line for line in log.splitlines() if "-failover-abort" in line and "not-elected" not in line]
        assert not aborted, aborted
        for keeper in keepers:
            fixes = len(re.findall(rf"\+fix-slave-config.* 127\.0\.0\.1 {keeper} ", log))
            assert fixes <= FAIL_OVERS, f"{fixes} times told again to follow"
        assert group.switches(i) == FAIL_OVERS, "no Sentinel has failed over by itself: " + log
        wait_until("it sees a master in good order", lambda sentinel=sentinel: group.seen_in_order(sentinel))
        assert resp.call(sentinel, "SENTINEL", "CKQUORUM", "shard").startswith("OK")
