import { TsimgError } from '../../errors.ts';
import { formatRegistryName, parseRegistryName } from '../../oci/reference.ts';
import { forgetAll, forgetCredentials, otherHolders } from '../../registry/auth/keep-credentials.ts';
import { credentialOptions, type LoginOptions } from './login.ts';

/** Which file of credentials is meant (`authFile`), by which environment. */
export type LogoutOptions = Pick<LoginOptions, 'authFile' | 'env' | 'signal' | 'onEvent'>;

/** What {@link logout} and {@link logoutAll} did. */
export interface LogoutReport {
  /** The registry, or the namespace of it; absent for all. */
  readonly registry?: string | undefined;
  /** The file, and the credential helpers, that the credentials were removed from. */
  readonly removedFrom: readonly string[];
  /** Other files that still hold credentials for it, which a pull will use. */
  readonly alsoIn: readonly string[];
}

/**
 * Logs out: removes the credentials of a registry, or of one namespace of it, from the file that {@link login} keeps
 * them in, and from the credential helper that the file names.
 * @param registry as for {@link login}
 * @throws NOT_LOGGED_IN where there are none to remove; REFERENCE_INVALID, USAGE, DOCUMENT_INVALID,
 * CREDENTIALS_INVALID, FILESYSTEM, BUSY, SYSTEM_CALL
 */
export async function logout(registry: string, options: LogoutOptions = {}): Promise<LogoutReport> {
  const name = parseRegistryName(registry);
  const keeping = credentialOptions(options);
  const { path, from } = await forgetCredentials(name, keeping);
  const alsoIn = await otherHolders(name, keeping);
  const where = formatRegistryName(name);
  if (from.length > 0) return { registry: where, removedFrom: from, alsoIn };
  const [other] = alsoIn;
  throw new TsimgError('NOT_LOGGED_IN', 'not logged in', {
    where,
    why: `${path} has no credentials for it`,
    hint: other === undefined ? undefined : `${other} has some: tsimg logout --authfile ${other} ${where}`,
  });
}

/**
 * Removes all credentials from the file that {@link login} keeps them in, and from the credential helpers that it
 * names. No credentials are no error.
 * @throws USAGE, DOCUMENT_INVALID, CREDENTIALS_INVALID, FILESYSTEM, BUSY, SYSTEM_CALL
 */
export async function logoutAll(options: LogoutOptions = {}): Promise<LogoutReport> {
  const { from } = await forgetAll(credentialOptions(options));
  return { removedFrom: from, alsoIn: [] };
}
