"""What runs, as a list of plain objects: the answer of `deploy/demo status`."""

from topology import rest
from topology.layout import HOST, Layout
from topology.machine import Machine
from topology.observe import observe, keeper_view

ROLES = {"ACTIVE": "active", "BACKUP": "backup"}  # a keeper that waits for its first order has none


def _of_host(layout: Layout, host) -> list[dict]:
    """The keepers that a keeper host says it has; None when it does not answer."""
    try:
        answer = rest.get(f"http://{host.address}/api/v1/keepers", timeout=2)
        listed = answer.json() if answer.ok else None
    except (OSError, ValueError):
        return None
    return listed.get("keepers", []) if isinstance(listed, dict) else listed


def status(layout: Layout) -> list[dict]:
    """{name, kind, dc, host, port, pid} of every process and keeper; pid is null for what should run and does not.
    sentinel_port of a metaserver; cluster, shard, role and (of a keeper's upstream link) transport where they apply; role
    and transport are what the server says of itself, absent when it is silent."""
    machine = Machine(layout)
    seen = observe(layout)
    rows = []
    for p in layout.processes():
        row = {"name": p.name, "kind": p.kind, "dc": p.dc or None, "host": HOST, "port": p.port, "pid": machine.pid(p)}
        if p.kind == "metaserver":
            row["sentinel_port"] = layout.sentinel_port(p)
        if p.kind == "redis":
            row |= {"cluster": p.cluster, "shard": p.shard}
            if view := seen.redises[p.address]:
                row["role"] = view.role
        rows.append(row)
        if p.kind == "keeper-host":
            rows += _keeper_rows(layout, seen, p, row["pid"])
    return rows


def _keeper_rows(layout: Layout, seen, host, pid) -> list[dict]:
    known = {k.address: k for k in layout.all_keepers()}
    listed = _of_host(layout, host) if pid else None
    if listed is None:  # the host is down: what it should have
        listed = [{"cluster": k.cluster, "shard": k.shard, "address": k.address}
                  for k in layout.all_keepers() if k.host == host.name]
    rows = []
    for one in listed:
        ip, port = one["address"].rsplit(":", 1)
        name = known[one["address"]].name if one["address"] in known else f"{host.dc}-keeper-{port}"
        row = {"name": name, "kind": "keeper", "dc": host.dc, "host": ip, "port": int(port), "pid": pid,
               "cluster": one["cluster"], "shard": one["shard"]}
        view = seen.keepers.get(one["address"])
        if view is None and one["address"] not in known:
            try:
                view = keeper_view(int(port))
            except (OSError, ValueError, KeyError, RuntimeError):
                view = None
        if view and view.state in ROLES:
            row["role"] = ROLES[view.state]
        if view and view.transport:
            row["transport"] = view.transport
        rows.append(row)
    return rows


def table(rows: list[dict]) -> str:
    head = ("NAME", "KIND", "DC", "ADDRESS", "PID", "ROLE", "UPSTREAM LINK")
    lines = [head] + [(r["name"], r["kind"], r["dc"] or "-", f"{r['host']}:{r['port']}", str(r["pid"] or "down"),
                       r.get("role", ""), r.get("transport", "")) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)
