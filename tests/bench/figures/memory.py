"""The keeper's peak memory, over all that was measured in the same call: whatever it does, it must stay small."""

from figures.row import Row
from measure import Bench


def memory(bench: Bench) -> list[Row]:
    runs = [run for run in bench.runs if run["peer"].startswith("keeper") and "peak_rss_mb" in run]
    if not runs:
        return []
    least, most = (choose(runs, key=lambda run: run["peak_rss_mb"]) for choose in (min, max))
    redis = max((run["peak_rss_mb"] for run in bench.runs if run["peer"].startswith("redis")), default=None)
    return [Row("peak RSS of the keeper, MB, every run", most["peak_rss_mb"], 64, 32,
                f"most in {most['figure']}, least {least['peak_rss_mb']:.0f} in {least['figure']}"
                + (f"; redis up to {redis:.0f}" if redis else ""))]
