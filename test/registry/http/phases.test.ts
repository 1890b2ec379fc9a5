import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openAgents } from '../../../src/registry/http/agents.ts';
import { readBody } from '../../../src/registry/http/body.ts';
import { openHttp } from '../../../src/registry/http/http.ts';
import { failureOf } from '../../support/failure-of.ts';

const test = suite('registry/http/phases');

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n';
const LONG = 60_000;

interface Fault {
  readonly scheme?: 'https';
  /** What the server does with a connection. */
  readonly serve: (socket: Socket) => void;
  readonly timeouts?: { readonly connect?: number; readonly response?: number; readonly idle?: number };
  readonly errno: string;
  readonly why: RegExp;
}

const LATE = { errno: 'ETIMEDOUT', why: /^it does not answer in time$/ };
const BROKEN = { errno: 'ECONNRESET', why: /^the connection broke off$/ };

/** Answers once that the request has come: what is sent before is no answer to it. */
const answer = (text: string, then: (socket: Socket) => void) => (socket: Socket) =>
  socket.once('data', () => socket.write(text, () => then(socket)));

const FAULTS: Readonly<Record<string, Fault>> = {
  'shakes no hands': { scheme: 'https', serve: () => {}, timeouts: { connect: 50 }, ...LATE },
  'sends no head': { serve: () => {}, timeouts: { response: 50 }, ...LATE },
  'sends nothing for a while': { serve: () => {}, timeouts: { idle: 50 }, ...LATE },
  'stops within a body': { serve: answer(`${HEAD}12345`, () => {}), timeouts: { idle: 50 }, ...LATE },
  'closes without a head': { serve: (socket) => socket.destroy(), ...BROKEN },
  'closes within a body': { serve: answer(`${HEAD}12345`, (socket) => socket.end()), ...BROKEN },
  'resets within a body': { serve: answer(`${HEAD}12345`, (socket) => socket.resetAndDestroy()), ...BROKEN },
  'sends no HTTP': { serve: answer('SSH-2.0\r\n\r\n', () => {}), errno: 'HPE_INVALID_CONSTANT', why: /not valid HTTP/ },
  'changes the protocol': {
    serve: answer('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', () => {}),
    errno: 'HPE_INVALID_STATUS',
    why: /not valid HTTP/,
  },
  'sends chunks that are none': {
    serve: answer('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nhello', () => {}),
    errno: 'HPE_INVALID_CHUNK_SIZE',
    why: /not valid HTTP/,
  },
};

for (const [what, { scheme = 'http', serve, timeouts = {}, errno, why }] of Object.entries(FAULTS)) {
  test(`a server that ${what} is told alike to one who reads and to one who writes`, async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      serve(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const url = new URL(`${scheme}://127.0.0.1:${port}/v2/a`);
    const agents = openAgents({ registry: url.host, endpoint: url, env: {}, tlsVerify: true });
    const all = { connect: LONG, response: LONG, idle: LONG, ...timeouts };
    const send = openHttp({ agents, tlsVerify: true, timeouts: all });
    try {
      for (const method of ['GET', 'POST'] as const) {
        const reading = send({ method, url }).then((response) => readBody(response, 100));
        const error = await failureOf(reading, 'REGISTRY_UNREACHABLE');
        assert.is(error.facts.errno, errno);
        assert.match(error.why ?? '', why);
      }
    } finally {
      agents.close();
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });
}

test.run();
