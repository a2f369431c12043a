"""A planned switch is interrupted at each of its steps: it ends committed or rolled back, nothing is lost, and never are two
places writable. `./tests/campaign switch_interruptions` runs every step with every fault."""

import pytest

from support.interruptions import FAULTS, FREEZES, STEPS, WATCHES, Case, Interruptions

BEFORE, INTENT, ACT, _NO_EFFECT, WITH_EFFECT = FAULTS
TURNS = (INTENT, ACT, BEFORE, INTENT, WITH_EFFECT)


@pytest.fixture(scope="module")
def switches(home, binaries):
    with Interruptions(home.healthy(), binaries.parent) as interruptions:
        yield interruptions


@pytest.mark.parametrize("case", [Case(step, ACT if step in WATCHES else TURNS[i % len(TURNS)], FREEZES[i % len(FREEZES)])
                                  for i, step in enumerate(STEPS)], ids=str)
def test_an_interrupted_switch(switches, case):
    operation = switches.run(case)
    assert operation["state"] in ("done", "rolled_back"), operation
    assert operation["fault"] == "met"
