"""Safety profiles over HTTP: list, read, write, put in force, try on a text."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from storage.errors import Fault
from storage.safety.profiles import Stored
from studio.api.bodies import JsonObject, documented
from studio.api.person import Here, Person
from studio.services import safety

router = APIRouter(prefix="/safety", tags=["safety"])

_PROFILE = documented(
    {
        "type": "object",
        "description": "Either `profile`, an object as `GET` shows it, or `yaml`, a file's text.",
        "properties": {"profile": {"type": "object"}, "yaml": {"type": "string"}},
    }
)
_TRIAL = documented(
    {
        "type": "object",
        "required": ["text"],
        "properties": {
            "profile_id": {"type": "string"},
            "profile": {"type": "object"},
            "text": {"type": "string"},
        },
    }
)


class ProfileLine(BaseModel):
    """A profile; `rules`: how many; `faults`: of a file that cannot be used, by field and line."""

    id: str
    name: str
    shipped: bool
    description: str
    audience: str | None
    rules: int
    faults: list[Fault]


class ProfileAnswer(ProfileLine):
    """A profile with all it says; None where its file cannot be used. `yaml`: the file."""

    profile: dict[str, Any] | None
    yaml: str


class Use(BaseModel):
    """Whom a profile is in force for; `profile_id`: its own, None where it takes the studio's."""

    subject: str
    title: str
    profile_id: str | None


class NewUse(BaseModel):
    """`subject`: studio, base:ID or adapter:ID; `profile_id` None: none of its own."""

    model_config = ConfigDict(extra="forbid")

    subject: str
    profile_id: str | None


@router.get("/profiles")
def listing(studio: Here, _: Person) -> list[ProfileLine]:
    """List the profiles that ship with the studio, and then a person's own."""
    return [ProfileLine(**_line(each)) for each in safety.listing(studio)]


@router.post("/profiles", status_code=201, openapi_extra=_PROFILE)
def add(studio: Here, owner: Person, body: JsonObject) -> ProfileAnswer:
    """Keep a new profile; 422 names every mistake by field, and by line of a file."""
    made = safety.add(studio, owner, safety.read(body.get("profile"), body.get("yaml")))
    return details(studio, owner, made.id)


@router.get("/profiles/{profile_id}")
def details(studio: Here, _: Person, profile_id: str) -> ProfileAnswer:
    """Show one profile."""
    found = safety.find(studio, profile_id)
    told = found.profile.model_dump(mode="json") if found.profile else None
    return ProfileAnswer(**_line(found), profile=told, yaml=safety.text(studio, profile_id))


@router.put("/profiles/{profile_id}", openapi_extra=_PROFILE)
def replace(studio: Here, owner: Person, profile_id: str, body: JsonObject) -> ProfileAnswer:
    """Write a profile of one's own anew."""
    profile = safety.read(body.get("profile"), body.get("yaml"))
    safety.replace(studio, owner, profile_id, profile)
    return details(studio, owner, profile_id)


@router.delete("/profiles/{profile_id}", status_code=204)
def delete(studio: Here, owner: Person, profile_id: str) -> None:
    """Delete a profile of one's own; 409 where it is in force."""
    safety.delete(studio, owner, profile_id)


@router.post("/profiles/{profile_id}/restore")
def restore(studio: Here, owner: Person, profile_id: str) -> ProfileAnswer:
    """Bring a deleted profile back."""
    safety.restore(studio, owner, profile_id)
    return details(studio, owner, profile_id)


@router.get(
    "/profiles/{profile_id}/file",
    response_class=Response,
    responses={200: {"content": {"application/yaml": {}}, "description": "The profile as YAML"}},
)
def file(studio: Here, _: Person, profile_id: str) -> Response:
    """Download a profile's file."""
    name = quote(f"{safety.find(studio, profile_id).id}.yaml")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    content = safety.text(studio, profile_id)
    return Response(content, headers=headers, media_type="application/yaml")


@router.get("/uses")
def uses(studio: Here, owner: Person) -> list[Use]:
    """List whom a profile can be in force for: the studio, base models, adapters."""
    return [
        Use(subject=subject, title=title, profile_id=used)
        for subject, title, used in safety.uses(studio, owner)
    ]


@router.put("/uses")
def put_in_force(studio: Here, owner: Person, wanted: NewUse) -> list[Use]:
    """Put a profile in force; it holds for the next question."""
    safety.put_in_force(studio, owner, wanted.subject, wanted.profile_id)
    return uses(studio, owner)


@router.post("/try", openapi_extra=_TRIAL)
def try_text(studio: Here, _: Person, body: JsonObject) -> dict[str, Any]:
    """Say which rules a text breaks, as a question (input) and as an answer (output)."""
    chosen = body.get("profile_id")
    values = body.get("profile")
    if isinstance(chosen, str):
        values, yaml = None, safety.text(studio, chosen)
        return safety.tried(safety.read(values, yaml), body.get("text"))
    return safety.tried(safety.read(values), body.get("text"))


def _line(found: Stored) -> dict[str, Any]:
    profile = found.profile
    return {
        "id": found.id,
        "name": found.name,
        "shipped": found.is_shipped,
        "description": profile.description if profile else "",
        "audience": profile.audience if profile else None,
        "rules": len(profile.rules) if profile else 0,
        "faults": found.faults,
    }
