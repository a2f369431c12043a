"""What the metaservers think of their shards."""

from topology import rest
from topology.layout import DCS, SHARDS, Layout


def problems(layout: Layout) -> list[str]:
    """Shards that no metaserver of a data center calls healthy, with its diagnosis."""
    return [said for dc in DCS for cluster, shard in SHARDS if (said := _of_shard(layout, dc, cluster, shard))]


def _of_shard(layout: Layout, dc: str, cluster: str, shard: str) -> str:
    said = "no metaserver answers"
    for server in layout.metaservers(dc):
        try:
            answer = rest.get(f"http://{server.address}/api/{cluster}/{shard}", timeout=2)
            if not answer.ok:
                said = str(answer)
                continue
            health = answer.json()["health"]
        except (OSError, ValueError, KeyError) as error:
            said = str(error)
            continue
        if health["diagnosis"] == "healthy":
            return ""
        said = f"{health['diagnosis']}: {health['why']}"
    return f"{cluster}/{shard} in {dc}: {said}"
