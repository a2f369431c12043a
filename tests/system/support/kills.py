"""kill -9 of a stand-alone keeper under load, damage to what it left on disk, and what it has to be when it is back."""

import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from support.alone import free_port
from support.peers import Load, Recorder, SyntheticMaster, first_difference
from support.synthetic import encode
from support.wait import wait_until
from topology import resp

POLICIES = ("everysec", "always", "no")
CALLS_MAX = 3000  # to the disk, before one of which a keeper is killed


class RoundFailed(Exception):
    pass


def expect(condition: bool, what: str) -> None:
    if not condition:
        raise RoundFailed(what)


# What is done to the files of a keeper that is dead ---------------------------------------------------------------

def meta_of(data: Path) -> dict:
    meta = data / "meta.json"
    return json.loads(meta.read_text()) if meta.exists() else {"generation": 0, "replid": ""}


def segments(data: Path) -> list[Path]:
    """Of the current generation."""
    return sorted(data.glob(f"gen-{meta_of(data)['generation']}/log-*"))


def marks_of(segment: Path) -> Path:
    return segment.with_name(segment.name.replace("log-", "sum-"))


def end_of(segment: Path) -> int:
    """Where the bytes of the segment that count end in its file."""
    first = int(segment.name[4:])
    raw = marks_of(segment).read_bytes() if marks_of(segment).exists() else b""
    ends = [struct.unpack_from("<qq", raw, at)[1] for at in range(0, len(raw) - 39, 40)]
    size = segment.stat().st_size
    return min(size, 64 + max([end for end in ends if end < first + (1 << 40)], default=first - 1) - first + 1)


def overwrite(file: Path, at: int, data: bytes) -> None:
    with file.open("r+b") as out:
        out.seek(at)
        out.write(data)


def tear(data: Path, dice: random.Random) -> None:
    last = segments(data)[-1]
    os.truncate(last, max(64, end_of(last) - dice.randrange(1, 30_000)))


def tear_marks(data: Path, dice: random.Random) -> None:
    marks = marks_of(segments(data)[-1])
    os.truncate(marks, max(0, marks.stat().st_size - dice.randrange(1, 200)))


def garble(data: Path, dice: random.Random) -> None:
    last = segments(data)[-1]
    size = dice.randrange(1, 5000)
    overwrite(last, max(64, end_of(last) - size), dice.randbytes(size))


def garble_one(data: Path, dice: random.Random) -> None:
    last = segments(data)[-1]
    at = max(64, end_of(last) - dice.randrange(1, 300_000))
    with last.open("rb") as file:
        file.seek(at)
        byte = file.read(1)
    if byte:
        overwrite(last, at, bytes([byte[0] ^ 0x5a]))


def zero(data: Path, dice: random.Random) -> None:
    last = segments(data)[-1]
    size = dice.randrange(1, 70_000)
    overwrite(last, max(64, end_of(last) - size), bytes(size))


def garble_header(data: Path, _dice: random.Random) -> None:
    overwrite(segments(data)[-1], 20, b"garbled")


def garble_marks(data: Path, dice: random.Random) -> None:
    marks = marks_of(segments(data)[-1])
    if size := marks.stat().st_size:
        overwrite(marks, dice.randrange(size), dice.randbytes(1))


def delete_last(data: Path, _dice: random.Random) -> None:
    segments(data)[-1].unlink()


def delete_one(data: Path, dice: random.Random) -> None:
    dice.choice(segments(data)).unlink()


def delete_marks(data: Path, dice: random.Random) -> None:
    marks_of(dice.choice(segments(data))).unlink(missing_ok=True)


def leave_rubbish(data: Path, dice: random.Random) -> None:
    segment = segments(data)[-1]
    (segment.parent / f"log-{dice.randrange(1 << 50):020d}").write_bytes(dice.randbytes(5000))
    (data / "rdb-arriving").write_bytes(b"half")
    (data / "meta.json.new").write_bytes(b'{"cluster":')
    (data / "gen-999").mkdir(exist_ok=True)


DAMAGES = (tear, tear_marks, garble, garble_one, zero, garble_header, garble_marks, delete_last, delete_one, delete_marks,
           leave_rubbish)


# Masters ----------------------------------------------------------------------------------------------------------

