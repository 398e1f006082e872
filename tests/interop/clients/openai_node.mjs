// OpenAI's Node library against the endpoint.
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { PROMPT, Trip, UNICODE, Weather, apiKey, assert, baseURL, check, clean, crowdedURL, end, model } from './scenario.mjs';

const connect = (settings) => new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60000, ...settings });
const client = connect({});
const messages = [{ role: 'user', content: PROMPT }];
const create = (members) => client.chat.completions.create({ model, messages, ...members });
const parameters = z.toJSONSchema(Weather);
const tools = [{ type: 'function', function: { name: 'get_weather', description: 'The weather of a city.', parameters } }];
const run = (name, scenario) => check('openai-node', name, scenario);

const called = (choice) => {
  const call = choice.message.tool_calls?.[0];
  assert(call?.id && call.function.name === 'get_weather', choice);
  return Weather.parse(JSON.parse(call.function.arguments));
};

async function collect(stream) {
  let text = '', finish = null, usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    finish = chunk.choices[0]?.finish_reason ?? finish;
    usage = chunk.usage ?? usage;
  }
  assert(finish, 'no finish_reason');
  return { text: clean(text), finish, usage };
}

async function refused(expected, status, call) {
  try {
    await call();
  } catch (error) {
    assert(error instanceof expected, `${error?.constructor?.name}: ${error?.message}`);
    assert(error.status === status, `status ${error.status}`);
    return [error.constructor.name, error.status, error.headers?.get('retry-after')];
  }
  throw new Error('nothing was thrown');
}

await run('whole', async () => {
  const reply = await create({ max_tokens: 24 });
  assert(reply.usage.total_tokens === reply.usage.prompt_tokens + reply.usage.completion_tokens, reply.usage);
  return clean(reply.choices[0].message.content);
});
await run('streamed', async () => (await collect(await create({ stream: true }))).text);
await run('streamed with usage', async () => {
  const { usage } = await collect(await create({ stream: true, stream_options: { include_usage: true } }));
  assert(usage?.total_tokens > 0, 'no usage');
  return usage.total_tokens;
});
await run('stream helper', async () => {
  const reply = await client.chat.completions.stream({ model, messages }).finalChatCompletion();
  return clean(reply.choices[0].message.content);
});
await run('tools', async () => called((await create({ tools, tool_choice: 'required' })).choices[0]));
await run('tools streamed', async () => {
  const stream = client.chat.completions.stream({ model, messages, tools, tool_choice: 'required' });
  return called((await stream.finalChatCompletion()).choices[0]);
});
await run('custom tool', async () => {
  const grammar = { syntax: 'regex', definition: 'SELECT [a-z]{1,9} FROM [a-z]{1,9}' };
  const sql = { type: 'custom', custom: { name: 'sql', format: { type: 'grammar', grammar } } };
  const call = (await create({ tools: [...tools, sql], tool_choice: { type: 'custom', custom: { name: 'sql' } } })).choices[0].message.tool_calls[0];
  assert(call.type === 'custom' && /^SELECT [a-z]{1,9} FROM [a-z]{1,9}$/.test(call.custom.input), call);
  return call.custom.input;
});
await run('tool round trip', async () => {
  const asked = (await create({ tools, tool_choice: 'required' })).choices[0].message;
  const answer = { role: 'tool', tool_call_id: asked.tool_calls[0].id, content: '21 degrees' };
  const reply = await create({ tools, messages: [...messages, asked, answer] });
  assert(!reply.choices[0].message.tool_calls?.length, reply);
  return clean(reply.choices[0].message.content);
});
await run('tool runner', async () => {
  const known = { type: 'function', function: { name: 'get_weather', parse: JSON.parse, parameters, function: (given) => { Weather.parse(given); return '21 degrees'; } } };
  const tool_choice = { type: 'function', function: { name: 'get_weather' } };
  const runner = client.chat.completions.runTools({ model, messages, tools: [known], tool_choice });
  const kinds = [];
  runner.on('message', (message) => kinds.push(message.role));
  await runner.done();
  assert(kinds.includes('tool'), kinds);
  return kinds;
});
await run('json_schema', async () => {
  const reply = await client.chat.completions.parse({ model, messages, response_format: zodResponseFormat(Trip, 'trip') });
  assert(reply.choices[0].message.parsed, reply);
  return Trip.parse(reply.choices[0].message.parsed);
});
await run('json_object', async () => {
  const reply = await create({ response_format: { type: 'json_object' }, messages: [{ role: 'user', content: 'Answer in JSON.' }] });
  const value = JSON.parse(reply.choices[0].message.content);
  assert(value && typeof value === 'object' && !Array.isArray(value), value);
  return value;
});
await run('unicode', async () => {
  const asked = [{ role: 'user', content: UNICODE }];
  clean((await create({ messages: asked })).choices[0].message.content);
  return (await collect(await create({ messages: asked, stream: true }))).text;
});
await run('20 at once', async () => {
  const ask = (n) => create({ messages: [{ role: 'user', content: `${n} rivers` }], max_tokens: 8, stream: true });
  const texts = await Promise.all(Array.from({ length: 20 }, async (_, n) => (await collect(await ask(n))).text));
  return texts.length;
});
await run('401', () => refused(OpenAI.AuthenticationError, 401, () => connect({ apiKey: 'wrong' }).chat.completions.create({ model, messages })));
await run('404', () => refused(OpenAI.NotFoundError, 404, () => create({ model: 'no-such-model' })));
await run('400', () => refused(OpenAI.BadRequestError, 400, () => create({ temperature: 9.5 })));
await run('429', async () => {
  assert(crowdedURL, 'no endpoint that refuses with 429');
  const busy = connect({ baseURL: crowdedURL });
  const held = await busy.chat.completions.create({ model, messages, stream: true });
  const said = await refused(OpenAI.RateLimitError, 429, () => busy.chat.completions.create({ model, messages, max_tokens: 4 }));
  held.controller.abort();
  assert(Number(said[2]) >= 1, `Retry-After ${said[2]}`);
  return said;
});
end();
