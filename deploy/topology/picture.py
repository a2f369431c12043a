"""The replication of every shard as text: who follows whom, as observed."""

from topology.layout import DCS, SHARDS, Layout
from topology.observe import Observation


def _nodes(layout: Layout, seen: Observation, cluster: str, shard: str) -> dict[str, dict]:
    nodes = {}
    for dc in DCS:
        for redis in layout.redises(dc, cluster, shard):
            view = seen.redises[redis.address]
            nodes[redis.address] = {
                "dc": dc, "upstream": view.upstream if view else "", "offset": view.offset if view else None,
                "label": view.role if view else "Redis, no answer", "ok": bool(view and (view.role == "master" or view.link_up))}
        for keeper in layout.keepers(dc, cluster, shard):
            view = seen.keepers[keeper.address]
            nodes[keeper.address] = {
                "dc": dc, "upstream": view.upstream if view else "", "offset": view.offset if view else None,
                "label": f"keeper {view.state.lower()}" if view else "keeper, no answer",
                "transport": view.transport if view else "",
                "ok": bool(view and view.link == "connected")}
    return nodes


def _branch(nodes: dict, address: str, prefix: str, lines: list[str], newest: int, drawn: set) -> None:
    children = [a for a, node in nodes.items() if node["upstream"] == address and a not in drawn]
    drawn.update(children)
    for i, child in enumerate(children):
        last = i == len(children) - 1
        node = nodes[child]
        far = node["dc"] != nodes[address]["dc"]
        state = "" if node["ok"] else "  link down"
        if node["ok"] and node["offset"] is not None and newest - node["offset"] > 0:
            state = f"  {newest - node['offset']} B behind"
        if node["ok"] and node.get("transport", "tcp") != "tcp":
            state = f"  {node['transport']}{state}"
        lines.append(f"{prefix}{'└' if last else '├'}{'═' if far else '─'} {node['dc']}  {node['label']}  {child}{state}")
        _branch(nodes, child, prefix + ("   " if last else "│  "), lines, newest, drawn)


def picture(layout: Layout, seen: Observation) -> str:
    lines = []
    for cluster, shard in SHARDS:
        nodes = _nodes(layout, seen, cluster, shard)
        roots = [a for a, node in nodes.items() if node["upstream"] not in nodes]
        lines.append(f"{cluster}/{shard}")
        drawn = set(roots)
        for root in roots:
            node = nodes[root]
            lines.append(f"  {node['dc']}  {node['label']}  {root}")
            _branch(nodes, root, "  ", lines, node["offset"] or 0, drawn)
    return "\n".join(lines)