class Synthetic:
    """Knows every boundary, and fails over, cuts links and begins new histories. Nothing is behind the keeper."""

    LOG_MB = 6

    def __init__(self, seed: int, _directory: Path, _keeper: int):
        self.master = SyntheticMaster(seed)
        self.port = self.master.port
        self.load = Load(seed, self.master.put)
        self.load.start()
        self.full_sync_due = False

    stream = property(lambda self: self.master.stream)
    replid = property(lambda self: self.master.replid)

    def something_happens(self, dice: random.Random) -> str:
        what = dice.choices(["nothing", "fail-over", "cut", "another history"], [70, 10, 12, 8])[0]
        if what == "fail-over":
            self.master.fail_over()
        elif what == "cut":
            self.master.cut_links()
        elif what == "another history":
            self.full_sync_due = True
            self.master.slow_rdb = dice.choice((0.0, 0.3))
            self.master.begin_anew()
        return what

    def expect_resumed(self, asked_before: int, acknowledged: int, damage: str) -> None:
        asked = self.master.asked[asked_before:]
        expect(bool(asked), "the keeper has asked for nothing")
        due, self.full_sync_due = self.full_sync_due, False
        expect(due or all(continued for _, _, continued in asked), f"a full sync that was not due: {asked}")
        replid, first, continued = asked[0]
        if continued:
            expect(self.stream.is_boundary(first - 1), f"resumes within a transaction, at {first}")
            least = self.stream.boundary_before(acknowledged) if not damage and acknowledged > self.stream.base else 0
            expect(first - 1 >= least, f"resumes at {first}, {acknowledged} was acknowledged, {replid}")
        expect(not self.master.problems, "; ".join(self.master.problems))

    def expect_full_sync(self) -> None:
        self.full_sync_due = True

    def expect_behind(self, _keeper: int, _damage: str) -> None:
        pass

    def position(self) -> tuple[int, int]:
        return len(self.master.asked), self.master.acknowledged

    def quiet(self) -> int:
        self.load.pause()
        return self.stream.end

    def close(self) -> None:
        self.load.end()
        self.master.close()


def start_redis(directory: Path, port: int, *more: str) -> subprocess.Popen:
    directory.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        ["/usr/bin/redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--repl-backlog-size", "64mb",
         "--repl-ping-replica-period", "3600", "--repl-diskless-sync", "no", "--enable-debug-command", "local", *more],
        cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until("redis answers", lambda: resp.call(port, "PING"), 10)
    return process


class Redis:
    """A real master, with a recorder beside the keeper and a real replica behind it."""

    LOG_MB = 32  # the replica takes a second to come back, under load

    def __init__(self, seed: int, directory: Path, keeper: int):
        self.port, self.replica_port = free_port(), free_port()
        self.process = start_redis(directory / "redis", self.port)
        self.replica = start_redis(directory / "replica", self.replica_port, "--replicaof", "127.0.0.1", str(keeper))
        self.replica_has_data = False
        self.recorder = Recorder(self.port)
        self.client = socket.create_connection(("127.0.0.1", self.port), 30)
        self.answered = b""
        self.answers = threading.Thread(target=self.drop_answers, daemon=True)
        self.answers.start()
        self.load = Load(seed, self.put)
        self.load.start()
        self.fulls = self.full_syncs()  # that were due

    stream = property(lambda self: self.recorder.stream)
    replid = property(lambda self: self.recorder.replid)

    def put(self, piece: bytes) -> int:
        self.client.sendall(piece)
        return len(piece)

    def drop_answers(self) -> None:
        try:
            while piece := self.client.recv(1 << 20):
                self.answered = (self.answered + piece)[-100:]
        except OSError:
            pass

    def full_syncs(self) -> int:
        return int(resp.info(self.port, "stats")["sync_full"])

    def something_happens(self, _dice: random.Random) -> str:
        return "nothing"

    def expect_resumed(self, _asked_before: int, _acknowledged: int, _damage: str) -> None:
        seen = self.full_syncs()
        expect(seen <= self.fulls, f"{seen - self.fulls} full syncs that were not due")
        self.fulls = seen

    def expect_full_sync(self) -> None:
        self.fulls += 1

    def expect_behind(self, keeper: int, damage: str) -> None:
        """The replica goes on, and has the master's data."""
        def follows():
            seen = resp.info(self.replica_port, "replication")
            return (seen["master_link_status"], int(seen["slave_repl_offset"])) == ("up", self.stream.end)
        wait_until("the replica has all", follows, 30, every=0.01)
        served = int(resp.info(keeper, "stats")["sync_full"])
        expect(bool(damage) or served == 0 or not self.replica_has_data, "the replica was given a full sync")
        master, replica = (resp.call(port, "DEBUG", "DIGEST") for port in (self.port, self.replica_port))
        expect(master == replica, "the replica has other data than the master")
        self.replica_has_data = True

    def position(self) -> tuple[int, int]:
        return 0, 0

    def quiet(self) -> int:
        self.load.pause()
        mark = f"{self.load.number}:{time.monotonic_ns()}".encode()
        self.client.sendall(encode(b"ECHO", mark))  # answered behind all that was sent
        wait_until("redis has taken all of the load", lambda: mark in self.answered, 20, every=0.01)
        end = int(resp.info(self.port, "replication")["master_repl_offset"])
        wait_until("the recorder has it", lambda: self.stream.end == end, 20)
        return end

    def close(self) -> None:
        self.load.end()
        self.recorder.end()
        self.client.close()
        for process in (self.process, self.replica):
            process.kill()
            process.wait(10)


# Rounds -----------------------------------------------------------------------------------------------------------

