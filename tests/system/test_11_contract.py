"""proto/ holds the daemons: routes, seed answers, znodes and events."""

import json
import re
import subprocess

import jsonschema
import pytest
import yaml

from topology.layout import DCS, SHARDS

CONTRACTS = {"penstock-console": "console.yaml", "penstock-metaserver": "metaserver.yaml",
             "penstock-keeper": "keeper-host.yaml"}


def proto(root):
    return root / "proto"


@pytest.mark.parametrize("daemon", CONTRACTS)
def test_the_openapi_names_exactly_the_routes_there_are(binaries, root, daemon):
    document = yaml.safe_load((proto(root) / CONTRACTS[daemon]).read_text())
    assert str(document["openapi"]).startswith("3.1")
    documented = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item
                  if method in ("get", "post", "put", "patch", "delete")}
    answer = subprocess.run([binaries / daemon, "--print-routes"], capture_output=True, text=True, timeout=10,
                            check=True)
    served = set(filter(None, answer.stdout.splitlines()))
    assert served == documented, f"only served: {served - documented}; only documented: {documented - served}"


# What a znode must look like, by its path. A path that fits none of these is a node nobody has described.
SCHEMAS = [
    (r"/meta/[^/]+/clusters/[^/]+/[^/]+", "shardConfig"),
    (r"/meta/[^/]+/clusters/[^/]+", "clusterConfig"),
    (r"/meta/[^/]+/metaservers/[^/]+", "metaserverInfo"),
    (r"/meta/[^/]+/keeperhosts/[^/]+", "keeperHostInfo"),
    (r"/meta/[^/]+/slots", "slotTable"),
    (r"/event/[^/]+/[^/]+/[^/]+", "event"),
    (r"/state/[^/]+/[^/]+/[^/]+", "shardState"),
    (r"/switch/[^/]+/[^/]+/[^/]+", "switchDecision"),
    (r"/elector/[^/]+/metaserver/[^/]+", "metaserverInfo"),
    (r"/elector/[^/]+/[^/]+/[^/]+/keeper/[^/]+", "keeperRegistration"),
]
DIRECTORIES = [r"/(meta|event|state|switch|elector)(/[^/]+)?", r"/meta/[^/]+/(metaservers|keeperhosts|clusters|rev)",
               r"/meta/[^/]+/rev/\d+", r"/meta/[^/]+/restarting(/[^/]+)?", r"/event/[^/]+/[^/]+",
               r"/state/[^/]+/[^/]+", r"/switch/[^/]+/[^/]+", r"/elector/[^/]+/[^/]+",
               r"/elector/[^/]+/[^/]+/[^/]+(/keeper)?"]


def schema_of(path):
    return next((name for pattern, name in SCHEMAS if re.fullmatch(pattern, path)), None)


def test_every_znode_keeps_its_schema(world, root):
    seen = set()
    for dc in DCS:
        with world.zookeeper(dc) as tree:
            for path, data in tree.all("/").items():
                name = schema_of(path)
                if name is None or not data and any(re.fullmatch(p, path) for p in DIRECTORIES):
                    assert any(re.fullmatch(p, path) for p in DIRECTORIES), f"{dc}: nobody has described {path}"
                    continue
                schema = json.loads((proto(root) / "schemas" / f"{name}.json").read_text())
                jsonschema.Draft202012Validator(schema).validate(json.loads(data))
                seen.add(name)
    missing = {name for _, name in SCHEMAS} - seen - {"event"}
    assert not missing, f"no znode of these kinds was there: {missing}"


def test_every_schema_is_one(root):
    files = sorted((proto(root) / "schemas").glob("*.json"))
    assert files
    for file in files:
        jsonschema.Draft202012Validator.check_schema(json.loads(file.read_text()))


ADDRESS = {"host": str, "port": int, "address": str, "epoch": int}
WHERE = {"cluster": str, "shard": str, "dc": str, "stale": bool}
NODE = {"address": str, "kind": str, "role": str, "reachable": bool, "state": str, "upstream": (str, type(None)),
        "link": (str, type(None)), "replid": str, "offset": int, "lagBytes": (int, type(None))}
GOLDEN = {
    "": {**WHERE, "owner": str, "config": {"cluster": dict, "shard": dict}, "state": {"activeDc": str, "epoch": dict},
         "health": {"diagnosis": str, "why": str, "keepers": [dict], "redises": [dict], "sentinels": [dict]}},
    "/redis/master": {**WHERE, **ADDRESS},
    "/keeper/active": {**WHERE, **ADDRESS, "state": str},
    "/arch": {"cluster": str, "shard": str, "activeDc": str,
              "dcs": {dc: {"reachable": bool, "master": (str, type(None)), "activeKeeper": str, "nodes": [NODE]}
                      for dc in DCS}},
}


def missing(golden, answer, path="$"):
    """What of `golden` the answer does not keep: keys may be added, never lost, never of another type."""
    if isinstance(golden, dict):
        if not isinstance(answer, dict):
            return [f"{path} is no object: {answer}"]
        return [problem for key, inner in golden.items() for problem in (
            missing(inner, answer[key], f"{path}.{key}") if key in answer else [f"{path}.{key} is missing"])]
    if isinstance(golden, list):
        if not isinstance(answer, list) or not answer:
            return [f"{path} is no list with something in it: {answer}"]
        return [problem for i, one in enumerate(answer) for problem in missing(golden[0], one, f"{path}[{i}]")]
    return [] if isinstance(answer, golden) else [f"{path} is a {type(answer).__name__}: {answer}"]


@pytest.mark.parametrize("path", GOLDEN)
def test_seed_answers_keep_their_keys(world, path):
    """Frozen: other programs rely on these keys and types."""
    for dc in DCS:
        for server in world.layout.metaservers(dc):
            for cluster, shard in SHARDS:
                answer = world.ask(server, f"/api/{cluster}/{shard}{path}").json()
                assert missing(GOLDEN[path], answer) == [], f"{server.name}: {answer}"


def test_golden_can_fail():
    assert missing({"a": int, "b": [{"c": str}]}, {"a": 1, "b": [{"c": "x"}]}) == []
    assert missing({"a": int}, {"a": "1"}) and missing({"a": int}, {}) and missing({"b": [{"c": str}]}, {"b": []})
