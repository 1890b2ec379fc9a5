import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formOf } from '../fixtures/conformance/conformance-case.ts';
import { ALL_CASES, CORPUS } from '../fixtures/conformance/corpus.ts';
import { corpusDocument, escapeBytes, writeImage } from '../fixtures/conformance/document.ts';
import { aDirectory, aFile, aNameOf, aSymlink } from '../fixtures/conformance/expected.ts';
import { treeDifferences } from '../fixtures/conformance/judge.ts';
import { layoutOf } from '../fixtures/conformance/layout.ts';
import { ADAPTERS, type Adapter } from '../scripts/conformance/adapters.ts';
import { runInSandbox } from '../scripts/conformance/in-sandbox.ts';
import { caseList } from '../scripts/conformance/page.ts';
import { type CaseResult, runCase } from '../scripts/conformance/run-case.ts';
import { makeSandbox, type Sandbox } from '../scripts/conformance/sandbox.ts';
import { asIdentity } from './support/host/as-user.ts';
import { snapshot } from './support/image/tree-snapshot.ts';
import { tempDir } from './support/temp-dir.ts';
import { haveRoot, haveTools } from './support/tools.ts';

const test = suite('conformance');

// dist/test → the checkout
const ROOT = dirname(dirname(import.meta.dirname));

function unheld(results: readonly CaseResult[]): readonly string[] {
  return results.filter(({ held }) => !held).map(({ id, details }) => `${id}: ${details.slice(0, 3).join('; ')}`);
}

function adapterOf(unpack: (sandbox: Sandbox) => void): Adapter {
  return {
    name: 'made up',
    programs: [],
    note: '',
    forms: ['oci'],
    async unpack(_, sandbox) {
      unpack(sandbox);
      return { kind: 'tree', path: sandbox.rootfs };
    },
  };
}

