"""What the servers say about themselves, asked directly and in parallel."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from topology import resp
from topology.layout import Layout


@dataclass(frozen=True)
class RedisView:
    role: str  # master | replica
    upstream: str = ""  # host:port, of a replica
    link_up: bool = False
    replid: str = ""
    offset: int = -1
    sync_full: int = 0
    sync_partial: int = 0
    backlog: int = 0
    run_id: str = ""
    info: dict = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class KeeperView:
    """KEEPER GETSTATE, of which `fields` has all, and how the link to the upstream is made."""

    state: str
    upstream: str
    link: str
    replid: str
    offset: int
    full_syncs: int
    full_syncs_served: int
    transport: str = ""  # tcp, tls, tcp+zstd, tls+zstd
    fields: dict = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Monitor:
    """What a Sentinel knows of a master that it watches."""

    address: str
    replicas: frozenset[str]  # that are up
    other_sentinels: int


@dataclass
class Observation:
    redises: dict[str, RedisView | None]  # by address; None: no answer
    keepers: dict[str, KeeperView | None]
    sentinels: dict[str, dict[str, Monitor] | None]  # sentinel address → master name → what it knows


def redis_view(port: int, timeout: float = 2.0) -> RedisView:
    info = resp.info(port, "default", timeout)
    replica = info["role"] == "slave"
    return RedisView(
        role="replica" if replica else "master",
        upstream=f"{info['master_host']}:{info['master_port']}" if replica else "",
        link_up=info.get("master_link_status") == "up",
        replid=info["master_replid"],
        offset=int(info["slave_repl_offset"] if replica else info["master_repl_offset"]),
        sync_full=int(info["sync_full"]), sync_partial=int(info["sync_partial_ok"]),
        backlog=int(info["repl_backlog_size"]), run_id=info["run_id"], info=info)


def keeper_view(port: int, timeout: float = 2.0) -> KeeperView:
    flat = resp.call(port, "KEEPER", "GETSTATE", timeout=timeout)
    fields = dict(zip(flat[::2], flat[1::2]))
    info = resp.info(port, "keeper", timeout)
    return KeeperView(state=fields["state"], upstream=fields["upstream"], link=fields["link"], replid=fields["replid"],
                      offset=int(fields["offset"]), full_syncs=int(fields["full_syncs"]),
                      full_syncs_served=int(fields["full_syncs_served"]),
                      transport=info["keeper_upstream_transport"], fields=fields)


def _fields(flat: list) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2]))


def sentinel_view(port: int, timeout: float = 2.0) -> dict[str, Monitor]:
    found = {}
    for master in map(_fields, resp.call(port, "SENTINEL", "MASTERS", timeout=timeout)):
        replicas = map(_fields, resp.call(port, "SENTINEL", "REPLICAS", master["name"], timeout=timeout))
        up = frozenset(f"{r['ip']}:{r['port']}" for r in replicas if not {"s_down", "disconnected"} & set(
            r["flags"].split(",")))
        found[master["name"]] = Monitor(f"{master['ip']}:{master['port']}", up, int(master["num-other-sentinels"]))
    return found


def _or_none(view, port: int, timeout: float):
    try:
        return view(port, timeout)
    except (OSError, resp.RedisError, KeyError, ValueError):
        return None


def observe(layout: Layout, timeout: float = 2.0) -> Observation:
    sentinels = [s for s in layout.stores() if s.kind == "sentinel"]
    asked = ([(redis_view, r) for r in layout.all_redises()] + [(keeper_view, k) for k in layout.all_keepers()] +
             [(sentinel_view, s) for s in sentinels])
    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = pool.map(lambda one: (one[0], one[1].address, _or_none(one[0], one[1].port, timeout)), asked)
    seen = Observation({}, {}, {})
    place = {redis_view: seen.redises, keeper_view: seen.keepers, sentinel_view: seen.sentinels}
    for view, address, answer in answers:
        place[view][address] = answer
    return seen
