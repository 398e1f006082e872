"""langchain-openai against the endpoint."""

import openai
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from scenario import BASE_URL, CROWDED_URL, KEY, MODEL, PROMPT, TOOLS, UNICODE, Scenarios, Trip, Weather, clean

run = Scenarios("langchain")


def model(**settings):
    where = {"model": MODEL, "base_url": BASE_URL, "api_key": KEY, "max_retries": 0, "timeout": 60}
    return ChatOpenAI(**{**where, "stream_usage": True, "use_responses_api": False, **settings})


def whole():
    reply = model(max_tokens=24).invoke(PROMPT)
    usage = reply.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"], usage
    assert reply.response_metadata["finish_reason"] in ("stop", "length"), reply.response_metadata
    return clean(reply.content)


def joined(stream):
    full = None
    for chunk in stream:
        full = chunk if full is None else full + chunk
    return full


def streamed():
    full = joined(model().stream(PROMPT))
    assert full.response_metadata["finish_reason"] == "stop", full.response_metadata
    assert full.usage_metadata["total_tokens"] > 0, full.usage_metadata
    return clean(full.content)


def called(reply):
    call = reply.tool_calls[0]
    assert call["id"] and call["name"] == "get_weather", call
    return Weather.model_validate(call["args"])


def round_trip():
    tooled = model().bind_tools(TOOLS)
    asked = model().bind_tools(TOOLS, tool_choice="any").invoke(PROMPT)
    call = asked.tool_calls[0]
    history = [HumanMessage(PROMPT), AIMessage("", tool_calls=[call]), ToolMessage("21", tool_call_id=call["id"])]
    reply = tooled.invoke(history)
    assert not reply.tool_calls, reply
    return clean(reply.content)


def json_schema():
    trip = model().with_structured_output(Trip, method="json_schema", strict=True).invoke(PROMPT)
    assert isinstance(trip, Trip), trip
    return trip


def json_object():
    value = model().bind(response_format={"type": "json_object"}).invoke("Answer in JSON: where is the river?")
    assert value.content.lstrip().startswith("{"), value.content
    return value.content


def crowded():
    assert CROWDED_URL, "no endpoint that refuses with 429"
    busy = model(base_url=CROWDED_URL)
    held = busy.stream(PROMPT)
    next(held)
    busy.invoke(PROMPT)


run.check("whole", whole)
run.check("streamed with usage", streamed)
run.check("streamed", lambda: clean(joined(model(stream_usage=False).stream(PROMPT)).content))
run.check("tools", lambda: called(model().bind_tools(TOOLS, tool_choice="any").invoke(PROMPT)))
run.check("tools streamed", lambda: called(joined(model().bind_tools(TOOLS, tool_choice="any").stream(PROMPT))))
run.check("tool round trip", round_trip)
run.check("json_schema", json_schema)
run.check("json_object", json_object)
run.check("unicode", lambda: clean(joined(model().stream(UNICODE)).content))
run.check("20 at once", lambda: len([clean(r.content) for r in model(max_tokens=8).batch([PROMPT] * 20)]))
run.refused("401", openai.AuthenticationError, 401, lambda: model(api_key="wrong").invoke(PROMPT))
run.refused("404", openai.NotFoundError, 404, lambda: model(model="no-such-model").invoke(PROMPT))
run.refused("400", openai.BadRequestError, 400, lambda: model(temperature=9.5).invoke(PROMPT))
run.refused("429", openai.RateLimitError, 429, crowded)
run.end()
