import { TsimgError } from '../../errors.ts';
import { formatRegistryName, parseRegistryName } from '../../oci/reference.ts';
import { TOKEN_USER } from '../../registry/auth/credential-helper.ts';
import { type CredentialOptions, findCredentials } from '../../registry/auth/credentials.ts';
import { findKeeping, keepCredentials } from '../../registry/auth/keep-credentials.ts';
import { checkCredentials } from '../../registry/login.ts';
import type { RegistryOptions } from '../../registry/session.ts';

/** How the registry is reached, and which file keeps the credentials (`authFile`). */
export type LoginOptions = Omit<RegistryOptions, 'credentials'>;

/** A user name with a password, or with a token that the registry takes in its place. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** What {@link login} did. */
export interface LoginReport {
  /** The registry, or the namespace of it: `docker.io`, `localhost:5000/team`. */
  readonly registry: string;
  readonly username: string;
  /** The file of credentials. */
  readonly file: string;
  /** The program that keeps them in the place of the file, as the file says: `docker-credential-NAME`. */
  readonly helper?: string | undefined;
  /** Whether the password is not kept, but a token that the token server gave in its place. */
  readonly identityToken: boolean;
  /** False where the registry asks nobody for credentials, so that they could not be tested. */
  readonly tested: boolean;
}

/** The options that are needed to find credentials. */
export function credentialOptions({ authFile, env, signal, onEvent }: LoginOptions): CredentialOptions {
  return { authFile, env: env ?? process.env, signal, onEvent };
}

/** Refuses credentials that could not be sent, or could not be read again from a file. */
function checkAccount({ username, password }: Account): void {
  const refuse = (what: string, hint: string) => new TsimgError('USAGE', what, { hint });
  if (username === '') throw refuse('the user name is empty', 'give one by --username');
  if (password === '') throw refuse('the password is empty', 'give one by --password-stdin');
  if (username.includes(':')) throw refuse('the user name has a colon', 'credentials are sent as USER:PASSWORD');
  if (/[\0\r\n]/.test(username + password)) {
    throw refuse('the user name or the password has a line break', 'a password is one line');
  }
}

/**
 * Logs in: tests the credentials against the registry, and keeps them where docker's and podman's tools and
 * {@link pullToStore} find them: in `authFile`, else $REGISTRY_AUTH_FILE, else
 * $XDG_RUNTIME_DIR/containers/auth.json (without that variable /run/containers/UID/auth.json), else, where the user has
 * no such folder, ~/.config/containers/auth.json. A credential helper that the file names keeps them instead.
 * Credentials that the registry refuses are not kept.
 * @param registry `HOST[:PORT][/NAMESPACE]` or a URL; empty for Docker Hub
 * @throws AUTHENTICATION_DENIED, REFERENCE_INVALID, REGISTRY_UNREACHABLE, REGISTRY_ERROR; USAGE, DOCUMENT_INVALID,
 *   CREDENTIALS_INVALID, FILESYSTEM, BUSY, SYSTEM_CALL
 * @example
 * await login('localhost:5000', { username: 'me', password: 'sesame' }, { authFile: 'auth.json' });
 */
export async function login(registry: string, account: Account, options: LoginOptions = {}): Promise<LoginReport> {
  const { username, password } = account;
  const name = parseRegistryName(registry);
  const keeping = credentialOptions(options);
  checkAccount(account);
  // A damaged file is told before the password is sent.
  await findKeeping(name, keeping);
  const { identityToken, isTested } = await checkCredentials(name.registry, account, options);
  if (!isTested) {
    const message = `${name.registry} asks for no credentials: they are kept without a test`;
    options.onEvent?.({ kind: 'warning', message });
  }
  const { path, helper } = await keepCredentials(name, { username, password, identityToken }, keeping);
  return {
    registry: formatRegistryName(name),
    username,
    file: path,
    helper,
    identityToken: identityToken !== undefined,
    tested: isTested,
  };
}

/**
 * Returns the user name that is logged in to a registry or a namespace of it, by any file that is read for a pull;
 * `<token>` where there is a token without a user name.
 * @throws NOT_LOGGED_IN, REFERENCE_INVALID, USAGE, DOCUMENT_INVALID, CREDENTIALS_INVALID, SYSTEM_CALL
 */
export async function getLogin(registry: string, options: LoginOptions = {}): Promise<string> {
  const name = parseRegistryName(registry);
  const found = await findCredentials(name.registry, name.namespace, credentialOptions(options));
  if (found === undefined) {
    throw new TsimgError('NOT_LOGGED_IN', 'not logged in', {
      where: formatRegistryName(name),
      hint: `tsimg login ${formatRegistryName(name)}`,
    });
  }
  return (found.kind === 'registry-token' ? undefined : found.username) ?? TOKEN_USER;
}
