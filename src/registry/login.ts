import { TsimgError } from '../errors.ts';
import { readStart } from './http/body.ts';
import { endpointsOf } from './http/endpoint.ts';
import { htmlError, isHtml, responseError } from './http/response-error.ts';
import { findRegistries } from './mirrors/find-configuration.ts';
import { allowedRegistry } from './mirrors/plan-hosts.ts';
import { openSession, type RegistryOptions } from './session.ts';

/** The verdict of a registry on credentials. */
export interface CheckedCredentials {
  /** The token that the token server gave, to be kept in the place of the password. */
  readonly identityToken: string | undefined;
  /** False where the registry asks nobody for credentials, so that nobody knows whether they are right. */
  readonly isTested: boolean;
}

/** Bytes of an answer that tell whether it is a page. */
const PAGE_START = 1024;

/** Whether registries.conf gives up TLS for a registry. @throws REGISTRY_BLOCKED, REGISTRIES_INVALID, USAGE */
async function isInsecure(registry: string, { mirrors = {}, env = process.env }: RegistryOptions): Promise<boolean> {
  if (mirrors === false) return false;
  return allowedRegistry(registry, await findRegistries(mirrors, env))?.insecure === true;
}

/**
 * Tests credentials against a registry, by the request of the distribution specification that needs no repository
 * (`GET /v2/`): with Basic, or by the token server of a challenge. Nothing is kept.
 * @throws AUTHENTICATION_DENIED for wrong credentials, and where the token server must not get them; REFERENCE_INVALID,
 *   REGISTRY_UNREACHABLE, REGISTRY_ERROR, REGISTRY_BLOCKED
 */
export async function checkCredentials(
  registry: string,
  { username, password }: { readonly username: string; readonly password: string },
  options: RegistryOptions,
): Promise<CheckedCredentials> {
  let identityToken: string | undefined;
  let isTested = false;
  const insecure = await isInsecure(registry, options);
  const session = openSession(
    { registry, repository: '', insecure },
    { ...options, credentials: { kind: 'basic', username, password } },
    {
      onOffer: () => {
        isTested = true;
      },
      onIdentityToken: (token) => {
        identityToken = token;
      },
    },
  );
  const what = 'the credentials';
  try {
    const response = await session.retrying(what, () =>
      session.attempt({ method: 'GET', access: { kind: 'check' }, path: '/v2/', what }),
    );
    const { url } = response;
    if (
      !endpointsOf(registry, options.tlsVerify ?? (insecure ? false : undefined)).some(
        (endpoint) => endpoint?.origin === url.origin,
      )
    ) {
      response.body.destroy();
      throw new TsimgError('AUTHENTICATION_DENIED', `cannot check ${what}`, {
        where: registry,
        why: `it redirects to ${url.host}, which must not get them`,
        hint: `log in to ${url.host}`,
      });
    }
    if (response.status !== 200) throw await responseError(response, `cannot check ${what}`);
    const start = await readStart(response, PAGE_START);
    if (isHtml(start)) throw htmlError('an answer of the registry', response, start);
    return { identityToken, isTested };
  } finally {
    session.close();
  }
}
