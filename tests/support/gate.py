#!/usr/bin/env python3
"""What tests/run does once the packages are there. Runs each part, counts, and leaves no process behind: whatever a
test started and forgot is reparented to this process (it is a subreaper) and ends with it."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import fuzzing

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "test-results"
PARTS = ("unit", "system", "asan", "fuzz", "lint")  # tsan on request: the gate has to stay within its time
PYTHON = "/usr/bin/python3"
JOBS = str(os.cpu_count() or 2)
PR_SET_CHILD_SUBREAPER = 36
FUZZ_SECONDS = 60  # of each target
SHOWN_LINES, SHOWN_WIDTH = 30, 300  # of what a failed test said


class Interrupted(Exception):
    pass


def skipped(case: ElementTree.Element) -> bool:
    """On purpose, by pytest or gtest. CTest also says "skipped" of a binary that was not built: that is a failure."""
    said = case.find("skipped")
    if said is None:
        return False
    return said.get("type", "").startswith("pytest") or said.get("message", "").startswith("SKIP_")


def what_it_said(case: ElementTree.Element) -> str:
    """The lines that name the failure, and the last: a log far away is lost with the machine that ran the test."""
    lines = "".join(case.itertext()).strip().splitlines()
    telling = [number for number, line in enumerate(lines) if "Failure" in line or "ERROR: " in line][:8]
    shown = sorted({near for number in telling for near in range(number, min(number + 8, len(lines)))} |
                   set(range(max(0, len(lines) - SHOWN_LINES), len(lines))))
    return "\n".join(f"   {lines[number][:SHOWN_WIDTH]}" for number in shown)


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures: list[str] = []

    def one(self, name: str, ok: bool) -> bool:
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            self.failures.append(name)
        return ok

    def junit(self, part: str, file: Path) -> None:
        for case in ElementTree.parse(file).getroot().iter("testcase"):
            if skipped(case):
                self.skipped += 1
            else:
                failed = {child.tag for child in case} & {"failure", "error", "skipped"}
                name = f"{part}: {case.get('classname')}.{case.get('name')}"
                if not self.one(name, not failed):
                    print(f"-- {name}\n{what_it_said(case)}", flush=True)


def run(name: str, command: list[str], environment: dict | None = None, quiet: bool = True) -> bool:
    """Runs a command in a session of its own. Quiet: output into a log of which a failure shows the end."""
    log = RESULTS / f"{name}.log"
    print(f"== {name}", flush=True)
    began = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True,
                                 env={**os.environ, **(environment or {})},
                                 stdout=output if quiet else None, stderr=subprocess.STDOUT if quiet else None)
        try:
            code = child.wait()
        except Interrupted:
            os.kill(child.pid, signal.SIGTERM)  # pytest takes its topology down
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                pass
            raise
    if code != 0 and quiet:
        print("\n".join(log.read_text(errors="replace").splitlines()[-60:]), flush=True)
    print(f"   {name}: {'ok' if code == 0 else f'FAILED ({code})'}, {time.monotonic() - began:.0f} s", flush=True)
    return code == 0


class Gate:
    def __init__(self, work: Path, parts: tuple[str, ...]):
        self.work, self.parts, self.tally, self.built = work, parts, Tally(), {}
        self.ahead: dict[str, subprocess.Popen] = {}

    def build_ahead(self, preset: str) -> None:
        """With what the tests leave of the processors. Its errors are those of the build() that follows."""
        if preset in self.built or not run(f"{preset}-configure", ["cmake", "--preset", preset]):
            return
        with (RESULTS / f"{preset}-build-ahead.log").open("wb") as output:
            self.ahead[preset] = subprocess.Popen(["chrt", "--idle", "0", "cmake", "--build", "--preset", preset], cwd=ROOT,
                                                  stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

    def build(self, preset: str) -> bool:
        if preset not in self.built:
            if ahead := self.ahead.pop(preset, None):
                ahead.wait()
            self.built[preset] = (run(f"{preset}-configure", ["cmake", "--preset", preset]) and
                                  run(f"{preset}-build", ["cmake", "--build", "--preset", preset]))
            self.tally.one(f"build of {preset}", self.built[preset])
        return self.built[preset]

    def ctest(self, preset: str, environment: dict | None = None, extra: tuple = ()) -> None:
        if not self.build(preset):
            return
        report = RESULTS / f"{preset}-unit.xml"
        report.unlink(missing_ok=True)
        ok = run(f"{preset}-unit", ["ctest", "--test-dir", f"build/{preset}", "--output-on-failure", "-j", JOBS,
                                    "--timeout", "300", "--output-junit", str(report), *extra], environment)
        self.count(f"{preset}-unit", report, ok)

    def count(self, part: str, report: Path, ok: bool) -> None:
        """A part that failed without a failing case in its report has failed nevertheless."""
        before = self.tally.failed
        if report.exists():
            self.tally.junit(part, report)
        if not ok and self.tally.failed == before:
            self.tally.one(f"{part}: see {RESULTS / part}.log", False)

    def unit(self) -> None:
        self.ctest("release")

    def asan(self) -> None:
        self.ctest("asan", {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
                            "LSAN_OPTIONS": f"print_suppressions=0:suppressions={ROOT / 'tests/support/lsan.supp'}",
                            "UBSAN_OPTIONS": "print_stacktrace=1"}, ("-E", "^lint"))

    def tsan(self) -> None:
        suppressions = ROOT / "tests/support/tsan.supp"
        self.ctest("tsan", {"TSAN_OPTIONS": f"halt_on_error=1:second_deadlock_stack=1:suppressions={suppressions}"},
                   ("-E", "^lint"))

    def fuzz(self) -> None:
        if not self.build("fuzz"):
            return
        for target in fuzzing.targets():
            for old in RESULTS.glob(f"fuzz-{target}*"):
                old.unlink()

        def done(target: str, ok: bool) -> None:
            self.tally.one(f"fuzz.{target}", ok)
            print(f"   fuzz-{target}: {'ok' if ok else 'FAILED'}, {fuzzing.runs(target, RESULTS)} runs", flush=True)
            if not ok:
                print(fuzzing.last_lines(target, RESULTS), flush=True)

        print("== fuzz", flush=True)
        fuzzing.fuzz_all(self.work / "fuzz", FUZZ_SECONDS, RESULTS, done)

    def system(self) -> None:
        if not self.build("release"):
            return
        if "asan" in self.parts:
            self.build_ahead("asan")
        report = RESULTS / "system.xml"
        report.unlink(missing_ok=True)
        ok = run("system", [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "tests/system", f"--junitxml={report}"],
                 {"PENSTOCK_TEST_DIR": str(self.work), "PYTHONUNBUFFERED": "1"}, quiet=False)
        self.count("system", report, ok)

    def lint(self) -> None:
        self.tally.one("lint.layering", run("lint-layering", [PYTHON, "tests/lint/layering.py"]))
        self.tally.one("lint.format", run("lint-format", [PYTHON, "tests/lint/format.py"]))
        if self.build("release"):
            self.tally.one("lint.tidy", run("lint-tidy", [PYTHON, "tests/lint/tidy.py", "build/release"]))


def descendants() -> list[int]:
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = entry.read_text()
        except OSError:
            continue
        parents[int(entry.parent.name)] = int(stat[stat.rindex(")") + 2:].split()[1])
    found, frontier = [], {os.getpid()}
    while frontier := {pid for pid, parent in parents.items() if parent in frontier}:
        found += frontier
    return found


def end_descendants() -> None:
    """A forked child may appear between two looks: look until there is none."""
    deadline = time.monotonic() + 20
    while (left := descendants()) and time.monotonic() < deadline:
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        time.sleep(0.02)


def interrupt(number, _frame):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


def main() -> int:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    RESULTS.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="penstock-tests-"))
    gate, began = Gate(work, tuple(sys.argv[1:]) or PARTS), time.monotonic()
    try:
        for part in gate.parts:
            getattr(gate, part)()
    except Interrupted as signalled:
        gate.tally.one(f"interrupted by {signalled}", False)
    finally:
        end_descendants()
        shutil.rmtree(work, ignore_errors=True)
    tally = gate.tally
    print(f"\n{time.monotonic() - began:.0f} s; logs in {RESULTS}")
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
