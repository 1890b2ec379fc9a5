import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ERROR_CODES } from '../../src/errors.ts';
import { readPage } from './support/page.ts';

const test = suite('docs/errors');

test('docs/errors.md says of each error code why it comes and what to do, and of no other', () => {
  const [, ...entries] = readPage('docs/errors.md').text.split(/^### /m);
  const codes: string[] = [];
  for (const entry of entries) {
    const [code = ''] = entry.split('\n');
    codes.push(code);
    for (const part of ['**Why.** ', '**What to do.** ']) assert.is(entry.split(part).length, 2, `${code}: ${part}`);
  }
  assert.equal(codes.toSorted(), Object.keys(ERROR_CODES).toSorted());
});

test.run();
