"""A write load with a memory: closed-loop writers that append unique values and know which were acknowledged."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import redis

from topology import rest
from topology.layout import DCS, Layout

# The server said no: the write did not happen. Everything else that goes wrong leaves it unknown.
REFUSED = (redis.ReadOnlyError, redis.ResponseError, redis.BusyLoadingError)


@dataclass
class History:
    acked: list[tuple[int, float]] = field(default_factory=list)  # sequence number, time of the answer
    unknown: list[int] = field(default_factory=list)
    refused: Counter = field(default_factory=Counter)  # error text → how often


class Writer(threading.Thread):
    """RPUSH key "<client>:<seq>", seq never reused, to whatever the metaservers call the shard's master."""

    def __init__(self, layout: Layout, cluster: str, shard: str, client: str, pause: float):
        super().__init__(name=f"writer {client}", daemon=True)
        self.layout, self.cluster, self.shard, self.client, self.pause = layout, cluster, shard, client, pause
        self.key = f"load:{client}"
        self.history = History()
        self.stopping = threading.Event()
        self.connection: redis.Redis | None = None
        self.port = self.refused_by = 0

    def find_master(self) -> int | None:
        """Any metaserver of any data center knows it. In mid-switch they may differ for a moment: the one that has
        just refused a write is the last choice."""
        answers = set()
        for dc in DCS:
            for server in self.layout.metaservers(dc):
                try:
                    answer = rest.get(f"http://{server.address}/api/{self.cluster}/{self.shard}/redis/master", 1)
                    if answer.ok:
                        answers.add(answer.json()["port"])
                except (OSError, ValueError):
                    continue
                if others := answers - {self.refused_by}:
                    return others.pop()
        return answers.pop() if answers else None

    def connect(self) -> bool:
        """To the metaservers' master. When no metaserver can be asked (they may be what the test kills), to the Redis
        that says of itself that it is the master."""
        port = self.find_master() or self.probe()
        if port is None:
            return False
        self.port = port
        self.connection = redis.Redis("127.0.0.1", port, socket_timeout=3, socket_connect_timeout=1,
                                      retry_on_timeout=False, decode_responses=True)
        return True

    def probe(self) -> int | None:
        for dc in DCS:
            for server in self.layout.redises(dc, self.cluster, self.shard):
                try:
                    if redis.Redis("127.0.0.1", server.port, socket_timeout=1).execute_command("ROLE")[0] == b"master":
                        return server.port
                except redis.RedisError:
                    continue
        return None

    def run(self) -> None:
        sequence = 0
        while not self.stopping.is_set():
            if self.connection is None and not self.connect():
                self.stopping.wait(0.02)
                continue
            sequence += 1
            try:
                self.connection.rpush(self.key, f"{self.client}:{sequence}")
                self.history.acked.append((sequence, time.monotonic()))
            except REFUSED as error:
                self.refused_by = self.port
                self.history.refused[str(error)[:60]] += 1
                self.drop()
            except (redis.RedisError, OSError):
                self.history.unknown.append(sequence)
                self.drop()
            self.stopping.wait(self.pause)

    def drop(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None
        self.stopping.wait(0.01)  # pacing of the retries


class Load:
    """with Load(layout, [("orders", "shard-1"), …]) as load: …; afterwards `load.verify()`."""

    def __init__(self, layout: Layout, shards, writers_per_shard: int = 2, pause: float = 0.002):
        run = f"{time.time_ns():x}"
        self.writers = [Writer(layout, cluster, shard, f"{run}-{cluster}-{shard}-{i}", pause)
                        for cluster, shard in shards for i in range(writers_per_shard)]

    def __enter__(self) -> "Load":
        for writer in self.writers:
            writer.start()
        return self

    def __exit__(self, *_exception) -> None:
        self.stop()

    def stop(self) -> None:
        for writer in self.writers:
            writer.stopping.set()
        for writer in self.writers:
            writer.join(30)

    def acked(self) -> int:
        return sum(len(writer.history.acked) for writer in self.writers)

    def acked_since(self, moment: float) -> bool:
        """Has every writer had an answer after `moment` (monotonic)?"""
        return all(w.history.acked and w.history.acked[-1][1] > moment for w in self.writers)

    def longest_gap(self) -> float:
        """Seconds, over all writers, between two acknowledged writes that follow each other."""
        return max((after[1] - before[1] for w in self.writers
                    for before, after in zip(w.history.acked, w.history.acked[1:])), default=0.0)

    def verify(self, read_list) -> list[str]:
        """Every acknowledged write is there exactly once, in order, and nothing that was never sent.
        `read_list(cluster, shard, key)` reads it from the shard's master."""
        problems = []
        for writer in self.writers:
            values = read_list(writer.cluster, writer.shard, writer.key)
            found = [int(value.rsplit(":", 1)[1]) for value in values]
            acked = {sequence for sequence, _ in writer.history.acked}
            if lost := sorted(acked - set(found)):
                problems.append(f"{writer.client}: {len(lost)} acknowledged writes are lost, the first {lost[:5]}")
            if twice := [sequence for sequence, times in Counter(found).items() if times > 1]:
                problems.append(f"{writer.client}: {len(twice)} writes are there twice, the first {twice[:5]}")
            if ghosts := set(found) - acked - set(writer.history.unknown):
                problems.append(f"{writer.client}: {len(ghosts)} refused writes are there: {sorted(ghosts)[:5]}")
            if found != sorted(found):
                problems.append(f"{writer.client}: the order of the writes has changed")
            if not acked:
                problems.append(f"{writer.client}: not one write was acknowledged; refused {writer.history.refused}, "
                                f"unknown {len(writer.history.unknown)}")
        return problems

    def summary(self) -> str:
        unknown = sum(len(w.history.unknown) for w in self.writers)
        refused = sum((w.history.refused for w in self.writers), Counter())
        return (f"{self.acked()} acknowledged, {unknown} unknown, {sum(refused.values())} refused {dict(refused)}, "
                f"longest gap {self.longest_gap() * 1000:.0f} ms")
