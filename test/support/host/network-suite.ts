import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { letRunBeside } from '../command/resident-command.ts';
import { prepare } from '../prepare.ts';
import { makeNetworkWorld, type NetworkWorld, nextText, type WorldOptions } from './network-world.ts';

/** The world of a suite. */
export interface SuiteWorld {
  /** There is none before the first test, nor after the last. */
  readonly world: NetworkWorld;
  /** Waits until a program says that it is ready. It ends with the test. */
  ready(child: ChildProcess): Promise<ChildProcess>;
}

/** Kills a process that was started in a world, and waits for its end. */
export async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Makes a world for the tests of a suite. Needs root. */
export function withNetworkWorld(test: Test, options: WorldOptions = {}): SuiteWorld {
  let world: NetworkWorld | undefined;
  const running: ChildProcess[] = [];
  prepare(test, async () => {
    world = await makeNetworkWorld(options);
  });
  test.after(() => {
    world?.close();
    world = undefined;
  });
  test.after.each(async () => {
    for (const child of running.splice(0)) await endOf(child);
  });
  return {
    get world() {
      if (world === undefined) throw new Error('the world exists while tests run');
      return world;
    },
    async ready(child) {
      running.push(child);
      assert.is(await nextText(child), 'ready');
      letRunBeside(child);
      return child;
    },
  };
}
