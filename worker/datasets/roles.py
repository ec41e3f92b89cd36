"""Who may speak in a conversation, under which names, and after whom."""

from types import MappingProxyType
from typing import Literal

Role = Literal["system", "user", "assistant", "tool"]

ROLES: tuple[Role, ...] = ("system", "user", "assistant", "tool")
START = ""
AFTER: dict[str, frozenset[str]] = {
    START: frozenset({"system", "user"}),
    "system": frozenset({"user"}),
    "user": frozenset({"assistant"}),
    "assistant": frozenset({"user", "tool"}),
    "tool": frozenset({"tool", "assistant"}),
}

SHAREGPT_ROLES: MappingProxyType[str, Role] = MappingProxyType(
    {
        "system": "system",
        "human": "user",
        "user": "user",
        "gpt": "assistant",
        "assistant": "assistant",
        "model": "assistant",
        "bot": "assistant",
        "tool": "tool",
        "observation": "tool",
        "function": "tool",
        "tool_response": "tool",
    }
)
"""Names of speakers in ShareGPT files; `CALLERS` beside them are the assistant calling a tool."""

CALLERS = ("function_call", "tool_call")

ALIASES: dict[str, Role] = {
    **SHAREGPT_ROLES,
    "developer": "system",
    "ai": "assistant",
    "chatbot": "assistant",
    "chatgpt": "assistant",
}
"""Names that mean one role only, in lower case; read as that role and listed as a repair."""
