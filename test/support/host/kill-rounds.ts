import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type Dirent, existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// A program for a world of its own (own-world.ts): it starts another program again and again, kills it at moments that
// follow from a seed, and compares the world before and after. Its argument is JSON; it prints what is left, and ends
// with 1 then.

export interface KillRounds {
  readonly rounds: number;
  readonly seed: number;
  /** The longest time until the program is killed: milliseconds. */
  readonly longest: number;
  /** The arguments of Node that start the program. */
  readonly program: readonly string[];
  /** The folder of the program's containers, and what removes leftovers when the guardian was killed too. */
  readonly stateRoot: string;
  readonly sweep: readonly string[];
  /** Whether it is killed; otherwise it ends by itself. Default true. */
  readonly isKilled?: boolean;
}

/** How a program ends in each round in turn. */
const WAYS = ['program', 'group', 'guardian first', 'guardian too'] as const;
const PATIENCE = 60_000;

/** Numbers from 0 to 1 that follow from a seed. */
function chanceFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function output(program: string, ...args: readonly string[]): string {
  return spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '';
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

const processes = (): readonly string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name));
const wordsOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
};

/** All entries below a folder; one that says so where they change at that moment. */
function below(path: string): readonly Dirent[] | 'changing' {
  try {
    return existsSync(path) ? readdirSync(path, { recursive: true, withFileTypes: true }) : [];
  } catch {
    // The guardian is removing them.
    return 'changing';
  }
}

/** The paths of entries below a folder. */
function pathsBelow(path: string, isWanted: (entry: Dirent) => boolean = () => true): readonly string[] {
  const entries = below(path);
  if (entries === 'changing') return [`${path} is changing`];
  return entries.filter(isWanted).map((each) => join(each.parentPath, each.name));
}

/** Names of cgroups at all depths of this world. */
function cgroups(): readonly string[] {
  const places = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type = '']) => /^cgroup2?$/.test(type))
    .map(([, path = '']) => path);
  return places.flatMap((path) => pathsBelow(path, (entry) => entry.isDirectory()));
}

/** All that a container makes on a host, as texts. */
function look(stateRoot: string): readonly string[] {
  const namespaces = new Set(
    processes().flatMap((pid) => ['mnt', 'net', 'user', 'pid'].map((name) => linkOf(`/proc/${pid}/ns/${name}`))),
  );
  return [
    ...processes().map((pid) => `process ${wordsOf(pid)}`),
    ...[...namespaces].map((each) => `namespace ${each}`),
    ...readFileSync('/proc/self/mountinfo', 'utf8').split('\n'),
    ...output('ip', '-o', 'link')
      .split('\n')
      .map((line) => `link ${line.split(':')[1] ?? ''}`),
    ...output('nft', 'list', 'ruleset').split('\n'),
    ...output('iptables-save')
      .split('\n')
      .filter((line) => line.startsWith('-A')),
    ...cgroups().map((path) => `cgroup ${path}`),
    ...pathsBelow(join(stateRoot, 'containers')).filter((path) => !/\/(names|names\.lock)$/.test(path)),
    ...pathsBelow('/run/tsimg').filter((path) => /\.(lease|hosts)$| is changing$/.test(path)),
  ].filter((line) => line !== '');
}

const [argument] = process.argv.slice(2);
if (argument !== undefined) {
  const { rounds, seed, longest, program, stateRoot, sweep, isKilled = true }: KillRounds = JSON.parse(argument);
  const chance = chanceFrom(seed);
  const isGuardian = (pid: string) => wordsOf(pid).includes('guardian.cjs');
  const killGuardians = () => {
    for (const pid of processes().filter(isGuardian)) process.kill(Number(pid), 'SIGKILL');
  };
  const entries = () =>
    existsSync(join(stateRoot, 'containers')) ? readdirSync(join(stateRoot, 'containers')).length : 0;
  const before = new Set(look(stateRoot));
  const counts = new Map<string, number>();
  let most = 0;
  for (let round = 0; round < rounds; round += 1) {
    const way = WAYS[round % WAYS.length] ?? 'program';
    const moment = Math.round(chance() * longest);
    const resting = entries();
    const child = spawn(process.execPath, [...program], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
    const end = once(child, 'exit');
    if (!isKilled) await end;
    // The start of Node takes long on a busy machine; some are killed in it too.
    const patience = Date.now() + (round % 5 === 4 ? 0 : PATIENCE);
    while (isKilled && entries() <= resting && Date.now() < patience) await sleep(5);
    await sleep(moment);
    most = Math.max(most, entries());
    if (way === 'guardian first') {
      killGuardians();
      await sleep(Math.round(chance() * 100));
    }
    if (isKilled) process.kill(way === 'group' ? -(child.pid ?? 0) : (child.pid ?? 0), 'SIGKILL');
    if (way === 'guardian too') killGuardians();
    await end;
    let left: readonly string[] = [];
    for (const until = Date.now() + PATIENCE; ; await sleep(50)) {
      left = look(stateRoot).filter((line) => !before.has(line));
      if (left.length === 0 || Date.now() > until) break;
      const isSwept = way.startsWith('guardian') && !processes().some(isGuardian);
      if (isSwept) output(process.execPath, ...sweep);
    }
    if (left.length > 0) {
      console.log(`round ${round} (seed ${seed}), ${way} killed after ${moment} ms: left\n${left.join('\n')}`);
      process.exitCode = 1;
      break;
    }
    counts.set(way, (counts.get(way) ?? 0) + 1);
  }
  console.log(`${[...counts].map(([way, count]) => `${way} ${count}`).join(', ')}; at most ${most} entries at once`);
}
