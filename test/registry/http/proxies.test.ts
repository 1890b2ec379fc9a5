import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openRegistryClient } from '../../../src/registry/client.ts';
import type { RegistryOptions } from '../../../src/registry/session.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeCertificate } from '../../support/registry/certificate.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { freePort } from '../../support/registry/nginx.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Proxies of all kinds, ours and Debian's. Names that nobody knows lead to a registry on loopback where the proxy is
// ours; Debian's proxies are asked for an address of this machine.

const test = suite('registry/http/proxies');
const TAGS = '/v2/a/tags/list';
const page = { path: TAGS, body: '{"tags":["1"]}' };
const requests = { retries: 0, retryDelay: 1 };

async function tagsBy(registry: string, env: Record<string, string>, more: RegistryOptions = {}) {
  const client = openRegistryClient({ registry, repository: 'a' }, { env, requests, mirrors: false, ...more });
  try {
    return await client.tags();
  } finally {
    client.close();
  }
}

/** A proxy that passes requests for any host on to one server, and writes down what it was asked. */
async function startForwarding(target: string, tls?: { readonly cert: string; readonly key: string }) {
  const log: string[] = [];
  const listener: Parameters<typeof createServer>[1] = (incoming, outgoing) => {
    log.push(`${incoming.method} ${incoming.url} ${incoming.headers['proxy-authorization'] ?? '-'}`);
    const path = new URL(incoming.url ?? '', 'http://none').pathname;
    const [hostname, port] = target.split(':');
    const { 'proxy-authorization': _, ...headers } = incoming.headers;
    const passed = request({ hostname, port, path, method: incoming.method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(passed);
  };
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener);
  server.on('connect', (incoming: { url?: string }, socket: NodeJS.WritableStream) => {
    log.push(`CONNECT ${incoming.url}`);
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('plain HTTP goes through a proxy by the whole URL, not by CONNECT', async () => {
  await using registry = await startFakeRegistry([page]);
  await using proxy = await startForwarding(registry.host);
  const env = { http_proxy: `http://me:s%20me@${proxy.host}`, https_proxy: `http://${proxy.host}` };
  const options = { tlsVerify: false };
  // TLS is tried first, by CONNECT, which this proxy refuses: so the choice of plain HTTP is made by a URL.
  const error = await failureOf(tagsBy('registry.example', env, options), 'REGISTRY_UNREACHABLE');
  assert.match(error.message, /the proxy 127\.0\.0\.1:\d+ \(\$https_proxy\): HTTP 403/);
  assert.equal(proxy.log, ['CONNECT registry.example:443']);

  const file = join(tempDir(), 'registries.conf');
  writeFileSync(file, '');
  const root = tempDir();
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(root, 'registry.example'));
  writeFileSync(join(root, 'registry.example', 'hosts.toml'), 'server = "http://registry.example"\n');
  const mirrors = { registriesConf: file, hostsDir: root };
  assert.equal(await tagsBy('registry.example', env, { mirrors }), ['1']);
  const login = Buffer.from('me:s me').toString('base64');
  assert.is(proxy.log.at(-1), `GET http://registry.example${TAGS} Basic ${login}`);
  assert.is(registry.requests.at(-1)?.headers.host, 'registry.example');
  assert.is(registry.requests.at(-1)?.headers['proxy-authorization'], undefined);
});

/** hosts.toml by which a registry speaks plain HTTP. */
async function plainHttp(registry: string): Promise<RegistryOptions['mirrors']> {
  const root = tempDir();
  const { mkdirSync } = await import('node:fs');
  mkdirSync(join(root, registry));
  writeFileSync(join(root, registry, 'hosts.toml'), `server = "http://${registry}"\n`);
  return { registriesConf: '/dev/null', hostsDir: root };
}

test('a proxy is reached by HTTPS, and its certificate is checked by the host’s authorities', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('IP:127.0.0.1');
  await using registry = await startFakeRegistry([page]);
  await using proxy = await startForwarding(registry.host, tls);
  const mirrors = await plainHttp('registry.example');
  const env = { http_proxy: `https://${proxy.host}` };
  assert.equal(await tagsBy('registry.example', { ...env, SSL_CERT_FILE: tls.certFile }, { mirrors }), ['1']);
  const error = await failureOf(tagsBy('registry.example', env, { mirrors }), 'REGISTRY_UNREACHABLE');
  assert.match(error.message, /the proxy .* its certificate is not trusted/);
});

test('a proxy is verified although the registry is not', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('IP:127.0.0.1');
  await using registry = await startFakeRegistry([page]);
  await using proxy = await startForwarding(registry.host, tls);
  const mirrors = await plainHttp('registry.example');
  const url = `https://me:sesame@${proxy.host}`;
  const env = { http_proxy: url, https_proxy: url };
  for (const more of [{ mirrors }, {}]) {
    const error = await failureOf(
      tagsBy('registry.example', env, { ...more, tlsVerify: false }),
      'REGISTRY_UNREACHABLE',
    );
    assert.match(error.message, /the proxy .* its certificate is not trusted/);
  }
  assert.equal(proxy.log, [], 'it gets no account');
  const trusting = { ...env, SSL_CERT_FILE: tls.certFile };
  assert.equal(await tagsBy('registry.example', trusting, { mirrors, tlsVerify: false }), ['1']);
  const error = await failureOf(tagsBy('registry.example', trusting, { tlsVerify: false }), 'REGISTRY_UNREACHABLE');
  assert.match(error.message, /the proxy .*HTTP 403/);
  assert.is(proxy.log.at(-1), 'CONNECT registry.example:443');
});

test('a proxy that is not there is told as such', async () => {
  const gone = await startForwarding('127.0.0.1:9');
  await gone[Symbol.asyncDispose]();
  const mirrors = await plainHttp('registry.example');
  for (const env of [{ http_proxy: gone.host }, { ALL_PROXY: `socks5h://${gone.host}` }]) {
    const error = await failureOf(tagsBy('registry.example', env, { mirrors }), 'REGISTRY_UNREACHABLE');
    const [variable = ''] = Object.keys(env);
    assert.ok(error.message.includes(`the proxy ${gone.host} ($${variable}): connection refused`), error.message);
    assert.match(error.hint ?? '', /no_proxy/);
  }
});

/** A SOCKS 5 proxy that connects everything to one server, and writes down the names and accounts. RFC 1928 */
async function startSocks(target: string, withPassword: boolean) {
  const log: string[] = [];
  const server = createTcpServer((client) => {
    let step: 'greeting' | 'password' | 'request' | 'open' = 'greeting';
    client.on('error', () => {});
    client.on('data', (bytes) => {
      if (step === 'greeting') {
        step = withPassword ? 'password' : 'request';
        client.write(Buffer.from([5, withPassword ? 2 : 0]));
      } else if (step === 'password') {
        const user = bytes.subarray(2, 2 + (bytes[1] ?? 0)).toString();
        log.push(`${user}:${bytes.subarray(3 + (bytes[1] ?? 0)).toString()}`);
        step = 'request';
        client.write(Buffer.from([1, 0]));
      } else if (step === 'request') {
        step = 'open';
        const isName = bytes[3] === 3;
        log.push(isName ? bytes.subarray(5, 5 + (bytes[4] ?? 0)).toString() : 'an address');
        const [host = '', port] = target.split(':');
        const upstream = connect(Number(port), host, () => {
          client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
          client.pipe(upstream);
          upstream.pipe(client);
        });
        upstream.on('error', () => client.destroy());
        client.on('close', () => upstream.destroy());
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

test('socks5h has the proxy look up the name, over TLS from end to end', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('DNS:registry.example');
  await using registry = await startFakeRegistry([page], tls);
  await using proxy = await startSocks(registry.host, true);
  const env = { ALL_PROXY: `socks5h://me:s%3Ame@${proxy.host}`, SSL_CERT_FILE: tls.certFile };
  assert.equal(await tagsBy('registry.example', env), ['1']);
  assert.equal(proxy.log, ['me:s:me', 'registry.example']);
});

test('socks5 looks up the name here', async () => {
  await using registry = await startFakeRegistry([page]);
  await using proxy = await startSocks(registry.host, false);
  const mirrors = await plainHttp('registry.invalid');
  const env = { ALL_PROXY: `socks5://${proxy.host}` };
  const error = await failureOf(tagsBy('registry.invalid', env, { mirrors }), 'REGISTRY_UNREACHABLE');
  assert.match(error.message, /registry\.invalid/);
  assert.equal(proxy.log, []);
  assert.equal(await tagsBy('203.0.113.5', env, { mirrors: await plainHttp('203.0.113.5') }), ['1']);
  assert.equal(proxy.log, ['an address']);
});

/** An address of this machine that is not loopback's: proxies are used for it. */
function ownAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flat();
  return all.find((each) => each?.internal === false && each.family === 'IPv4')?.address;
}

/** Starts a registry that answers at this machine's own address, too. */
async function startOpenRegistry(address: string) {
  const seen: string[] = [];
  const server = createServer((incoming, outgoing) => {
    seen.push(`${incoming.headers.via ?? '-'}`);
    outgoing.end(incoming.url === TAGS ? page.body : '{}');
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    host: `${address}:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Starts a program, and waits until its port answers. It ends when disposed of, or at the end. */
async function startProgram(program: string, args: readonly string[], port: number) {
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore' });
  const stop = () => child.kill('SIGKILL');
  process.prependListener('exit', stop);
  for (let left = 3000; left > 0; left--) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isThere) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    [Symbol.asyncDispose]: async () => {
      process.off('exit', stop);
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null) {
        stop();
        await ended;
      }
    },
  };
}

const address = ownAddress();
if (address === undefined) console.log('skipped: needs a network interface beside loopback');

if (address !== undefined && haveTools('tinyproxy')) {
  test('tinyproxy forwards plain HTTP, and says 407 without the account', async () => {
    const port = await freePort();
    const config = join(tempDir(), 'tinyproxy.conf');
    writeFileSync(config, `Port ${port}\nListen 127.0.0.1\nTimeout 60\nBasicAuth me sesame\nViaProxyName "tiny"\n`);
    await using _proxy = await startProgram('tinyproxy', ['-d', '-c', config], port);
    await using registry = await startOpenRegistry(address);
    const mirrors = await plainHttp(registry.host);
    const by = (account: string) =>
      tagsBy(registry.host, { http_proxy: `http://${account}127.0.0.1:${port}` }, { mirrors });
    assert.equal(await by('me:sesame@'), ['1']);
    assert.match(registry.seen.at(-1) ?? '', /tiny/);
    const error = await failureOf(by(''), 'REGISTRY_ERROR');
    assert.match(`${error.message} ${error.hint}`, /HTTP 407.* the proxy wants credentials/);
    assert.equal(
      await tagsBy(registry.host, { http_proxy: `127.0.0.1:${port}`, no_proxy: `${address}/32` }, { mirrors }),
      ['1'],
    );
    assert.is(registry.seen.at(-1), '-');
  });
}

if (address !== undefined && haveTools('microsocks')) {
  test('microsocks carries plain HTTP, and refuses a wrong password', async () => {
    const port = await freePort();
    const args = ['-i', '127.0.0.1', '-p', String(port), '-u', 'me', '-P', 'sesame'];
    await using _proxy = await startProgram('microsocks', args, port);
    await using registry = await startOpenRegistry(address);
    const mirrors = await plainHttp(registry.host);
    const by = (account: string) =>
      tagsBy(registry.host, { ALL_PROXY: `socks5://${account}127.0.0.1:${port}` }, { mirrors });
    assert.equal(await by('me:sesame@'), ['1']);
    const error = await failureOf(by('me:wrong@'), 'REGISTRY_UNREACHABLE');
    assert.match(error.message, /the proxy 127\.0\.0\.1:\d+ \(\$\w+\): it refuses the user or the password/);
    const none = await failureOf(by(''), 'REGISTRY_UNREACHABLE');
    assert.match(none.message, /it wants a user and a password/);
  });
}

test.run();
