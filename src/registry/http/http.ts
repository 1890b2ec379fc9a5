import { type ClientRequest, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { isError } from '../../errors.ts';
import { version } from '../../version.ts';
import { connectionError } from '../failure/connection-error.ts';
import type { Agents } from './agents.ts';
import { forwardError, requestBy } from './forward.ts';
import { limitPhases, type Timeouts } from './phases.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a request carries. A stream is opened anew for each sending: after a 401, a redirect or a broken connection. */
export type Body = string | Uint8Array | { readonly size: number; open(): Promise<Readable> };

export interface HttpRequest {
  readonly method: Method;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** None for GET and HEAD. */
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
  readonly agents: Omit<Agents, 'close'>;
  readonly tlsVerify: boolean;
  readonly timeouts?: Timeouts | undefined;
}

const NOTHING = new Uint8Array();

/** Opens a body for one sending; a stream without a length would be sent in chunks, which some registries refuse. */
async function openBody(body: Body): Promise<{ body: string | Uint8Array | Readable; headers: object }> {
  if (typeof body === 'string' || body instanceof Uint8Array) return { body, headers: {} };
  return { body: await body.open(), headers: { 'content-length': String(body.size) } };
}

const ownHeaders = { 'user-agent': `tsimg/${version}`, 'accept-encoding': 'identity' };

/** Ends something when a signal is aborted, until `forget` is called: a signal may live longer than a request. */
function onAbort(signal: AbortSignal | undefined, end: (reason: Error) => void): { readonly forget: () => void } {
  const stop = () => end(isError(signal?.reason) ? signal.reason : new Error('aborted'));
  signal?.addEventListener('abort', stop, { once: true });
  return { forget: () => signal?.removeEventListener('abort', stop) };
}

/** Fails a request whose server changes the protocol, unasked: Node would tell neither an answer nor an error. */
function refuseUpgrade(request: ClientRequest): void {
  request.once('upgrade', (_response, socket: Socket) => {
    socket.destroy();
    request.emit('error', Object.assign(new Error('an answer with status 101'), { code: 'HPE_INVALID_STATUS' }));
  });
}

/**
 * Sends GET and HEAD by node:http. An image has many small blobs, and got would take three times as long for each, and
 * its loading as long as ten of them (docs/decisions/0027).
 */
async function read({ method, url, headers, signal }: HttpRequest, options: HttpOptions): Promise<HttpResponse> {
  const { agents, tlsVerify, timeouts = {} } = options;
  signal?.throwIfAborted();
  const forward = agents.forward(url);
  const isSecure = url.protocol === 'https:';
  const agent = isSecure ? agents.https : agents.http;
  const native = { method, headers: { ...ownHeaders, ...headers }, agent, rejectUnauthorized: tlsVerify };
  const start = isSecure ? httpsRequest : httpRequest;
  const request = forward === undefined ? start(url, native) : requestBy(forward, url, native);
  limitPhases(request, timeouts);
  refuseUpgrade(request);
  const { forget } = onAbort(signal, (reason) => request.destroy(reason));
  request.once('close', forget);
  request.end();
  return new Promise((resolve, reject) => {
    request.once('response', (response) => {
      // An error between the response and its first reader would else end the process.
      response.on('error', () => {});
      // Before the connection's close, which would be told in its place.
      request.on('error', (error) => response.destroy(error));
      resolve({ status: response.statusCode ?? 0, headers: response.headers, url, body: response });
    });
    request.on('error', (error) =>
      reject(signal?.aborted ? signal.reason : connectionError(forwardError(error, forward), url)),
    );
  });
}

/** Sends a request that may have a body with got, which is loaded at the first one. */
async function write(sending: HttpRequest, options: HttpOptions): Promise<HttpResponse> {
  const { method, url, headers, body, signal } = sending;
  const { agents, tlsVerify, timeouts = {} } = options;
  const { got } = await import('got');
  signal?.throwIfAborted();
  const forward = agents.forward(url);
  // Without any, got would wait for a body that is written to the stream.
  const sent = await openBody(body ?? NOTHING);
  if (signal?.aborted) {
    if (sent.body instanceof Readable) sent.body.destroy();
    signal.throwIfAborted();
  }
  const stream = got.stream(url, {
    method,
    headers: { ...ownHeaders, ...sent.headers, ...headers },
    body: sent.body,
    agent: url.protocol === 'https:' ? { https: agents.https } : { http: agents.http },
    ...(forward && { request: (_: URL, native: RequestOptions) => requestBy(forward, url, native) }),
    https: { rejectUnauthorized: tlsVerify },
    decompress: false,
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
  });
  stream.once('request', (request: ClientRequest) => {
    limitPhases(request, timeouts);
    refuseUpgrade(request);
  });
  // got would keep a listener, and the request with it, on the caller's signal for the life of the signal.
  const { forget } = onAbort(signal, (reason) => stream.destroy(reason));
  for (const event of ['end', 'close', 'error']) stream.once(event, forget);
  // A server may answer, or break off, before it has read all of a body.
  const { body: source } = sent;
  if (source instanceof Readable) stream.once('close', () => source.destroy());
  return new Promise((resolve, reject) => {
    // Stays for the life of the stream: an error between the response and its first reader would else end the process.
    stream.on('error', (error: unknown) =>
      reject(signal?.aborted ? signal.reason : connectionError(forwardError(error, forward), url)),
    );
    stream.once('response', ({ statusCode, headers: received }: { statusCode: number; headers: IncomingHttpHeaders }) =>
      resolve({ status: statusCode, headers: received, url, body: stream }),
    );
  });
}

/**
 * Opens a way to send requests: those that read by node:http, those that write with got.
 * @throws REGISTRY_UNREACHABLE when there is no response (`facts.errno`); bodies fail with the same
 */
export function openHttp(options: HttpOptions): Send {
  return (request) => (request.method === 'GET' || request.method === 'HEAD' ? read : write)(request, options);
}
