import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../support/checkout.ts';
import { allPages, type Page, readPage } from './page.ts';

const test = suite('docs/links');

/** A page's text without its code, in which what looks like a link is none. */
function proseOf({ text, blocks }: Page): string {
  const withoutBlocks = blocks.reduce((rest, block) => rest.replace(block.text, ''), text);
  return withoutBlocks.replaceAll(/`[^`\n]*`/g, '');
}

/** Targets of a page's links and images that lie in the checkout, without `<>`. */
function targetsOf(page: Page): readonly string[] {
  const prose = proseOf(page);
  const links = [
    ...prose.matchAll(/\]\(<?([^)>\s]+)>?\)/g),
    ...prose.matchAll(/<(?:img|a)\s[^>]*(?:src|href)="([^"]+)"/g),
  ];
  return links.map(([, target = '']) => target).filter((target) => !/^[a-z][a-z0-9+.-]*:/.test(target));
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf({ text }: Page): readonly string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'),
  );
  return headings.map((heading) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}

/** What is wrong with a link, or undefined. @param has whether there is such a file, by its path below the checkout */
function faultOf(page: Page, target: string, has: (path: string) => boolean): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page.path : normalize(join(dirname(page.path), decodeURI(path)));
  if (file.startsWith('..') || !has(file)) return `${page.path}: ${target} leads nowhere`;
  if (anchor === undefined || !file.endsWith('.md')) return undefined;
  return anchorsOf(readPage(file)).includes(anchor) ? undefined : `${page.path}: ${target} leads to no heading`;
}

test('every relative link of the README and the docs leads to something, and to a heading where it names one', () => {
  const pages = [...allPages(), readPage('CONTRIBUTING.md'), readPage('CHANGELOG.md'), readPage('fixtures/README.md')];
  const has = (path: string) => existsSync(join(ROOT, path));
  const faults = pages.flatMap((page) => targetsOf(page).map((target) => faultOf(page, target, has)));
  assert.equal(
    faults.filter((fault) => fault !== undefined),
    [],
  );
});

test("the README's links lead to what the package holds: npm shows it without the rest of the checkout", () => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const [{ files }]: [{ files: readonly { path: string }[] }] = JSON.parse(stdout);
  const packed = files.map(({ path }) => path);
  const has = (path: string) => packed.some((each) => each === path || each.startsWith(`${path.replace(/\/$/, '')}/`));
  assert.ok(packed.includes('README.md'));
  const readme = readPage('README.md');
  assert.equal(
    targetsOf(readme).flatMap((target) => faultOf(readme, target, has) ?? []),
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
