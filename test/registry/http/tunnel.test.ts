import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistryClient } from '../../../src/registry/client.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeCertificate } from '../../support/registry/certificate.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('registry/http/tunnel');

interface Proxy extends AsyncDisposable {
  readonly host: string;
  /** `CONNECT host:port`, with the credentials. */
  readonly log: readonly string[];
}

/** A proxy that connects every request to one port of loopback, or refuses with `status`. */
async function startProxy(target: string, status = 200): Promise<Proxy> {
  const log: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, response) => {
    log.push(`${request.method} ${request.url}`);
    response.end(TAGS.body);
  });
  server.on('connect', (request, client: Socket) => {
    log.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? '-'}`);
    sockets.add(client);
    client.on('error', () => {});
    if (status !== 200) {
      client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      return;
    }
    const upstream = connect(Number(target.split(':')[1]), '127.0.0.1');
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    upstream.pipe(client);
    client.pipe(upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const TAGS = { path: '/v2/a/tags/list', body: '{"tags":["1"]}' };

test('a registry elsewhere is reached through the proxy, in TLS from end to end', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('DNS:registry.example.com');
  await using registry = await startFakeRegistry([TAGS], tls);
  await using proxy = await startProxy(registry.host);
  const env = { HTTPS_PROXY: `http://me:s%20me@${proxy.host}`, SSL_CERT_FILE: tls.certFile };
  const client = openRegistryClient({ registry: 'registry.example.com', repository: 'a' }, { env });
  assert.equal(await client.tags(), ['1']);
  assert.equal(await client.tags(), ['1']);
  const login = Buffer.from('me:s me').toString('base64');
  assert.equal(proxy.log, [`CONNECT registry.example.com:443 Basic ${login}`]);
  assert.is(registry.requests[0]?.headers['proxy-authorization'], undefined);
  client.close();
});

test('the certificate behind the proxy must be the registry’s', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('DNS:other.example.com');
  await using registry = await startFakeRegistry([TAGS], tls);
  await using proxy = await startProxy(registry.host);
  const env = { HTTPS_PROXY: `http://${proxy.host}`, SSL_CERT_FILE: tls.certFile };
  const client = openRegistryClient({ registry: 'registry.example.com', repository: 'a' }, { env });
  const error = await failureOf(client.tags(), 'REGISTRY_UNREACHABLE');
  assert.is(error.facts.errno, 'ERR_TLS_CERT_ALTNAME_INVALID');
  assert.equal(registry.requests, []);
  client.close();
});

test('a registry elsewhere without TLS is not used, except with --tls-verify=false', async () => {
  await using registry = await startFakeRegistry([TAGS]);
  await using proxy = await startProxy(registry.host);
  const env = { HTTPS_PROXY: `http://${proxy.host}`, http_proxy: `http://${proxy.host}` };
  const requests = { retries: 0, retryDelay: 1 };
  const repository = { registry: 'registry.example.com', repository: 'a' };
  for (const tlsVerify of [undefined, true]) {
    const client = openRegistryClient(repository, { env, requests, tlsVerify });
    await failureOf(client.tags(), 'REGISTRY_UNREACHABLE');
    client.close();
  }
  assert.equal(registry.requests, []);
  const client = openRegistryClient(repository, { env, requests, tlsVerify: false });
  assert.equal(await client.tags(), ['1']);
  assert.match(proxy.log.at(-1) ?? '', 'GET http://registry.example.com/v2/a/tags/list');
  client.close();
});

test('the error of a refusing or missing proxy names the proxy', async () => {
  await using proxy = await startProxy('127.0.0.1:1', 407);
  const gone = await startProxy('127.0.0.1:1');
  await gone[Symbol.asyncDispose]();
  for (const [host, why] of [
    [proxy.host, 'HTTP 407'],
    [gone.host, 'connection refused'],
  ] as const) {
    const env = { HTTPS_PROXY: `http://me:secret@${host}` };
    const client = openRegistryClient({ registry: 'registry.example.com', repository: 'a' }, { env });
    const error = await failureOf(client.tags(), 'REGISTRY_UNREACHABLE');
    assert.match(error.why ?? '', `the proxy ${host}`);
    assert.match(error.why ?? '', why);
    assert.not.match(error.message, 'secret');
    client.close();
  }
});

test('loopback is reached directly', async () => {
  await using registry = await startFakeRegistry([TAGS]);
  const env = { HTTPS_PROXY: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' };
  const client = openRegistryClient({ registry: registry.host, repository: 'a' }, { env });
  assert.equal(await client.tags(), ['1']);
  client.close();
});

test.run();
