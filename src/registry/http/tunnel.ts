import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';

/** Milliseconds until the proxy must answer. */
const TIMEOUT = 20_000;

function proxyError(proxy: URL, why: string): Error {
  return Object.assign(new Error(`the proxy ${proxy.host}: ${why}`), { code: 'EPROXY' });
}

/**
 * Opens a connection to `host:port` through a proxy, by CONNECT (RFC 9110, section 9.3.6), for plain HTTP too: the
 * proxy sees the address alone. Credentials in the proxy's URL are sent to the proxy only.
 */
export function openTunnel(proxy: URL, host: string, port: number): Promise<Duplex> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const login = Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`);
  const headers: Record<string, string> = { host: authority };
  if (proxy.username !== '') headers['proxy-authorization'] = `Basic ${login.toString('base64')}`;
  const start = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const { hostname, port: proxyPort } = proxy;
    const request = start({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: proxyPort || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers,
      agent: false,
      timeout: TIMEOUT,
    });
    request.on('timeout', () => request.destroy(new Error('it does not answer in time')));
    request.on('error', (error) => reject(proxyError(proxy, error.message)));
    request.on('response', (response) => {
      response.destroy();
      reject(proxyError(proxy, `HTTP ${response.statusCode}`));
    });
    request.on('connect', (response, socket) => {
      socket.setTimeout(0);
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(proxyError(proxy, `HTTP ${response.statusCode}`));
    });
    request.end();
  });
}
