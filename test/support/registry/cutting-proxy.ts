import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerFaulty, type ResponseFault } from './response-fault.ts';

/** What happens to a request that goes through the proxy. */
export type Fate =
  | 'pass'
  /** The connection breaks after half of the request's body. */
  | 'cut'
  /** The request is answered with this status, and does not reach the server. */
  | number
  /** The same with headers, and a body. */
  | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body?: string }
  /** The request reaches the server, whose answer has a fault. */
  | { readonly answer: ResponseFault };

/** A request that came through the proxy. */
export interface Passed {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly fate: Fate;
  /** Bytes of its body that reached the server. */
  bytes: number;
}

/** A proxy in front of a server on loopback, which breaks connections as a test says. */
export interface CuttingProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly log: Passed[];
}

/** The address of the server; one that changes has it asked for each request. */
export type Target = string | (() => string);

function passOn(incoming: IncomingMessage, outgoing: ServerResponse, host: string, passed: Passed): void {
  const [hostname, port] = host.split(':');
  const headers = { ...incoming.headers, host: incoming.headers.host };
  const { fate } = passed;
  const forwarded = request({ hostname, port, method: passed.method, path: passed.path, headers }, (response) => {
    if (typeof fate === 'object' && 'answer' in fate) {
      answerFaulty(response, outgoing, fate.answer).catch(() => outgoing.destroy());
      return;
    }
    outgoing.writeHead(response.statusCode ?? 500, response.headers);
    response.on('error', () => outgoing.destroy());
    response.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  const half = Number(incoming.headers['content-length'] ?? 0) / 2;
  incoming.on('data', (chunk: Buffer) => {
    const isCut = fate === 'cut' && passed.bytes + chunk.length >= half;
    const part = isCut ? chunk.subarray(0, Math.max(1, Math.ceil(half - passed.bytes))) : chunk;
    passed.bytes += part.length;
    forwarded.write(part, () => {
      if (!isCut) return;
      // The server must have read what it got before it sees the end.
      setTimeout(() => {
        forwarded.destroy();
        incoming.socket.destroy();
      }, 50);
    });
    if (isCut) incoming.pause();
  });
  incoming.on('end', () => forwarded.end());
}

/** Starts the proxy. @param decide called for each request, in order */
export async function startCuttingProxy(target: Target, decide: (passed: Passed) => Fate): Promise<CuttingProxy> {
  const log: Passed[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const fate = decide({ method, path, headers, fate: 'pass', bytes: 0 });
    const passed: Passed = { method, path, headers, fate, bytes: 0 };
    log.push(passed);
    outgoing.on('error', () => {});
    if (typeof fate !== 'number' && !(typeof fate === 'object' && 'status' in fate)) {
      return passOn(incoming, outgoing, typeof target === 'string' ? target : target(), passed);
    }
    const { status, headers: answered, body } = typeof fate === 'number' ? { status: fate, headers: {} } : fate;
    incoming.resume();
    outgoing.writeHead(status, answered).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    log,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
