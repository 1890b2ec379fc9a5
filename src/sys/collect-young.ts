import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of buffers after which garbage is collected. */
const INTERVAL_BYTES = 8 * 1024 * 1024;

/** Since the last collection in this thread. */
let passed = 0;

let collect: (() => void) | undefined;

/** V8's own function; a collection of what is young takes less than a millisecond where little is alive. */
function loadCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('gc');
  // V8 refuses caches that were made with other flags
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? () => void gc({ type: 'minor' }) : () => {};
}

/**
 * Collects garbage now and then while bytes flow in buffers of their own. V8 sees the small objects only and lets some 64 MB of
 * dead buffers lie about in each thread before it looks.
 * @param bytes that have passed since the last call, wherever in this thread
 */
export function collectYoung(bytes: number): void {
  passed += bytes;
  if (passed < INTERVAL_BYTES) return;
  passed = 0;
  collect ??= loadCollector();
  collect();
}
