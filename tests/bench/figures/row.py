"""A line of the table, and the list of figures."""

from collections.abc import Callable
from dataclasses import dataclass

from measure import Bench


@dataclass
class Row:
    """`must` and `reach` are limits: upper ones, or lower ones when `more_is_better`. Neither: it is only reported."""

    what: str
    measured: float | str  # a text: it could not be measured, and why
    must: float | None = None
    reach: float | None = None
    detail: str = ""
    more_is_better: bool = False

    def verdict(self) -> str:
        if isinstance(self.measured, str):
            return "not available"
        if self._keeps(self.reach):
            return "reach"
        if self._keeps(self.must):
            return "must"
        if self.must is not None:
            return "MISSED"
        return "reported" if self.reach is None else "not reached"

    def _keeps(self, limit: float | None) -> bool:
        if limit is None:
            return False
        return self.measured >= limit if self.more_is_better else self.measured <= limit

    def cells(self) -> tuple[str, ...]:
        def limit(value: float | None) -> str:
            return "–" if value is None else f"{'≥' if self.more_is_better else '≤'} {value:g}"
        measured = self.measured if isinstance(self.measured, str) else f"{self.measured:.3g}"
        return self.what, measured, limit(self.must), limit(self.reach), self.verdict(), self.detail


FIGURES: dict[str, Callable[[Bench], list[Row]]] = {}


def figure(name: str):
    """Registers a function that measures and gives the rows that it stands for."""
    def register(function: Callable[[Bench], list[Row]]):
        FIGURES[name] = function
        return function
    return register
