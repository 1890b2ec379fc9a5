import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAllowList } from '../../../../src/library/sandbox/egress/allow-list.ts';
import {
  type EgressDecision,
  type EgressOptions,
  EgressProxy,
} from '../../../../src/library/sandbox/egress/egress-proxy.ts';
import { isOwnAddress, isPublicAddress } from '../../../../src/library/sandbox/egress/public-address.ts';
import { until } from '../../../support/command/container-cli.ts';

const test = suite('library/sandbox/egress with hostile sides');

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A server that answers each connection with the same bytes, or not at all, and its connections. */
async function startRaw(reply: () => string) {
  const open = new Set<Socket>();
  let most = 0;
  const server = createServer((socket) => {
    open.add(socket);
    most = Math.max(most, open.size);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', () => void (reply() !== '' && socket.end(reply())));
  });
  const port = await portOf(server);
  const close = () => {
    for (const socket of open) socket.destroy();
    server.close();
  };
  return { port, open, most: () => most, close };
}

async function startProxy(port: number, options: Partial<EgressOptions> = {}) {
  const allow = parseAllowList([`127.0.0.1:${port}`, `*.slow.test:${port}`]);
  const proxy = new EgressProxy({ allow, ...options });
  await proxy.listen({ port: 0, host: '127.0.0.1' });
  return proxy;
}

/** Opens a connection, and sends bytes; `all` has what came when it is closed. */
function send(port: number, text: string) {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => socket.destroy());
  const all = new Promise<string>((resolve) => socket.on('close', () => resolve(answer)));
  socket.write(text, 'latin1');
  return { socket, all };
}

const get = (port: number, close = false) =>
  `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;

test('an answer that cannot be passed on is told as 502, and the proxy lives', async () => {
  let reply = '';
  const raw = await startRaw(() => reply);
  await using proxy = await startProxy(raw.port);
  for (const begin of ['042 hi', '000 x', '101 x', '101 x\r\nConnection: upgrade\r\nUpgrade: z', '7 x', '1000 x']) {
    reply = `HTTP/1.1 ${begin}\r\nContent-Length: 0\r\n\r\n`;
    assert.match(await send(proxy.port, get(raw.port, true)).all, /^HTTP\/1\.1 502 /, begin);
  }
  reply = 'HTTP/1.1 999 x\r\nContent-Length: 2\r\n\r\nok';
  assert.match(await send(proxy.port, get(raw.port, true)).all, /^HTTP\/1\.1 999 [\s\S]*ok$/);
  raw.close();
});

test('a body stays a body, whatever the method is', async () => {
  const seen: string[] = [];
  const server = createHttpServer(async (from, to) => {
    let body = '';
    for await (const chunk of from) body += String(chunk);
    seen.push(`${from.method} ${from.url} ${body}`);
    to.end();
  });
  const port = await portOf(server);
  await using proxy = await startProxy(port);
  const hidden = 'GET /hidden HTTP/1.1\r\nHost: other\r\n\r\n';
  const chunked = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`;
  const methods = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'POST', 'PUT', 'PATCH', 'PROPFIND'];
  for (const method of methods) {
    const begin = `${method} http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
    await send(proxy.port, `${begin}Transfer-Encoding: chunked\r\n\r\n${chunked}`).all;
    await send(proxy.port, `${begin}Content-Length: ${hidden.length}\r\n\r\n${hidden}`).all;
  }
  assert.equal(
    seen,
    methods.flatMap((method) => [`${method} / ${hidden}`, `${method} / ${hidden}`]),
  );
  const odd = `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`;
  assert.match(await send(proxy.port, odd).all, /^HTTP\/1\.1 501 /);
  server.close();
});

test('a connection has one request outside at a time, few that wait, and none after its end', async () => {
  let reply = 'HTTP/1.1 200 x\r\nContent-Length: 2\r\n\r\nok';
  const raw = await startRaw(() => reply);
  await using proxy = await startProxy(raw.port);
  const ten = await send(proxy.port, get(raw.port).repeat(9) + get(raw.port, true)).all;
  // The last one may still be about to end at the server.
  assert.equal([ten.match(/HTTP\/1\.1 200/g)?.length, raw.most() <= 2], [10, true]);
  reply = '';
  const some = send(proxy.port, get(raw.port).repeat(20));
  await until('a request is outside', () => raw.open.size > 0);
  some.socket.destroy();
  await until('none is outside', () => raw.open.size === 0);
  // More than it may have are the end of it.
  assert.is(await send(proxy.port, get(raw.port).repeat(3000)).all, '');
  const behind = `${get(raw.port)}CONNECT 127.0.0.1:${raw.port} HTTP/1.1\r\nHost: x\r\n\r\n`;
  assert.is(await send(proxy.port, behind).all, '');
  await until('none is outside', () => raw.open.size === 0);
  assert.ok(raw.most() <= 2);
  raw.close();
});

test('names are resolved one after the other, and one that is awaited at the end is asked for in vain', async () => {
  const raw = await startRaw(() => '');
  const decisions: EgressDecision[] = [];
  const asked: string[] = [];
  let answer = () => {};
  const resolve = (name: string) => {
    asked.push(name);
    return new Promise<readonly string[]>((done) => {
      answer = () => done(['127.0.0.1']);
    });
  };
  const proxy = await startProxy(raw.port, { resolve, onRequest: (decision) => decisions.push(decision) });
  const ends = [
    ...['a', 'b'].map((name) => `GET http://${name}.slow.test:${raw.port}/ HTTP/1.1\r\nHost: x\r\n\r\n`),
    `CONNECT c.slow.test:${raw.port} HTTP/1.1\r\nHost: x\r\n\r\n`,
  ].map((text) => send(proxy.port, text).all);
  await until('a name is asked for', () => asked.length === 1);
  await proxy[Symbol.asyncDispose]();
  assert.equal(await Promise.all(ends), ['', '', '']);
  answer();
  await until('it is decided', () => decisions.length > 0);
  assert.not.ok(decisions.some(({ allowed }) => allowed));
  assert.equal([asked.length, raw.most()], [1, 0]);
  raw.close();
});

test('a request whose decision cannot be told is refused, and the sandbox learns nothing of the error', async () => {
  const raw = await startRaw(() => '');
  const throwing = () => {
    throw new Error('secret');
  };
  // A rejection that nobody handles would be the end of the program.
  for (const onRequest of [throwing, async () => throwing()]) {
    await using proxy = await startProxy(raw.port, { onRequest });
    for (const line of [get(raw.port, true), `CONNECT 127.0.0.1:${raw.port} HTTP/1.1\r\nHost: x\r\n\r\n`]) {
      const { socket, all } = send(proxy.port, line);
      socket.on('end', () => socket.end());
      assert.match(await all, /^HTTP\/1\.1 502 [\s\S]*cannot be passed on/);
    }
  }
  assert.is(raw.most(), 0);
  raw.close();
});

test('an address of this machine, and one that nobody has got yet, is none of the internet', () => {
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  assert.ok(own.length > 0);
  for (const { address } of own) assert.ok(isOwnAddress(address), address);
  assert.not.ok(isOwnAddress('1.1.1.1'));
  assert.not.ok(isOwnAddress('2606:4700::1111'));
  for (const address of ['::ffff:0:7f00:1', '5f00::1', '3fff::1', '400::1', '2606:4700::1%lo', '64:ff9b:1::7f00:1'])
    assert.not.ok(isPublicAddress(address), address);
});

test.run();
