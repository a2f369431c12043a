"""The hop between the data centers: mutual TLS and compression, and new certificates under way."""

from support.wait import wait_until
from topology import certificates, resp
from topology.layout import DCS, HOST, SHARDS


def keeper_info(keeper) -> dict[str, str]:
    return resp.info(keeper.port, "keeper")


def other(dc: str) -> str:
    return next(name for name in DCS if name != dc)


def links_of(keeper) -> list[dict[str, str]]:
    """Those who are connected to the keeper as replicas."""
    links = [value for name, value in keeper_info(keeper).items() if name.startswith("keeper_link") and name[11:].isdigit()]
    return [dict(pair.split("=", 1) for pair in link.split(",")) for link in links]


def test_only_the_hop_between_data_centers_is_secured_and_compressed(world):
    for cluster, shard in SHARDS:
        near, far = world.active_dc(cluster), other(world.active_dc(cluster))
        sender, receiver = world.keeper(near, cluster, shard), world.keeper(far, cluster, shard)
        assert keeper_info(receiver)["keeper_upstream_transport"] == "tls+zstd"
        assert keeper_info(sender)["keeper_upstream_transport"] == "tcp", "it follows the master"
        for dc in DCS:
            backup = world.keeper(dc, cluster, shard, "BACKUP")
            assert keeper_info(backup)["keeper_upstream_transport"] == "tcp"
        assert {link["addr"]: link["transport"] for link in links_of(sender)}[receiver.address] == "tls+zstd"


def test_compressible_data_costs_the_hop_a_third(world):
    cluster, shard = "orders", "shard-1"
    receiver = world.keeper(other(world.active_dc(cluster)), cluster, shard)

    def carried():
        info = keeper_info(receiver)
        return int(info["keeper_upstream_plain_bytes"]), int(info["keeper_upstream_wire_bytes"])
    plain, wire = carried()
    master = world.redis(world.master(cluster, shard))
    with master.pipeline(transaction=False) as pipeline:
        for i in range(5000):
            pipeline.hset(f"user:{i}", mapping={"name": f"somebody {i * 7919}", "mail": "somebody@example.org", "visits": i})
        pipeline.execute()
    world.wait_equal(cluster, shard)
    more_plain, more_wire = carried()
    assert more_plain - plain > 500_000
    assert (more_wire - wire) / (more_plain - plain) < 0.35


def test_new_certificates_end_no_link(world):
    """The files of every keeper host change; links stand, and who connects from then on sees the new ones."""
    before = world.full_syncs()
    hosts = [host for dc in DCS for host in world.layout.keeper_hosts(dc)]
    said = {host.name: world.layout.log(host).read_text().count("certificates were loaded again") for host in hosts}
    ended = {host.name: world.layout.log(host).read_text().count("upstream link ended") for host in hosts}
    for dc in DCS:
        (world.layout.certificates / f"{dc}-keeper.crt").unlink()
    certificates.make(world.layout.certificates, [f"{dc}-keeper" for dc in DCS], HOST)
    wait_until("every keeper host has loaded them",
               lambda: all(world.layout.log(host).read_text().count("certificates were loaded again") > said[host.name]
                           for host in hosts), 20)
    for cluster, shard in SHARDS:
        world.write_and_read(cluster, shard, 3)
    assert {host.name: world.layout.log(host).read_text().count("upstream link ended") for host in hosts} == ended

    cluster, shard = SHARDS[0]
    far = other(world.active_dc(cluster))
    receiver = world.keeper(far, cluster, shard)
    for verb in ("stop", "start"):
        answer = world.tell(world.host_of(receiver), f"/api/v1/keepers/{cluster}/{shard}/{verb}")
        assert answer.ok, answer
    world.heal()
    assert keeper_info(world.keeper(far, cluster, shard))["keeper_upstream_transport"] == "tls+zstd"
    assert not world.full_syncs().since(before)
