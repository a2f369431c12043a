"""kill -9 of a stand-alone keeper at random points, damage to what it left, and a byte comparison after each
(support/kills.py). `tests/campaign keeper_kills` does the same more than a thousand times."""

import pytest

from support.kills import Kills, Redis, Synthetic

ROUNDS = 12


@pytest.mark.parametrize("kind", [Synthetic, Redis], ids=lambda kind: kind.__name__.lower())
def test_a_keeper_that_was_killed_serves_what_was_sent_and_resumes(workdir, binaries, kind):
    with Kills(workdir / f"kills-{kind.__name__}", binaries, kind, seed=1) as kills:
        for seed in range(ROUNDS):
            kills.round(seed)
        assert kills.counts["killed at a moment"] + kills.counts["killed before a call"] == ROUNDS
