import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** An expected request and its answer. The first expectation that fits and is not used up serves a request. */
export interface Exchange {
  readonly method?: string;
  /** The whole path with its query. */
  readonly path: string;
  /** The headers that a request must have; null for a header that it must not have. */
  readonly when?: Readonly<Record<string, string | null>>;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Cuts the connection after this many bytes of the body. The head announces the whole body. */
  readonly cutAfter?: number;
  /** Cuts the connection before any answer. */
  readonly hangUp?: boolean;
  /** Stops sending after this many bytes of the body, and leaves the connection open. */
  readonly stallAfter?: number;
  /** How many requests it serves; without limit when absent. */
  readonly times?: number;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface FakeRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly origin: string;
  /** All requests in order, with unexpected ones. */
  readonly requests: readonly SeenRequest[];
  /** `METHOD PATH` of each request but the first look, `GET /v2/`. */
  readonly log: readonly string[];
  /** Resolves when no client is connected. Fails where one stays. */
  deserted(): Promise<void>;
  /** Adds expectations, for answers that name this server's own address. */
  expect(...exchanges: readonly Exchange[]): void;
}

interface Expected {
  readonly exchange: Exchange;
  left: number;
}

function fits(exchange: Exchange, seen: SeenRequest): boolean {
  if (exchange.path !== seen.path || (exchange.method ?? 'GET') !== seen.method) return false;
  return Object.entries(exchange.when ?? {}).every(([name, value]) => (seen.headers[name] ?? null) === value);
}

function answer(exchange: Exchange, response: ServerResponse): void {
  if (exchange.hangUp) {
    response.socket?.destroy();
    return;
  }
  const body = Buffer.from(exchange.body ?? '');
  for (const [name, value] of Object.entries(exchange.headers ?? {})) response.setHeader(name, value);
  if (!response.hasHeader('content-length') && !response.hasHeader('transfer-encoding')) {
    response.setHeader('content-length', body.length);
  }
  response.writeHead(exchange.status ?? 200);
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  const end = exchange.cutAfter ?? exchange.stallAfter;
  if (end === undefined) response.end(body);
  else {
    response.write(body.subarray(0, end), () => {
      if (exchange.cutAfter !== undefined) response.socket?.destroy();
    });
    response.flushHeaders();
  }
}

async function seenRequest(request: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  return { method: request.method ?? '', path: request.url ?? '', headers, body: Buffer.concat(chunks).toString() };
}

/**
 * Starts a registry on loopback that answers by a table, also with faults that real ones have only rarely. An
 * unexpected request is answered by 404, but `GET /v2/` by 200. With `tls` (PEM) it speaks HTTPS.
 */
export async function startFakeRegistry(
  exchanges: readonly Exchange[] = [],
  tls?: { readonly cert: string; readonly key: string },
): Promise<FakeRegistry> {
  const expected: Expected[] = [];
  const requests: SeenRequest[] = [];
  const expect = (...more: readonly Exchange[]) => {
    expected.push(...more.map((exchange) => ({ exchange, left: exchange.times ?? Number.POSITIVE_INFINITY })));
  };
  expect(...exchanges);
  const listener: RequestListener = async (request, response) => {
    const seen = await seenRequest(request);
    requests.push(seen);
    const match = expected.find(({ exchange, left }) => left > 0 && fits(exchange, seen));
    if (match === undefined) {
      response.writeHead(seen.path === '/v2/' ? 200 : 404).end();
      return;
    }
    match.left -= 1;
    answer(match.exchange, response);
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  // Clients try TLS first: their errors are expected.
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return {
    host,
    origin: `${tls === undefined ? 'http' : 'https'}://${host}`,
    requests,
    get log() {
      return requests.filter(({ path }) => path !== '/v2/').map(({ method, path }) => `${method} ${path}`);
    },
    deserted: async () => {
      for (let left = 500; left > 0; left--) {
        const open = await new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
        if (open === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error('a client stays connected');
    },
    expect,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
