"""JSON over HTTP with nothing but the standard library."""

import http.client
import json
import urllib.error
import urllib.request

# Loopback only: a proxy of the environment has no business here.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Answer:
    def __init__(self, status: int, body: bytes, headers=None):
        self.status, self.body, self.headers = status, body, headers or {}

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self):
        return json.loads(self.body or b"null")

    def __repr__(self) -> str:
        return f"{self.status} {self.body.decode(errors='replace')[:600]}"


def request(method: str, url: str, body=None, timeout: float = 5.0, headers: dict | None = None) -> Answer:
    """Any status is an answer; OSError when nobody answers. `body` is a value, or bytes to be sent as they are."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method,
                                   headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with _opener.open(asked, timeout=timeout) as answer:
            return Answer(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), dict(error.headers))
    except urllib.error.URLError as error:
        raise ConnectionError(f"{method} {url}: {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:  # reset while reading, torn answer
        raise ConnectionError(f"{method} {url}: {error}") from error


def get(url: str, timeout: float = 5.0) -> Answer:
    return request("GET", url, timeout=timeout)


def post(url: str, body=None, timeout: float = 5.0) -> Answer:
    return request("POST", url, body if body is not None else {}, timeout)
