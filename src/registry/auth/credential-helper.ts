import { z } from 'zod';
import { TsimgError } from '../../errors.ts';
import { runCommand } from '../../sys/process/spawn.ts';
import type { Environment } from '../http/proxy.ts';
import { serverText } from '../http/redact.ts';
import type { Credentials } from './auth-file.ts';

/** Milliseconds: a helper may ask the user to unlock a keyring. */
const TIMEOUT = 120_000;
/** The message of a helper without credentials, with exit status 1 (docker-credential-helpers). */
const NOT_FOUND = 'credentials not found in native keychain';
/** The name under which docker stores Docker Hub's credentials. */
const HUB_SERVER = 'https://index.docker.io/v1/';

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

function helperError(program: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('CREDENTIALS_INVALID', 'the credential helper fails', {
    where: program,
    why,
    hint: 'run it by hand, or take it out of the file of credentials',
    cause,
  });
}

/** Returns the name of a helper's program. @throws CREDENTIALS_INVALID for a name that would be a path */
export function helperProgram(name: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/.test(name)) return `docker-credential-${name}`;
  throw new TsimgError('CREDENTIALS_INVALID', 'not a name of a credential helper', { where: name.slice(0, 100) });
}

/**
 * Asks `docker-credential-NAME get` for a registry's credentials; undefined when it has none. Its output is never
 * shown: it holds the secret.
 * @throws CREDENTIALS_INVALID; SYSTEM_CALL (`facts.errno` ENOENT) when there is no such program
 */
export async function askHelper(
  name: string,
  registry: string,
  { env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<Credentials | undefined> {
  const program = helperProgram(name);
  const input = registry === 'docker.io' ? HUB_SERVER : registry;
  const { status, stdout } = await runCommand(program, ['get'], { input, env, signal, timeout: TIMEOUT });
  const text = stdout.toString('utf8');
  if (status !== 0) {
    if (text.includes(NOT_FOUND)) return undefined;
    throw helperError(program, status === null ? 'killed' : `exit status ${status}: ${serverText(text)}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw helperError(program, 'its answer is not JSON');
  }
  const parsed = answerSchema.safeParse(value);
  if (!parsed.success) throw helperError(program, 'its answer has no Username and Secret');
  const { Username: username, Secret: secret } = parsed.data;
  if (username === '<token>') return { kind: 'identity-token', token: secret };
  return username === '' && secret === '' ? undefined : { kind: 'basic', username, password: secret };
}
