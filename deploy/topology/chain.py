"""Is the replication of a shard as it should be? Values only: an observation in, sentences about what is wrong out."""

from topology.layout import DCS, SHARDS, Layout
from topology.observe import Observation


def problems(layout: Layout, seen: Observation, active: dict[str, str]) -> list[str]:
    """`active`: cluster → the DC that should be active. Empty when everything is in its place."""
    found = []
    for cluster, shard in SHARDS:
        found += shard_problems(layout, seen, cluster, shard, active.get(cluster, ""))
    return found


def shard_problems(layout: Layout, seen: Observation, cluster: str, shard: str, active_dc: str) -> list[str]:
    name = f"{cluster}/{shard}"
    if active_dc not in DCS:
        return [f"{name}: no active data center is known"]
    master, found = _master(layout, seen, cluster, shard, active_dc)
    active_keepers = {}
    for dc in DCS:
        active_keepers[dc], more = _active_keeper(layout, seen, cluster, shard, dc)
        found += more
    for dc in DCS:
        keeper_upstream = master if dc == active_dc else active_keepers[active_dc]
        found += _keeper_links(layout, seen, cluster, shard, dc, active_keepers[dc], keeper_upstream)
        found += _replica_links(layout, seen, cluster, shard, dc, master,
                                master if dc == active_dc else active_keepers[dc])
        replicas = {r.address for r in layout.redises(dc, cluster, shard)} - {master}
        found += _monitors(layout, seen, name, dc, dc == active_dc, master, replicas)
    return [f"{name}: {problem}" for problem in found]


def _master(layout, seen, cluster, shard, active_dc):
    masters = [r.address for dc in DCS for r in layout.redises(dc, cluster, shard)
               if (view := seen.redises[r.address]) and view.role == "master"]
    local = {r.address for r in layout.redises(active_dc, cluster, shard)}
    if len(masters) == 1 and masters[0] in local:
        return masters[0], []
    return None, [f"{active_dc} should have the one master; masters are: {', '.join(masters) or 'none'}"]


def _active_keeper(layout, seen, cluster, shard, dc):
    states = {k.address: (view.state if (view := seen.keepers[k.address]) else "no answer")
              for k in layout.keepers(dc, cluster, shard)}
    active = [address for address, state in states.items() if state == "ACTIVE"]
    if len(active) == 1 and all(state in ("ACTIVE", "BACKUP") for state in states.values()):
        return active[0], []
    said = ", ".join(f"{address} {state}" for address, state in states.items())
    return (active[0] if len(active) == 1 else None), [f"{dc} should have one ACTIVE keeper and BACKUP ones: {said}"]


def _keeper_links(layout, seen, cluster, shard, dc, active, upstream_of_active):
    for keeper in layout.keepers(dc, cluster, shard):
        view = seen.keepers[keeper.address]
        wanted = upstream_of_active if keeper.address == active else active
        if view and wanted and (view.upstream != wanted or view.link != "connected"):
            yield (f"{dc} {view.state} keeper {keeper.address} should follow {wanted}: "
                   f"it follows {view.upstream or 'nobody'}, link {view.link}")


def _replica_links(layout, seen, cluster, shard, dc, master, wanted):
    for redis in layout.redises(dc, cluster, shard):
        view = seen.redises[redis.address]
        if view is None:
            yield f"{dc} Redis {redis.address} does not answer"
        elif redis.address != master and view.role == "replica" and wanted and (
                view.upstream != wanted or not view.link_up):
            yield (f"{dc} replica {redis.address} should follow {wanted}: it follows {view.upstream}, "
                   f"link {'up' if view.link_up else 'down'}")


def _monitors(layout, seen, name, dc, is_active, master, replicas):
    """In the active DC each Sentinel watches the master and could fail it over: it knows the replicas and the other
    Sentinels. Elsewhere none watches."""
    for sentinel in layout.sentinels(dc):
        watched = seen.sentinels[sentinel.address]
        if watched is None:
            yield f"{dc} Sentinel {sentinel.address} does not answer"
            continue
        monitor = watched.get(name)
        if not is_active and monitor:
            yield f"{dc} Sentinel {sentinel.address} should not monitor it, but watches {monitor.address}"
        if not is_active or not master:
            continue
        if monitor is None or monitor.address != master:
            yield (f"{dc} Sentinel {sentinel.address} should watch {master}: it watches "
                   f"{monitor.address if monitor else 'nobody'}")
        elif missing := replicas - monitor.replicas:
            yield f"{dc} Sentinel {sentinel.address} has not found replica {', '.join(missing)} yet"
        elif monitor.other_sentinels < len(layout.sentinels(dc)) - 1:
            yield f"{dc} Sentinel {sentinel.address} has found {monitor.other_sentinels} other Sentinels"
