"""How far a campaign has come, on disk."""

import json
import shutil
import time
from pathlib import Path


class Progress:
    """progress.json: {"done": …, "counts": {…}, "failures": […], "seconds": …}."""

    def __init__(self, directory: Path, fresh: bool):
        if fresh:
            shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.file = directory, directory / "progress.json"
        record = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.done: int = record.get("done", 0)
        self.of: int = record.get("of", 0)
        self.counts: dict[str, int] = record.get("counts", {})
        self.failures: list[str] = record.get("failures", [])
        self.before: float = record.get("seconds", 0.0)
        self.began = self.told = time.monotonic()
        if self.done:
            print(f"goes on behind {self.done} of {self.of}", flush=True)

    def count(self, what: str, times: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + times

    def fail(self, what: str) -> None:
        self.failures.append(what)
        print(f"FAILED {what}", flush=True)

    def step(self) -> None:
        """One more is done, and stays done."""
        self.done += 1
        self.save()
        if time.monotonic() - self.told > 10:
            self.told = time.monotonic()
            print(f"{self.done} of {self.of}, {len(self.failures)} failed, {self.seconds():.0f} s", flush=True)

    def seconds(self) -> float:
        return self.before + time.monotonic() - self.began

    def save(self) -> None:
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps({"done": self.done, "of": self.of, "counts": self.counts,
                                       "failures": self.failures, "seconds": self.seconds()}, indent=1))
        partial.rename(self.file)

    def sum_up(self) -> int:
        self.save()
        for failure in self.failures:
            print(f"FAILED {failure}")
        counts = ", ".join(f"{number} {what}" for what, number in sorted(self.counts.items()))
        print(f"{self.done} of {self.of} done, {len(self.failures)} failed in {self.seconds():.0f} s: {counts}", flush=True)
        return 0 if self.done == self.of and not self.failures else 1
