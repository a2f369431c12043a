"""Full syncs, counted: of every Redis and every keeper."""

from dataclasses import dataclass

from topology.observe import Observation


@dataclass(frozen=True)
class FullSyncs:
    redis: dict[str, tuple[str, int]]  # address → run id, sync_full
    keeper: dict[str, tuple[int, int]]  # address → taken from upstream, served

    @staticmethod
    def of(seen: Observation) -> "FullSyncs":
        return FullSyncs(
            {a: (v.run_id, v.sync_full) for a, v in seen.redises.items() if v},
            {a: (v.full_syncs, v.full_syncs_served) for a, v in seen.keepers.items() if v})

    def since(self, before: "FullSyncs") -> list[str]:
        """Every full sync that has happened since `before`. A server that was restarted counts from zero."""
        found = []
        for address, (run_id, count) in self.redis.items():
            known = before.redis.get(address, ("", 0))
            earlier = known[1] if known[0] == run_id else 0
            if count > earlier:
                found.append(f"Redis {address} served {count - earlier} full syncs")
        for address, (taken, served) in self.keeper.items():
            earlier = before.keeper.get(address, (0, 0))
            if taken > earlier[0]:
                found.append(f"keeper {address} took {taken - earlier[0]} full syncs")
            if served > earlier[1]:
                found.append(f"keeper {address} served {served - earlier[1]} full syncs")
        return found
