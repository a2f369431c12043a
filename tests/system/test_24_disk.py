"""What a keeper does when its disk is full, and within which bytes it stays: on a real file system that is too small."""

import os

import pytest

from support.lab import Lab, client, digest, info, state
from support.servers import DEBIAN
from support.small_disk import SmallDisk
from support.synthetic import stream_between
from support.wait import wait_until

SMALL_LOG = '[store]\nsegment = "1mb"\nlog_max = "8mb"\n'
MEGABYTE = 1 << 20


@pytest.fixture
def lab(workdir, binaries, request):
    with Lab(workdir / request.node.name, binaries) as servers:
        yield servers


@pytest.fixture
def small_disk(lab):
    with SmallDisk(lab.data("host"), 32) as disk:
        yield disk


def follow(keeper: int, upstream: int) -> None:
    client(keeper).execute_command("KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", upstream, "EPOCH", 1)


def connected(keeper: int) -> None:
    wait_until("the keeper follows", lambda: state(keeper)["link"] == "connected")


def write(port: int, megabytes: int, name: str) -> None:
    """In commands of 64 KiB, all different."""
    pipeline = client(port).pipeline(transaction=False)
    for number in range(megabytes * 16):
        pipeline.set(f"{name}:{number}", os.urandom(32 << 10).hex())
    pipeline.execute()


def is_stored(master: int, milliseconds: int) -> bool:
    """Whether a replica, which is the keeper, acknowledges one more write in that time."""
    connection = client(master)
    connection.set("one", "more")
    return connection.wait(1, milliseconds) == 1


def acknowledged(master: int) -> int:
    """By the first of its replicas."""
    return info(master)["slave0"]["offset"]


def bytes_of(keeper: int, master: int) -> None:
    """The log of the keeper is what the master has sent."""
    seen = info(keeper, "replication")
    history = seen["master_replid"], seen["repl_backlog_first_byte_offset"], seen["master_repl_offset"]
    assert stream_between(keeper, *history) == stream_between(master, *history)


def test_a_full_disk_is_told_of_and_not_acknowledged_and_the_keeper_resumes_by_itself(lab, small_disk):
    master = lab.server("master")
    keeper = lab.host("host", ["s1"], SMALL_LOG, small_disk)["s1"]
    follow(keeper, master)
    connected(keeper)
    replica = lab.server("replica", DEBIAN, f"replicaof 127.0.0.1 {keeper}")
    write(master, 1, "before")
    assert is_stored(master, 10_000)
    wait_until("the replica has it", lambda: digest(replica) == digest(master))
    wait_until("the metric is there", lambda: lab.metric("host", "penstock_keeper_disk_trouble", "s1") == 0)
    assert lab.troubles("host") == []

    small_disk.fill()
    write(master, 3, "full")
    written = info(master)["master_repl_offset"]
    reason = wait_until("the host is not ready", lambda: lab.troubles("host"))
    assert len(reason) == 1 and "c1/s1" in reason[0] and "No space left on device" in reason[0]
    wait_until("the metric says it", lambda: lab.metric("host", "penstock_keeper_disk_trouble", "s1") == 1)
    assert "No space left" in info(keeper, "keeper")["keeper_disk_trouble"]
    held = info(keeper, "keeper")["keeper_written_offset"]
    assert held < written
    assert not is_stored(master, 1500)
    assert acknowledged(master) == held

    small_disk.free()
    assert is_stored(master, 15_000)
    wait_until("the host is ready", lambda: lab.troubles("host") == [])
    wait_until("the metric says it", lambda: lab.metric("host", "penstock_keeper_disk_trouble", "s1") == 0)
    write(master, 2, "after")
    wait_until("the replica has it all", lambda: digest(replica) == digest(master))
    bytes_of(keeper, master)
    assert info(master, "stats")["sync_full"] == 1 == info(keeper, "stats")["sync_full"]


