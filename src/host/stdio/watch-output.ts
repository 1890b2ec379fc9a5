import type { Writable } from 'node:stream';
import { errnoOf } from '../../errors.ts';

/** Told how a stream of the caller goes on. */
export interface OutputWatcher {
  /** It takes more. */
  onDrain(): void;
  /** It takes nothing any more: it has failed, or it was destroyed without an error. May be called twice. */
  onGone(error: Error | undefined): void;
}

interface Watched {
  readonly watchers: Set<OutputWatcher>;
  stop(): void;
}

/** The streams that are watched: dozens of containers may write to one, and Node warns of eleven listeners. */
const all = new WeakMap<Writable, Watched>();

function startWatching(to: Writable): Watched {
  const watchers = new Set<OutputWatcher>();
  const drained = () => {
    for (const watcher of [...watchers]) watcher.onDrain();
  };
  const failed = (error: Error) => {
    for (const watcher of [...watchers]) watcher.onGone(error);
  };
  const closed = () => {
    for (const watcher of [...watchers]) watcher.onGone(undefined);
  };
  to.on('drain', drained).on('error', failed).on('close', closed);
  return { watchers, stop: () => void to.off('drain', drained).off('error', failed).off('close', closed) };
}

/** Watches a stream until it is disposed. A stream that is destroyed already tells nothing. */
export function watchOutput(to: Writable, watcher: OutputWatcher): Disposable {
  const watched = all.get(to) ?? startWatching(to);
  all.set(to, watched);
  watched.watchers.add(watcher);
  return {
    [Symbol.dispose]() {
      watched.watchers.delete(watcher);
      if (watched.watchers.size > 0 || all.get(to) !== watched) return;
      all.delete(to);
      watched.stop();
    },
  };
}

/** Whether an output failed because its reader went away, which is no failure: as a pipe without a reader. */
export function isReaderGone(error: Error): boolean {
  const code = errnoOf(error);
  // A reader that leaves its loop destroys the stream.
  return code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE' || error.name === 'AbortError';
}
