"""llama.cpp's own HTTP server, which PyPI's xllamacpp carries, until it is told to stop.

    llamacpp.py MODEL.gguf PORT KEY NAME
"""

import signal
import sys
import threading

import xllamacpp

model, port, key, name = sys.argv[1:]
parameters = xllamacpp.CommonParams()
parameters.model.path = model
parameters.model_alias = {name}
parameters.n_ctx, parameters.n_parallel = 8192, 4
parameters.hostnames, parameters.port = ["127.0.0.1"], int(port)
parameters.api_keys = [key]
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 2
stopped = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stopped.set())
server = xllamacpp.Server(parameters)
stopped.wait()
