import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BINDINGS } from '../../src/verify/refuse.ts';
import { ROOT } from '../support/checkout.ts';

// The table of docs/verify.md and the tests in which a binding is broken, against each other.

const test = suite('docs/verify');

const FILES = ['verify/bindings', 'verify/log-bindings', 'verify/rekor-v2', 'verbs/verify/bindings-of-images'];

/** Names of tests that begin with the name of a binding. */
function testsOf(file: string): readonly string[] {
  const text = readFileSync(join(ROOT, 'test', `${file}.test.ts`), 'utf8');
  return [...text.matchAll(/^test\('([^']+)'/gm)].flatMap(([, name = '']) =>
    /^[\w -]+: /i.test(name) && !name.startsWith('keys of') ? [`${file}: ${name}`] : [],
  );
}

const page = readFileSync(join(ROOT, 'docs', 'verify.md'), 'utf8');
const rows = [...page.matchAll(/^\| `([a-z-]+)` \| ([^|]+) \| ([^|]*) \| ([^|]+) \|$/gm)]
  .map(([, binding = '', attack = '', cve = '', name = '']) => ({ binding, attack, cve, name }))
  .filter(({ name }) => FILES.some((file) => name.startsWith(`${file}: `)));

test('every test in which a binding is broken has its row, and every row its test', () => {
  const names = rows.map(({ name }) => name);
  assert.equal(names.toSorted(), FILES.flatMap(testsOf).toSorted());
});

test('every binding that a refusal may name has a row, and no row has another name', () => {
  assert.equal([...new Set(rows.map(({ binding }) => binding))].toSorted(), [...BINDINGS].toSorted());
});

test('the attacks that have a number are those that are known', () => {
  const numbers = rows.flatMap(({ cve }) => cve.match(/CVE-\d+-\d+/g) ?? []);
  for (const number of ['CVE-2022-23649', 'CVE-2022-35929', 'CVE-2022-36056', 'CVE-2026-22703', 'CVE-2026-24122']) {
    assert.ok(numbers.includes(number), number);
  }
});

test.run();