function caseOf(id: string) {
  const found = ALL_CASES.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no case ${id}`);
  return found;
}

test('every case has a unique ID that begins with its group, a rule, and the source of the rule', () => {
  assert.ok(ALL_CASES.length > 300);
  assert.is(new Set(ALL_CASES.map(({ id }) => id)).size, ALL_CASES.length);
  for (const { name, cases } of CORPUS) {
    for (const { id, rule, cites, expect } of cases) {
      assert.match(id, new RegExp(`^${name}-[a-z0-9.-]+$`));
      assert.match(rule, /^\p{Lu}.*\.$/u, id);
      assert.ok(cites.length > 0 && expect.length > 0, id);
    }
  }
});

test('the corpus has the same bytes every time, because no compressor is used', () => {
  assert.is(corpusDocument(CORPUS), corpusDocument(CORPUS));
  for (const { image } of ALL_CASES) {
    if ('archive' in image) continue;
    assert.equal([...layoutOf(image).files], [...layoutOf(image).files]);
  }
  const folder = join(ROOT, 'fixtures', 'conformance');
  for (const name of ['compressed.ts', 'layout.ts', 'document.ts', 'cases/compression.ts']) {
    assert.not.match(readFileSync(join(folder, name), 'utf8'), 'zlib');
  }
});

test('the document of the corpus is ASCII, whatever bytes names have', () => {
  assert.match(corpusDocument(CORPUS), /^[\n\x20-\x7e]+$/);
  assert.is(escapeBytes('caf\xe9 100%\n'), 'caf%e9 100%25%0a');
});

test('the judge sees every difference between a tree and the expected one', () => {
  const root = tempDir();
  writeFileSync(join(root, 'file'), 'content', { mode: 0o644 });
  linkSync(join(root, 'file'), join(root, 'name'));
  mkdirSync(join(root, 'dir'), { mode: 0o755 });
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const found = snapshot(root);
  const right = [aDirectory('dir', owner), aFile('file', 'content', owner), aNameOf('name', 'file')];
  assert.equal(treeDifferences(found, right), []);
  const [directory, file, name] = right;
  if (directory === undefined || file === undefined || name === undefined) throw new Error('three entries');
  const wrong = [
    [[file, name], 'dir: is too much'],
    [[...right, aFile('more', '')], 'more: is missing'],
    [[directory, aFile('file', 'CONTENT', owner), name], 'file: content'],
    [[directory, aFile('file', 'con', owner), name], 'file: size'],
    [[directory, { ...file, mode: '0600' }, name], 'file: mode'],
    [[directory, { ...file, uid: 77_777 }, name], 'file: uid'],
    [[directory, { ...file, gid: 77_777 }, name], 'file: gid'],
    [[directory, { ...file, mtime: 0n }, name], 'file: time'],
    [[directory, { ...file, xattrs: { 'user.a': Buffer.from('1') } }, name], 'file: attributes'],
    [[aSymlink('dir', 'x'), file, name], 'dir: type'],
    [[directory, file, { path: 'name', type: 'file' }], 'file: has 2 names, not 1'],
    [[directory, file, aNameOf('name', 'other')], 'name: is a name of file'],
  ] as const;
  for (const [entries, line] of wrong) {
    assert.ok(
      treeDifferences(found, entries).some((each) => each.startsWith(line)),
      line,
    );
  }
});

test('changes outside of the root are detected', async () => {
  const each = caseOf('whiteout-top-level');
  const right = (sandbox: Sandbox) => {
    mkdirSync(sandbox.rootfs);
    writeFileSync(join(sandbox.rootfs, 'two'), '2', { mode: 0o644 });
  };
  const outcome = async (unpack: (sandbox: Sandbox) => void) => {
    const sandbox = makeSandbox(join(tempDir(), 'sandbox'));
    const strictness = process.getuid?.() === 0 ? 'all' : 'recorded';
    return (await runCase(adapterOf(unpack), each, sandbox, strictness)).held;
  };
  assert.is(await outcome(right), true);
  const attacks: readonly ((sandbox: Sandbox) => void)[] = [
    ({ rootfs }) => writeFileSync(join(rootfs, '..', 'escaped'), ''),
    ({ rootfs }) => writeFileSync(join(rootfs, '..', 'secret'), 'overwritten'),
    ({ rootfs }) => chmodSync(join(rootfs, '..', 'secret'), 0o777),
    ({ rootfs }) => rmSync(join(rootfs, '..', 'rootfs-sibling'), { recursive: true }),
    ({ rootfs }) => chmodSync(join(rootfs, '..', '..', 'outside', 'dir'), 0o777),
    ({ rootfs, workingDirectory }) =>
      linkSync(join(workingDirectory, 'cwd-secret'), join(rootfs, '..', '..', 'scratch', 'x')),
  ];
  for (const attack of attacks) {
    const held = await outcome((sandbox) => {
      right(sandbox);
      attack(sandbox);
    });
    assert.is(held, false, attack.toString());
  }
});

test('a tree fails a case that expects an error, and an error one that expects a tree', async () => {
  const tree = adapterOf(({ rootfs }) => mkdirSync(rootfs));
  const sandbox = makeSandbox(join(tempDir(), 'sandbox'));
  assert.is((await runCase(tree, caseOf('hard-link-circle'), sandbox)).held, false);
  const refusal: Adapter = { ...tree, unpack: async () => ({ kind: 'refused', code: '', message: 'no' }) };
  assert.is((await runCase(refusal, caseOf('whiteout-file'), makeSandbox(join(tempDir(), 'sandbox')))).held, false);
  assert.is((await runCase(refusal, caseOf('hard-link-circle'), makeSandbox(join(tempDir(), 'sandbox')))).held, true);
});

if (haveRoot()) {
  test('as root: tsimg passes every case, in a sandbox, and the published list says so', async () => {
    const results = await runInSandbox('tsimg');
    assert.equal(unheld(results), []);
    assert.is(results.length, ALL_CASES.length);
    const page = readFileSync(join(ROOT, 'docs', 'conformance.md'), 'utf8');
    assert.ok(page.includes(caseList(CORPUS, results)), 'docs/conformance.md: npm run conformance -- --docs');
  });

  test('as root: the layers of containers pass every case too, seen through overlayfs', async () => {
    const results = await runInSandbox('tsimg --layers');
    assert.equal(unheld(results), []);
    assert.is(results.length, ALL_CASES.length);
  });

  test('as root: an exported and unpacked image passes every case', async () => {
    if (!haveTools('tar')) return;
    const results = await runInSandbox('tsimg export');
    assert.equal(unheld(results), []);
    assert.is(results.length, ALL_CASES.length);
  });
}

if (haveRoot()) {
  test('as root: without the libraries of the host, tsimg passes all cases that they could affect', async () => {
    const ids = CORPUS.filter(({ name }) => ['compression', 'document', 'smuggle'].includes(name)).flatMap(
      ({ cases }) => cases.map(({ id }) => id),
    );
    process.env.TSIMG_HOST_LIBRARIES = '0';
    try {
      const results = await runInSandbox('tsimg', ids);
      assert.equal(unheld(results), []);
      assert.ok(ids.length > 80 && results.length === ids.length);
    } finally {
      delete process.env.TSIMG_HOST_LIBRARIES;
    }
  });
}

test('as ordinary user: tsimg makes the same names, contents and links of every case', async () => {
  const [tsimg] = ADAPTERS;
  if (tsimg === undefined) throw new Error('no adapter');
  // Of many cases in one folder, ext4 would pass over the deleted files (test/support/temp-dir.ts)
  const folders = Array.from({ length: 16 }, () => tempDir(0o777));
  const results = await asIdentity('ordinary user', async () => {
    const sandboxes = folders.map((folder) => makeSandbox(join(folder, 'sandbox')));
    const results: CaseResult[] = [];
    for (const each of ALL_CASES) {
      const sandbox = sandboxes[results.length % sandboxes.length];
      if (sandbox === undefined) throw new Error('no sandbox');
      results.push(await runCase(tsimg, each, sandbox, 'recorded'));
      sandbox.renew();
    }
    for (const sandbox of sandboxes) sandbox.clear();
    return results;
  });
  assert.equal(unheld(results), []);
});

test('every image of the corpus can be written as files', () => {
  for (const { id, image } of ALL_CASES.slice(0, 5)) {
    assert.is(writeImage(image, join(tempDir(), id)).form, formOf(image));
  }
});

test.run();
