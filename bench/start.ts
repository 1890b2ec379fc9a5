import { type ChildProcess, spawn } from 'node:child_process';
import { publish } from '../test/support/command/publish.ts';
import { makeBusyboxRootfs } from '../test/support/container/busybox-rootfs.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { findTool } from '../test/support/tools.ts';
import { measure, median } from './measure.ts';
import { makeBundle, PODMAN } from './runc-bundle.ts';

// Time from the command line to the end of /bin/true, of tsimg, podman, runc, bubblewrap and unshare, in turn, in one
// run; then of many at once. Needs root. Usage: node dist/bench/start.js [ROUNDS] [AT_ONCE]

// Node reads these certificates at every start, in 30 ms for a system's bundle; that is no part of a container's start.
delete process.env.NODE_EXTRA_CA_CERTS;

const PUBLISHED = await publish();
const [rounds = 15, atOnce = 100] = process.argv.slice(2).map(Number);

const rootfs = makeBusyboxRootfs(tempDir(0o755));
const TRUE = '/bin/true';
// crun is not among them: it refuses hosts with cgroups of both versions.
const tsimg = [process.execPath, PUBLISHED, 'run', '--rm', '--network', 'none', rootfs, TRUE];
let name = 0;
const bundle = findTool('runc') === undefined ? '' : makeBundle(rootfs, TRUE);
const candidates: readonly { readonly tool: string; readonly command: () => readonly string[] }[] = [
  { tool: 'tsimg', command: () => tsimg },
  { tool: 'node -e 0', command: () => [process.execPath, '-e', '0'] },
  {
    tool: 'podman',
    command: () => ['podman', '--runtime', 'runc', 'run', '--rm', ...PODMAN, '--rootfs', rootfs, TRUE],
  },
  { tool: 'runc', command: () => ['runc', 'run', '-b', bundle, `tsimg-bench-${process.pid}-${name++}`] },
  {
    tool: 'bwrap',
    command: () => ['bwrap', '--unshare-all', '--bind', rootfs, '/', '--proc', '/proc', '--dev', '/dev', TRUE],
  },
  { tool: 'unshare', command: () => ['unshare', '-mpuinf', '-R', rootfs, TRUE] },
];

async function measureInTurn(): Promise<ReadonlyMap<string, number[]>> {
  const seconds = new Map<string, number[]>();
  const present = candidates.filter(
    ({ tool }) => findTool(tool.split(' ')[0] ?? '') !== undefined || /^(tsimg|node)/.test(tool),
  );
  for (let round = -1; round < rounds; round += 1) {
    for (const { tool, command } of present) {
      const taken = (await measure(command())).seconds;
      // The first round warms the page cache.
      if (round >= 0) seconds.set(tool, [...(seconds.get(tool) ?? []), taken]);
    }
  }
  return seconds;
}

function ended(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => child.once('close', (status) => resolve(status === 0)));
}

const ms = (seconds: number) => Math.round(seconds * 1000);
const results = await measureInTurn();
const own = median(results.get('tsimg') ?? []);
console.log(`median of ${rounds}, in turn`);
for (const [tool, seconds] of results) {
  const middle = median(seconds);
  const least = `least ${ms(Math.min(...seconds))} ms`;
  const ratio = `tsimg takes ${(own / middle).toFixed(2)} of it`;
  console.log(`${tool.padEnd(10)} ${String(ms(middle)).padStart(5)} ms   ${least}   ${ratio}`);
}

const started = process.hrtime.bigint();
const [program = '', ...args] = tsimg;
const right = await Promise.all(Array.from({ length: atOnce }, () => ended(spawn(program, args, { stdio: 'ignore' }))));
const taken = Number(process.hrtime.bigint() - started) / 1e9;
console.log(`${atOnce} at once: ${right.filter(Boolean).length} ended right, ${taken.toFixed(1)} s`);
process.exitCode = right.every(Boolean) ? 0 : 1;
