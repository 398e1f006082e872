// What the Node clients share: where the endpoint is, what is asked of it, and a line for each scenario.
import { z } from 'zod';

export const baseURL = process.env.BASE_URL;
export const apiKey = process.env.KEY;
export const model = process.env.MODEL;
// An endpoint that answers one request at a time and refuses the others with 429.
export const crowdedURL = process.env.CROWDED_URL;

export const PROMPT = 'tell me about the river';
export const UNICODE = 'naïve Zürich 東京 🚣🏽‍♀️ “quotes” \u2028 and \\u0041';

export const Weather = z.strictObject({
  city: z.enum(['Zürich', '東京']),
  days: z.number().int().min(1).max(7),
  unit: z.enum(['c', 'f']),
});
export const Trip = z.strictObject({
  city: z.enum(['Zürich', '東京']),
  stops: z.array(z.strictObject({ name: z.string(), minutes: z.number().int() })),
  rainy: z.boolean(),
  remark: z.string().nullable(),
});

export function assert(holds, what) {
  if (!holds) throw new Error(typeof what === 'string' ? what : JSON.stringify(what));
}

// A text that is there and came through whole.
export function clean(text) {
  assert(text && text.trim(), 'no text');
  assert(!text.includes('\ufffd'), `a replacement character in ${text}`);
  return text;
}

let failed = 0;

// One scenario, and its line.
export async function check(client, name, scenario) {
  try {
    console.log(`ok    ${client} ${name}: ${JSON.stringify(await scenario())?.slice(0, 100)}`);
  } catch (error) {
    failed += 1;
    const message = String(error?.message ?? error).split(/\s+/).join(' ').slice(0, 300);
    console.log(`FAIL  ${client} ${name}: ${error?.constructor?.name}: ${message}`);
  }
}

export function end() {
  process.exit(failed ? 1 : 0);
}
