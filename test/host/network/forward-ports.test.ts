import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { forwardPorts } from '../../../src/host/network/forward-ports.ts';
import { reservePorts } from '../../../src/host/network/reserve-ports.ts';

const test = suite('host/network/forward-ports');
const HOST = '127.0.0.1';

test('a socket that cannot be made or accepted costs its client only, and not the process', async () => {
  const tcp = createServer((socket) => socket.pipe(socket)).listen(0, HOST);
  await once(tcp, 'listening');
  const udp = createSocket('udp4');
  udp.on('message', (datagram, { port }) => udp.send(datagram, port, HOST)).bind(0, HOST);
  await once(udp, 'listening');
  const address = tcp.address();
  const containerPort = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const at = { hostAddress: HOST, hostPort: 0 };
  using reserved = await reservePorts([
    { ...at, containerPort, protocol: 'tcp' },
    { ...at, containerPort: udp.address().port, protocol: 'udp' },
  ]);
  for (const each of reserved.held)
    (each.kind === 'tcp' ? each.server : each.socket).emit('error', new Error('EMFILE'));
  const failing = new Set(['tcp', 'udp']);
  const failOnce = (kind: string) => {
    if (failing.delete(kind)) throw new Error('the holder is gone');
  };
  using _ = forwardPorts(reserved.held, HOST, {
    connectTcp(host, port) {
      failOnce('tcp');
      return connect({ host, port, allowHalfOpen: true });
    },
    openUdp() {
      failOnce('udp');
      return createSocket('udp4');
    },
  });
  const [tcpPort = 0, udpPort = 0] = reserved.ports.map(({ hostPort }) => hostPort);
  // A connection that is closed before its bytes were read is reset.
  const say = (line: string) => text(connect(tcpPort, HOST).end(line)).catch(() => '');
  assert.is(await say('first'), '');
  assert.is(await say('second'), 'second');
  const client = createSocket('udp4');
  const answer = once(client, 'message');
  client.send('first', udpPort, HOST, () => client.send('second', udpPort, HOST));
  assert.is(String((await answer)[0]), 'second');
  assert.is(failing.size, 0);
  client.close();
  udp.close();
  tcp.close();
});

test.run();
