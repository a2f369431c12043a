#!/usr/bin/env python3
"""clang-tidy with the few checks of .clang-tidy over all files of src.

tidy.py BUILD_DIR [FILE…]    BUILD_DIR has compile_commands.json
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tidy(build: str, file: str) -> tuple[str, str, float]:
    began = time.monotonic()
    answer = subprocess.run(["clang-tidy-19", "--quiet", "-p", build, file], cwd=ROOT, capture_output=True, text=True,
                            check=False)
    return file, answer.stdout.strip() if answer.returncode else "", time.monotonic() - began


def main() -> int:
    build = sys.argv[1]
    commands = json.loads((ROOT / build / "compile_commands.json").read_text())
    files = sorted({c["file"] for c in commands if c["file"].startswith(f"{ROOT}/src/")})
    if sys.argv[2:]:
        files = [file for file in files if any(file.endswith(wanted) for wanted in sys.argv[2:])]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        answers = list(pool.map(lambda file: tidy(build, file), files))
    for _, problems, _ in answers:
        if problems:
            print(problems)
    slowest = max(answers, key=lambda a: a[2], default=("", "", 0))
    bad = sum(bool(problems) for _, problems, _ in answers)
    print(f"{len(files)} files, {bad} with problems; the slowest, {os.path.relpath(slowest[0] or '.', ROOT)}, "
          f"took {slowest[2]:.0f} s")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
