import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { judgeRequests, type Seen } from './allowed-request.ts';

export interface RecordingProxyOptions {
  /** Whether it stands for another origin than the registry, which must not get credentials. */
  readonly isForeign?: boolean;
  /** Where a request is redirected to; undefined for one that is passed on. */
  readonly redirect?: (method: string, target: string) => string | undefined;
}

/** A proxy that records what a client sends, and judges it by the distribution spec. */
export interface RecordingProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly log: readonly Seen[];
  /** What the spec does not allow, with open uploads: empty where all is right. */
  faults(): readonly string[];
}

/** Starts it before a server on loopback. Requests go on as they come, so that answers name the proxy's address. */
export async function startRecordingProxy(
  server: string,
  { isForeign = false, redirect }: RecordingProxyOptions = {},
): Promise<RecordingProxy> {
  const [hostname, port] = server.split(':');
  const log: Seen[] = [];
  const strangers: string[] = [];
  const { judge, complaints, openUploads } = judgeRequests();

  const pass = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { method = 'GET', url: target = '/', headers } = incoming;
    const chunks: Buffer[] = [];
    let isTold = false;
    const tell = (isWhole: boolean, status: number, answer: Seen['answer']) => {
      if (isTold) return;
      isTold = true;
      const seen = { method, target, headers, body: Buffer.concat(chunks), isWhole, status, answer };
      log.push(seen);
      if (!isForeign) judge(seen);
      if (isForeign && headers.authorization !== undefined) strangers.push(`${method} ${target}: credentials`);
    };
    const elsewhere = redirect?.(method, target);
    if (elsewhere !== undefined) {
      incoming.resume();
      tell(true, 307, { location: elsewhere });
      outgoing.writeHead(307, { location: elsewhere }).end();
      return;
    }
    const forwarded = request({ hostname, port, method, path: target, headers }, (response) => {
      tell(incoming.complete, response.statusCode ?? 0, response.headers);
      outgoing.writeHead(response.statusCode ?? 500, response.headers);
      response.on('error', () => outgoing.destroy());
      response.on('aborted', () => outgoing.destroy());
      response.pipe(outgoing);
    });
    forwarded.on('error', () => {
      tell(false, 0, {});
      outgoing.destroy();
    });
    outgoing.on('close', () => {
      if (!outgoing.writableFinished) forwarded.destroy();
    });
    outgoing.on('error', () => {});
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => {});
    incoming.pipe(forwarded);
  };

  const proxy = createServer(pass);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    log,
    faults: () => [...complaints, ...strangers, ...openUploads().map((place) => `left open: ${place}`)],
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
