"""LiteLLM as a library against the endpoint."""

import asyncio
import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm  # noqa: E402, it reads the environment when imported
from scenario import BASE_URL, CROWDED_URL, KEY, MODEL, TOOLS, TRIP_SCHEMA, UNICODE  # noqa: E402
from scenario import Scenarios, Trip, Weather, answered, clean, user  # noqa: E402

litellm.suppress_debug_info = True
litellm.telemetry = False
run = Scenarios("litellm")
WHERE = {"model": f"openai/{MODEL}", "api_base": BASE_URL, "api_key": KEY, "num_retries": 0, "timeout": 60}


def create(**members):
    return litellm.completion(**{**WHERE, "messages": user(), **members})


def whole():
    reply = create(max_tokens=24)
    assert reply.choices[0].finish_reason in ("stop", "length"), reply
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens, reply.usage
    return clean(reply.choices[0].message.content)


def streamed():
    text = "".join(chunk.choices[0].delta.content or "" for chunk in create(stream=True) if chunk.choices)
    return clean(text)


def rebuilt():
    chunks = list(create(stream=True, stream_options={"include_usage": True}))
    reply = litellm.stream_chunk_builder(chunks, messages=user())
    assert reply.choices[0].finish_reason == "stop" and reply.usage.total_tokens > 0, reply
    return len(chunks), clean(reply.choices[0].message.content)


def tools():
    reply = create(tools=TOOLS, tool_choice="required").choices[0]
    assert reply.finish_reason == "tool_calls", reply
    return Weather.model_validate_json(reply.message.tool_calls[0].function.arguments)


def tools_streamed():
    reply = litellm.stream_chunk_builder(list(create(tools=TOOLS, tool_choice="required", stream=True)))
    call = reply.choices[0].message.tool_calls[0]
    assert call.id and call.function.name == "get_weather", call
    return Weather.model_validate_json(call.function.arguments)


def round_trip():
    call = create(tools=TOOLS, tool_choice="required").choices[0].message.tool_calls[0]
    reply = create(messages=answered(call.id, call.function.arguments), tools=TOOLS).choices[0]
    assert not reply.message.tool_calls, reply
    return clean(reply.message.content)


def json_schema():
    reply = create(response_format={"type": "json_schema", "json_schema": TRIP_SCHEMA})
    return Trip.model_validate_json(reply.choices[0].message.content)


def json_object():
    reply = create(response_format={"type": "json_object"}, messages=user("Answer in JSON: where is the river?"))
    value = json.loads(reply.choices[0].message.content)
    assert isinstance(value, dict), value
    return value


def twenty():
    async def all_of_them():
        ask = lambda n: litellm.acompletion(**WHERE, messages=user(f"{n} rivers"), max_tokens=8)  # noqa: E731
        return await asyncio.gather(*[ask(number) for number in range(20)])

    return len([clean(reply.choices[0].message.content) for reply in asyncio.run(all_of_them())])


def crowded():
    assert CROWDED_URL, "no endpoint that refuses with 429"
    held = create(api_base=CROWDED_URL, stream=True)
    next(held)
    create(api_base=CROWDED_URL, max_tokens=4)


run.check("whole", whole)
run.check("streamed", streamed)
run.check("streamed with usage", rebuilt)
run.check("tools", tools)
run.check("tools streamed", tools_streamed)
run.check("tool round trip", round_trip)
run.check("json_schema", json_schema)
run.check("json_object", json_object)
run.check("unicode", lambda: clean(create(messages=user(UNICODE)).choices[0].message.content))
run.check("20 at once", twenty)
run.refused("401", litellm.AuthenticationError, 401, lambda: create(api_key="wrong"))
run.refused("404", litellm.NotFoundError, 404, lambda: create(model="openai/no-such-model"))
run.refused("400", litellm.BadRequestError, 400, lambda: create(temperature=9.5))
run.refused("429", litellm.RateLimitError, 429, crowded)
run.end()
