import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Content of a registry: documents by tag, and everything by digest. */
export interface Served {
  readonly tags: ReadonlyMap<string, string>;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
}

export interface ServingRegistryOptions {
  /** Bytes of a piece, and milliseconds between two: slow enough that little is under way when a client dies. */
  readonly piece?: number;
  readonly pause?: number;
  /** Whether ranges are answered by 206. Default true. */
  readonly ranges?: boolean;
}

/** A registry of images in memory that counts what it sends. */
export interface ServingRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Bytes of each blob that were sent, by digest. */
  readonly sent: Map<string, number>;
  /** Bytes that were asked for, by digest: those of the ranges and of the whole blobs. */
  readonly asked: Map<string, number>;
}

const RANGE = /^bytes=(\d+)-(\d+)$/;

/** Starts it on a free port of loopback. Every repository has the same content. */
export async function startServingRegistry(
  { tags, blobs }: Served,
  { piece = 64 * 1024, pause = 0, ranges = true }: ServingRegistryOptions = {},
): Promise<ServingRegistry> {
  const sent = new Map<string, number>();
  const asked = new Map<string, number>();
  const add = (to: Map<string, number>, digest: string, count: number) => to.set(digest, (to.get(digest) ?? 0) + count);

  const sendBlob = async (request: IncomingMessage, response: ServerResponse, digest: string) => {
    const bytes = blobs.get(digest);
    if (bytes === undefined) return response.writeHead(404).end();
    const range = ranges ? RANGE.exec(request.headers.range ?? '') : null;
    const [start, end] = range === null ? [0, bytes.length - 1] : [Number(range[1]), Number(range[2])];
    const headers = { 'content-length': end - start + 1, 'content-type': 'application/octet-stream' };
    if (range === null) response.writeHead(200, headers);
    else response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end}/${bytes.length}` });
    if (request.method === 'HEAD') return response.end();
    add(asked, digest, end - start + 1);
    for (let at = start; at <= end && !response.destroyed; at += piece) {
      const part = bytes.subarray(at, Math.min(at + piece, end + 1));
      add(sent, digest, part.length);
      if (!response.write(part)) {
        await new Promise<void>((resolve) => {
          const goOn = () => {
            response.off('drain', goOn).off('close', goOn);
            resolve();
          };
          response.on('drain', goOn).on('close', goOn);
        });
      }
      if (pause > 0) await sleep(pause);
    }
    return response.end();
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? '/', 'http://registry').pathname;
    if (path === '/v2/') return response.writeHead(200).end();
    const [, kind = '', name = ''] = /\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    if (kind === 'blobs') return sendBlob(request, response, name);
    const digest = tags.get(name) ?? name;
    const bytes = blobs.get(digest);
    if (kind !== 'manifests' || bytes === undefined) return response.writeHead(404).end();
    const { mediaType } = JSON.parse(Buffer.from(bytes).toString());
    response.writeHead(200, {
      'content-type': mediaType,
      'content-length': bytes.length,
      'docker-content-digest': digest,
    });
    return response.end(request.method === 'HEAD' ? undefined : bytes);
  };

  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    sent,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
