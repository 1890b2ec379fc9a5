import { Worker } from 'node:worker_threads';

/** Seconds that one iteration may take. One that takes a thousand times as long as others hangs. */
const PATIENCE = 30;

/** The watchdog is a thread, because an endless loop stops everything else in the main thread. */
const PROGRAM = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const now = new Int32Array(workerData.shared);
let last = -1, since = Date.now();
setInterval(() => {
  if (now[0] !== last) { last = now[0]; since = Date.now(); return; }
  if (Date.now() - since < workerData.patience * 1000) return;
  writeSync(2, 'hangs: ' + workerData.name + ' --seed ' + workerData.seed + ' --only ' + now[0] + '\\n');
  process.kill(process.pid, 'SIGKILL');
}, 500);
`;

/** Reports an iteration that does not end, then kills this process. */
export interface Watchdog {
  onIteration(iteration: number): void;
  close(): Promise<void>;
}

export function startWatchdog(name: string, seed: number, patience = PATIENCE): Watchdog {
  const shared = new SharedArrayBuffer(4);
  const now = new Int32Array(shared);
  const worker = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: { name, seed, shared, patience } });
  return {
    onIteration(iteration) {
      now[0] = iteration;
    },
    async close() {
      await worker.terminate();
    },
  };
}
