"""A block of free ports for a topology that must not meet another one."""

import random
import socket
from pathlib import Path

from topology.layout import HOST, PORT_BLOCK


def _bound(port: int) -> socket.socket | None:
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind((HOST, port))
        probe.listen(1)
        return probe
    except OSError:
        probe.close()
        return None


def free_block(avoid: range = range(17100, 17300)) -> tuple[int, socket.socket]:
    """(base, guard): base to base + PORT_BLOCK are free and below the ports that outgoing connections take. As long as
    the guard is open, no other caller gets the same block: it listens on the last port of it."""
    lowest_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    highest = min(lowest_ephemeral, 32768) - PORT_BLOCK
    for _ in range(200):
        base = random.randrange(10_000, highest, PORT_BLOCK)
        if base in avoid or base + PORT_BLOCK - 1 in avoid:
            continue
        guard = _bound(base + PORT_BLOCK - 1)
        if guard is None:
            continue
        probes = [_bound(port) for port in range(base, base + PORT_BLOCK - 1)]
        for probe in probes:
            if probe:
                probe.close()
        if all(probes):
            return base, guard
        guard.close()
    raise RuntimeError("no block of free ports was found")
