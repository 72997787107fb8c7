"""Loaded by schemathesis in its own environment: real ids and bodies that fit, and a line for each answer.

WORLD: a JSON file: `ids` by the path up to the id ("/api/v1/companies"), `places`, `bodies` and `queries` by operation.
ANSWERS: a file that gets "method path status".
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import schemathesis

WORLD: dict[str, dict[str, Any]] = json.loads(Path(os.environ["WORLD"]).read_text())
CHANCE = random.Random(7)
NEW = 0.2  # of the cases keep the made-up id: what is not there is a case too
FIT = 0.4  # of the cases get a body that fits what is there: links lead to records


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Put what is there in the place of the first made-up id, and now and then of the whole body."""
    prefix, brace, rest = case.path.partition("/{")
    operation = f"{case.method.upper()} {case.path}"
    if brace and case.path_parameters and CHANCE.random() >= NEW:
        if places := WORLD["places"].get(operation):
            case.path_parameters.update(CHANCE.choice(places))
        elif known := WORLD["ids"].get(prefix):
            case.path_parameters[rest.partition("}")[0].partition(":")[0]] = CHANCE.choice(known)
    if CHANCE.random() < FIT:
        if bodies := WORLD["bodies"].get(operation):
            case.body = CHANCE.choice(bodies)
        if query := WORLD["queries"].get(operation):
            case.query = dict(query)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Note what came of it."""
    with Path(os.environ["ANSWERS"]).open("a") as file:
        file.write(f"{case.method} {case.path} {response.status_code}\n")
