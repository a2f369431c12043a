"""All figures, in the order in which they are measured when none is named: what a busy machine disturbs most is last."""

from figures import cpu, link, sync, idle, latency  # noqa: F401  (each registers its own)
from figures.memory import memory  # noqa: F401
from figures.row import FIGURES, Row  # noqa: F401
