import { type Agent, type ClientRequest, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { proxyHeaders, proxyHost, proxyServerName } from './proxy.ts';
import { isProxyFailure, proxyFailure } from './proxy-failure.ts';

/** A proxy that gets the whole URL of a request: as curl does for plain HTTP. */
export interface Forward {
  readonly proxy: URL;
  /** The connections to it. */
  readonly agent: Agent;
}

/** Starts a request of plain HTTP at a proxy. RFC 9112, section 3.2.2 */
export function requestBy({ proxy, agent }: Forward, url: URL, options: RequestOptions): ClientRequest {
  const isSecure = proxy.protocol === 'https:';
  const absolute = new URL(url);
  absolute.hash = '';
  const start = isSecure ? httpsRequest : httpRequest;
  const own = {
    ...options,
    servername: proxyServerName(proxy),
    // The options are of the registry, whose user may have given up TLS for that.
    rejectUnauthorized: true,
    agent,
    protocol: proxy.protocol,
    hostname: proxyHost(proxy),
    host: null,
    port: proxy.port || (isSecure ? 443 : 80),
    path: absolute.href,
    headers: { ...options.headers, host: url.host, ...proxyHeaders(proxy) },
  };
  return start(own);
}

/** The error of a request at a proxy, which names the proxy where the request did not reach it. */
export function forwardError(error: unknown, forward: Forward | undefined): unknown {
  return forward !== undefined && isProxyFailure(error) ? proxyFailure(forward.proxy, error) : error;
}
