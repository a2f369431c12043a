"""Single servers of any version at hand, keepers of any kind, and Sentinels, for tests that need no data center."""

import re
import signal
from pathlib import Path

import redis

from support.alone import Alone, free_port
from support.servers import DEBIAN, Server
from support.small_disk import SmallDisk
from support.wait import wait_until
from topology import process, resp, rest


class Lab(Alone):
    """with Lab(directory, binaries) as lab: master = lab.server("master", some_server, "requirepass x") …"""

    def start_again(self, name: str) -> None:
        """As Alone, but a server that asks for a password has answered too."""
        process.spawn(self.commands[name], self.directory / name, self.directory / f"{name}.log", self._pid_file(name))

        def answers():
            try:
                return resp.call(self.ports[name], "PING")
            except resp.RedisError as error:
                return str(error).startswith("NOAUTH")
        wait_until(f"{name} answers PING", answers, 10)

    def server(self, name: str, server: Server = DEBIAN, *lines: str) -> int:
        """Its port. No snapshots, a backlog that holds a whole test, and no ping but the ones that are asked for."""
        port = free_port()
        arguments = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                     "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb",
                     "--repl-ping-replica-period", "3600",
                     "--client-output-buffer-limit", "replica", "0", "0", "0"]
        if server.since((7, 0)):
            arguments += ["--enable-debug-command", "local"]
        for line in lines:
            key, *values = line.split()
            arguments += [f"--{key}", *values]
        return self._start(name, port, [str(server.path), *arguments])

    def relay(self, name: str, upstream: int, *flags: str) -> int:
        """A stand-alone keeper with more on its command line."""
        port = free_port()
        return self._start(name, port, [
            str(self.binaries / "penstock-keeper"), "--standalone", "--listen", f"127.0.0.1:{port}",
            "--upstream", f"127.0.0.1:{upstream}", "--data", str(self.directory / name / "data"), *flags])

    def secret(self, name: str, text: str) -> str:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
        return str(path)

    def host(self, name: str, shards: list[str], lines: str = "", disk: SmallDisk | None = None) -> dict[str, int]:
        """A keeper host without ZooKeeper, with a keeper for each of these shards of cluster c1: their ports. `lines` of
        its configuration; its data on `disk`, if given."""
        admin, ports = free_port(), {shard: free_port() for shard in shards}
        config = self.directory / f"{name}.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(f'dc = "east"\nid = "{name}"\ndata_dir = "{self.directory / name / "data"}"\n'
                          f'[zookeeper]\nservers = "127.0.0.1:1"\n[admin]\nlisten = "127.0.0.1:{admin}"\n{lines}')
        command = [str(self.binaries / "penstock-keeper"), "--config", str(config)]
        self.commands[name], self.ports[name] = disk.command(command) if disk else command, admin
        self.host_again(name)
        for shard, port in ports.items():
            answer = rest.request("POST", f"http://127.0.0.1:{admin}/api/v1/keepers",
                                  {"cluster": "c1", "shard": shard, "address": f"127.0.0.1:{port}"})
            assert answer.ok, answer
        return ports

    def host_again(self, name: str) -> None:
        process.spawn(self.commands[name], self.directory / name, self.directory / f"{name}.log", self._pid_file(name))
        wait_until(f"{name} lives", lambda: rest.get(f"http://127.0.0.1:{self.ports[name]}/livez", 2).ok, 10)

    def troubles(self, name: str) -> list[str]:
        """Of a keeper host: why it is not ready, but for ZooKeeper, which it does not have."""
        reasons = rest.get(f"http://127.0.0.1:{self.ports[name]}/readyz").json()
        return [reason for reason in reasons.get("reasons", []) if not reason.startswith("zookeeper")]

    def metric(self, name: str, metric: str, shard: str) -> float | None:
        """Of a keeper of a keeper host."""
        text = rest.get(f"http://127.0.0.1:{self.ports[name]}/metrics").body.decode()
        found = re.search(rf'^{metric}{{cluster="c1",shard="{shard}"}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else None

    def sentinel(self, name: str, master: int, quorum: int = 2) -> int:
        port = free_port()
        config = self.directory / f"{name}.conf"
        config.parent.mkdir(parents=True, exist_ok=True)
        (self.directory / name).mkdir(exist_ok=True)
        config.write_text(f"port {port}\nbind 127.0.0.1\ndir {self.directory / name}\n"
                          f"sentinel monitor shard 127.0.0.1 {master} {quorum}\n"
                          "sentinel down-after-milliseconds shard 3000\nsentinel failover-timeout shard 4000\n"
                          "sentinel parallel-syncs shard 4\n")
        return self._start(name, port, [str(DEBIAN.path), str(config), "--sentinel"])

    def pid(self, name: str) -> int:
        return self._pid_file(name).pid()

    def freeze(self, *names: str) -> None:
        for name in names:
            process.send(self.pid(name), signal.SIGSTOP)

    def thaw(self, *names: str) -> None:
        for name in names:
            process.send(self.pid(name), signal.SIGCONT)

    def data(self, name: str) -> Path:
        return self.directory / name / "data"


def client(port: int, **options) -> redis.Redis:
    return redis.Redis(port=port, socket_timeout=20, decode_responses=True, **options)


def info(port: int, section: str = "everything") -> dict:
    return client(port).info(section)


def state(port: int) -> dict[str, str]:
    """KEEPER GETSTATE."""
    words = client(port).execute_command("KEEPER", "GETSTATE")
    return dict(zip(words[::2], words[1::2]))


def digest(port: int) -> str:
    return client(port).execute_command("DEBUG", "DIGEST")
