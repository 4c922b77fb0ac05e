#!/usr/bin/python3
# SPDX-License-Identifier: MIT
#
# Holds the JSON Schema and the parser to the same verdicts. The schema must be a valid one of draft
# 2020-12; what it refuses the parser must refuse, and what the parser takes it must take. Only where
# no schema can know (time zones, cron fields, names of other tasks) may the parser be stricter.
import json
import subprocess
import sys

import jsonschema

PRINTER = sys.argv[1]

VALUES = [
    None, True, False, 0, 1, -1, 2, 3.0, 1.5, 255, 256, 1e30, -0.5, 0.0001, 1000, 1001,
    "", " ", "0", "1", "-1", "30", "0s", "5m", "5x", "4m30s", "30s4m", "1h 30m", " 5s ", "1.5h", "5 m", "5.",
    "100ms", "0.0ms", "10M", "64KiB", "64kib", "5B", "10 MB", "1X", "true", "stop", "restart", "ignore",
    "combined", "none", "mail", "all", "latest", "incident", "0022", "0999", "a.b:C", "x=y", "a\u0000b",
    "http://a/b", "ftp://a", "UTC", "* * * * *", "@reboot", ".x", "name", "x" * 200, "caf\u00e9",
    [], [0], [1, 2], [256], ["a"], ["a", 1], ["a=b"], [""], [[]], ["t"],
    {}, {"A": "1"}, {"A": 1}, {"": "x"}, {"A=B": "x"}, {"factor": 2}, {"factor": 0.5}, {"max": 0},
    {"max": "5m", "jitter": 0.5}, {"jitter": 2}, {"memory": "512M", "processes": 3}, {"memory": 0},
    {"open-files": 1}, {"days": 3}, {"days": 0}, {"unknown": 1},
]
TASK = {"name": "t", "command": "true"}
STRICTER = {"timezone", "schedule-cron", "depends-on"}

GOOD = [
    {"scripts": []},
    {"version": "1.0", "scripts": [TASK]},
    {"scripts": [{"name": "t", "task": "m:C", "parameters": {"x": [1, None]}}]},
    {"scripts": [TASK], "defaults": {"on-fail": "restart", "times": 3}},
]
BAD = [
    [], None, 1, {}, {"scripts": {}}, {"scripts": [1]}, {"scripts": [{}]}, {"scripts": None},
    {"scripts": [{"name": "t"}]}, {"scripts": [{"command": "x"}]}, {"scripts": [], "unknown": 1},
    {"scripts": [{"name": "t", "command": "x", "task": "m:C"}]},
    {"scripts": [TASK | {"timer": 5, "schedule-cron": "* * * * *"}]},
    {"scripts": [TASK | {"times": 5, "max-attempts": 5}]},
    {"scripts": [TASK | {"stdout": "combined"}]},
    {"scripts": [TASK | {"unknown": 1}]},
    {"scripts": [], "defaults": {"name": "t"}}, {"scripts": [], "defaults": {"command": "t"}},
    {"scripts": [], "defaults": {"task": "m:C"}}, {"scripts": [], "defaults": {"timer": 5, "schedule-cron": "@daily"}},
    {"scripts": [], "version": "2.0"}, {"scripts": [], "version": 1.0},
]


def main():
    schema = json.loads(subprocess.run([PRINTER, "schema"], check=True, capture_output=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    documents = [(None, document, True) for document in GOOD] + [(None, document, False) for document in BAD]
    for key, definition in schema["$defs"]["task"]["properties"].items():
        if key not in STRICTER:
            documents += [(key, {"notify_command": "x", "scripts": [{**TASK, key: example}]}, None)
                          for example in definition["examples"]]
        for value in VALUES:
            task = {**TASK, key: value}
            if key == "task":
                del task["command"]
            documents.append((key, {"notify_command": "x", "scripts": [task]}, None))
            documents.append((key, {"notify_command": "x", "scripts": [], "defaults": {key: value}}, None))
    for key in schema["properties"]:
        documents += [(key, {"scripts": [], key: value}, None) for value in VALUES]

    lines = "".join(json.dumps(document) + "\n" for _, document, _ in documents)
    verdicts = subprocess.run([PRINTER, "verdicts"], input=lines.encode(), check=True, capture_output=True)
    verdicts = verdicts.stdout.decode().split()
    assert len(verdicts) == len(documents)

    wrong = 0
    for (key, document, expected), verdict in zip(documents, verdicts):
        by_schema = validator.is_valid(document)
        by_parser = verdict != "bad"
        agree = by_schema == by_parser or (by_schema and key in STRICTER)
        if not agree or (expected is not None and expected != by_schema):
            wrong += 1
            print(f"schema: {by_schema}, parser: {verdict}, expected: {expected}: {json.dumps(document)[:300]}")
    print(f"{len(documents)} documents, {wrong} disagreements")
    return 1 if wrong else 0


sys.exit(main())
