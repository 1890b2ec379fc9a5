import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
import type { Context } from '../../events.ts';
import type { Environment } from '../http/proxy.ts';
import { type Credentials, findingsIn, parseAuthFile } from './auth-file.ts';
import { askHelper } from './credential-helper.ts';

export interface CredentialOptions extends Context {
  /** The only file of credentials (`--authfile`). Default: $REGISTRY_AUTH_FILE, else podman's and docker's files. */
  readonly authFile?: string | undefined;
  readonly env: Environment;
}

export interface Place {
  readonly path: string;
  /** Whether it has the form of ~/.dockercfg. */
  readonly legacy: boolean;
  /** Whether the user named it, so that it must exist. */
  readonly required: boolean;
}

/**
 * podman's folder for users without $XDG_RUNTIME_DIR. Where root made it for itself, no other user may look into it.
 */
const SHARED_RUNTIME = '/run/containers';

/** The files of credentials, in order: containers-auth.json(5), then docker's. */
export function authFilePlaces({ authFile, env }: CredentialOptions): readonly [Place, ...Place[]] {
  const named = authFile || env.REGISTRY_AUTH_FILE;
  if (named) return [{ path: named, legacy: false, required: true }];
  const home = env.HOME || homedir();
  const runtime = env.XDG_RUNTIME_DIR;
  const place = (path: string, legacy = false): Place => ({ path, legacy, required: false });
  return [
    place(
      runtime ? join(runtime, 'containers/auth.json') : join(SHARED_RUNTIME, `${process.getuid?.() ?? 0}/auth.json`),
    ),
    place(join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json')),
    place(join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json')),
    place(join(home, '.dockercfg'), true),
  ];
}

/**
 * Whether this user can keep a file in the session's runtime folder. $XDG_RUNTIME_DIR must be the user's own; without
 * it, the user must be able to write to /run/containers/UID, or to make it.
 */
function haveRuntimeFolder(path: string, runtime: string | undefined): boolean {
  const may = (folder: string): boolean => {
    try {
      accessSync(folder, constants.W_OK | constants.X_OK);
      return true;
    } catch {
      return false;
    }
  };
  // After su or sudo, the variable may name the folder of another user.
  if (runtime) return may(runtime) && statSync(runtime).uid === process.getuid?.();
  let folder = dirname(path);
  while (!existsSync(folder)) folder = dirname(folder);
  return may(folder);
}

/**
 * The file that keeps what a login found right: the one that the user named, else podman's, in the folder of what ends
 * with a session ($XDG_RUNTIME_DIR, /run/containers/UID), else, where the user has none, the one in ~/.config.
 */
export function keepingPlace(options: CredentialOptions): Place {
  const [runtime, config] = authFilePlaces(options);
  if (config === undefined || haveRuntimeFolder(runtime.path, options.env.XDG_RUNTIME_DIR)) return runtime;
  return config;
}

/** Reads a file of credentials; undefined where it is missing. @throws USAGE, CREDENTIALS_INVALID */
export async function readPlace({ path, required }: Place): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const errno = errnoOf(cause);
    const closed = errno === 'EACCES' && path.startsWith(`${SHARED_RUNTIME}/`);
    const missing = errno === 'ENOENT' || errno === 'ENOTDIR' || closed;
    if (missing && !required) return undefined;
    if (missing) {
      throw new TsimgError('USAGE', 'no such file of credentials', {
        where: path,
        hint: '--authfile or $REGISTRY_AUTH_FILE names it',
      });
    }
    throw new TsimgError('CREDENTIALS_INVALID', 'cannot read the file of credentials', {
      where: path,
      why: messageOf(cause),
      cause,
    });
  }
}

/**
 * Has a helper do something; undefined, with a warning, where the helper of all registries is no program.
 * @throws what `ask` throws
 */
export async function goingOnWithout<T>(
  helper: { readonly name: string; readonly explicit: boolean },
  where: string,
  { onEvent }: CredentialOptions,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (helper.explicit || errnoOf(error) !== 'ENOENT') throw error;
    const message = `no program docker-credential-${helper.name}, which ${where} names: going on without it`;
    onEvent?.({ kind: 'warning', message });
    return undefined;
  }
}

/**
 * Finds the credentials for a repository, in the first file that has some; undefined when none has. A missing helper
 * for all registries is a warning, not an error: a config.json copied from another machine often names one, and public
 * images need no credentials.
 * @param registry as references spell it
 * @throws USAGE, DOCUMENT_INVALID, CREDENTIALS_INVALID, SYSTEM_CALL
 */
export async function findCredentials(
  registry: string,
  repository: string,
  options: CredentialOptions,
): Promise<Credentials | undefined> {
  for (const place of authFilePlaces(options)) {
    const text = await readPlace(place);
    if (text === undefined || text.trim() === '') continue;
    const file = parseAuthFile(text, place.path, place.legacy);
    for (const finding of findingsIn(file, { registry, repository }, place.path)) {
      if (finding.kind === 'credentials') return finding.credentials;
      const credentials = await goingOnWithout(finding, place.path, options, () =>
        askHelper(finding.name, registry, options),
      );
      if (credentials !== undefined) return credentials;
    }
  }
  return undefined;
}
