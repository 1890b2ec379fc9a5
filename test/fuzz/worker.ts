import { chmodSync, writeSync } from 'node:fs';
import { lockDown } from '../../scripts/conformance/lock-down.ts';
import { TARGETS } from './all-targets.ts';
import { encodeReport, fuzzAndMinimise } from './report.ts';
import { startWatchdog } from './watchdog.ts';

// Fuzzes one target in a process of its own, and prints the report in JSON (see in-process.ts).
// Usage: worker.js NAME OPTIONS, with FuzzOptions as JSON

const [name = '', options = '{}'] = process.argv.slice(2);
const target = TARGETS.find((each) => each.name === name);
if (target === undefined) throw new Error(`no target ${name}`);
if (target.sandboxed === true) {
  process.umask(0o022);
  lockDown();
  // The ordinary user makes the sandbox anew too.
  chmodSync('/run', 0o1777);
}
const parsed = JSON.parse(options);
const watchdog = startWatchdog(name, parsed.seed);
const report = await fuzzAndMinimise(target, { ...parsed, onIteration: watchdog.onIteration });
await watchdog.close();
writeSync(1, `${encodeReport(report)}\n`);
