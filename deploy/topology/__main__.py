"""python3 -m topology up|down|status|start|stop: what deploy/demo calls after it has built."""

import argparse
import fcntl
import json
import os
import sys
from pathlib import Path

from topology import picture, process, stages, status
from topology.layout import DCS, Layout
from topology.machine import Failed, Machine
from topology.observe import observe


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="topology", description=__doc__)
    parser.add_argument("verb", choices=["up", "down", "status", "start", "stop"])
    parser.add_argument("names", nargs="*", help="start, stop: names of processes")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--base-port", type=int, default=17100)
    parser.add_argument("--first-stage", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def remembered(state: Path, base: int) -> int:
    """A running topology keeps its ports, whatever is asked for later."""
    try:
        return json.loads((state / "layout.json").read_text())["basePort"]
    except (FileNotFoundError, ValueError, KeyError):
        return base


def up(layout: Layout, first: int) -> int:
    layout.state.mkdir(parents=True, exist_ok=True)
    (layout.state / "layout.json").write_text(json.dumps({"basePort": layout.base}))
    machine = None
    try:
        machine = stages.bring_up(layout, stages.Stages(first, first + 3))
    except KeyboardInterrupt:
        print("\ninterrupted; ./deploy/demo up goes on, ./deploy/demo down removes everything", file=sys.stderr)
        return 130
    print()
    print(picture.picture(layout, observe(layout)))
    print(f"\nConsole      http://{layout.console.address}/api/v1/topology")
    for dc in DCS:
        servers = "  ".join(f"http://{server.address}" for server in layout.metaservers(dc))
        print(f"Metaservers  {dc}  {servers}   e.g. /api/orders/shard-1/arch")
    east, west = (layout.redises(dc, "orders", "shard-1")[0].port for dc in DCS)
    print("\nNext:")
    print(f"  redis-cli -p {east} set greeting hello && redis-cli -p {west} get greeting")
    print(f"  curl -s -X POST http://{layout.console.address}/api/v1/clusters/orders/switch "
          "-H 'Content-Type: application/json' -d '{\"target\":\"west\",\"reason\":\"trying it\"}'")
    face = layout.sentinel_port(layout.metaservers("west")[0])
    print(f"  redis-cli -p {face} sentinel get-master-addr-by-name orders/shard-1")
    print("  ./deploy/demo status")
    return 0


def lock(directory: Path) -> None:
    """One command at a time; held until this process ends. `down` removes the state, so it lies on the parent."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failed("another command is at work on this topology") from None


def run(args: argparse.Namespace) -> int:
    state = args.state.resolve()
    layout = Layout(state, args.binaries.resolve(), remembered(state, args.base_port))
    if args.verb == "status":
        rows = status.status(layout) if state.exists() else []
        if args.json:
            print(json.dumps(rows, indent=2))
        elif rows:
            print(picture.picture(layout, observe(layout)), "", status.table(rows), sep="\n")
        else:
            print("nothing is running; ./deploy/demo up starts it")
        return 0
    if args.verb == "down":
        if not state.exists():
            print("nothing is running")
            return 0
        running = sum(process.PidFile(path).pid() is not None for path in (state / "run").glob("*.json"))
        stubborn = stages.take_down(layout)
        print(f"stopped {running} processes" + (f" ({', '.join(stubborn)} only after SIGKILL)" if stubborn else "") +
              f", removed {args.state}")
        return 0
    if args.verb == "up":
        return up(layout, args.first_stage)
    machine = Machine(layout)
    chosen = [layout.process(name) for name in args.names]
    if args.verb == "stop":
        machine.stop(chosen)
    else:
        machine.start_missing(chosen)
        machine.wait_ready(chosen, 30)
    return 0


def main() -> int:
    args = arguments()
    try:
        if args.verb != "status":
            lock(args.state.resolve().parent)
        return run(args)
    except Failed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyError as error:
        print(error.args[0], file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
