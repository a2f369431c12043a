"""A process on a file system of its own: small, in memory, in a mount namespace that ends with it."""

import os
import subprocess
from pathlib import Path

import pytest

MOUNT = 'mount -t tmpfs -o "size=$1" tmpfs "$2" || exit 71; shift 2; exec "$@"'


class SmallDisk:
    """Where the process sees `directory`, and how much of it is free."""

    def __init__(self, directory: Path, megabytes: int):
        self.directory, self.megabytes = directory, megabytes
        directory.mkdir(parents=True, exist_ok=True)
        self.pid = 0

    def command(self, argv: list[str]) -> list[str]:
        """Runs `argv` on it, as the same process."""
        return ["unshare", "--mount", "sh", "-c", MOUNT, "sh", f"{self.megabytes}m", str(self.directory), *argv]

    def belongs_to(self, pid: int) -> None:
        self.pid = pid

    @property
    def inside(self) -> Path:
        """The same directory, seen from here."""
        return Path(f"/proc/{self.pid}/root{self.directory}")

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


def check_mounts(directory: Path) -> None:
    """That a test may mount is part of what it needs: as root, also in a container with CAP_SYS_ADMIN."""
    disk = SmallDisk(directory, 1)
    answer = subprocess.run(disk.command(["true"]), capture_output=True, text=True, timeout=20, check=False)
    if answer.returncode != 0:
        pytest.fail("no tmpfs can be mounted in a namespace of its own (root, or CAP_SYS_ADMIN, is needed): " +
                    answer.stderr.strip(), pytrace=False)