def test_a_keeper_that_is_killed_on_a_full_disk_resumes_where_it_stood(lab, small_disk):
    master = lab.server("master")
    keeper = lab.host("host", ["s1"], SMALL_LOG, small_disk)["s1"]
    follow(keeper, master)
    connected(keeper)
    small_disk.fill()
    write(master, 3, "full")
    wait_until("the host is not ready", lambda: lab.troubles("host"))
    lab.kill("host")
    lab.host_again("host")
    assert wait_until("the host is not ready", lambda: lab.troubles("host"))
    small_disk.free()
    wait_until("the host is ready", lambda: lab.troubles("host") == [])
    follow(keeper, master)
    connected(keeper)
    assert is_stored(master, 15_000)
    bytes_of(keeper, master)
    assert info(master, "stats")["sync_full"] == 1


def test_a_full_sync_waits_for_space(lab, small_disk):
    master = lab.server("master")
    write(master, 4, "data")
    keeper = lab.host("host", ["s1"], SMALL_LOG, small_disk)["s1"]
    small_disk.fill(but=2 * MEGABYTE)
    follow(keeper, master)
    reason = wait_until("the host is not ready", lambda: lab.troubles("host"))
    assert "No space left on device" in reason[0]
    assert state(keeper)["link"] != "connected" and state(keeper)["full_syncs"] == "0"
    small_disk.free()
    connected(keeper)
    wait_until("the host is ready", lambda: lab.troubles("host") == [])
    replica = lab.server("replica", DEBIAN, f"replicaof 127.0.0.1 {keeper}")
    wait_until("the replica has the data", lambda: digest(replica) == digest(master))


def test_an_rdb_above_its_cap_is_not_taken(lab):
    master = lab.server("master")
    write(master, 3, "data")
    keeper = lab.host("host", ["s1"], SMALL_LOG + 'rdb_max = "1mb"\n')["s1"]
    follow(keeper, master)
    reason = wait_until("the host is not ready", lambda: lab.troubles("host"))
    assert "store.rdb_max" in reason[0]
    assert lab.metric("host", "penstock_keeper_disk_trouble", "s1") in (None, 1)
    held = sum(file.stat().st_size for file in (lab.data("host") / "c1" / "s1").rglob("*"))
    assert held < 2 * MEGABYTE, "nothing of it is left"
    client(master).flushall()
    write(master, 0, "little")
    client(master).set("little", "x")
    connected(keeper)
    wait_until("the host is ready", lambda: lab.troubles("host") == [])


def test_the_keepers_of_a_host_stay_within_its_cap_and_leave_it_to_whom_needs_it(lab):
    cap = 24 * MEGABYTE
    masters = {"busy": lab.server("m1"), "other": lab.server("m2"), "idle": lab.server("m3")}
    keepers = lab.host("host", list(masters), f'[store]\nsegment = "1mb"\nlog_max = "64mb"\nhost_max = {cap}\n')
    for shard, master in masters.items():
        follow(keepers[shard], master)
        connected(keepers[shard])

    def on_disk() -> int:
        """Space that is taken, not the length of files."""
        return sum(file.stat().st_blocks * 512 for file in lab.data("host").rglob("*"))

    write(masters["idle"], 2, "idle")
    for number in range(12):
        for shard in ("busy", "other"):
            write(masters[shard], 1 if number % 3 else 3, f"{shard}{number}")
            assert is_stored(masters[shard], 10_000)
    wait_until("they are within the cap", lambda: on_disk() <= cap + MEGABYTE)
    lengths = {shard: info(port, "replication")["repl_backlog_histlen"] for shard, port in keepers.items()}
    assert lengths["idle"] >= 2 * MEGABYTE, "who has little gives nothing"
    assert min(lengths["busy"], lengths["other"]) >= 6 * MEGABYTE, f"alike: {lengths}"
    assert lab.troubles("host") == []
    for shard, master in masters.items():
        bytes_of(keepers[shard], master)
        assert info(master, "stats")["sync_full"] == 1

    write(masters["idle"], 8, "rdb")
    replica = lab.server("replica", DEBIAN, f"replicaof 127.0.0.1 {keepers['busy']}")
    wait_until("an RDB finds room", lambda: digest(replica) == digest(masters["busy"]), 60)
    wait_until("they are within the cap", lambda: on_disk() <= cap + MEGABYTE)
