import { hostAmong, openConnections } from './connections.ts';
import { openHost } from './host.ts';
import { readBody } from './http/body.ts';
import { responseError } from './http/response-error.ts';
import { keyOf, type RegistryOptions } from './session.ts';

/** The most bytes of a file: a signature has a few kilobytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * Fetches a file from a server that keeps signatures beside registries, without credentials; undefined where there is
 * none.
 * @throws REGISTRY_UNREACHABLE, REGISTRY_ERROR, LIMIT_EXCEEDED
 */
export async function fetchLookaside(url: URL, options: RegistryOptions): Promise<Buffer | undefined> {
  const { env = process.env, tlsVerify = true, requests, signal, connections = openConnections() } = options;
  const shared = { registry: url.host, tlsVerify, certDir: undefined, timeouts: requests?.timeouts };
  try {
    const { direct } = hostAmong(connections, env, keyOf(shared), () => openHost({ ...shared, env }));
    const response = await direct({ method: 'GET', url, signal });
    if (response.status === 200) return await readBody(response, MAX_BYTES, signal);
    if (response.status === 404) {
      response.body.destroy();
      return undefined;
    }
    throw await responseError(response, 'cannot get a signature');
  } finally {
    if (options.connections === undefined) connections.close();
  }
}
