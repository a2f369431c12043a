#!/usr/bin/env python3
"""What the encoder writes is what proto/schemas says: no field less, no field more, at any depth.

Usage: schema_test.py <model_samples>
"""

import copy
import json
import pathlib
import subprocess
import sys
import unittest

from jsonschema import Draft202012Validator

SCHEMAS = pathlib.Path(__file__).resolve().parents[3] / "proto" / "schemas"
OPEN_MAPS = {("event", ("payload",))}  # objects whose keys are free
PROGRAM = ""


def validators() -> dict[str, Draft202012Validator]:
    out = {}
    for file in SCHEMAS.glob("*.json"):
        schema = json.loads(file.read_text())
        Draft202012Validator.check_schema(schema)
        out[file.stem] = Draft202012Validator(schema)
    return out


def samples(how: str) -> dict[str, dict]:
    return json.loads(subprocess.run([PROGRAM, how], capture_output=True, check=True, timeout=20).stdout)


def nodes(value, path=()):
    """Every (path, value) of a document, itself included."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from nodes(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:2]):
            yield from nodes(inner, (*path, index))


def at(value, path):
    for part in path:
        value = value[part]
    return value


def objects(schema):
    """Every object schema that lists its properties."""
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


class Schemas(unittest.TestCase):
    def setUp(self):
        self.validators, self.full = validators(), samples("full")

    def refused(self, name, document, what):
        self.assertFalse(self.validators[name].is_valid(document), f"{name}: {what} was accepted")

    def test_each_struct_has_a_schema_and_each_schema_a_struct(self):
        self.assertEqual(set(self.validators), set(self.full))

    def test_samples_are_valid(self):
        for how in ("full", "bare", "half"):
            for name, document in samples(how).items():
                problems = [f"{list(e.absolute_path)}: {e.message}" for e in self.validators[name].iter_errors(document)]
                self.assertEqual(problems, [], f"{name}, {how}")

    def test_full_samples_leave_nothing_out(self):
        for name, document in self.full.items():
            for path, value in nodes(document):
                self.assertIsNotNone(value, f"{name}: {path}")

    def test_a_removed_field_is_noticed(self):
        for name, document in self.full.items():
            for path, value in nodes(document):
                if not path or isinstance(path[-1], int) or (name, path[:-1]) in OPEN_MAPS:
                    continue
                changed = copy.deepcopy(document)
                del at(changed, path[:-1])[path[-1]]
                self.refused(name, changed, f"a document without {path}")

    def test_an_extra_field_is_noticed(self):
        for name, document in self.full.items():
            for path, value in nodes(document):
                if not isinstance(value, dict) or (name, path) in OPEN_MAPS:
                    continue
                changed = copy.deepcopy(document)
                at(changed, path)["surprise"] = 1
                self.refused(name, changed, f"a surprise at {path}")

    def test_a_wrong_type_is_noticed(self):
        for name, document in self.full.items():
            for path, value in nodes(document):
                if not path:
                    continue
                for wrong in ([[]] if not isinstance(value, list) else [{}]) + [1.5]:
                    changed = copy.deepcopy(document)
                    at(changed, path[:-1])[path[-1]] = wrong
                    self.refused(name, changed, f"{wrong!r} at {path}")

    def test_every_object_is_closed_and_every_field_described(self):
        for name, validator in self.validators.items():
            for schema in objects(validator.schema):
                self.assertIs(schema.get("additionalProperties"), False, name)
                self.assertEqual(set(schema["required"]), set(schema["properties"]), name)
                for field, how in schema["properties"].items():
                    self.assertTrue(how.get("description"), f"{name}: {field}")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