class Kills:
    """with Kills(…) as kills: kills.round(seed), as often as wanted; each ends with a keeper that is well."""

    def __init__(self, directory: Path, binaries: Path, kind: type, seed: int):
        self.directory, self.binaries = directory, binaries
        self.data = directory / "data"
        self.log = directory / "keeper.log"
        self.preload = binaries.parent / "tests" / "libpenstock_disk_calls.so"
        self.port = free_port()
        self.keeper: subprocess.Popen | None = None
        self.counts: dict[str, int] = {}
        directory.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.data, ignore_errors=True)
        self.upstream = kind(seed, directory, self.port)

    def __enter__(self) -> "Kills":
        return self

    def __exit__(self, *_exception) -> None:
        self.kill()
        self.upstream.close()

    def start(self, policy: str, kill_at: int = 0) -> None:
        if not meta_of(self.data)["replid"]:
            self.upstream.expect_full_sync()
        environment = dict(os.environ)
        if kill_at:
            environment |= {"LD_PRELOAD": str(self.preload), "PENSTOCK_DISK_WATCH": str(self.data),
                            "PENSTOCK_DISK_KILL_AT": str(kill_at)}
        with self.log.open("ab") as log:
            self.keeper = subprocess.Popen(
                [str(self.binaries / "penstock-keeper"), "--standalone", "--listen", f"127.0.0.1:{self.port}", "--upstream",
                 f"127.0.0.1:{self.upstream.port}", "--data", str(self.data), "--segment-mb", "1", "--log-mb",
                 str(self.upstream.LOG_MB), "--fsync", policy], stdout=log, stderr=log, env=environment)

    def kill(self) -> None:
        if self.keeper:
            self.keeper.send_signal(signal.SIGKILL)
            self.keeper.wait(10)
        self.keeper = None

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def round(self, seed: int) -> None:
        dice = random.Random(seed)
        story = []
        try:
            self.play(dice, story)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise RoundFailed(f"seed {seed} ({', '.join(story)}): {error}") from error

    def play(self, dice: random.Random, story: list[str]) -> None:
        if self.keeper and dice.random() < 0.4:
            self.kill()  # to be killed before a call to the disk instead
        if not self.keeper:
            policy = dice.choice(POLICIES)
            calls = int(CALLS_MAX ** dice.random()) if dice.random() < 0.7 else 0
            self.start(policy, calls)
            story.append(f"fsync {policy}, killed before call {calls}" if calls else f"fsync {policy}")
        self.upstream.load.go_on()
        time.sleep(dice.uniform(0, 0.15))  # a random point is what this is about
        happened = self.upstream.something_happens(dice)
        story.append(happened)
        try:
            self.keeper.wait(dice.uniform(0, 0.4))
            self.count("killed before a call")
        except subprocess.TimeoutExpired:
            self.count("killed at a moment")
        _, acknowledged = self.upstream.position()
        self.kill()
        damage = self.do_damage(dice)
        story.append(damage or "no damage")
        self.count(damage or "no damage")
        asked, _ = self.upstream.position()
        policy = dice.choice(POLICIES)
        story.append(f"back with fsync {policy}")
        self.start(policy)
        self.verify(asked, acknowledged, damage, policy)

    def do_damage(self, dice: random.Random) -> str:
        if dice.random() < 0.5 or len(segments(self.data)) < 2:
            return ""
        damage = dice.choice(DAMAGES)
        damage(self.data, dice)
        return damage.__name__.replace("_", " ")

    def verify(self, asked: int, acknowledged: int, damage: str, policy: str) -> None:
        wait_until("the keeper serves", lambda: self.lives() and resp.call(self.port, "PING"), 10, every=0.01)
        wait_until("the keeper follows", lambda: self.lives() and self.info()["keeper_link"] == "connected", 20, every=0.01)
        end = self.upstream.quiet()
        info = wait_until(f"the keeper holds all, up to {end}", lambda: self.has(end), 30, every=0.01)
        first, length = int(info["repl_backlog_first_byte_offset"]), int(info["repl_backlog_histlen"])
        expect(info["master_replid"] == self.upstream.replid, f"replid {info['master_replid']}")
        expect(int(info["slave_repl_offset"]) == int(info["master_repl_offset"]) == end, f"INFO says {info}")
        expect(first + length - 1 == end, f"{length} bytes from {first} are not those up to {end}")
        expect(resp.call(self.port, "ROLE")[4] == end, "ROLE names another offset")
        expect(policy != "always" or int(info["keeper_durable_offset"]) == end, "fsync always, and not all is durable")
        self.upstream.expect_resumed(asked, acknowledged, damage)
        different = first_difference(self.port, self.upstream.replid, first, self.upstream.stream, end)
        expect(not different, different)
        self.upstream.expect_behind(self.port, damage)

    def lives(self) -> bool:
        code = self.keeper.poll()
        expect(code is None, f"the keeper has ended with {code}: {self.log.read_text(errors='replace')[-500:]}")
        return True

    def info(self) -> dict[str, str]:
        return resp.info(self.port, "all")

    def has(self, end: int) -> dict[str, str] | None:
        self.lives()
        info = self.info()
        return info if int(info["keeper_written_offset"]) == end else None
