import type { Duplex } from 'node:stream';
import { Refusal } from './target.ts';

/** A promise that rejects with the reason of a signal. */
export function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Tells whether a client's connection is closed. */
export interface Gone {
  readonly signal: AbortSignal;
  /** Throws where it is closed, also before that is told by an event. @throws Refusal */
  check(): void;
  /** Ends the watch. */
  done(): void;
}

/** Watches a client's connection. */
export function goneSignal(socket: Duplex): Gone {
  const gone = new AbortController();
  const leave = () => gone.abort(new Refusal(502, 'the connection was closed'));
  socket.on('close', leave);
  const check = () => {
    if (socket.destroyed) leave();
    gone.signal.throwIfAborted();
  };
  return { signal: gone.signal, check, done: () => void socket.off('close', leave) };
}
