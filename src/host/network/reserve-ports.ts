import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { errnoOf, TsimgError } from '../../errors.ts';
import { formatHostPort, isChosen, isIpv6, type PublishedPort, type WantedPort } from '../../launch/network/publish.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use',
  EADDRNOTAVAIL: 'the host has no such address',
  EAFNOSUPPORT: 'the host has no IPv6',
  EACCES: 'it is for root only (net.ipv4.ip_unprivileged_port_start)',
};

/** A socket of the host that holds a port. */
export type HeldPort = { readonly port: PublishedPort } & (
  | { readonly kind: 'tcp'; readonly server: Server }
  | { readonly kind: 'udp'; readonly socket: Socket }
);

/** Ports of the host that other programs cannot take until the disposal. */
export interface ReservedPorts extends Disposable {
  /** The wanted ports, in their order, with the chosen ports of the host. */
  readonly ports: readonly PublishedPort[];
  readonly held: readonly HeldPort[];
}

async function bindTcp(host: string, port: number): Promise<Server> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => socket.destroy());
  server.listen({ host, port, exclusive: true, ipv6Only: true });
  await once(server, 'listening');
  // A connection that cannot be accepted is not the end of the others.
  server.on('error', () => {}).unref();
  return server;
}

async function bindUdp(address: string, port: number): Promise<Socket> {
  const socket = isIpv6(address) ? createSocket({ type: 'udp6', ipv6Only: true }) : createSocket('udp4');
  try {
    socket.bind({ address, port, exclusive: true });
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.on('error', () => {}).unref();
  return socket;
}

async function bind({ hostAddress, containerPort, protocol }: WantedPort, hostPort: number): Promise<HeldPort> {
  const host = hostAddress ?? '0.0.0.0';
  const port = (bound: number): PublishedPort => ({
    ...(hostAddress === undefined ? {} : { hostAddress }),
    hostPort: bound,
    containerPort,
    protocol,
  });
  if (protocol === 'udp') {
    const socket = await bindUdp(host, hostPort);
    return { kind: 'udp', socket, port: port(socket.address().port) };
  }
  const server = await bindTcp(host, hostPort);
  const address = server.address();
  return { kind: 'tcp', server, port: port(typeof address === 'object' ? (address?.port ?? hostPort) : hostPort) };
}

/** The ports of the host to try, in this order: 0 is any free one. Those of the last run come first. */
function* candidates(wanted: WantedPort, last: readonly PublishedPort[]): Generator<number> {
  const { hostAddress, hostPort, lastHostPort = hostPort, containerPort, protocol } = wanted;
  for (const before of last) {
    const isSame =
      before.hostAddress === hostAddress && before.containerPort === containerPort && before.protocol === protocol;
    const isWithin = hostPort === 0 || (before.hostPort >= hostPort && before.hostPort <= lastHostPort);
    if (isSame && isWithin) yield before.hostPort;
  }
  for (let port = hostPort; port <= lastHostPort; port += 1) yield port;
}

async function reserve(wanted: WantedPort, last: readonly PublishedPort[]): Promise<HeldPort> {
  let refused: unknown;
  for (const hostPort of candidates(wanted, last)) {
    try {
      return await bind(wanted, hostPort);
    } catch (error) {
      refused = error;
      if (errnoOf(error) !== 'EADDRINUSE') break;
    }
  }
  const errno = errnoOf(refused) ?? 'unknown';
  const isRange = wanted.lastHostPort !== undefined && errno === 'EADDRINUSE';
  throw new TsimgError('LAUNCH_FAILED', 'a port cannot be published', {
    where: `${formatHostPort(wanted)}/${wanted.protocol}`,
    why: isRange ? 'all of these are in use' : (REASONS[errno] ?? errno),
    hint: 'choose another port of the host',
    facts: { errno },
    cause: refused,
  });
}

/**
 * Binds the host's ports while firewall rules redirect them, so that no other program can take them, and a port in use
 * is refused instead of hidden. Ports that the request leaves open are chosen: where possible as in the last run. No
 * data is read from the sockets.
 *
 * @param last the ports of the container's last run
 * @throws LAUNCH_FAILED for a port that is taken or not allowed
 */
export async function reservePorts(
  wanted: readonly WantedPort[],
  last: readonly PublishedPort[] = [],
): Promise<ReservedPorts> {
  const held = new Map<WantedPort, HeldPort>();
  const close = () => {
    for (const each of held.values()) (each.kind === 'tcp' ? each.server : each.socket).close();
  };
  try {
    // What the request names comes first: a chosen port must not be one of these.
    for (const port of wanted) if (!isChosen(port)) held.set(port, await reserve(port, []));
    for (const port of wanted) if (isChosen(port)) held.set(port, await reserve(port, last));
  } catch (error) {
    close();
    throw error;
  }
  return {
    ports: wanted.flatMap((port) => held.get(port)?.port ?? []),
    held: [...held.values()],
    [Symbol.dispose]: close,
  };
}

/** How often a program of the host may find that another one took a chosen port meanwhile. */
const ATTEMPTS = 10;

/**
 * Has a program of the host listen on ports. They are checked before, for such programs report errors in their own
 * words. Between this check and the program another one may take a chosen port; then others are chosen.
 * @param listen starts the program for these ports; of two that listen on the same one, the kernel refuses the second
 * @returns the ports
 * @throws LAUNCH_FAILED; what `listen` throws
 */
export async function listenOnPorts(
  wanted: readonly WantedPort[],
  last: readonly PublishedPort[],
  listen: (ports: readonly PublishedPort[]) => Promise<void>,
): Promise<readonly PublishedPort[]> {
  for (let attempt = 1; ; attempt += 1) {
    const reserved = await reservePorts(wanted, last);
    reserved[Symbol.dispose]();
    const { ports } = reserved;
    try {
      await listen(ports);
      return ports;
    } catch (error) {
      if (attempt === ATTEMPTS || !wanted.some(isChosen) || (await areFree(ports))) throw error;
    }
  }
}

async function areFree(ports: readonly PublishedPort[]): Promise<boolean> {
  try {
    (await reservePorts(ports))[Symbol.dispose]();
    return true;
  } catch (error) {
    if (error instanceof TsimgError) return false;
    throw error;
  }
}
