"""What the Python clients share: where the endpoint is, what is asked of it, and a line for each scenario."""

import os
import sys
from typing import Literal

import pydantic

BASE_URL = os.environ["BASE_URL"]
KEY = os.environ["KEY"]
MODEL = os.environ["MODEL"]
DIALECT = os.environ["DIALECT"]
# An endpoint that answers one request at a time and refuses the others with 429.
CROWDED_URL = os.environ.get("CROWDED_URL")

PROMPT = "tell me about the river"
UNICODE = "naïve Zürich 東京 🚣🏽‍♀️ “quotes” \u2028 and \\u0041"
CITIES = ["Zürich", "東京"]


class Weather(pydantic.BaseModel):
    """Arguments of the tool, held to its parameters."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)
    city: Literal["Zürich", "東京"]
    days: int = pydantic.Field(ge=1, le=7)
    unit: Literal["c", "f"]


class Stop(pydantic.BaseModel):
    """A part of the structured output."""

    model_config = pydantic.ConfigDict(extra="forbid")
    name: str
    minutes: int


class Trip(pydantic.BaseModel):
    """The structured output that is asked for."""

    model_config = pydantic.ConfigDict(extra="forbid")
    city: Literal["Zürich", "東京"]
    stops: list[Stop]
    rainy: bool
    remark: str | None


PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "enum": CITIES},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "unit": {"type": "string", "enum": ["c", "f"]},
    },
    "required": ["city", "days", "unit"],
    "additionalProperties": False,
}
TOOLS = [
    {
        "type": "function",
        "function": {"name": "get_weather", "description": "The weather of a city.", "parameters": PARAMETERS},
    }
]
TRIP_SCHEMA = {"name": "trip", "strict": True, "schema": Trip.model_json_schema()}


def user(text: str = PROMPT) -> list[dict]:
    return [{"role": "user", "content": text}]


def answered(call_id: str, arguments: str) -> list[dict]:
    """A conversation in which the tool was called and has answered."""
    call = {"id": call_id, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
    return [
        *user(),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": "21 degrees"},
    ]


def clean(text: str) -> str:
    """A text that is there and came through whole."""
    assert text and text.strip(), "no text"
    assert "\ufffd" not in text, f"a replacement character in {text!r}"
    return text


class Scenarios:
    """The scenarios of one client, in turn; each prints a line."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.failed = 0

    def check(self, name: str, scenario) -> None:
        try:
            said = scenario()
            print(f"ok    {self.client} {name}: {str(said)[:100]}", flush=True)
        except Exception as error:  # Whatever a library raises is a failed scenario, and said.
            self.failed += 1
            message = " ".join(str(error).split())[:300]
            print(f"FAIL  {self.client} {name}: {type(error).__name__}: {message}", flush=True)

    def refused(self, name: str, expected: type, status: int, call) -> None:
        """The call raises this class, with this status and a message."""

        def scenario():
            try:
                call()
            except expected as error:
                assert error.status_code == status, f"status {error.status_code}"
                assert str(error), "no message"
                return f"{type(error).__name__} {status}"
            raise AssertionError("nothing was raised")

        self.check(name, scenario)

    def end(self) -> None:
        sys.exit(1 if self.failed else 0)
