"""Bodies of the REST API: read by their own types, so that 1 is no truth value and "5" no number."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import SerializationException, ValidationException

_PLACE = re.compile(r" - at `\$\.?(.+)`$")


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is what the description says; the framework's own way takes 1 for true."""

    async def json(self) -> Any:
        """Return the body as its handler's type. ValidationException (400) names the place of what does not fit."""
        field = self.route_handler.parsed_data_field
        if field is None:
            return await super().json()
        try:
            return _decoder(field.annotation).decode(await self.body())
        except msgspec.ValidationError as error:
            text = str(error)
            place = _PLACE.search(text)
            told = {"message": text.partition(" - at ")[0], "key": place[1] if place else "body", "source": "body"}
            about = f"Validation failed for {self.method} {self.url.path}"
            raise ValidationException(detail=about, extra=[told]) from error
        except msgspec.DecodeError as error:
            raise SerializationException(str(error)) from error


@lru_cache(maxsize=1024)
def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(annotation)
