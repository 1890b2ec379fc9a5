import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistryClient } from '../../src/registry/client.ts';
import { makeCertificate } from '../support/certificate.ts';
import { failureOf } from '../support/failure-of.ts';
import { haveTools } from '../support/tools.ts';

// What a TLS handshake fails with, by real servers: what is told, and that nothing is sent in the clear afterwards.
const test = suite('registry/connection-error');

interface Case {
  readonly name: string;
  readonly why: RegExp;
  readonly tlsVerify?: boolean;
  readonly server: () => Server;
}

const alert = (description: number): Server =>
  createServer((socket) =>
    socket.on('error', () => {}).once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, description]))),
  );

function tls(options: object, name = 'IP:127.0.0.1'): Server {
  const { cert, key } = makeCertificate(name);
  const server = createHttpsServer({ cert, key, ...options });
  server.on('tlsClientError', () => {});
  return server;
}

const CASES: readonly Case[] = [
  { name: 'a certificate of nobody known', why: /certificate is not trusted/, server: () => tls({}) },
  {
    name: 'versions of TLS that are not safe',
    why: /no version of TLS that is safe/,
    tlsVerify: false,
    server: () => tls({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  },
  {
    name: 'no cipher in common',
    why: /TLS cannot be agreed on/,
    tlsVerify: false,
    server: () => tls({ ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }),
  },
  {
    name: 'a client certificate that is wanted',
    why: /client's certificate/,
    tlsVerify: false,
    server: () => tls({ requestCert: true, rejectUnauthorized: true }),
  },
  { name: 'an unknown name', why: /does not know this name/, tlsVerify: false, server: () => alert(112) },
  { name: 'an internal error', why: /TLS cannot be agreed on/, tlsVerify: false, server: () => alert(80) },
];

for (const { name, why, tlsVerify, server: make } of CASES) {
  test(`after ${name} nothing is sent in the clear, also where that would be allowed`, async () => {
    if (!haveTools('openssl')) return;
    const server = make();
    const starts: number[] = [];
    server.on('connection', (socket) => socket.once('data', (bytes: Buffer) => starts.push(bytes[0] ?? 0)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const options = { env: { HOME: '/nonexistent' }, retry: { retries: 0, delay: 1 }, tlsVerify };
    const client = openRegistryClient({ registry: `127.0.0.1:${port}`, repository: 'a' }, options);
    try {
      const error = await failureOf(client.document('1'), 'REGISTRY_UNREACHABLE');
      assert.match(error.why ?? '', why);
      assert.not.match(`${error.why}`, /does not speak TLS|SSL routines/);
      assert.is(starts.filter((byte) => byte !== 0x16).length, 0, 'nothing but handshakes');
    } finally {
      client.close();
      server.close();
    }
  });
}

test('a server of plain HTTP is told as such where TLS is wanted, and spoken to where plain HTTP is allowed', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const tlsVerify of [true, undefined]) {
    const options = { env: { HOME: '/nonexistent' }, retry: { retries: 0, delay: 1 }, tlsVerify };
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

test.run();
