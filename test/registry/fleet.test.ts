import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { until } from '../support/command/container-cli.ts';
import { tsimgAsync } from '../support/command/tsimg-async.ts';
import { makeImage } from '../support/image/image.ts';
import { named, writeLayout } from '../support/image/layout.ts';
import { startDockerRegistry } from '../support/registry/docker-registry.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// Nodes of a fleet, each a process with a store of its own, pull through a cache: Debian's docker-registry before
// another one. $TSIMG_FLEET_NODES says how many; five in the suite.

const test = suite('registry/fleet');
const NODES = Number(process.env.TSIMG_FLEET_NODES ?? 5);
/** Bytes of the layer, which does not get smaller by compression. */
const LAYER = 3_000_000;

/** The number of blobs that a docker-registry keeps in a folder, and of their links from repositories. */
function blobsIn(folder: string): string {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const blobs = paths.filter((path) => path.endsWith('/data')).length;
  // A blob that no repository links to is fetched again.
  const links = paths.filter((path) => /\/_layers\/.*\/link$/.test(path)).length;
  return `${blobs} blobs, ${links} links`;
}

/** Counts the bytes that a server sends to those who connect by it. */
async function startCounter(host: string) {
  const [hostname = '', port] = host.split(':');
  const sockets = new Set<Socket>();
  let bytes = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
    upstream.on('data', (chunk) => {
      bytes += chunk.length;
    });
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get bytes() {
      return bytes;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

if (haveTools('docker-registry', 'skopeo')) {
  test('after the first node, the others cost the origin nothing but questions', async () => {
    const made = makeImage({ layers: [randomBytes(LAYER)] });
    const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, '1')], made.blobs);
    const kept = { origin: tempDir(), cache: tempDir() };
    await using origin = await startDockerRegistry({ data: kept.origin });
    await using counter = await startCounter(origin.host);
    await using cache = await startDockerRegistry({ cacheOf: `http://${counter.host}`, data: kept.cache });
    await new Promise<void>((resolve, reject) => {
      const args = ['--insecure-policy', 'copy', '-q', '--dest-tls-verify=false', `oci:${layout}:1`];
      const done = (error: Error | null) => (error === null ? resolve() : reject(error));
      execFile('skopeo', [...args, `docker://${origin.host}/team/app:1`], done);
    });
    const hosts = tempDir();
    mkdirSync(join(hosts, origin.host));
    const toml = `[host."http://${cache.host}"]\ncapabilities = ["pull", "resolve"]\n`;
    writeFileSync(join(hosts, origin.host, 'hosts.toml'), toml);
    const pull = (node: number) =>
      tsimgAsync(['pull', '-q', '--hosts-dir', hosts, `${origin.host}/team/app:1`], {
        HOME: '/nonexistent',
        TSIMG_ROOT: join(hosts, `node-${node}`),
      });
    const first = await pull(0);
    assert.is(first.status, 0, first.stderr);
    // The cache answers while it fetches, and fetches once more for itself.
    await until('the cache keeps the image', () => blobsIn(kept.cache) === blobsIn(kept.origin));
    const filled = counter.bytes;
    assert.ok(filled >= LAYER, `${filled} bytes`);
    const nodes = await Promise.all(Array.from({ length: NODES }, (_, index) => pull(index + 1)));
    for (const { status, stderr, stdout } of nodes) {
      assert.is(status, 0, stderr);
      assert.is(stdout, `${origin.host}/team/app:1\n`);
    }
    const more = counter.bytes - filled;
    console.log(`${NODES} nodes: ${filled} bytes from the origin for the first, ${more} for all others`);
    assert.ok(more < 20_000 * NODES && more < LAYER, `${more} bytes`);
  });
}

test.run();
