import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAllowList } from '../../../../src/library/sandbox/egress/allow-list.ts';
import { type EgressDecision, EgressProxy } from '../../../../src/library/sandbox/egress/egress-proxy.ts';
import { isPublicAddress } from '../../../../src/library/sandbox/egress/public-address.ts';
import { failureOf } from '../../../support/failure-of.ts';

const test = suite('library/sandbox/egress');

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly host: string | undefined;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

/** A server that stands for the internet, on 127.0.0.1, and what it was asked for. */
async function startTarget() {
  const seen: Seen[] = [];
  const server = createServer(async (from, to) => {
    let body = '';
    for await (const chunk of from) body += String(chunk);
    const { method, url, headers } = from;
    seen.push({ method, url, host: headers.host, body, headers });
    if (url === '/away') to.writeHead(302, { location: 'http://evil.test/' });
    to.end('answer');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { seen, port, close };
}

/**
 * Sends bytes to a port, and returns all that comes back until the end, or until nothing comes for a while.
 * @param isOpen whether the connection stays open after the head of the answer, which is enough then
 */
function send(port: number, text: string, isOpen = false): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(20_000, () => socket.destroy());
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (isOpen && answer.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.write(text, 'latin1');
  });
}

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(answer)?.[1] ?? 0);

/** A proxy on this machine, with names of its own; `asked` has the names that were resolved. */
async function startProxy(allow: readonly string[], names: Readonly<Record<string, readonly string[]>>) {
  const decisions: EgressDecision[] = [];
  const asked: string[] = [];
  const proxy = new EgressProxy({
    allow: parseAllowList(allow),
    onRequest: (decision) => decisions.push(decision),
    async resolve(name) {
      asked.push(name);
      const found = names[name];
      if (found === undefined) throw new Error('ENOTFOUND');
      return found;
    },
  });
  await proxy.listen({ port: 0, host: '127.0.0.1' });
  return { proxy, decisions, asked, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

test('only hosts and ports of the list are reached, whatever form the target of CONNECT has', async () => {
  const target = await startTarget();
  const { port } = target;
  const names = { 'good.test': ['127.0.0.1'], 'evil.test': ['127.0.0.1'], 'sub.wild.test': ['127.0.0.1'] };
  await using at = await startProxy(
    [`good.test:${port}`, `*.wild.test:${port}`, `127.0.0.1:${port}`, 'plain.test'],
    names,
  );
  const ask = async (authority: string) =>
    statusOf(await send(at.proxy.port, `CONNECT ${authority} HTTP/1.1\r\nHost: good.test:${port}\r\n\r\n`, true));
  for (const allowed of ['good.test', 'GOOD.test', 'good.test.', 'sub.wild.test', '127.0.0.1']) {
    assert.is(await ask(`${allowed}:${port}`), 200, allowed);
  }
  const refused = [
    `evil.test:${port}`,
    `wild.test:${port}`,
    `good.test.evil.test:${port}`,
    `evilgood.test:${port}`,
    'good.test:22',
    'good.test:443',
    `localhost:${port}`,
    `127.0.0.2:${port}`,
    `[::1]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `0x7f000001:${port}`,
    `2130706433:${port}`,
    `127.1:${port}`,
    `0177.0.0.1:${port}`,
    '169.254.169.254:80',
    `plain.test:${port}`,
  ];
  for (const authority of refused) assert.is(await ask(authority), 403, authority);
  const odd = [
    'good.test',
    'good.test:',
    'good.test:0',
    'good.test:65536',
    `good.test:${port}:1`,
    `evil@good.test:${port}`,
  ];
  const strange = [
    `good.test%00.evil:${port}`,
    `good.test/:${port}`,
    `http://good.test:${port}`,
    `[good.test]:${port}`,
    `:${port}`,
  ];
  for (const authority of [...odd, ...strange]) assert.is(await ask(authority), 400, authority);
  const allowed = at.decisions.filter((each) => each.allowed).length;
  assert.equal([allowed, at.decisions.length >= 5 + refused.length], [5, true]);
  target.close();
});

test('a name that leads to an address of this machine or of a private network is refused, and is resolved once', async () => {
  const target = await startTarget();
  const { port } = target;
  const inside = [
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    'fd00::1',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '0.0.0.0',
  ];
  const names = Object.fromEntries(inside.map((address, index) => [`n${index}.test`, [address]]));
  await using at = await startProxy(
    Object.keys(names).map((name) => `${name}:${port}`),
    names,
  );
  for (const name of Object.keys(names)) {
    const answer = await send(at.proxy.port, `CONNECT ${name}:${port} HTTP/1.1\r\n\r\n`);
    assert.is(statusOf(answer), 403, `${name} ${names[name]}`);
    assert.is(statusOf(await send(at.proxy.port, `GET http://${name}:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`)), 403);
  }
  assert.is(at.asked.length, 2 * inside.length);
  assert.equal(target.seen, []);
  target.close();
  for (const address of inside) assert.not.ok(isPublicAddress(address), address);
  for (const address of [
    '192.168.1.1',
    '172.31.0.1',
    '100.64.0.1',
    'fe80::1',
    '2002:a00:1::',
    'ff02::1',
    '240.0.0.1',
    'x',
    '',
  ]) {
    assert.not.ok(isPublicAddress(address), address);
  }
  for (const address of ['1.1.1.1', '93.184.216.34', '2606:4700::1111', '172.32.0.1'])
    assert.ok(isPublicAddress(address));
});

test('a plain request is passed on with the host of its target, and a redirect is the client’s to ask for', async () => {
  const target = await startTarget();
  const { port } = target;
  await using at = await startProxy([`good.test:${port}`, `127.0.0.1:${port}`], { 'good.test': ['127.0.0.1'] });
  const url = `http://good.test:${port}`;
  const request = (line: string, headers = '', body = '') =>
    send(at.proxy.port, `${line} HTTP/1.1\r\nHost: evil.test\r\n${headers}Connection: close\r\n\r\n${body}`);
  const answer = await request(
    `POST ${url}/path?q=1`,
    'Content-Length: 4\r\nProxy-Authorization: x\r\nX-A: 1\r\n',
    'body',
  );
  assert.is(statusOf(answer), 200);
  assert.match(answer, /answer/);
  const [seen] = target.seen;
  assert.equal([seen?.method, seen?.url, seen?.host, seen?.body], ['POST', '/path?q=1', `good.test:${port}`, 'body']);
  assert.equal([seen?.headers['proxy-authorization'], seen?.headers['x-a']], [undefined, '1']);
  const away = await request(`GET ${url}/away`);
  assert.equal([statusOf(away), /location: http:\/\/evil\.test\//i.test(away)], [302, true]);
  assert.is(statusOf(await request('GET http://evil.test/')), 403);
  const odd = [
    'GET /',
    'GET *',
    `GET https://good.test:${port}/`,
    `GET http://u:p@good.test:${port}/`,
    'GET ftp://good.test/',
  ];
  for (const line of odd) assert.is(statusOf(await request(line)), 400, line);
  assert.is(statusOf(await request(`GET http://good.test:${port}\\@evil.test/`)), 400);
  assert.is(target.seen.length, 2);
  target.close();
});

test('a request that two servers may read differently does not reach the target, or reaches it as one', async () => {
  const target = await startTarget();
  const { port } = target;
  await using at = await startProxy([`good.test:${port}`, `127.0.0.1:${port}`], { 'good.test': ['127.0.0.1'] });
  const hidden = 'GET /hidden HTTP/1.1\r\nHost: evil.test\r\n\r\n';
  const first = `POST http://good.test:${port}/ HTTP/1.1\r\nHost: good.test\r\n`;
  const attempts = [
    `${first}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n${hidden}`,
    `${first}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    `${first}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${first}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
    `${first}Content-Length : 0\r\n\r\n${hidden}`,
    `${first}X: y\r\n Content-Length: 5\r\n\r\n${hidden}`,
    `${first}Connection: Content-Length\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    `${first}Content-Length: +${hidden.length}\r\n\r\n${hidden}`,
    `POST http://good.test:${port}/ HTTP/1.1\nHost: a\n\n${hidden}`,
    `POST http://good.test:${port}/\r\n\r\n${hidden}`,
  ];
  for (const attempt of attempts) await send(at.proxy.port, attempt);
  assert.equal(
    target.seen.filter(({ url, host }) => url === '/hidden' || host !== `good.test:${port}`),
    [],
  );
  target.close();
});

test('what is no host is no entry of a list', async () => {
  const wrong = [
    '',
    'a b',
    'http://x',
    'x/',
    'x:0',
    'x:99999',
    'x:http',
    '*',
    '*.',
    'a..b',
    '127.1',
    '0x7f',
    'ümlaut.test',
    '[::1',
  ];
  for (const text of wrong)
    await failureOf(
      Promise.resolve().then(() => parseAllowList([text])),
      'USAGE',
    );
  const list = parseAllowList(['[::1]:80', '2606:4700::1111', 'A.Test']);
  assert.equal([list.hasHost('::1', 80), list.hasHost('[::1]', 80), list.hasHost('::1', 443)], [true, true, false]);
  const long = parseAllowList(['[2606:4700:0:0::1111]:443', '0:0::FFFF:127.0.0.1']);
  assert.equal([long.hasHost('[2606:4700::1111]', 443), long.hasAddress('2606:4700::1111', 443)], [true, true]);
  assert.is(long.hasAddress('::ffff:127.0.0.1', 80), true);
  assert.equal([list.hasAddress('2606:4700::1111', 443), list.hasHost('a.test.', 80)], [true, true]);
});

test.run();
