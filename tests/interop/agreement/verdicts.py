"""Verdicts of Python's jsonschema: a line of JSON in, true or false out."""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

schemas = Path(sys.argv[1])
validators = {}
for line in sys.stdin:
    case = json.loads(line)
    name = case["schema"]
    if name not in validators:
        schema = json.loads((schemas / f"{name}.json").read_text())
        Draft202012Validator.check_schema(schema)
        validators[name] = Draft202012Validator(schema)
    print(json.dumps(validators[name].is_valid(case["document"])))
