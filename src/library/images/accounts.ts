import {
  type Account,
  getLogin as findLogin,
  type LoginOptions,
  type LoginReport,
  login as logIn,
} from '../../verbs/registry/login.ts';
import {
  type LogoutOptions,
  type LogoutReport,
  logout as logOut,
  logoutAll as logOutOfAll,
} from '../../verbs/registry/logout.ts';
import { type Checks, checkOptions, text, values } from '../options/check-options.ts';
import { CONTEXT_CHECKS } from '../options/context-checks.ts';
import { checkAccount, REGISTRIES_CHECKS } from '../options/registry-checks.ts';

const LOGOUT_CHECKS: Checks<LogoutOptions> = { ...CONTEXT_CHECKS, authFile: text, env: values };

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
  text('registry', registry);
  checkAccount(account);
  checkOptions('login', options, REGISTRIES_CHECKS);
  return await logIn(registry, account, options);
}

/**
 * Returns the user name that is logged in to a registry or a namespace of it, by any file that is read for a pull;
 * `<token>` where there is a token without a user name.
 * @param registry as for {@link login}
 * @throws NOT_LOGGED_IN, REFERENCE_INVALID, USAGE, DOCUMENT_INVALID, CREDENTIALS_INVALID, SYSTEM_CALL
 */
export async function getLogin(registry: string, options: LoginOptions = {}): Promise<string> {
  text('registry', registry);
  checkOptions('getLogin', options, REGISTRIES_CHECKS);
  return await findLogin(registry, options);
}

/**
 * Logs out: removes the credentials of a registry, or of one namespace of it, from the file that {@link login} keeps
 * them in, and from the credential helper that the file names.
 * @param registry as for {@link login}
 * @throws NOT_LOGGED_IN where there are none to remove; REFERENCE_INVALID, USAGE, DOCUMENT_INVALID,
 * CREDENTIALS_INVALID, FILESYSTEM, BUSY, SYSTEM_CALL
 */
export async function logout(registry: string, options: LogoutOptions = {}): Promise<LogoutReport> {
  text('registry', registry);
  checkOptions('logout', options, LOGOUT_CHECKS);
  return await logOut(registry, options);
}

/**
 * Removes all credentials from the file that {@link login} keeps them in, and from the credential helpers that it
 * names. No credentials are no error.
 * @throws USAGE, DOCUMENT_INVALID, CREDENTIALS_INVALID, FILESYSTEM, BUSY, SYSTEM_CALL
 */
export async function logoutAll(options: LogoutOptions = {}): Promise<LogoutReport> {
  checkOptions('logoutAll', options, LOGOUT_CHECKS);
  return await logOutOfAll(options);
}
