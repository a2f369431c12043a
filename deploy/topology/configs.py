"""The command line and the configuration files of every process."""

import os
import shutil
from pathlib import Path

from topology import certificates
from topology.layout import DCS, HOST, Layout, Process

REDIS = """\
bind {host}
port {port}
dir {directory}
protected-mode yes
save ""
appendonly no
repl-backlog-size 64mb
repl-diskless-sync yes
repl-diskless-sync-delay 0
enable-debug-command local
"""

SENTINEL = """\
bind {host}
port {port}
dir {directory}
sentinel deny-scripts-reconfig no
sentinel resolve-hostnames no
"""

ZOOKEEPER = """\
tickTime=500
dataDir={directory}/data
clientPort={port}
clientPortAddress={host}
maxClientCnxns=200
admin.enableServer=false
4lw.commands.whitelist=srvr,ruok
autopurge.snapRetainCount=3
autopurge.purgeInterval=1
"""

METASERVER = """\
id = "{name}"
dc = "{dc}"
consoles = ["http://{console}"]

[http]
host = "{host}"
port = {port}

[sentinel]
host = "{host}"
port = {sentinel_port}

[zookeeper]
servers = "{zookeeper}"
session_timeout = "4s"
"""

KEEPER = """\
id = "{name}"
dc = "{dc}"
data_dir = "{directory}/data"

[zookeeper]
servers = "{zookeeper}"
session_timeout = "4s"

[admin]
listen = "{host}:{port}"

[store]
segment = "16mb"
log_max = "256mb"

[tls]
cert_file = "{tls}/{dc}-keeper.crt"
key_file = "{tls}/{dc}-keeper.key"
ca_file = "{tls}/ca.crt"
plain_from = ["{host}"]

[upstream]
tls = ["other_dc"]
zstd = ["other_dc"]
"""

CONSOLE = """\
[http]
listen = "{host}:{port}"

[database]
url = "sqlite3://{directory}/console.db"

[zookeeper]
session_timeout = "4s"
"""

HOOK = """\
metaservers = [{metaservers}]
timeout = "3s"
"""


def quoted(values) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _fill(template: str, layout: Layout, process: Process) -> str:
    values = {"host": HOST, "port": process.port, "name": process.name, "dc": process.dc,
              "directory": layout.directory(process), "console": layout.console.address,
              "tls": layout.certificates}
    if process.kind == "metaserver":
        values["sentinel_port"] = layout.sentinel_port(process)
    if process.dc:
        values["zookeeper"] = layout.zookeeper(process.dc).address
    return template.format(**values)


def files(layout: Layout, process: Process) -> dict[Path, str]:
    """What must exist before the first start. Existing files are kept: Redis and Sentinel rewrite theirs."""
    directory = layout.directory(process)
    template = {"redis": REDIS, "sentinel": SENTINEL, "zookeeper": ZOOKEEPER, "metaserver": METASERVER,
                "keeper-host": KEEPER, "console": CONSOLE}[process.kind]
    name = {"redis": "redis.conf", "sentinel": "sentinel.conf", "zookeeper": "zoo.cfg"}.get(
        process.kind, f"{process.kind}.toml")
    found = {directory / name: _fill(template, layout, process)}
    if process.kind == "sentinel":
        metaservers = quoted(server.address for server in layout.metaservers(process.dc))
        found[Path(f"{layout.hook(process.dc)}.toml")] = HOOK.format(metaservers=metaservers)
    return found


def java() -> str:
    return shutil.which("java") or "/usr/bin/java"


def command(layout: Layout, process: Process) -> list[str]:
    directory = layout.directory(process)
    binary = {"metaserver": "penstock-metaserver", "keeper-host": "penstock-keeper", "console": "penstock-console"}
    if process.kind == "redis":
        return ["/usr/bin/redis-server", str(directory / "redis.conf")]
    if process.kind == "sentinel":
        return ["/usr/bin/redis-server", str(directory / "sentinel.conf"), "--sentinel"]
    if process.kind == "zookeeper":
        return [java(), "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
                "-cp", "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(directory / "zoo.cfg")]
    return [str(layout.binaries / binary[process.kind]), "--config", str(directory / f"{process.kind}.toml")]


def prepare(layout: Layout, process: Process) -> None:
    """Directories and files of a process, as far as they are missing."""
    layout.directory(process).mkdir(parents=True, exist_ok=True)
    if process.kind == "keeper-host":
        certificates.make(layout.certificates, [f"{dc}-keeper" for dc in DCS], HOST)
    for path, text in files(layout, process).items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if process.kind == "zookeeper":
        (layout.directory(process) / "data").mkdir(exist_ok=True)
    if process.kind == "sentinel":
        link = layout.hook(process.dc)
        target = layout.binaries / "penstock-sentinel-hook"
        if not link.is_symlink() or os.readlink(link) != str(target):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
