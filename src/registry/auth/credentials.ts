import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
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

interface Place {
  readonly path: string;
  /** Whether it has the form of ~/.dockercfg. */
  readonly legacy: boolean;
  /** Whether the user named it, so that it must exist. */
  readonly required: boolean;
}

/** The files of credentials, in order: containers-auth.json(5), then docker's. */
export function authFilePlaces({ authFile, env }: CredentialOptions): readonly Place[] {
  const named = authFile || env.REGISTRY_AUTH_FILE;
  if (named) return [{ path: named, legacy: false, required: true }];
  const home = env.HOME || homedir();
  const runtime = env.XDG_RUNTIME_DIR;
  const place = (path: string, legacy = false): Place => ({ path, legacy, required: false });
  return [
    place(runtime ? join(runtime, 'containers/auth.json') : `/run/containers/${process.getuid?.() ?? 0}/auth.json`),
    place(join(env.XDG_CONFIG_HOME || join(home, '.config'), 'containers/auth.json')),
    place(join(env.DOCKER_CONFIG || join(home, '.docker'), 'config.json')),
    place(join(home, '.dockercfg'), true),
  ];
}

async function readPlace({ path, required }: Place): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const missing = errnoOf(cause) === 'ENOENT' || errnoOf(cause) === 'ENOTDIR';
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
      try {
        const credentials = await askHelper(finding.name, registry, options);
        if (credentials !== undefined) return credentials;
      } catch (error) {
        if (finding.explicit || errnoOf(error) !== 'ENOENT') throw error;
        const message = `no program docker-credential-${finding.name}, which ${place.path} names: going on without it`;
        options.onEvent?.({ kind: 'warning', message });
      }
    }
  }
  return undefined;
}
