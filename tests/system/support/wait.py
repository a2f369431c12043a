"""Waiting for a condition, never for time to pass."""

import time

import pytest
import redis
from kazoo.exceptions import NoNodeError

from topology import resp

# What a server that is away, starting, or changing its role may answer: not yet, rather than no.
NOT_YET = (AssertionError, OSError, KeyError, ValueError, TypeError, redis.RedisError, resp.RedisError,
           NoNodeError)


def wait_until(what: str, condition, seconds: float = 30, every: float = 0.05):
    """The first truthy answer of `condition`. When time runs out, the test fails with what the condition said last:
    its exception, or its falsy answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = condition()
            if answer:
                return answer
            last = repr(answer)
        except NOT_YET as error:
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:g} s; at last: {last}", pytrace=True)
        time.sleep(every)


def wait_none(what: str, problems, seconds: float = 30, every: float = 0.1) -> None:
    """Waits until `problems()` is an empty list; the failure lists what is left."""
    deadline = time.monotonic() + seconds
    while found := problems():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: after {seconds:g} s there is still\n  " + "\n  ".join(map(str, found)))
        time.sleep(every)
