import { lookup } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { proxyAccount, proxyError, proxyHeaders, proxyHost, proxyServerName } from './proxy.ts';
import { proxyFailure } from './proxy-failure.ts';

/** Milliseconds until the proxy must answer. */
const TIMEOUT = 20_000;
const SOCKS_PORT = 1080;

/** Where a tunnel leads. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** Opens a tunnel by CONNECT. RFC 9110, section 9.3.6 */
function openByConnect(proxy: URL, { host, port }: Destination, secureContext: () => SecureContext): Promise<Duplex> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const isSecure = proxy.protocol === 'https:';
  const options = {
    host: proxyHost(proxy),
    port: proxy.port || (isSecure ? 443 : 80),
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...proxyHeaders(proxy) },
    agent: false,
    timeout: TIMEOUT,
  } as const;
  return new Promise((resolve, reject) => {
    // Node passes it on to the socket, though its types do not say so.
    const trusting = () => ({
      ...options,
      servername: proxyServerName(proxy),
      rejectUnauthorized: true,
      secureContext: secureContext(),
    });
    const request = isSecure ? httpsRequest(trusting()) : httpRequest(options);
    request.on('timeout', () => request.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    request.on('error', (error) => reject(proxyFailure(proxy, error)));
    const refused = (status: number | undefined) =>
      reject(proxyError(proxy, status === 407 ? 'it wants other credentials (HTTP 407)' : `HTTP ${status}`));
    request.on('response', (response) => {
      response.destroy();
      refused(response.statusCode);
    });
    request.on('connect', (response, socket) => {
      socket.setTimeout(0);
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      refused(response.statusCode);
    });
    request.end();
  });
}

/** Opens a tunnel by SOCKS, version 5. RFC 1928 and 1929 */
async function openBySocks(proxy: URL, { host, port }: Destination): Promise<Duplex> {
  const { SocksClient } = await import('socks');
  const account = proxyAccount(proxy);
  // A name that nobody knows is no fault of the proxy.
  const isNamed = isIP(host) === 0 && proxy.protocol === 'socks5:';
  const address = isNamed ? (await lookup(host)).address : host;
  try {
    const { socket } = await SocksClient.createConnection({
      proxy: {
        host: proxyHost(proxy),
        port: Number(proxy.port || SOCKS_PORT),
        type: 5,
        ...(account !== undefined && { userId: account.user, password: account.password }),
      },
      command: 'connect',
      destination: { host: address, port },
      timeout: TIMEOUT,
    });
    return socket;
  } catch (error) {
    throw proxyFailure(proxy, error);
  }
}

/**
 * Opens a connection through a proxy: by CONNECT, so that the proxy sees the address alone, or by SOCKS. Credentials in
 * the proxy's URL are sent to the proxy only.
 * @param secureContext the authorities for a proxy that is reached by HTTPS
 */
export function openTunnel(proxy: URL, destination: Destination, secureContext: () => SecureContext): Promise<Duplex> {
  return proxy.protocol.startsWith('socks')
    ? openBySocks(proxy, destination)
    : openByConnect(proxy, destination, secureContext);
}
