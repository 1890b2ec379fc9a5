import type { Agent as HttpAgent, IncomingHttpHeaders } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { version } from '../../version.ts';
import { connectionError } from './connection-error.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The one that answered: after redirects, the last. */
  readonly url: URL;
  /** The bytes as sent, never decompressed: digests are over these. To be read or destroyed. */
  readonly body: Readable;
}

/** One request, one response: redirects, credentials and repetition are for others to decide. */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpOptions {
  /** Keeps connections; also where proxies and certificates come in. */
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  readonly tlsVerify: boolean;
  readonly timeouts?: Timeouts | undefined;
}

/** Milliseconds. There is none for the whole: a large layer takes as long as it takes while bytes arrive. */
export interface Timeouts {
  /** For each of name look-up, connection and TLS. */
  readonly connect: number;
  /** For the head of the response. */
  readonly response: number;
  /** Without a byte in either direction. */
  readonly idle: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 20_000, response: 60_000, idle: 60_000 };

/**
 * Speaks HTTP by got, which is loaded at the first request (80 ms that a command without network does not pay). The
 * returned function @throws REGISTRY_UNREACHABLE when there is no response (`facts.errno`); its bodies fail with the
 * same.
 */
export function openHttp(options: HttpOptions): Send {
  const { agents, tlsVerify, timeouts = DEFAULT_TIMEOUTS } = options;
  const { connect, response: head, idle } = timeouts;
  return async ({ method, url, headers, body, signal }) => {
    const { got } = await import('got');
    signal?.throwIfAborted();
    const stream = got.stream(url, {
      method,
      headers: { 'user-agent': `tsimg/${version}`, 'accept-encoding': 'identity', ...headers },
      ...(body === undefined ? {} : { body }),
      agent: { http: agents.http, https: agents.https },
      https: { rejectUnauthorized: tlsVerify },
      timeout: { lookup: connect, connect, secureConnect: connect, response: head, socket: idle },
      decompress: false,
      followRedirect: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
    });
    // The client would keep a listener, and all that hangs on it, on the caller's signal as long as that lives
    const stop = () => stream.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    const forget = () => signal?.removeEventListener('abort', stop);
    signal?.addEventListener('abort', stop, { once: true });
    for (const event of ['end', 'close', 'error']) stream.once(event, forget);
    return new Promise((resolve, reject) => {
      // stays for the stream's life: an error between the response and its first reader would otherwise end the process
      stream.on('error', (error: unknown) => reject(signal?.aborted ? signal.reason : connectionError(error, url)));
      stream.once(
        'response',
        ({ statusCode, headers: received }: { statusCode: number; headers: IncomingHttpHeaders }) =>
          resolve({ status: statusCode, headers: received, url, body: stream }),
      );
    });
  };
}
