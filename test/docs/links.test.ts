import { existsSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../support/checkout.ts';
import { allPages, readPage } from './support/page.ts';
import { faultOf, targetsOf } from './support/page-links.ts';

const test = suite('docs/links');

test('every relative link of the README and the docs leads to something, and to a heading where it names one', () => {
  const pages = [...allPages(), readPage('CONTRIBUTING.md'), readPage('CHANGELOG.md'), readPage('fixtures/README.md')];
  const has = (path: string) => existsSync(join(ROOT, path));
  const faults = pages.flatMap((page) => targetsOf(page).map((target) => faultOf(page, target, has)));
  assert.equal(
    faults.filter((fault) => fault !== undefined),
    [],
  );
});

test('docs/README.md lists each page once, and the README is below 150 lines', () => {
  const index = readPage('docs/README.md');
  const listed = targetsOf(index).map((target) =>
    normalize(join('docs', target.split('#')[0] ?? '')).replace(/\/$/, ''),
  );
  const pages = allPages().map(({ path }) => path);
  const others = pages.filter(
    (path) => path !== 'README.md' && path !== index.path && !/^docs\/(decisions|api)\//.test(path),
  );
  for (const path of others) assert.is(listed.filter((each) => each === path).length, 1, path);
  assert.ok(listed.includes('docs/decisions'));
  assert.ok(readPage('README.md').text.split('\n').length < 150);
});

test('blocks of code are fenced, and say what they are, in the README and the guides', () => {
  const faults: string[] = [];
  for (const { path, text, blocks } of allPages()) {
    if (path !== 'README.md' && !path.startsWith('docs/guides/')) continue;
    // docs/code-blocks.test.ts compiles those of TypeScript.
    const known = ['sh', 'text', 'js', 'ts', 'yaml'];
    for (const { words, line } of blocks)
      if (!known.includes(words[0] ?? '')) faults.push(`${path}:${line}: ${words[0]}`);
    const prose = blocks.reduce((rest, block) => rest.replace(block.text, ''), text);
    if (/^\n {4,}\S/m.test(prose)) faults.push(`${path}: a block that is not fenced`);
  }
  assert.equal(faults, []);
});

test.run();
