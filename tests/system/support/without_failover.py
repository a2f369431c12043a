"""Masters that do not let anybody use FAILOVER."""

import contextlib

from topology.layout import DCS


@contextlib.contextmanager
def without_failover(world, shards):
    """All Redis servers of these (cluster, shard), in every data center. Their files say it too, and no longer afterwards."""
    def tell_all(rule):
        for cluster, shard in shards:
            for dc in DCS:
                for server in world.layout.redises(dc, cluster, shard):
                    world.redis(server).execute_command("ACL", "SETUSER", "default", rule)
                    world.redis(server).config_rewrite()
    tell_all("-failover")
    try:
        yield
    finally:
        tell_all("+@all")
