import { mkdirSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openHost } from '../../src/registry/host.ts';
import { failureOf } from '../support/failure-of.ts';
import { makeCertificate } from '../support/registry/certificate.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveTools } from '../support/tools.ts';

// Whether a host is spoken to by TLS or by plain HTTP. Servers stand behind one that notes how connections begin.

const test = suite('registry/host');
const HANDSHAKE = 0x16;

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

interface Noting extends AsyncDisposable {
  readonly port: number;
  /** How each connection began: `TLS`, or the first line. */
  readonly beginnings: readonly string[];
}

async function noting(inner: Server): Promise<Noting> {
  const to = await listen(inner);
  const beginnings: string[] = [];
  const front = createServer((socket) => {
    socket.once('data', (bytes: Buffer) => {
      beginnings.push(bytes[0] === HANDSHAKE ? 'TLS' : (/^.*/.exec(String(bytes))?.[0].trim() ?? ''));
      const rest = connect(to, '127.0.0.1', () => {
        rest.write(bytes);
        socket.pipe(rest).pipe(socket);
      });
      rest.on('error', () => socket.destroy());
      socket.on('error', () => rest.destroy());
      socket.on('close', () => rest.destroy());
    });
    socket.on('error', () => {});
  });
  const port = await listen(front);
  return {
    port,
    beginnings,
    [Symbol.asyncDispose]: async () => {
      front.close();
      inner.close();
    },
  };
}

interface Asked {
  readonly name?: string;
  readonly tlsVerify?: boolean;
  readonly home?: string;
  readonly connect?: number;
}

/** The protocol that is chosen for a host at this port. */
async function chosen(port: number, { name = '127.0.0.1', tlsVerify, home = tempDir(), ...times }: Asked = {}) {
  const registry = `${name}:${port}`;
  const timeouts = { ...times, response: 300 };
  const host = openHost({ registry, tlsVerify, certDir: undefined, timeouts, env: { HOME: home } });
  try {
    return (await host.endpoint()).protocol;
  } finally {
    host.close();
  }
}

const answering = (status: number): Server =>
  createHttpServer({ keepAlive: false }, (_request, response) => response.writeHead(status).end());

test('a registry on loopback that speaks plain HTTP is asked for no TLS', async () => {
  for (const status of [200, 401]) {
    await using server = await noting(answering(status));
    assert.is(await chosen(server.port), 'http:');
    assert.equal(server.beginnings, ['GET /v2/ HTTP/1.1']);
  }
});

test('a server that answers something else may want TLS, which is tried before it is asked in the clear', async () => {
  for (const status of [301, 400, 404, 503]) {
    await using server = await noting(answering(status));
    assert.is(await chosen(server.port), 'http:');
    assert.equal(server.beginnings, ['GET /v2/ HTTP/1.1', 'TLS'], String(status));
  }
});

test('a registry on loopback that speaks TLS is found, whatever it says to plain HTTP', async () => {
  if (!haveTools('openssl')) return;
  const certificate = makeCertificate('IP:127.0.0.1');
  const listener: RequestListener = (_request, response) => response.end('{}');
  // Node's server ends the connection; others say in plain HTTP what they want.
  const secure = () => createHttpsServer(certificate, listener).on('tlsClientError', () => {});
  for (const refusal of [
    undefined,
    'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
  ]) {
    const inner = secure();
    const to = await listen(inner);
    const server = createServer((socket) => {
      socket.once('data', (bytes: Buffer) => {
        if (bytes[0] !== HANDSHAKE && refusal !== undefined) return socket.end(refusal);
        const rest = connect(to, '127.0.0.1', () => rest.write(bytes));
        rest.on('error', () => socket.destroy());
        return socket
          .on('error', () => rest.destroy())
          .pipe(rest)
          .pipe(socket);
      });
    });
    await using noted = await noting(server);
    assert.is(await chosen(noted.port, { tlsVerify: false }), 'https:', refusal ?? 'the end');
    assert.equal(noted.beginnings, ['GET /v2/ HTTP/1.1', 'TLS']);
    inner.close();
    inner.closeAllConnections();
  }
});

test('where TLS is demanded, nothing is asked in the clear', async () => {
  await using server = await noting(answering(200));
  assert.is(await chosen(server.port, { tlsVerify: true }), 'https:');
  assert.equal(server.beginnings, []);
});

test('a host that is not loopback is asked by TLS first, where plain HTTP is allowed too', async () => {
  await using server = await noting(answering(200));
  // It reaches this machine, and is not of 127.0.0.0/8.
  assert.is(await chosen(server.port, { name: '0.0.0.0', tlsVerify: false }), 'http:');
  assert.equal(server.beginnings, ['TLS']);
});

test('certificates of its own say that a registry on loopback speaks TLS', async () => {
  await using server = await noting(answering(200));
  const home = tempDir();
  mkdirSync(join(home, '.config/containers/certs.d', `127.0.0.1:${server.port}`), { recursive: true });
  assert.is(await chosen(server.port, { home }), 'http:');
  assert.equal(server.beginnings, ['TLS']);
});

test('a server that says nothing is waited for once', async () => {
  await using silent = await noting(createServer(() => {}));
  const late = await failureOf(chosen(silent.port), 'REGISTRY_UNREACHABLE');
  assert.is(late.facts.errno, 'ETIMEDOUT');
  assert.equal(silent.beginnings, ['GET /v2/ HTTP/1.1']);
});

test('where no server is, the first request tells it', async () => {
  const gone = createServer();
  const port = await listen(gone);
  await new Promise((resolve) => gone.close(resolve));
  assert.is(await chosen(port), 'http:');
});

test.run();
