"""relay_load as an object: a synthetic master, and synthetic replicas wherever they are told to join."""

import json
import subprocess
from pathlib import Path

GB = 1_000_000_000
MB = 1_000_000


class Spoilt(Exception):
    """A run that must not be counted: a byte was wrong, a full sync too many, the stream stood still."""


class Instrument:
    def __init__(self, binary: Path, *arguments: object):
        self.child = subprocess.Popen([str(binary), *map(str, arguments)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.port = self._answer()["port"]

    def __enter__(self) -> "Instrument":
        return self

    def __exit__(self, *_exception) -> None:
        self.child.stdin.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()

    def _answer(self) -> dict:
        line = self.child.stdout.readline()
        if not line:
            raise Spoilt("relay_load has ended")
        return json.loads(line)

    def ask(self, *words: object) -> dict:
        self.child.stdin.write(" ".join(map(str, words)) + "\n")
        self.child.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise Spoilt(f"{' '.join(map(str, words))}: {answer}")
        return answer

    def join(self, port: int, count: int = 1, limit: float = 60) -> dict:
        """Replicas that are live when this returns."""
        self.ask("join", port, count)
        return self.ask("await-live", limit)

    def stream(self, size: int) -> dict:
        return self.ask("stream", size)

    def pace(self, rate: float) -> None:
        self.ask("pace", rate)

    def verified(self, full_syncs: int | None = None) -> dict:
        """The state, when every byte at every replica was the master's; `full_syncs` that the master was asked for."""
        status = self.ask("status")
        for replica in status["replicas"]:
            if replica["wrong_at"] >= 0:
                raise Spoilt(f"replica {replica['id']} got a wrong byte at {replica['wrong_at']}")
            if replica["offset"] > status["head"]:
                raise Spoilt(f"replica {replica['id']} has {replica['offset']} bytes of {status['head']}")
        if full_syncs is not None and status["master"]["full_syncs"] != full_syncs:
            raise Spoilt(f"the master gave {status['master']['full_syncs']} full syncs, not {full_syncs}")
        return status
