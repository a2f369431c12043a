"""A file system of its own for whoever needs one that can be full: small, in memory, in a mount namespace that ends with it."""

import os
import subprocess
from pathlib import Path

import pytest

HOLD = 'mount -t tmpfs -o "size=$1" tmpfs "$2" || exit 71; echo mounted; exec sleep infinity'


class SmallDisk:
    """with SmallDisk(directory, megabytes) as disk: what is started as disk.command(…) sees it at `directory`."""

    def __init__(self, directory: Path, megabytes: int):
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", HOLD, "sh", f"{megabytes}m", str(directory)],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "mounted\n":  # that a test may mount is part of what it needs
            _, why = self.holder.communicate(timeout=10)
            pytest.fail(f"no tmpfs can be mounted in a namespace of its own (root, or CAP_SYS_ADMIN, is needed): {why}",
                        pytrace=False)

    def __enter__(self) -> "SmallDisk":
        return self

    def __exit__(self, *_exception) -> None:
        self.holder.kill()
        self.holder.communicate(timeout=10)

    def command(self, argv: list[str]) -> list[str]:
        """Runs `argv` on it, as the same process."""
        return ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", *argv]

    @property
    def inside(self) -> Path:
        """The same directory, seen from here."""
        return Path(f"/proc/{self.holder.pid}/root{self.directory}")

    @property
    def ballast(self) -> Path:
        return self.inside / "ballast"

    def fill(self, but: int = 0) -> None:
        """Takes all that is free, but so many bytes."""
        free = os.statvfs(self.inside).f_bavail * os.statvfs(self.inside).f_frsize
        with self.ballast.open("ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), max(4096, free - but))

    def free(self) -> None:
        self.ballast.unlink()
