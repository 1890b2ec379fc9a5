import type { ClientRequest } from 'node:http';
import { isIP, type Socket } from 'node:net';

/**
 * How long a registry may be silent, in milliseconds. What is absent has its default. A blob as a whole has no timeout:
 * a large one may take long, as long as bytes arrive. A document has five minutes.
 */
export interface Timeouts {
  /** For each of: name look-up, connection, TLS handshake. Default: 20 seconds. */
  readonly connect?: number | undefined;
  /** Until the head of the response. Default: a minute. */
  readonly response?: number | undefined;
  /** Of silence in both directions. Default: a minute. */
  readonly idle?: number | undefined;
}

export const DEFAULT_TIMEOUTS = { connect: 20_000, response: 60_000, idle: 60_000 };

/** The longest time that a timer of Node takes, 24 days: one of `Infinity` would be over at once. */
const LONGEST = 2 ** 31 - 1;

type Phase = 'address' | 'connection' | 'TLS handshake' | 'answer' | 'byte';

/** Ends a request with ETIMEDOUT where one of its phases takes too long. To be called before the request is sent. */
export function limitPhases(request: ClientRequest, timeouts: Timeouts): void {
  const limit = (phase: keyof Timeouts) => Math.min(timeouts[phase] ?? DEFAULT_TIMEOUTS[phase], LONGEST);
  const [connect, response, idle] = [limit('connect'), limit('response'), limit('idle')];
  // One timer, because the phases follow one another.
  let running: { readonly phase: Phase; readonly timer: NodeJS.Timeout } | undefined;
  let isAnswered = false;
  const fail = (phase: Phase, time: number) =>
    request.destroy(Object.assign(new Error(`no ${phase} in ${time} ms`), { code: 'ETIMEDOUT' }));
  const end = (phase: Phase) => {
    if (running?.phase !== phase) return;
    clearTimeout(running.timer);
    running = undefined;
  };
  const begin = (phase: Phase, time: number) => {
    clearTimeout(running?.timer);
    const timer = setTimeout(() => {
      // What arrived while this process was busy comes first.
      setImmediate(() => running?.timer === timer && fail(phase, time));
    }, time);
    running = { phase, timer: timer.unref() };
  };
  request.once('socket', (socket: Socket) => {
    // A kept connection, or one through a proxy, which has limits of its own.
    if (!socket.connecting) return;
    const isSecure = request.protocol === 'https:';
    if (isIP(request.host) !== 0) begin('connection', connect);
    else {
      begin('address', connect);
      socket.once('lookup', () => begin('connection', connect));
    }
    socket.once('connect', () => (isSecure ? begin('TLS handshake', connect) : end('connection')));
    if (isSecure) socket.once('secureConnect', () => end('TLS handshake'));
  });
  // The system has all of the request. A server may answer before.
  request.once('finish', () => !isAnswered && begin('answer', response));
  request.once('response', () => {
    isAnswered = true;
    end('answer');
  });
  request.once('close', () => running && end(running.phase));
  request.setTimeout(idle, () => fail('byte', idle));
}
