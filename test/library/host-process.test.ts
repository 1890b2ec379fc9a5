import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { stateRootOf } from '../support/command/state-root.ts';
import { canRunContainers } from '../support/container/define-runs.ts';
import type { FiftyContainers } from '../support/container/fifty-containers.ts';
import { becomeWords, makeOrdinaryUser } from '../support/host/ordinary-user.ts';

// The library leaves the process that loads it as it was.

const test = suite('library/host-process');
const PROGRAM = join(import.meta.dirname, '..', 'support', 'container', 'fifty-containers.js');

if (canRunContainers()) {
  const user = makeOrdinaryUser();
  for (const [who, identity, thread] of [
    ['root, in the main thread', undefined, 'main'],
    ['root, in a worker thread', undefined, 'worker'],
    ...(user === undefined ? [] : [['an ordinary user, in the main thread', user, 'main'] as const]),
  ] as const) {
    test(`fifty containers at once leave a process of ${who} as it was`, () => {
      const root = stateRootOf(identity);
      const node = [process.execPath, '--trace-warnings', PROGRAM, EXAMPLE_IMAGE, root, thread];
      const [program = '', ...words] = [...becomeWords(identity), ...node];
      const env = { PATH: process.env.PATH };
      const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', input: '', env, cwd: '/' });
      assert.equal([status, stderr], [0, '']);
      const expected: FiftyContainers = { right: 50, changed: [], abortListeners: 0 };
      assert.equal(JSON.parse(stdout), expected);
    });
  }
}

test.run();
