"""Detached processes with pid files. A process is known by its pid, start time and boot, never by its name."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """Clock ticks since boot when the process was started; None when there is none, or only its zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2:].split()
    return None if fields[0] in "ZX" else int(fields[19])


class PidFile:
    """<state>/run/<name>.json: {pid, started, boot}."""

    def __init__(self, path: Path):
        self.path = path

    def pid(self) -> int | None:
        """The pid when the very process that was started is alive."""
        try:
            record = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return None
        started = record["started"]  # null: it had ended before this file was written
        alive = record["boot"] == BOOT and started is not None and start_time(record["pid"]) == started
        return record["pid"] if alive else None

    def write(self, pid: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        record = {"pid": pid, "started": start_time(pid), "boot": BOOT}
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(record))
        partial.rename(self.path)

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)


_children: list[subprocess.Popen] = []


def spawn(argv: list[str], directory: Path, log: Path, pid_file: PidFile, environment: dict | None = None) -> int:
    """Starts a process in a session of its own, its output appended to `log`."""
    directory.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(argv, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                 start_new_session=True, env={**os.environ, **(environment or {})})
    _children.append(child)
    pid_file.write(child.pid)
    return child.pid


def reap() -> None:
    """Takes the exit status of those that ended, so that no zombie stays behind in a long-lived parent."""
    _children[:] = [child for child in _children if child.poll() is None]


def exit_code(pid: int) -> int | None:
    """Of a process that this one started and that has ended: its code, negative for a signal."""
    for child in _children:
        if child.pid == pid:
            return child.poll()
    return None


def send(pid: int, signal_number: int) -> None:
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        pass


def wait_gone(pid_files: list[PidFile], seconds: float) -> list[PidFile]:
    """Those that are still alive after `seconds`."""
    deadline = time.monotonic() + seconds
    alive = [file for file in pid_files if file.pid()]
    while alive and time.monotonic() < deadline:
        time.sleep(0.02)
        reap()
        alive = [file for file in alive if file.pid()]
    return alive


def stop_all(pid_files: list[PidFile], patience: float = 10.0) -> list[str]:
    """SIGTERM to all at once, SIGKILL to who is left after `patience` seconds. Names of those that had to be killed."""
    for file in pid_files:
        if pid := file.pid():
            send(pid, signal.SIGTERM)
            send(pid, signal.SIGCONT)  # a stopped process would not hear it
    stubborn = wait_gone(pid_files, patience)
    for file in stubborn:
        if pid := file.pid():
            send(pid, signal.SIGKILL)
    left = wait_gone(stubborn, 5.0)
    if left:
        raise RuntimeError("still alive after SIGKILL: " + ", ".join(f"{f.path.stem} (pid {f.pid()})" for f in left))
    for file in pid_files:
        file.remove()
    return [file.path.stem for file in stubborn]


def listener(port: int) -> str | None:
    """Who listens on 127.0.0.1:port: "redis-server (pid 123)", or "somebody" when it cannot be seen; None: nobody."""
    answer = subprocess.run(["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=False).stdout
    if not answer.strip():
        return None
    if "users:((" not in answer:
        return "a process of another user"
    name, pid = answer.split('users:(("', 1)[1].split('",pid=', 1)
    return f"{name} (pid {pid.split(',')[0]})"
