import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { responseError } from '../../../src/registry/http/response-error.ts';

const test = suite('registry/http/response-error');

const START = '{"pad":"';
const END = '","message":"told last"}';

/** A refusal of this many bytes, with its reason at the end. */
async function told(size: number) {
  const body = Readable.from([Buffer.from(`${START}${'a'.repeat(size - START.length - END.length)}${END}`)]);
  const response = { status: 400, url: new URL('https://registry.example.com/v2/'), headers: {}, body };
  return (await responseError(response, 'cannot get it')).why;
}

test('of a refusal 64 KiB are read', async () => {
  assert.is(await told(64 * 1024), 'HTTP 400, told last');
  assert.is(await told(64 * 1024 + 1), 'HTTP 400');
});

test.run();
