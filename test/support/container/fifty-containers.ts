import { getEventListeners } from 'node:events';
import { readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

// A program that runs fifty containers at once by the library, and prints what that has changed of its process, in
// JSON. Its arguments are an image, the folder of containers, and the thread: `main` or `worker`.

/** What is told of a process. */
type State = Readonly<Record<string, unknown>>;

export interface FiftyContainers {
  /** Containers that did what they should. */
  readonly right: number;
  /** What was changed: by which name, and from what to what. */
  readonly changed: readonly (readonly [name: string, before: unknown, after: unknown])[];
  readonly abortListeners: number;
}

function status(name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
}

/** The mask of signals with a handler, without SIGCHLD: Node itself sets one when it first starts a process. */
function caughtSignals(): string {
  const SIGCHLD = 17;
  return (BigInt(`0x${status('SigCgt')}`) & ~(1n << BigInt(SIGCHLD - 1))).toString(16);
}

/** What others in the process may depend on. */
function stateOf(): State {
  return {
    listeners: process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`),
    umask: status('Umask'),
    signals: [status('SigBlk'), status('SigIgn'), caughtSignals()],
    options: [process.execArgv, process.title, process.cwd(), Object.entries(process.env)],
    ids: [process.getuid?.(), process.geteuid?.(), process.getegid?.(), process.getgroups?.()],
    stack: [Error.stackTraceLimit, String(Error.prepareStackTrace)],
    globals: Object.getOwnPropertyNames(globalThis),
  };
}

/** What a process holds: descriptors by what they are, and processes. */
function resources(): State {
  const descriptors = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, 'N')];
    } catch {
      // The one by which the folder was read
      return [];
    }
  });
  const children = readdirSync('/proc/self/task').flatMap((task) => {
    try {
      return readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean);
    } catch {
      // A thread that has just ended
      return [];
    }
  });
  return { descriptors: descriptors.sort(), children: children.length };
}

function differences(before: State, after: State): FiftyContainers['changed'] {
  return Object.keys(before)
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => [name, before[name], after[name]]);
}

async function main(image: string, root: string): Promise<FiftyContainers> {
  const { signal } = new AbortController();
  const before = stateOf();
  const { runContainer, startContainer } = await import('../../../src/api.ts');
  const options = { root, network: 'none', signal };
  const run = async () => (await runContainer(image, ['cat'], { ...options, stdin: 'x' })).stdout;
  const start = async () => {
    await using container = await startContainer(image, { ...options, command: ['sleep', '1000'] });
    return (await container.exec(['cat'], { stdin: 'x' })).stdout;
  };
  // The first ones load code and start the guardian.
  await run();
  await start();
  const loaded = resources();
  const outputs = await Promise.all([...Array.from({ length: 45 }, run), ...Array.from({ length: 5 }, start)]);
  let changed = differences(loaded, resources());
  // A socket that was destroyed is closed in a later turn, and the kernel reaps a process a moment after its end.
  for (let look = 0; look < 50 && changed.length > 0; look += 1) {
    await sleep(100);
    changed = differences(loaded, resources());
  }
  return {
    right: outputs.filter((output) => output === 'x').length,
    changed: [...changed, ...differences(before, stateOf())],
    abortListeners: getEventListeners(signal, 'abort').length,
  };
}

if (isMainThread && process.argv[4] === 'worker') {
  new Worker(new URL(import.meta.url), { workerData: { image: process.argv[2], root: process.argv[3] } });
} else {
  const { image, root } = workerData ?? { image: process.argv[2], root: process.argv[3] };
  writeSync(1, `${JSON.stringify(await main(image, root))}\n`);
}
