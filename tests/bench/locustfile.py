"""What a locust user of `field.py` does: one chat request after another, streamed where STREAM is 1. The times of all
that ended go to the file OUT, in milliseconds."""

import json
import os
import time

from locust import FastHttpUser, constant, events, task

STREAM = os.environ.get("STREAM") == "1"
BODY = json.loads(os.environ["BODY"])
# A stream that is compressed cannot be read line by line.
HEADERS = {**json.loads(os.environ["HEADERS"]), "accept-encoding": "identity"}
times = {"first": [], "gap": [], "end": []}


class Chat(FastHttpUser):
    wait_time = constant(0)

    @task
    def chat(self):
        began = time.perf_counter()
        at = lambda: (time.perf_counter() - began) * 1000
        if not STREAM:
            reply = self.client.post("/v1/chat/completions", json=BODY, headers=HEADERS).json()
            assert reply["choices"][0]["message"]
            times["end"].append(at())
            return
        stream = self.client.post("/v1/chat/completions", json=BODY, headers=HEADERS, stream=True).stream
        last = None
        # A line at a time: a read of 4,096 bytes would wait for them.
        while line := stream.readline(b"\n"):
            if line.startswith(b"data: {"):
                choices = json.loads(line[6:])["choices"]
                if choices and choices[0]["delta"].get("content"):
                    now = at()
                    times["first" if last is None else "gap"].append(now if last is None else now - last)
                    last = now
        times["end"].append(at())


@events.quit.add_listener
def keep(**_):
    with open(os.environ["OUT"], "w") as file:
        json.dump(times, file)
