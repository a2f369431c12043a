#!/usr/bin/env python3
"""Every C++ file is formatted as .clang-format says. Prints the files that are not; `--fix` formats them."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main() -> int:
    files = [str(f) for top in ("src", "tests") for end in ("*.h", "*.cc") for f in sorted((ROOT / top).rglob(end))]
    how = ["-i"] if sys.argv[1:] == ["--fix"] else ["--dry-run", "-Werror"]
    answer = subprocess.run(["clang-format-19", *how, *files], cwd=ROOT, capture_output=True, text=True, check=False)
    wrong = sorted({line.split(":")[0] for line in answer.stderr.splitlines() if " error: " in line})
    for file in wrong:
        print(f"{pathlib.Path(file).relative_to(ROOT)}: not as .clang-format wants it (tests/lint/format.py --fix)")
    if answer.returncode and not wrong:
        print(answer.stderr)
    if not answer.returncode:
        print(f"{len(files)} files are formatted")
    return answer.returncode


if __name__ == "__main__":
    sys.exit(main())
