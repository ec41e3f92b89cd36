"""JSON bodies that are read as they came, so that a service can name every fault in words."""

from typing import Annotated, Any

import orjson
from fastapi import Depends, Request

from studio.api.errors import UnknownKind, Unreadable


async def json_object(request: Request) -> dict[str, Any]:
    """Return the body, a JSON object.

    Raises:
        UnknownKind: the body is not announced as JSON, as a form on another site's page is not.
        Unreadable: it is not JSON (NaN is not), is nested too deep, or is no object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnknownKind("The body must be JSON.", "Send Content-Type: application/json.")
    try:
        found = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"The body is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise Unreadable("The body must be a JSON object with named fields.")
    return found


JsonObject = Annotated[dict[str, Any], Depends(json_object)]


def documented(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body that is read by `json_object`."""
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}
