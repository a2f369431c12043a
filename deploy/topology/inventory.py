"""Tells the console about data centers, clusters, shards, Redis servers and keepers, as an operator would."""

from topology import rest
from topology.layout import ACTIVE_DC, CLUSTERS, DCS, SHARDS, Layout


class Refused(RuntimeError):
    pass


def _create(base: str, path: str, body: dict) -> bool:
    """False when it exists already (200 the same, 409 otherwise: what was changed since stays as it is)."""
    answer = rest.post(f"{base}{path}", body, timeout=15)
    if answer.status in (200, 409):
        return False
    if not answer.ok:
        raise Refused(f"POST {path} {body}: {answer}")
    return True


def requests(layout: Layout) -> list[tuple[str, dict]]:
    """Every POST below /api/v1, in order."""
    todo = []
    for dc in DCS:
        todo.append(("/dcs", {
            "name": dc,
            "zookeeper": layout.zookeeper(dc).address,
            "metaservers": [server.address for server in layout.metaservers(dc)],
            "sentinels": [sentinel.address for sentinel in layout.sentinels(dc)],
            "sentinelQuorum": 2,
            "sentinelReconfigScript": str(layout.hook(dc)),
            "sentinelDownAfterMs": 2000,
            "sentinelFailoverTimeoutMs": 10000,
        }))
    for cluster, shards in CLUSTERS.items():
        todo.append(("/clusters", {"name": cluster, "activeDc": ACTIVE_DC,
                                   "backupDcs": [dc for dc in DCS if dc != ACTIVE_DC]}))
        todo += [(f"/clusters/{cluster}/shards", {"name": shard}) for shard in shards]
    for cluster, shard in SHARDS:
        path = f"/clusters/{cluster}/shards/{shard}"
        for dc in DCS:
            for i, redis in enumerate(layout.redises(dc, cluster, shard)):
                body = {"dc": dc, "address": redis.address}
                if dc == ACTIVE_DC and i == 0:
                    body["initialMaster"] = True
                todo.append((f"{path}/redises", body))
            todo += [(f"{path}/keepers", {"dc": dc, "host": keeper.host, "address": keeper.address})
                     for keeper in layout.keepers(dc, cluster, shard)]
    return todo


def configure(layout: Layout) -> int:
    """How many things were new to the console."""
    base = f"http://{layout.console.address}/api/v1"
    return sum(_create(base, path, body) for path, body in requests(layout))


def active_dcs(layout: Layout, timeout: float = 5.0) -> dict[str, str]:
    """cluster → active DC, as the console intends it. OSError when the console does not answer."""
    found = {}
    for cluster in CLUSTERS:
        answer = rest.get(f"http://{layout.console.address}/api/v1/clusters/{cluster}", timeout)
        if answer.ok:
            found[cluster] = answer.json().get("activeDc", "")
    return found
