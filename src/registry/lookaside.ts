import { openAgents } from './http/agents.ts';
import { readBody } from './http/body.ts';
import { openHttp } from './http/http.ts';
import { responseError } from './http/response-error.ts';
import type { RegistryOptions } from './session.ts';

/** The most bytes of a file: a signature has a few kilobytes. */
const MAX_BYTES = 1024 * 1024;

/**
 * Fetches a file from a server that keeps signatures beside registries, without credentials; undefined where there is
 * none.
 * @throws REGISTRY_UNREACHABLE, REGISTRY_ERROR, LIMIT_EXCEEDED
 */
export async function fetchLookaside(url: URL, options: RegistryOptions): Promise<Buffer | undefined> {
  const { env = process.env, tlsVerify = true, timeouts, signal } = options;
  const agents = openAgents({ registry: url.host, endpoint: url, env });
  try {
    const send = openHttp({ agents, tlsVerify, timeouts });
    const response = await send({ method: 'GET', url, signal });
    if (response.status === 200) return await readBody(response, MAX_BYTES, signal);
    if (response.status === 404) {
      response.body.destroy();
      return undefined;
    }
    throw await responseError(response, 'cannot get a signature');
  } finally {
    agents.close();
  }
}
