import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { connect, type Server, type Socket } from 'node:net';
import type { HeldPort } from './reserve-ports.ts';

// Rules of the firewall cannot lead from IPv6 to IPv4, and containers on a bridge have IPv4 only. So the process that
// holds a port of IPv6 passes its bytes on, as docker's proxy does. It does so for all ports of an ordinary user's
// network, whose host has no rules.

/** Milliseconds without a datagram after which a client of UDP is forgotten: docker's. */
const SILENCE = 90_000;
/** The most clients of UDP at a time, for each port; the one that came first is forgotten for a new one. */
const MAX_CLIENTS = 1024;

/** Makes sockets that reach a container. */
export interface SocketsInside {
  /** Connects a socket that may be half open. */
  connectTcp(host: string, port: number): Socket;
  /** Makes a socket of IPv4. */
  openUdp(): Datagrams;
}

/** Sockets of this process's own network namespace. */
const OWN_SOCKETS: SocketsInside = {
  connectTcp: (host, port) => connect({ host, port, allowHalfOpen: true }),
  openUdp: () => createSocket('udp4'),
};

/** An address and port of a container, and the sockets that reach it. */
interface Target {
  readonly host: string;
  readonly port: number;
  readonly sockets: SocketsInside;
}

/** Makes a socket; undefined where that fails: an error in a handler of an event would be the end of the monitor. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    // The network's process was killed, or there are too many open files. The client sees that nobody answers.
    return undefined;
  }
}

function forwardTcp(server: Server, { host, port, sockets }: Target): Disposable {
  const open = new Set<Socket>();
  server.removeAllListeners('connection');
  server.on('connection', (client) => {
    const inside = attempt(() => sockets.connectTcp(host, port));
    if (inside === undefined) return void client.destroy();
    for (const [from, to] of [
      [client, inside],
      [inside, client],
    ] as const) {
      open.add(from);
      // The pair ends together; an end alone is passed on by the pipe.
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        if (from.errored !== null || to.readableEnded) to.destroy();
      });
      from.pipe(to);
    }
  });
  return {
    [Symbol.dispose]() {
      for (const socket of open) socket.destroy();
    },
  };
}

function forwardUdp(socket: Datagrams, { host, port, sockets }: Target): Disposable {
  const clients = new Map<string, { readonly inside: Datagrams; readonly timer: NodeJS.Timeout }>();
  const forget = (key: string) => {
    const client = clients.get(key);
    if (client === undefined) return;
    clients.delete(key);
    clearTimeout(client.timer);
    client.inside.close();
  };
  const admit = (key: string, address: string, clientPort: number) => {
    const [oldest] = clients.keys();
    if (clients.size >= MAX_CLIENTS && oldest !== undefined) forget(oldest);
    const inside = attempt(() => sockets.openUdp());
    if (inside === undefined) return undefined;
    inside.unref();
    inside.on('error', () => forget(key));
    inside.on('message', (answer) => socket.send(answer, clientPort, address, () => {}));
    const client = { inside, timer: setTimeout(() => forget(key), SILENCE).unref() };
    clients.set(key, client);
    return client;
  };
  socket.on('message', (datagram, { address, port: clientPort }) => {
    const key = `${address} ${clientPort}`;
    const client = clients.get(key) ?? admit(key, address, clientPort);
    client?.timer.refresh();
    client?.inside.send(datagram, port, host, () => {});
  });
  return {
    [Symbol.dispose]() {
      for (const key of clients.keys()) forget(key);
    },
  };
}

/**
 * Passes on to a container what reaches its ports. Ends with the disposal; the ports stay held.
 * @param host the container's address
 * @param sockets reach the container; those of this process when absent
 */
export function forwardPorts(
  held: readonly HeldPort[],
  host: string,
  sockets: SocketsInside = OWN_SOCKETS,
): Disposable {
  const forwarded = held.map((each) =>
    each.kind === 'tcp'
      ? forwardTcp(each.server, { host, port: each.port.containerPort, sockets })
      : forwardUdp(each.socket, { host, port: each.port.containerPort, sockets }),
  );
  return {
    [Symbol.dispose]() {
      for (const each of forwarded) each[Symbol.dispose]();
    },
  };
}
