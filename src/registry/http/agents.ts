import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { TcpSocketConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { certificateFolders, loadCertificates } from './certificates.ts';
import { type Environment, proxyFor } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  /** Ends all connections. */
  close(): void;
}

export interface AgentOptions {
  /** The registry's name in references, which is the name of its folder in `certs.d`. */
  readonly registry: string;
  readonly endpoint: URL;
  readonly env: Environment;
  /** The only folder of certificates, in the place of those in `certs.d`. */
  readonly certDir?: string | undefined;
}

/** Bytes of the buffer of a connection. */
const READ_BYTES = 256 * 1024;

/**
 * Makes a connection that reads into one buffer again and again: Node makes a new buffer of 64 KiB for each read, which
 * takes twice as long. A listener of 'data' must be done with the buffer when it returns, as HTTP's parser is.
 */
function readInPlace<T extends Duplex | null | undefined>(
  connect: (options: Pick<TcpSocketConnectOpts, 'onread'>) => T,
): T {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const callback = (bytes: number): boolean => {
    socket?.emit('data', buffer.subarray(0, bytes));
    return true;
  };
  const socket = connect({ onread: { buffer, callback } });
  return socket;
}

/** How an agent connects. */
interface Connecting {
  readonly scheme: 'http' | 'https';
  readonly env: Environment;
  /** Returns further options for a connection to an origin. */
  readonly prepare?: (origin: URL) => object;
}

/** Lets an agent connect through the environment's proxies. */
function connectBy(agent: HttpAgent, { scheme, env, prepare }: Connecting): void {
  const direct = agent.createConnection;
  agent.createConnection = (options, callback) => {
    const host = options.host ?? 'localhost';
    const port = Number(options.port);
    const origin = new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`);
    const prepared = { ...options, ...prepare?.(origin) };
    const proxy = proxyFor(origin, env);
    if (proxy === undefined) {
      return readInPlace((reading) => direct.call(agent, { ...prepared, ...reading }, callback));
    }
    openTunnel(proxy, host, port).then(
      (socket) => {
        const secure = () => readInPlace((reading) => direct.call(agent, { ...prepared, ...reading, socket }));
        callback?.(null, (scheme === 'https' ? secure() : undefined) ?? socket);
      },
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  };
}

/**
 * Opens the connections of a client, through the environment's proxies, trusting the host's authorities. The
 * certificates of `certs.d` are for `endpoint` alone, not for token servers and stores behind it.
 */
export function openAgents({ registry, endpoint, env, certDir }: AgentOptions): Agents {
  const http = new HttpAgent({ keepAlive: true });
  const https = new HttpsAgent({ keepAlive: true });
  let own: SecureContext | undefined;
  let others: SecureContext | undefined;
  connectBy(http, { scheme: 'http', env });
  connectBy(https, {
    scheme: 'https',
    env,
    prepare({ origin }) {
      // Load at the first connection: reading the host's authorities takes 20 ms.
      if (origin === endpoint.origin) own ??= loadCertificates(certificateFolders(registry, env, certDir), env);
      else others ??= loadCertificates([], env);
      return { secureContext: origin === endpoint.origin ? own : others };
    },
  });
  return {
    http,
    https,
    close: () => {
      http.destroy();
      https.destroy();
    },
  };
}
