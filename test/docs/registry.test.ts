import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../support/checkout.ts';

// docs/registry.md names a test for each demand of the distribution spec.

const test = suite('docs/registry');
const page = readFileSync(join(ROOT, 'docs', 'registry.md'), 'utf8');
/** The rows of its tables, without their heads. */
const rows = page.split('\n').filter((line) => /^\| (?!---|section|what happens|server \|)/.test(line));

function titlesIn(text: string): readonly string[] {
  return [...text.matchAll(/\btest\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g)].map(([, , title = '']) => title);
}

/** Whether a title is the one that is named; `…` stands for anything. */
function fits(title: string, name: string): boolean {
  const parts = name.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`).test(title);
}

test('each demand has a test, and the test exists', () => {
  assert.ok(rows.length > 35, `${rows.length} rows`);
  for (const row of rows) {
    const [, file, name] = / `([\w/-]+)`: "([^"]+)" \|/.exec(row) ?? [];
    assert.ok(file !== undefined && name !== undefined, row);
    const path = join(ROOT, 'test', `${file}.test.ts`);
    assert.ok(existsSync(path), `${file}: ${row}`);
    assert.ok(
      titlesIn(readFileSync(path, 'utf8')).some((title) => fits(title, name ?? '')),
      `${file} has no test “${name}”`,
    );
  }
});

test('a test that does not exist would be found', () => {
  const titles = titlesIn("test('one’s name', () => {}); test(`${COUNT} times`, () => {});");
  assert.equal(titles, ['one’s name', '${COUNT} times']);
  assert.ok(fits('${COUNT} times', '… times'));
  assert.not(fits('one’s name', 'one name'));
});

test.run();
