import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createSandbox } from '../src/library/sandbox/create-sandbox.ts';
import { createSandboxPool } from '../src/library/sandbox/pool.ts';
import { makeBusyboxRootfs } from '../test/support/container/busybox-rootfs.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { findTool } from '../test/support/tools.ts';
import { median } from './measure.ts';
import { makeBundle, PODMAN } from './runc-bundle.ts';

// Time of /bin/true in a sandbox, from a Node process that runs: with a new sandbox, from a pool, again in the same
// one; and of runc and podman, started by the same process, with the same root filesystem, in turns. Then a hundred in
// a row, many at once, and the memory of one that waits. Needs root. Usage: node dist/bench/sandbox.js [ROUNDS]
// [AT_ONCE]

const [rounds = 20, atOnce = 20] = process.argv.slice(2).map(Number);
const rootfs = makeBusyboxRootfs(tempDir(0o755));
const options = { root: tempDir() };
const TRUE = ['/bin/true'];
function program(words: readonly string[]): Promise<void> {
  const [file = '', ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'ignore' });
    child.once('error', reject);
    child.once('close', (status) => (status === 0 ? resolve() : reject(new Error(`${file} ended with ${status}`))));
  });
}

const bundle = findTool('runc') === undefined ? '' : makeBundle(rootfs, '/bin/true');
await using pool = await createSandboxPool(rootfs, options, { size: 2 });
await using same = await createSandbox(rootfs, options);
let name = 0;

/** Does one thing and returns its time in milliseconds; what belongs to it, but not to the time, comes after it. */
type Candidate = () => Promise<number>;
const timed = async (action: () => Promise<unknown>, after: () => Promise<unknown> = async () => {}) => {
  const began = performance.now();
  await action();
  const taken = performance.now() - began;
  await after();
  return taken;
};
const fresh: Candidate = () =>
  timed(async () => {
    await using box = await createSandbox(rootfs, options);
    await box.run(TRUE);
  });
const candidates: Readonly<Record<string, Candidate>> = {
  'a new sandbox, closed': fresh,
  'a new sandbox': async () => {
    let close = async () => {};
    return timed(
      async () => {
        const box = await createSandbox(rootfs, options);
        close = () => box.close();
        await box.run(TRUE);
      },
      () => close(),
    );
  },
  'from a pool': async () => {
    let close = async () => {};
    return timed(
      async () => {
        const box = await pool.take();
        close = () => box.close();
        await box.run(TRUE);
      },
      async () => {
        await close();
        await pool.fill();
      },
    );
  },
  'again in the same': () => timed(() => same.run(TRUE)),
  ...(bundle === ''
    ? {}
    : {
        runc: () => timed(() => program(['runc', 'run', '-b', bundle, `tsimg-bench-${process.pid}-${name++}`])),
      }),
  ...(findTool('podman') === undefined
    ? {}
    : {
        podman: () =>
          timed(() => program(['podman', '--runtime', 'runc', 'run', '--rm', ...PODMAN, '--rootfs', rootfs, ...TRUE])),
      }),
};

const times = new Map<string, number[]>();
// The first round warms the page cache.
for (let round = -1; round < rounds; round += 1) {
  for (const [what, run] of Object.entries(candidates)) {
    const taken = await run();
    if (round >= 0) times.set(what, [...(times.get(what) ?? []), taken]);
  }
}
const base = median(times.get('runc') ?? []);
console.log(`median of ${rounds}, in turns`);
for (const [what, each] of times) {
  const middle = median(each);
  const ratio = Number.isFinite(base) && base > 0 ? `   ${(middle / base).toFixed(2)} of runc` : '';
  console.log(
    `${what.padEnd(22)} ${middle.toFixed(1).padStart(7)} ms   least ${Math.min(...each).toFixed(1)} ms${ratio}`,
  );
}

const row = await timed(async () => {
  for (let index = 0; index < 100; index += 1) await fresh();
});
console.log(`100 in a row: ${(row / 100).toFixed(1)} ms each`);
const together = await timed(() => Promise.all(Array.from({ length: atOnce }, fresh)));
console.log(`${atOnce} at once: ${together.toFixed(0)} ms`);

/** The memory of this process and of its stubs that no other process shares: KiB. */
function ownMemory(): number {
  const ids = [process.pid, ...stubsOf()];
  return ids.reduce((sum, pid) => {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
    return (
      sum + [...text.matchAll(/^Private_(?:Clean|Dirty):\s+([0-9]+)/gm)].reduce((all, [, kib]) => all + Number(kib), 0)
    );
  }, 0);
}

function stubsOf(): readonly number[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .filter((line) => /^\s*[0-9]+ stub$/.test(line))
    .map((line) => Number.parseInt(line, 10));
}

const before = ownMemory();
const waiting = await Promise.all(Array.from({ length: atOnce }, () => createSandbox(rootfs, options)));
const held = ownMemory() - before;
console.log(`a sandbox that waits: ${Math.round(held / atOnce)} KiB, of which none is of a second Node`);
await Promise.all(waiting.map((box) => box.close()));
