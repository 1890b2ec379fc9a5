import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistryClient } from '../../src/registry/client.ts';
import { failureOf } from '../support/failure-of.ts';
import { describe } from '../support/image/image.ts';
import { freePort } from '../support/registry/nginx.ts';

// A registry that restarts refuses connections for a while.

const test = suite('registry/restart');
const BYTES = Buffer.alloc(300_000, 'layer');
const BLOB = describe('application/octet-stream', BYTES);

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

test('a registry that refuses connections amid a transfer is asked again', async () => {
  const ranges: (string | undefined)[] = [];
  let port = 0;
  const again = createServer((request, response) => {
    ranges.push(request.headers.range);
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
    const end = BYTES.length - 1;
    response.writeHead(206, { 'content-range': `bytes ${start}-${end}/${BYTES.length}` }).end(BYTES.subarray(start));
  });
  const first = createServer((request, response) => {
    if (request.url === '/v2/') {
      response.end('{}');
      return;
    }
    response.writeHead(200, { 'content-length': BYTES.length });
    response.write(BYTES.subarray(0, 100_000), () => {
      first.close();
      first.closeAllConnections();
      // So long, connections are refused.
      setTimeout(() => void listen(again, port), 300);
    });
  });
  port = await listen(first, await freePort());
  const client = openRegistryClient(
    { registry: `127.0.0.1:${port}`, repository: 'a/b' },
    { tlsVerify: false, env: {}, requests: { retries: 8, retryDelay: 50 } },
  );
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of client.blobChunks(BLOB)) chunks.push(Buffer.from(chunk));
    assert.ok(Buffer.concat(chunks).equals(BYTES));
    assert.is(ranges.length, 1);
    assert.match(ranges[0] ?? '', /^bytes=\d+-299999$/);
  } finally {
    client.close();
    again.close();
    again.closeAllConnections();
  }
});

test('a registry that refuses the first connection is not waited for', async () => {
  const gone = createServer();
  const port = await listen(gone, 0);
  await new Promise((resolve) => gone.close(resolve));
  const retries: unknown[] = [];
  const client = openRegistryClient(
    { registry: `127.0.0.1:${port}`, repository: 'a/b' },
    { env: {}, onEvent: (event) => retries.push(event) },
  );
  const { why } = await failureOf(client.document('1'), 'REGISTRY_UNREACHABLE');
  client.close();
  assert.is(why, 'connection refused');
  assert.equal(retries, []);
});

test.run();
