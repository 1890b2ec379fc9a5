import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadArchive, tagImage } from '../../src/library/images/stored-images.ts';
import { EXAMPLE_IMAGE, ROOT } from '../support/checkout.ts';
import { canRunContainers } from '../support/container/define-runs.ts';
import { tempDir } from '../support/temp-dir.ts';

// Each `ts` block of docs/library.md runs, and prints what stands in the `text` block below it.

const test = suite('docs/library');
const PAGE = readFileSync(join(ROOT, 'docs', 'library.md'), 'utf8');
const blocks = [...PAGE.matchAll(/^```ts\n([\s\S]*?)^```\n\n```text\n([\s\S]*?)^```$/gm)];

test('each block of the page has its output below it', () => {
  assert.is(blocks.length, [...PAGE.matchAll(/^```ts$/gm)].length);
  assert.ok(blocks.length > 3);
});

if (canRunContainers()) {
  test('each block prints what the page says', async () => {
    const folder = tempDir();
    const root = join(folder, 'store');
    const [loaded] = await loadArchive(EXAMPLE_IMAGE, { root });
    await tagImage(loaded?.imageId ?? '', 'alpine:3.20', { root });
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules', 'tsimg'));
    for (const [, code = '', said] of blocks) {
      const program = transformSync(code, { loader: 'ts', target: 'node20', format: 'esm' });
      writeFileSync(join(folder, 'block.mjs'), program.code);
      const env = { PATH: process.env.PATH, TSIMG_ROOT: root };
      const { stdout, stderr } = spawnSync(process.execPath, ['block.mjs'], { cwd: folder, encoding: 'utf8', env });
      // A line of output may end with the end of what a command wrote.
      const lines = stdout.replace(/\n+/g, '\n');
      assert.is(lines, said, stderr);
    }
  });
}

test.run();
