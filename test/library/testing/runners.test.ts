import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listContainers } from '../../../src/library/container/find-container.ts';
import { EXAMPLE_IMAGE, ROOT } from '../../support/checkout.ts';
import { packageFromNpm } from '../../support/command/npm-packages.ts';
import { makeProject } from '../../support/command/user-project.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';

// vitest and jest themselves, in the project of a user. Both run on all supported lines of Node.

const test = suite('library/testing/runners');
/** Seconds that name the processes of these tests. */
const MARK = String(100_000 + process.pid);

/** The options of the containers, in both specs. A container of the name FILE-box, say, logs that it has started. */
const OPTIONS = `(name) => ({
  name,
  network: 'none',
  command: ['sh', '-c', \`echo \${name} has started; exec sleep ${MARK}\`],
  ready: ready.log('has started'),
})`;
/** A test whose runner is killed meanwhile. It says that it has begun, and who runs it. */
const HANGING = `async () => {
  writeFileSync('hanging', '');
  await new Promise((resolve) => setTimeout(resolve, 100_000));
}, 200_000`;

const VITEST = `import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test as base } from 'vitest';
import { containerFixture, ready, useContainer } from 'tsimg/testing';
const IMAGE = '${EXAMPLE_IMAGE}';
const options = ${OPTIONS.replace('(name)', '(name: string)')};
const box = useContainer({ before: beforeAll, after: afterAll, afterEach }, IMAGE, options('box'));
const test = base.extend({ own: containerFixture(IMAGE, options('own')) });
test('good', async () => expect((await box().exec(['echo', 'hi'])).stdout).toBe('hi\\n'));
test('bad', () => expect(box().name).toBe('another'));
test('good, with its own', async ({ own }) => expect(own.id).not.toBe(box().id));
test('bad, with its own', async ({ own }) => expect(own.id).toBe(box().id));
test.runIf(process.env.HANG)('hanging', ${HANGING});
`;

const JEST = `const { writeFileSync } = require('node:fs');
const { ready, useContainer, withContainer } = require('tsimg/testing');
const IMAGE = '${EXAMPLE_IMAGE}';
const options = ${OPTIONS};
const box = useContainer({ before: beforeAll, after: afterAll, afterEach }, IMAGE, options('box'));
test('good', async () => expect((await box().exec(['echo', 'hi'])).stdout).toBe('hi\\n'));
test('bad, with its own', () => withContainer(IMAGE, options('own'), async (own) => expect(own.id).toBe(box().id)));
(process.env.HANG ? test : test.skip)('hanging', ${HANGING});
`;

const RUNNERS = [
  {
    name: 'vitest',
    version: '4.1.12',
    command: ['vitest/vitest.mjs', 'run'],
    file: 'own.test.ts',
    spec: VITEST,
    summary: /Tests .*2 failed.* 2 passed.* 1 skipped/,
    logs: ['box has started', 'box has started', 'own has started'],
  },
  {
    name: 'jest',
    version: '30.5.2',
    command: ['jest/bin/jest.js'],
    file: 'own.test.js',
    spec: JEST,
    summary: /^Tests: +1 failed, 1 skipped, 1 passed, 3 total$/m,
    logs: ['own has started'],
  },
] as const;

/** The processes whose arguments or environment have a text. */
function processesWith(given: string): readonly string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
    .filter((pid) =>
      ['cmdline', 'environ'].some((file) => {
        try {
          return readFileSync(join('/proc', pid, file), 'latin1').includes(given);
        } catch {
          // It has ended meanwhile.
          return false;
        }
      }),
    );
}

/** Waits for a state. @throws Error where it does not come about within a minute */
async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let look = 0; look < 600; look += 1) {
    if (isSo()) return;
    await sleep(100);
  }
  throw new Error(`it did not come about that ${what}`);
}

for (const { name, version, command, file, spec, summary, logs } of RUNNERS) {
  if (!canRunContainers()) break;
  const modules = await packageFromNpm(name, version);
  if (modules === undefined) continue;

  /** A project with the spec, and what starts the runner in it, in a process group of its own. */
  const project = () => {
    const folder = makeProject();
    writeFileSync(join(folder, 'package.json'), '{}');
    writeFileSync(join(folder, file), spec);
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(join(modules, name), join(folder, 'node_modules', name));
    const root = join(folder, 'store');
    mkdirSync(root);
    const start = (more: NodeJS.ProcessEnv = {}) =>
      spawn(process.execPath, [join(modules, command[0]), ...command.slice(1)], {
        cwd: folder,
        detached: true,
        // What a killed runner leaves in a folder for temporary files goes with the project.
        env: {
          PATH: process.env.PATH,
          HOME: folder,
          TMPDIR: folder,
          TSIMG_ROOT: root,
          NO_COLOR: '1',
          CI: '1',
          ...more,
        },
      });
    return { folder, root, start };
  };

  test(`a container of ${name} ${version} is there for its tests, and its log is shown where one fails`, async () => {
    const { folder, root, start } = project();
    if (file.endsWith('.ts')) {
      const compilerOptions = {
        noEmit: true,
        strict: true,
        module: 'esnext',
        moduleResolution: 'bundler',
        target: 'es2023',
        skipLibCheck: true,
        types: ['node'],
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }));
      const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
      const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' });
      assert.is(status, 0, stdout);
    }
    const child = start();
    const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    const told = stdout + stderr;
    assert.is(status, 1, told);
    assert.match(told, summary);
    assert.equal(told.match(/^\w+ has started$/gm)?.sort(), logs, told);
    assert.equal(await listContainers({ root, all: true }), []);
  });

  test(`nothing is left of a container when ${name} is killed in mid-test`, async () => {
    const { folder, root, start } = project();
    const child = start({ HANG: '1' });
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    const { pid } = child;
    const hasEnded = () => pid === undefined || child.exitCode !== null || child.signalCode !== null;
    try {
      await until('the last test runs', () => existsSync(join(folder, 'hanging')) || hasEnded());
      if (hasEnded()) throw new Error(`${name} has ended: ${(await output).join('\n')}`);
      assert.ok(processesWith(MARK).length > 0);
    } finally {
      // With the processes that run its tests for it
      if (pid !== undefined && !hasEnded()) process.kill(-pid, 'SIGKILL');
    }
    // Where the package is, too: what looks after containers runs its scripts
    const place = dirname(folder);
    await until('no process is left', () => processesWith(MARK).length === 0 && processesWith(place).length === 0);
    assert.equal(await listContainers({ root, all: true }), []);
    assert.not.ok(readFileSync('/proc/self/mountinfo', 'utf8').includes(folder));
  });
}

test.run();
