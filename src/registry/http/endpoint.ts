import { TsimgError } from '../../errors.ts';

/** Docker Hub: its name in references, and the host that speaks the protocol. */
const HUB = { name: 'docker.io', host: 'registry-1.docker.io' } as const;

/**
 * Returns whether a URL's host is this machine: localhost, 127.0.0.0/8, [::1]. The URL parser normalizes `0x7f.1` to
 * 127.0.0.1.
 */
export function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(url.hostname);
}

function originOf(scheme: string, registry: string): URL {
  try {
    return new URL(`${scheme}://${registry === HUB.name ? HUB.host : registry}/`);
  } catch (cause) {
    throw new TsimgError('REFERENCE_INVALID', 'not a registry', {
      where: registry,
      hint: 'write HOST or HOST:PORT, the port below 65536',
      cause,
    });
  }
}

/** TLS, then plain HTTP where it is allowed. */
export type Endpoints = readonly [secure: URL, plain?: URL];

/**
 * The endpoints of a registry, best first. Plain HTTP is allowed only for loopback, or where the user gave up TLS
 * (`--tls-verify=false`): an unasked fallback would give the session to an attacker who blocks port 443
 * (CVE-2014-5277).
 * @throws REFERENCE_INVALID
 */
export function endpointsOf(registry: string, tlsVerify: boolean | undefined): Endpoints {
  const secure = originOf('https', registry);
  const plainAllowed = tlsVerify === false || (tlsVerify === undefined && isLoopback(secure));
  return plainAllowed ? [secure, originOf('http', registry)] : [secure];
}
