import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { PublishedPort } from '../../launch/network/publish.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use',
  EADDRNOTAVAIL: 'the host has no such address',
  EACCES: 'it is for root only (net.ipv4.ip_unprivileged_port_start)',
};

async function bindTcp(host: string, port: number): Promise<Server> {
  const server = createServer({ pauseOnConnect: true }, (socket) => socket.destroy());
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  server.unref();
  return server;
}

async function bindUdp(address: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
  socket.unref();
  return socket;
}

/**
 * Checks that the host's ports are free, for the tools that listen on them report errors in their own words. @throws
 * LAUNCH_FAILED
 */
export async function checkPortsFree(ports: readonly PublishedPort[]): Promise<void> {
  (await reservePorts(ports))[Symbol.dispose]();
}

/**
 * Binds the host's ports while firewall rules redirect them, so that no other program can take them, and a port in use
 * is refused instead of hidden. No data is read from the sockets.
 *
 * @throws LAUNCH_FAILED for a port that is taken or not allowed
 */
export async function reservePorts(ports: readonly PublishedPort[]): Promise<Disposable> {
  const held: (Server | Socket)[] = [];
  const close = () => {
    for (const socket of held) socket.close();
  };
  for (const { hostAddress = '0.0.0.0', hostPort, protocol } of ports) {
    try {
      held.push(await (protocol === 'tcp' ? bindTcp : bindUdp)(hostAddress, hostPort));
    } catch (cause) {
      close();
      const errno = errnoOf(cause) ?? 'unknown';
      throw new TsimgError('LAUNCH_FAILED', 'a port cannot be published', {
        where: `${hostAddress}:${hostPort}/${protocol}`,
        why: REASONS[errno] ?? errno,
        hint: 'choose another port of the host',
        facts: { errno },
        cause,
      });
    }
  }
  return { [Symbol.dispose]: close };
}
