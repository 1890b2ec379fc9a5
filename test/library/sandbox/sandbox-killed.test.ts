import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN } from '../../support/command/tsimg.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import type { SandboxProgram } from '../../support/container/sandbox-program.ts';
import type { KillRounds } from '../../support/host/kill-rounds.ts';
import { OWN_WORLD_NEEDS, runInOwnWorld } from '../../support/host/own-world.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

// A program that makes, forks, snapshots and closes sandboxes is killed at moments that follow from a seed, and the
// world around it is compared before and after. By hand: TSIMG_KILLS=200 TSIMG_RUNS=10000 TSIMG_SEED=7.

const test = suite('library/sandbox killed');
/** How often a program is killed, as root and as a user together. */
const KILLS = Number(process.env.TSIMG_KILLS ?? 6);
/** Runs of each of the two users. */
const RUNS = Number(process.env.TSIMG_RUNS ?? 24);
const SEED = Number(process.env.TSIMG_SEED ?? 1);
/** A world lasts some minutes at most. */
const ROUNDS_OF_A_WORLD = 24;
const RUNS_OF_A_WORLD = 600;
const SUPPORT = join(import.meta.dirname, '../../support');

if (haveTools('busybox', ...OWN_WORLD_NEEDS) && haveRoot()) {
  const source = makeBusyboxRootfs(tempDir(0o777));
  chmodSync(source, 0o777);
  const folder = tempDir();

  for (const as of ['root', 'user'] as const) {
    const options = { root: '$HOME/state', weakLimits: as === 'user' };
    /** Runs a program of test/support in a world; `$HOME` in its argument is the world's. */
    const inWorld = (program: string, argument: unknown, env = '') => {
      const file = join(folder, 'argument');
      writeFileSync(file, JSON.stringify(argument));
      const script = `${env} node ${join(SUPPORT, program)} "$(sed "s,[$]HOME,$HOME,g" argument)"; exit $?`;
      const { status, output } = runInOwnWorld({ main: MAIN, as, files: { argument: file }, script });
      assert.is(status, 0, output.replaceAll('box\n', ''));
      return output;
    };

    test(`sandboxes of ${as} leave nothing when their program is killed at any moment`, () => {
      const program: SandboxProgram = { source, options, scenario: 'endless' };
      let boxes = 0;
      for (let left = Math.max(2, Math.round(KILLS / 2)), part = 0; left > 0; left -= ROUNDS_OF_A_WORLD, part += 1) {
        const rounds: KillRounds = {
          rounds: Math.min(left, ROUNDS_OF_A_WORLD),
          seed: SEED + part,
          longest: 2000,
          program: [join(SUPPORT, 'container/sandbox-program.js'), JSON.stringify(program)],
          stateRoot: '$HOME/state',
          sweep: ['--', MAIN, 'prune', '--force', '--root', '$HOME/state'],
        };
        const output = inWorld('host/kill-rounds.js', rounds);
        boxes += output.match(/^box$/gm)?.length ?? 0;
        console.log(`  ${as}: ${output.replaceAll('box\n', '').trim()}; ${boxes} sandboxes by now`);
      }
    });

    test(`runs of ${as} leave no process, descriptor, cgroup or file`, () => {
      for (let left = RUNS; left > 0; left -= RUNS_OF_A_WORLD) {
        const program: SandboxProgram = { source, options, scenario: 'runs' };
        const count = Math.min(left, RUNS_OF_A_WORLD);
        const rounds = {
          rounds: 1,
          seed: 1,
          longest: 0,
          program: [join(SUPPORT, 'container/sandbox-program.js'), JSON.stringify(program)],
        };
        const output = inWorld(
          'host/kill-rounds.js',
          { ...rounds, stateRoot: '$HOME/state', sweep: [], isKilled: false },
          `TSIMG_RUNS=${count}`,
        );
        const { first, last, done } = JSON.parse(/\{.*"done".*\}/.exec(output)?.[0] ?? '{}');
        assert.equal([done, last], [count, first], output);
      }
    });
  }
}

test.run();
