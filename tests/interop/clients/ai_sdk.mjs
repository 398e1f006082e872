// Vercel's AI SDK against the endpoint, through its provider for compatible endpoints.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, Output, generateText, stepCountIs, streamText, tool } from 'ai';
import { PROMPT, Trip, UNICODE, Weather, apiKey, assert, baseURL, check, clean, crowdedURL, end, model as name } from './scenario.mjs';

const connect = (settings, id = name) =>
  createOpenAICompatible({ name: 'proofload', baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true, ...settings })(id);
const model = connect({});
const ask = (settings) => generateText({ model, prompt: PROMPT, maxRetries: 0, ...settings });
const described = { description: 'The weather of a city.', inputSchema: Weather };
const run = (scenario, f) => check('ai-sdk', scenario, f);

// Everything a stream says; what it reports on the side is thrown.
async function stream(settings) {
  let failure;
  const result = streamText({ model, prompt: PROMPT, maxRetries: 0, onError: ({ error }) => { failure = error; }, ...settings });
  await result.consumeStream();
  if (failure) throw failure;
  return result;
}

const called = (calls) => {
  assert(calls.length && calls[0].toolName === 'get_weather' && !calls[0].invalid, calls);
  return Weather.parse(calls[0].input);
};

async function refused(status, call) {
  try {
    await call();
  } catch (error) {
    assert(APICallError.isInstance(error), `${error?.constructor?.name}: ${error?.message}`);
    assert(error.statusCode === status, `status ${error.statusCode}`);
    return [error.constructor.name, error.statusCode, error.message];
  }
  throw new Error('nothing was thrown');
}

await run('whole', async () => {
  const reply = await ask({ maxOutputTokens: 24 });
  assert(reply.usage.totalTokens === reply.usage.inputTokens + reply.usage.outputTokens, reply.usage);
  return [reply.finishReason, clean(reply.text)];
});
await run('streamed with usage', async () => {
  const result = await stream({});
  assert((await result.finishReason) === 'stop' && (await result.usage).totalTokens > 0, await result.usage);
  return clean(await result.text);
});
await run('streamed', async () => clean(await (await stream({ model: connect({ includeUsage: false }) })).text));
await run('tools', async () => called((await ask({ tools: { get_weather: tool(described) }, toolChoice: 'required' })).toolCalls));
await run('tools streamed', async () => {
  const result = await stream({ tools: { get_weather: tool(described) }, toolChoice: 'required' });
  return called(await result.toolCalls);
});
await run('tool round trip', async () => {
  const get_weather = tool({ ...described, execute: async () => '21 degrees' });
  const prepareStep = ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' });
  const reply = await ask({ tools: { get_weather }, prepareStep, stopWhen: stepCountIs(2) });
  assert(reply.steps.length === 2, reply.steps.length);
  return clean(reply.text);
});
await run('json_schema', async () => Trip.parse((await ask({ output: Output.object({ schema: Trip }) })).output));
await run('json_schema streamed', async () => Trip.parse(await (await stream({ output: Output.object({ schema: Trip }) })).output));
await run('json_object', async () => {
  const value = (await ask({ prompt: 'Answer in JSON.', output: Output.json() })).output;
  assert(value && typeof value === 'object' && !Array.isArray(value), value);
  return value;
});
await run('unicode', async () => clean(await (await stream({ prompt: UNICODE })).text));
await run('20 at once', async () => {
  const one = async (n) => clean(await (await stream({ prompt: `${n} rivers`, maxOutputTokens: 8 })).text);
  return (await Promise.all(Array.from({ length: 20 }, (_, n) => one(n)))).length;
});
await run('401', () => refused(401, () => ask({ model: connect({ apiKey: 'wrong' }) })));
await run('404', () => refused(404, () => ask({ model: connect({}, 'no-such-model') })));
await run('400', () => refused(400, () => ask({ temperature: 9.5 })));
await run('429', async () => {
  assert(crowdedURL, 'no endpoint that refuses with 429');
  const busy = connect({ baseURL: crowdedURL });
  const held = streamText({ model: busy, prompt: PROMPT, maxRetries: 0 }).textStream[Symbol.asyncIterator]();
  await held.next();
  const said = await refused(429, () => ask({ model: busy, maxOutputTokens: 4 }));
  await held.return?.();
  return said;
});
end();
