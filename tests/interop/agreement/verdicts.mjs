// Verdicts of ajv: a line of JSON in, true or false out.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Ajv2020 } from 'ajv/dist/2020.js';

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
const validators = {};
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { schema, document } = JSON.parse(line);
  validators[schema] ??= ajv.compile(JSON.parse(readFileSync(`${process.argv[2]}/${schema}.json`, 'utf8')));
  console.log(validators[schema](document));
}
