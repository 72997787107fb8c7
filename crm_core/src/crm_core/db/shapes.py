"""What is worked out once per shape of a question and kept with its database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
MOST_SHAPES = 1024


class Shapes:
    """Compiled queries of one database, by shape; the least used are dropped."""

    def __init__(self) -> None:
        self.found: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        """Return what was made for this shape, making it at first."""
        found: T | None = self.found.get(key)
        if found is None:
            found = self.found[key] = make()
            if len(self.found) > MOST_SHAPES:
                self.found.popitem(last=False)
        else:
            self.found.move_to_end(key)
        return found
