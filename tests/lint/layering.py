#!/usr/bin/env python3
"""The layering rules as a test: who may include whom, which third-party header stands where, what is banned.

Reads text only. Prints every violation as file:line: rule, and exits 1 when there is any.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
DAEMONS = ("keeper", "metaserver", "console", "cli", "hook")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Where a third-party header may stand: (pattern of the include, allowed path prefixes or files, why).
THIRD_PARTY = [
    (r"^zookeeper/|^zookeeper\.h", ("src/common/zk/",), "the ZooKeeper C client stays in common/zk"),
    (r"^hiredis/", ("src/common/resp/",), "hiredis stays in common/resp"),
    (r"^boost/beast", ("src/common/http/http_server.cc", "src/common/http/http_client.cc",
                       "src/common/http/beast_impl.cc"),
     "Beast costs 8 s a translation unit"),
    (r"^spdlog/", ("src/common/log/",), "spdlog stays in common/log"),
    (r"^toml\+\+/|^toml\+\+\.h|^toml\.hpp", ("src/common/config/",), "toml++ stays in common/config"),
    (r"^prometheus/", ("src/common/metrics/",), "prometheus-cpp stays in common/metrics"),
    (r"^soci/", ("src/console/store",), "SOCI stays in the console's store"),
    (r"^CLI/", ("src/common/daemon/", "src/cli/", "src/keeper/main.cc", "src/keeper/standalone_flags."),
     "CLI11 stays in common/daemon and the mains"),
    (r"^openssl/|^boost/asio/ssl", ("src/common/net/tls_",), "OpenSSL stays in the TLS part of common/net"),
    (r"^zstd\.h", ("src/common/net/zstd_frames.cc",), "zstd stays in common/net"),
    (r"^systemd/", ("src/common/daemon/",), "libsystemd stays in common/daemon"),
]
# nlohmann/json.hpp: in .cc files, and in the two headers that say so.
JSON_HEADERS = {"src/common/model/json_reader.h"}
BANNED = [
    (re.compile(r"\bdetached\b"), "detached is banned: every coroutine has an owner (common/async/task_group.h)"),
    (re.compile(r"\bstd::(this_thread::sleep_for|this_thread::sleep_until)"), "a loop never sleeps: sleep_for of async"),
    (re.compile(r"\b(system|popen)\s*\("), "no shell is ever started"),
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "finish it, or write the known gap down in docs"),
]
CAPTURING_COROUTINE = re.compile(r"\[[^\]\s][^\]]*\]\s*(\([^)]*\))?\s*(mutable\s*)?->\s*(Task<|boost::asio::awaitable<)")


def strip_comment(line: str) -> str:
    return re.sub(r"//.*$", "", line)


def allowed_in_core(daemon: str, header: str, system: bool) -> bool:
    if system:
        return "/" not in header and not header.endswith(".h") or header in ("cstdint",)
    return header.startswith(("common/base/", "common/model/", f"{daemon}/core/")) and "json" not in header


def check_include(path: str, bracket: str, header: str):
    system = bracket == "<"
    parts = path.split("/")
    owner = parts[1]
    if owner in DAEMONS:
        target = header.split("/")[0]
        if not system and target in DAEMONS and target != owner:
            yield f"{owner} includes {target}: daemons never include each other"
    if owner == "common" and not system and header.split("/")[0] in DAEMONS:
        yield "common includes a daemon"
    if owner == "common" and parts[2] == "base" and not system and not header.startswith("common/base/"):
        yield "common/base includes something above it"
    if owner in DAEMONS and len(parts) > 3 and parts[2] == "core" and not allowed_in_core(owner, header, system):
        yield f"core sees std, common/base, common/model and its own core only, not {header}"
    for pattern, places, why in THIRD_PARTY:
        if re.match(pattern, header) and not path.startswith(places):
            yield f"{header}: {why}"
    if header == "nlohmann/json.hpp" and path.endswith(".h") and path not in JSON_HEADERS:
        yield "nlohmann/json.hpp is for .cc files"


def check_file(file: pathlib.Path):
    path = file.relative_to(ROOT).as_posix()
    text = file.read_text()
    if path.endswith(".h") and "#pragma once" not in text:
        yield 1, "header without #pragma once"
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            for problem in check_include(path, include.group(1), include.group(2)):
                yield number, problem
            continue
        code = strip_comment(line)
        for pattern, why in BANNED:
            # The words of a comment are free, except for the promise to finish something later.
            if pattern.search(line if "TODO" in pattern.pattern else code):
                yield number, why
        if CAPTURING_COROUTINE.search(code):
            yield number, "a capturing lambda is no coroutine: its captures die before it does; pass parameters by value"


def self_test() -> list[str]:
    """The rules must be able to fail: each of these lines breaks one."""
    cases = [
        ("src/keeper/core/a.h", '"common/log/log.h"'), ("src/keeper/core/a.h", "<boost/asio/post.hpp>"),
        ("src/keeper/a.cc", '"metaserver/core/b.h"'), ("src/common/zk/a.cc", '"keeper/core/b.h"'),
        ("src/console/a.cc", "<boost/beast.hpp>"), ("src/console/a.cc", "<zookeeper/zookeeper.h>"),
        ("src/console/a.h", "<nlohmann/json.hpp>"), ("src/common/base/a.h", '"common/log/log.h"'),
    ]
    failures = []
    for path, include in cases:
        if not list(check_include(path, include[0], include[1:-1])):
            failures.append(f"self-test: {include} in {path} was not refused")
    if not CAPTURING_COROUTINE.search("auto f = [this](int x) -> Task<void> {"):
        failures.append("self-test: a capturing coroutine lambda was not refused")
    if CAPTURING_COROUTINE.search("auto f = [](int x) -> Task<void> {"):
        failures.append("self-test: a lambda without captures was refused")
    return failures


def main() -> int:
    problems = self_test()
    files = sorted(list(SRC.rglob("*.h")) + list(SRC.rglob("*.cc")))
    for file in files:
        problems += [f"{file.relative_to(ROOT)}:{number}: {problem}" for number, problem in check_file(file)]
    described = (ROOT / "docs/architecture.md").read_text() if (ROOT / "docs/architecture.md").exists() else ""
    for folder in sorted({file.parent for file in files}):
        name = folder.relative_to(ROOT).as_posix()
        if f"`{name}/`" not in described:
            problems.append(f"docs/architecture.md has no sentence for `{name}/`")
    print("\n".join(problems) or f"{len(files)} files keep the layering")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
