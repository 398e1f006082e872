"""OpenAI's Python library against the pulze dialect: how Pulze's own users call it."""

import json

import openai
from scenario import BASE_URL, KEY, MODEL, TOOLS, UNICODE, Scenarios, Weather, clean, user

LABELS = {"team": "search"}
client = openai.OpenAI(
    base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=60, default_headers={"Pulze-Labels": json.dumps(LABELS)}
)
run = Scenarios("pulze-openai-python")


def create(**members):
    return client.chat.completions.create(**{"model": MODEL, "messages": user(), **members})


def whole():
    reply = create(max_tokens=24)
    assert reply.metadata["labels"]["team"] == "search", reply.metadata
    return clean(reply.choices[0].message.content), reply.metadata["model"]["namespace"]


def streamed():
    text, finish = "", None
    for chunk in create(messages=user(UNICODE), stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert finish, "no finish reason"
    return clean(text)


def tools():
    call = create(tools=TOOLS, tool_choice={"type": "function", "function": {"name": "get_weather"}})
    call = call.choices[0].message.tool_calls[0]
    return Weather.model_validate_json(call.function.arguments)


def wrong_key():
    openai.OpenAI(base_url=BASE_URL, api_key="wrong", max_retries=0).chat.completions.create(
        model=MODEL, messages=user()
    )


run.check("whole with labels", whole)
run.check("streamed", streamed)
run.check("tools named", tools)
run.refused("401", openai.AuthenticationError, 401, wrong_key)
run.refused("404", openai.NotFoundError, 404, lambda: create(model="no-such-model"))
run.refused("422 temperature", openai.UnprocessableEntityError, 422, lambda: create(temperature=1.5))
run.end()
