import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to a request that goes through the proxy. */
export type Fate =
  | 'pass'
  /** The connection breaks after half of the request's body. */
  | 'cut'
  /** The request is answered with this status, and does not reach the server. */
  | number;

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

function passOn(incoming: IncomingMessage, outgoing: ServerResponse, host: string, passed: Passed): void {
  const [hostname, port] = host.split(':');
  const headers = { ...incoming.headers, host: incoming.headers.host };
  const forwarded = request({ hostname, port, method: passed.method, path: passed.path, headers }, (response) => {
    outgoing.writeHead(response.statusCode ?? 500, response.headers);
    response.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  const half = Number(incoming.headers['content-length'] ?? 0) / 2;
  incoming.on('data', (chunk: Buffer) => {
    const isCut = passed.fate === 'cut' && passed.bytes + chunk.length >= half;
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
export async function startCuttingProxy(host: string, decide: (passed: Passed) => Fate): Promise<CuttingProxy> {
  const log: Passed[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url: path = '/', headers } = incoming;
    const passed: Passed = {
      method,
      path,
      headers,
      fate: decide({ method, path, headers, fate: 'pass', bytes: 0 }),
      bytes: 0,
    };
    log.push(passed);
    if (typeof passed.fate !== 'number') return passOn(incoming, outgoing, host, passed);
    incoming.resume();
    outgoing.writeHead(passed.fate).end();
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
