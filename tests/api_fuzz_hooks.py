"""Loaded by schemathesis in its own environment: real ids in paths, and a line for each answer.

IDS: a JSON file of ids by the path up to the id ("/api/v1/companies"). ANSWERS: a file that gets "method path status".
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import schemathesis

IDS: dict[str, list[str]] = json.loads(Path(os.environ["IDS"]).read_text())
CHANCE = random.Random(7)
NEW = 0.2  # of the cases keep the made-up id: what is not there is a case too


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Put an id of a record that is there in the place of the first made-up one."""
    prefix, brace, rest = case.path.partition("/{")
    known = IDS.get(prefix)
    if not (brace and known and case.path_parameters) or CHANCE.random() < NEW:
        return
    case.path_parameters[rest.partition("}")[0].partition(":")[0]] = CHANCE.choice(known)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Note what came of it."""
    with Path(os.environ["ANSWERS"]).open("a") as file:
        file.write(f"{case.method} {case.path} {response.status_code}\n")
