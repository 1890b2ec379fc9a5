import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { manifestShelf } from './manifest-shelf.ts';

// A registry that keeps what it got of a broken request, as the distribution spec allows: Debian's forgets it. It lists
// referrers by itself, in pages, as Debian's does not.

interface Upload {
  bytes: Buffer;
}

/** The registry, with the blobs and uploads that it has. */
export interface UploadRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly blobs: ReadonlyMap<string, Buffer>;
}

export interface UploadRegistryOptions {
  /** Bytes of a chunk, but for the last one. */
  readonly leastChunk?: number;
  /** Entries of a page of tags or referrers. */
  readonly pageSize?: number;
}

/**
 * Starts it on a free port of loopback. It takes uploads of any repository, which share their blobs, and places them at
 * relative URLs.
 */
export async function startUploadRegistry(options: UploadRegistryOptions = {}): Promise<UploadRegistry> {
  const { leastChunk = 0, pageSize = 100 } = options;
  const shelf = manifestShelf(pageSize);
  const blobs = new Map<string, Buffer>();
  const uploads = new Map<string, Upload>();
  let turn = 0;
  let begun = 0;

  const place = (id: string) => `../uploads/${id}?_state=a%2Bb&turn=${++turn}`;
  const told = (response: ServerResponse, status: number, id: string, { bytes }: Upload) => {
    const least = leastChunk > 0 ? { 'oci-chunk-min-length': String(leastChunk) } : {};
    const range = `0-${Math.max(0, bytes.length - 1)}`;
    response.writeHead(status, { location: place(id), range, ...least }).end();
  };
  const receive = async (request: IncomingMessage, upload: Upload) => {
    for await (const chunk of request) upload.bytes = Buffer.concat([upload.bytes, chunk as Buffer]);
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://registry');
    const blob = /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url.pathname)?.[1];
    if (blob !== undefined) {
      const bytes = blobs.get(blob);
      if (bytes === undefined) return response.writeHead(404, { 'content-length': 0 }).end();
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      const part = first === undefined ? bytes : bytes.subarray(Number(first), Number(last) + 1);
      const range = first === undefined ? {} : { 'content-range': `bytes ${first}-${last}/${bytes.length}` };
      response.writeHead(first === undefined ? 200 : 206, { 'content-length': part.length, ...range });
      return response.end(request.method === 'HEAD' ? undefined : part);
    }
    if (url.pathname === '/v2/') return response.writeHead(200).end();
    if (await shelf.serve(request, response, url)) return undefined;
    if (request.method === 'POST') {
      const mounted = url.searchParams.get('mount');
      if (mounted !== null && blobs.has(mounted)) {
        return response.writeHead(201, { location: `../${mounted}`, 'docker-content-digest': mounted }).end();
      }
      const [id, upload] = [String(++begun), { bytes: Buffer.alloc(0) }];
      uploads.set(id, upload);
      return told(response, 202, id, upload);
    }
    const id = /\/uploads\/(\d+)$/.exec(url.pathname)?.[1] ?? '';
    const upload = uploads.get(id);
    // The state that a place holds must come back as it was.
    if (upload === undefined || !url.search.includes('_state=a%2Bb')) return response.writeHead(404).end();
    if (request.method === 'GET') return told(response, 204, id, upload);
    if (request.method === 'PATCH') {
      const start = /^(\d+)-\d+$/.exec(request.headers['content-range'] ?? '')?.[1];
      if (Number(start) !== upload.bytes.length) return told(response, 416, id, upload);
      await receive(request, upload);
      return told(response, 202, id, upload);
    }
    if (request.method === 'DELETE') {
      uploads.delete(id);
      return response.writeHead(204).end();
    }
    await receive(request, upload);
    const digest = `sha256:${createHash('sha256').update(upload.bytes).digest('hex')}`;
    if (url.searchParams.get('digest') !== digest) return response.writeHead(400).end();
    blobs.set(digest, upload.bytes);
    uploads.delete(id);
    return response.writeHead(201).end();
  };

  // A broken connection ends `answer`; nobody is there to be told.
  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    blobs,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
