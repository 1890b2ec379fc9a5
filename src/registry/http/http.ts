import type { Agent as HttpAgent, IncomingHttpHeaders } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { version } from '../../version.ts';
import { connectionError } from './connection-error.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a request carries. A stream is opened anew for each sending: after a 401, a redirect or a broken connection. */
export type Body = string | Uint8Array | { readonly size: number; open(): Promise<Readable> };

export interface HttpRequest {
  readonly method: Method;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Body | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The URL that answered: after redirects, the last one. */
  readonly url: URL;
  /** The bytes as they were sent, never decompressed: digests are over these. Must be read or destroyed. */
  readonly body: Readable;
}

/** Sends one request and resolves with its response. Redirects, credentials and retries are the caller's. */
export type Send = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpOptions {
  /** Pools of connections, with proxies and certificates. */
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  readonly tlsVerify: boolean;
  readonly timeouts?: Timeouts | undefined;
}

/** Milliseconds. The whole has no timeout: a large layer may take long, as long as bytes arrive. */
export interface Timeouts {
  /** For each of: name look-up, connection, TLS handshake. */
  readonly connect: number;
  /** Until the head of the response. */
  readonly response: number;
  /** Of silence in both directions. */
  readonly idle: number;
}

const NOTHING = new Uint8Array();

export const DEFAULT_TIMEOUTS: Timeouts = { connect: 20_000, response: 60_000, idle: 60_000 };

/** Opens a body for one sending; a stream without a length would be sent in chunks, which some registries refuse. */
async function openBody(body: Body | undefined): Promise<{ body?: string | Uint8Array | Readable; headers: object }> {
  if (body === undefined) return { headers: {} };
  if (typeof body === 'string' || body instanceof Uint8Array) return { body, headers: {} };
  return { body: await body.open(), headers: { 'content-length': String(body.size) } };
}

/**
 * Sends requests with got, which is loaded at the first request: a command without network saves the 80 ms.
 * @throws REGISTRY_UNREACHABLE when there is no response (`facts.errno`); bodies fail with the same
 */
export function openHttp(options: HttpOptions): Send {
  const { agents, tlsVerify, timeouts = DEFAULT_TIMEOUTS } = options;
  const { connect, response: head, idle } = timeouts;
  return async ({ method, url, headers, body, signal }) => {
    const { got } = await import('got');
    signal?.throwIfAborted();
    const isRead = method === 'GET' || method === 'HEAD';
    // got would wait for a body that is written to the stream.
    const sent = await openBody(isRead ? undefined : (body ?? NOTHING));
    const stream = got.stream(url, {
      method,
      headers: { 'user-agent': `tsimg/${version}`, 'accept-encoding': 'identity', ...sent.headers, ...headers },
      ...(sent.body === undefined ? {} : { body: sent.body }),
      agent: { http: agents.http, https: agents.https },
      https: { rejectUnauthorized: tlsVerify },
      timeout: { lookup: connect, connect, secureConnect: connect, response: head, socket: idle },
      decompress: false,
      followRedirect: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
    });
    // got would keep a listener, and the request with it, on the caller's signal for the life of the signal.
    const stop = () => stream.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    const forget = () => signal?.removeEventListener('abort', stop);
    signal?.addEventListener('abort', stop, { once: true });
    for (const event of ['end', 'close', 'error']) stream.once(event, forget);
    // A server may answer, or break off, before it has read all of a body.
    const { body: source } = sent;
    if (source instanceof Readable) stream.once('close', () => source.destroy());
    return new Promise((resolve, reject) => {
      // Stays for the life of the stream: an error between the response and its first reader would else end the
      // process.
      stream.on('error', (error: unknown) => reject(signal?.aborted ? signal.reason : connectionError(error, url)));
      stream.once(
        'response',
        ({ statusCode, headers: received }: { statusCode: number; headers: IncomingHttpHeaders }) =>
          resolve({ status: statusCode, headers: received, url, body: stream }),
      );
    });
  };
}
