import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { redactError, redactUrl, serverText } from '../../../src/registry/failure/redact.ts';

const test = suite('registry/failure/redact');

test('a URL is shown without user, password and query', () => {
  assert.is(redactUrl(new URL('https://u:p@cdn.test/blob?Signature=secret#x')), 'https://cdn.test/blob?…');
  assert.is(redactUrl(new URL('https://cdn.test/blob')), 'https://cdn.test/blob');
});

test('a server’s text cannot steer the terminal, nor fill it', () => {
  assert.is(serverText('a\u001b[2Jb\r\nc\u202ed\u0007'), 'a [2Jb c d');
  assert.is(serverText('x'.repeat(1000)).length, 301);
});

test("an HTTP client's error is shown without its options", () => {
  const error = Object.assign(new Error('no answer from https://u:p@h.test/?token=secret'), {
    code: 'ECONNRESET',
    options: { headers: { authorization: 'Bearer secret' } },
  });
  const plain = redactError(error);
  assert.equal({ ...plain }, { code: 'ECONNRESET', name: 'Error' });
  assert.is(plain.message, 'no answer from https://h.test/?…');
});

test.run();
