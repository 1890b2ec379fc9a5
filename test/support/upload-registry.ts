import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// A registry that keeps what it got of a broken request, as the distribution spec allows: Debian's forgets it.

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
}

/** Starts it on a free port of loopback. It takes uploads of any repository, and places them at relative URLs. */
export async function startUploadRegistry({ leastChunk = 0 }: UploadRegistryOptions = {}): Promise<UploadRegistry> {
  const blobs = new Map<string, Buffer>();
  const uploads = new Map<string, Upload>();
  let turn = 0;

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
      return response.writeHead(bytes === undefined ? 404 : 200, { 'content-length': bytes?.length ?? 0 }).end();
    }
    if (request.method === 'POST') {
      const [id, upload] = [String(uploads.size), { bytes: Buffer.alloc(0) }];
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
    if (request.method !== 'PUT') return response.writeHead(204).end();
    await receive(request, upload);
    const digest = `sha256:${createHash('sha256').update(upload.bytes).digest('hex')}`;
    if (url.searchParams.get('digest') !== digest) return response.writeHead(400).end();
    blobs.set(digest, upload.bytes);
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
