import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistryClient } from '../../../src/registry/client.ts';
import { failureOf } from '../../support/failure-of.ts';
import { type Certificate, makeCertificate, makeCertificateOf } from '../../support/registry/certificate.ts';
import { haveTools } from '../../support/tools.ts';

// Failures of TLS handshakes with real servers: the error, and that nothing is sent in the clear afterwards.
const test = suite('registry/failure/connection-error');

interface Case {
  readonly name: string;
  readonly why: RegExp;
  readonly host?: string;
  readonly tlsVerify?: boolean;
  /** Whether the server's certificate is one that the host trusts. */
  readonly trusted?: boolean;
  readonly hint?: RegExp;
  readonly certificate?: () => Certificate;
  readonly server?: (certificate: Certificate) => Server;
}

const alert = (description: number): Server =>
  createServer((socket) =>
    socket.on('error', () => {}).once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, description]))),
  );

function tls({ cert, key }: Certificate, options: object = {}): Server {
  const server = createHttpsServer({ cert, key, ...options });
  server.on('tlsClientError', () => {});
  return server;
}

const CASES: readonly Case[] = [
  {
    name: 'a certificate that has expired',
    why: /^its certificate has expired$/,
    hint: /clock/,
    trusted: true,
    certificate: () => makeCertificateOf({ from: -20, to: -10 }, 'IP:127.0.0.1'),
  },
  {
    name: 'a certificate that is not valid yet',
    why: /^its certificate is not valid yet$/,
    hint: /clock/,
    trusted: true,
    certificate: () => makeCertificateOf({ from: 10, to: 20 }, 'IP:127.0.0.1'),
  },
  {
    name: 'a certificate of another address',
    why: /^its certificate is not for 127\.0\.0\.1$/,
    hint: /check the name/,
    trusted: true,
    certificate: () => makeCertificate('IP:127.0.0.2', 'DNS:registry.example.com'),
  },
  {
    name: 'a certificate of another name',
    why: /^its certificate is not for localhost$/,
    hint: /check the name/,
    trusted: true,
    host: 'localhost',
    certificate: () => makeCertificate('IP:127.0.0.1', 'DNS:registry.example.com'),
  },
  { name: 'a certificate of nobody known', why: /certificate is not trusted/, hint: /--cert-dir/ },
  {
    name: 'versions of TLS that are not safe',
    why: /no version of TLS that is safe/,
    tlsVerify: false,
    server: (certificate) =>
      tls(certificate, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  },
  {
    name: 'no cipher in common',
    why: /the TLS handshake failed/,
    tlsVerify: false,
    server: (certificate) => tls(certificate, { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }),
  },
  {
    name: 'a client certificate that is wanted',
    why: /client's certificate/,
    tlsVerify: false,
    server: (certificate) => tls(certificate, { requestCert: true, rejectUnauthorized: true }),
  },
  { name: 'an unknown name', why: /does not know this name/, tlsVerify: false, server: () => alert(112) },
  { name: 'an internal error', why: /the TLS handshake failed/, tlsVerify: false, server: () => alert(80) },
];

for (const { name, why, hint, host = '127.0.0.1', tlsVerify, trusted, certificate, server: make = tls } of CASES) {
  test(`after ${name} nothing but the first look is sent in the clear, even where that is allowed`, async () => {
    if (!haveTools('openssl')) return;
    const made = certificate?.() ?? makeCertificate('IP:127.0.0.1');
    const server = make(made);
    // In front of the TLS server, which would consume the bytes before the test sees them.
    const starts: Buffer[] = [];
    const front = createServer((socket) => {
      socket.once('data', (bytes: Buffer) => {
        starts.push(bytes);
        socket.pause();
        const inner = connect((server.address() as AddressInfo).port, '127.0.0.1', () => {
          inner.write(bytes);
          socket.pipe(inner).pipe(socket);
        });
        inner.on('error', () => socket.destroy());
        socket.on('error', () => inner.destroy());
      });
    });
    for (const one of [server, front]) {
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    }
    const { port } = front.address() as AddressInfo;
    const env = { HOME: '/nonexistent', ...(trusted && { SSL_CERT_FILE: made.certFile }) };
    const credentials = { kind: 'basic', username: 'me', password: 'sesame' } as const;
    const options = { env, credentials, requests: { retries: 0, retryDelay: 1 }, tlsVerify };
    const client = openRegistryClient({ registry: `${host}:${port}`, repository: 'a' }, options);
    try {
      const error = await failureOf(client.document('1'), 'REGISTRY_UNREACHABLE');
      assert.match(error.why ?? '', why);
      if (hint !== undefined) assert.match(error.hint ?? '', hint);
      assert.not.match(`${error.why}`, /does not speak TLS|SSL routines/);
      const [look, ...others] = starts;
      assert.match(String(look), /^GET \/v2\/ HTTP\/1\.1\r\n/);
      assert.not.match(String(look), /authorization/i);
      assert.ok(others.length > 0);
      assert.is(others.filter((bytes) => bytes[0] !== 0x16).length, 0, 'nothing but handshakes');
    } finally {
      client.close();
      front.close();
      server.close();
    }
  });
}

test('a server of plain HTTP is named as one where TLS is required, and used where plain HTTP is allowed', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const tlsVerify of [true, undefined]) {
    const options = { env: { HOME: '/nonexistent' }, requests: { retries: 0, retryDelay: 1 }, tlsVerify };
    const client = openRegistryClient({ registry: `127.0.0.1:${port}`, repository: 'a' }, options);
    try {
      if (tlsVerify === undefined) assert.is(await client.document('1'), undefined);
      else assert.is((await failureOf(client.document('1'), 'REGISTRY_UNREACHABLE')).why, 'it does not speak TLS');
    } finally {
      client.close();
    }
  }
  server.close();
});

test('an answer that is not HTTP is told in plain words, with what to do', async () => {
  const cases = [
    ['HTTP/1.1 200 OK\r\nx-a: a\u0001b\r\n\r\n', /^its answer is not valid HTTP \(HPE_\w+\)$/],
    ['SSH-2.0-server\r\n', /^its answer is not valid HTTP \(HPE_\w+\)$/],
    [`HTTP/1.1 200 OK\r\nx-a: ${'a'.repeat(200_000)}\r\n\r\n`, /^the headers of its answer are too long$/],
  ] as const;
  for (const [answer, why] of cases) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes: Buffer) => socket.end(bytes[0] === 0x16 ? 'HTTP/1.1 400 Bad\r\n\r\n' : answer));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const options = { env: { HOME: '/nonexistent' }, requests: { retries: 0, retryDelay: 1 } };
    const client = openRegistryClient({ registry: `127.0.0.1:${port}`, repository: 'a' }, options);
    try {
      const error = await failureOf(client.document('1'), 'REGISTRY_UNREACHABLE');
      assert.match(error.why ?? '', why);
      assert.match(error.hint ?? '', /operator/);
    } finally {
      client.close();
      server.close();
    }
  }
});

test.run();
