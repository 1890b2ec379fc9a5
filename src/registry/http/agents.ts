import { existsSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { TcpSocketConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { type CertificateFiles, certificateFolders, loadCertificates } from './certificates.ts';
import type { Forward } from './forward.ts';
import { type Environment, proxyFor } from './proxy.ts';

export interface Agents {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
  /** The HTTP proxy that gets whole the requests for `http:` URLs; undefined for `https:`, SOCKS and without proxy. */
  forward(url: URL): Forward | undefined;
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
  /** Whether the certificates of servers are verified; those of proxies always are. */
  readonly tlsVerify: boolean;
  /** Further certificates for the endpoint. */
  readonly files?: CertificateFiles | undefined;
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
  /** The authorities for a proxy that is reached by HTTPS. */
  readonly secureContext: () => SecureContext;
}

/** Lets an agent connect through the environment's proxies. */
function connectBy(agent: HttpAgent, { scheme, env, prepare, secureContext }: Connecting): void {
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
    // Few hosts have a proxy, and its modules take 3 ms.
    const opening = import('./tunnel.ts').then(({ openTunnel }) => openTunnel(proxy, { host, port }, secureContext));
    opening.then(
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
export function openAgents({ registry, endpoint, env, certDir, tlsVerify, files }: AgentOptions): Agents {
  const http = new HttpAgent({ keepAlive: true });
  // Loaded at the first connection, and once where the registry has no certificates of its own: it takes 50 ms.
  let own: SecureContext | undefined;
  let others: SecureContext | undefined;
  const contextOfOthers = (): SecureContext => {
    others ??= loadCertificates([], env, tlsVerify);
    return others;
  };
  // A proxy is verified even where a registry is not: it gets the account of the proxy's URL.
  let proxies: SecureContext | undefined;
  const contextOfProxies = (): SecureContext => {
    proxies ??= tlsVerify ? contextOfOthers() : loadCertificates([], env, true);
    return proxies;
  };
  const ownContext = () => {
    const known = certificateFolders(registry, env, certDir).filter(existsSync);
    const folders = [...known, ...(certDir === undefined && files?.folder !== undefined ? [files.folder] : [])];
    const isPlain = folders.length === 0 && files === undefined;
    return isPlain ? contextOfOthers() : loadCertificates(folders, env, tlsVerify, files);
  };
  connectBy(http, { scheme: 'http', env, secureContext: contextOfProxies });
  const openHttps = () => {
    const agent = new HttpsAgent({ keepAlive: true });
    connectBy(agent, {
      scheme: 'https',
      env,
      secureContext: contextOfProxies,
      prepare({ origin }) {
        if (origin !== endpoint.origin) return { secureContext: contextOfOthers() };
        own ??= ownContext();
        return { secureContext: own };
      },
    });
    return agent;
  };
  const plainProxies = new HttpAgent({ keepAlive: true });
  const openSecureProxies = () => {
    const agent = new HttpsAgent({ keepAlive: true });
    const direct = agent.createConnection;
    agent.createConnection = (options, callback) =>
      direct.call(agent, { ...options, secureContext: contextOfProxies() }, callback);
    return agent;
  };
  // Made when they are asked for: Node's modules for TLS take two milliseconds.
  let https: HttpsAgent | undefined;
  let secureProxies: HttpsAgent | undefined;
  return {
    http,
    get https() {
      https ??= openHttps();
      return https;
    },
    forward: (url) => {
      const proxy = url.protocol === 'http:' ? proxyFor(url, env) : undefined;
      if (proxy === undefined || proxy.protocol.startsWith('socks')) return undefined;
      if (proxy.protocol !== 'https:') return { proxy, agent: plainProxies };
      secureProxies ??= openSecureProxies();
      return { proxy, agent: secureProxies };
    },
    close: () => {
      for (const agent of [http, https, plainProxies, secureProxies]) agent?.destroy();
    },
  };
}
