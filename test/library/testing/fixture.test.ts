import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Container } from '../../../src/library/container/container.ts';
import { listContainers } from '../../../src/library/container/find-container.ts';
import { type FixtureOptions, useContainer, withContainer } from '../../../src/library/testing/fixture.ts';
import { EXAMPLE_IMAGE, ROOT } from '../../support/checkout.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot } from '../../support/tools.ts';

const test = suite('library/testing/fixture');

/** A module of tests for node:test, one of which fails. */
const TESTS = `
import { after, afterEach, before, test } from 'node:test';
import { useContainer } from '${pathToFileURL(join(ROOT, 'dist/src/library/testing/fixture.js'))}';
const box = useContainer({ before, after, afterEach }, '${EXAMPLE_IMAGE}', {
  command: ['sh', '-c', 'echo the server has started; exec sleep 1000'],
  network: 'none',
  ready: async (container) => { for await (const _ of container.logs({ follow: true })) return; },
});
let early;
try { box(); } catch (error) { early = error.code; }
test('good', async () => { if ((await box().exec(['echo', 'hi'])).stdout !== 'hi\\n') throw new Error('no hi'); });
test('bad', () => { throw new Error('meant to fail'); });
test('asked too early', () => { if (early !== 'CONTAINER_STATE') throw new Error(String(early)); });
`;

if (haveRoot()) {
  test('the hooks of node:test start and remove a container, and its log is shown where a test fails', async () => {
    const folder = tempDir();
    writeFileSync(join(folder, 'own.test.mjs'), TESTS);
    const root = join(folder, 'store');
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--test-reporter=tap', 'own.test.mjs'], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: folder, TSIMG_ROOT: root },
      timeout: 60_000,
    });
    assert.is(status, 1, stderr);
    assert.match(stdout, /^# pass 2$/m, stdout);
    assert.match(stdout, /^# fail 1$/m);
    assert.is(stderr.match(/the server has started/g)?.length, 1, `${stdout}\n${stderr}`);
    assert.equal(await listContainers({ root, all: true }), []);
  });
}

if (haveRoot()) {
  test('a runner that gives up the first hook finds nothing left when the last one is over', async () => {
    const root = tempDir();
    const hooks: Record<string, () => Promise<void>> = {};
    const box = useContainer(
      { before: (hook) => (hooks.before = hook), after: (hook) => (hooks.after = hook) },
      EXAMPLE_IMAGE,
      { root, network: 'none', command: ['sleep', '1000'], ready: () => new Promise(() => {}) },
    );
    const begun = hooks.before?.().catch((error: Error) => error.message);
    await hooks.after?.();
    assert.equal(await listContainers({ root, all: true }), []);
    assert.is(await begun, 'the tests are over');
    assert.throws(box, /does not run yet, or not any more/);
  });

  test('the error of a test is the one that is told, whatever fails beside it', async () => {
    const root = tempDir();
    const told: string[] = [];
    const written: string[] = [];
    const failing = (onFailure: FixtureOptions['onFailure'], use: (box: Container) => Promise<void>) => {
      const start = { root, network: 'none', command: ['sleep', '1000'], onFailure };
      const all = withContainer(EXAMPLE_IMAGE, start, async (box) => {
        await use(box);
        throw new RangeError('meant to fail');
      });
      return all.catch((error: unknown) => error);
    };
    const { write } = process.stderr;
    process.stderr.write = (text: unknown) => written.push(String(text)) > 0;
    try {
      const errors = [
        await failing(
          (log) => void told.push(log),
          (box) => box.remove(),
        ),
        await failing(
          async () => {
            throw new Error('no place for logs');
          },
          async () => {},
        ),
      ];
      assert.equal(errors.map(String), ['RangeError: meant to fail', 'RangeError: meant to fail']);
    } finally {
      process.stderr.write = write;
    }
    assert.match(told.join(), 'the log cannot be read: no such container');
    assert.match(written.join(), /onFailure of .* failed: no place for logs/);
    assert.equal(await listContainers({ root, all: true }), []);
  });
}

test.run();
