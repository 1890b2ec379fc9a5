import { TsimgError } from '../../errors.ts';
import * as z from '../../schema/zod.ts';
import { runCommand } from '../../sys/process/run-command.ts';
import { serverText } from '../failure/redact.ts';
import type { Environment } from '../http/proxy.ts';
import type { Credentials } from './auth-file.ts';

/** Milliseconds: a helper may ask the user to unlock a keyring. */
const TIMEOUT = 120_000;
/** The message of a helper without credentials, with exit status 1 (docker-credential-helpers). */
const NOT_FOUND = 'credentials not found in native keychain';
/** The name under which docker stores Docker Hub's credentials. */
const HUB_SERVER = 'https://index.docker.io/v1/';

/** The user name beside which a helper keeps an identity token. */
export const TOKEN_USER = '<token>';

/** The credentials that a login keeps. An identity token is kept in the place of the password. */
export interface KeptCredentials {
  readonly username: string;
  readonly password: string;
  readonly identityToken: string | undefined;
}

const answerSchema = z.object({ Username: z.string(), Secret: z.string() });

export interface HelperOptions {
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

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

/** The name of a registry for a helper. */
export function helperServer(registry: string): string {
  return registry === 'docker.io' ? HUB_SERVER : registry;
}

/** Runs a helper with the text on its standard input; undefined where it says that it has no such credentials. */
async function runHelper(
  name: string,
  command: 'get' | 'store' | 'erase' | 'list',
  input: string,
  { env, signal }: HelperOptions,
): Promise<string | undefined> {
  const program = helperProgram(name);
  const { status, stdout, stderr } = await runCommand(program, [command], { input, env, signal, timeout: TIMEOUT });
  const text = stdout.toString('utf8');
  if (status === 0) return text;
  if (text.includes(NOT_FOUND)) return undefined;
  // The answer of a helper to `store` may repeat the secret. Helpers of docker write errors to standard output; a shell
  // that cannot run one writes to standard error.
  const words = command === 'store' ? '' : serverText(text.trim() === '' ? stderr.toString('utf8') : text);
  throw helperError(program, status === null ? 'killed' : `exit status ${status}${words && `: ${words}`}`);
}

/** Reads what a helper wrote. Its text is never shown: it holds secrets. */
function parseAnswer<T extends z.ZodMiniType>(name: string, schema: T, text: string, lacking: string): z.infer<T> {
  const program = helperProgram(name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw helperError(program, 'its answer is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw helperError(program, `its answer has no ${lacking}`);
  return parsed.data;
}

/**
 * Asks `docker-credential-NAME get` for a registry's credentials; undefined when it has none. Its output is never
 * shown: it holds the secret.
 * @throws CREDENTIALS_INVALID; SYSTEM_CALL (`facts.errno` ENOENT) when there is no such program
 */
export async function askHelper(
  name: string,
  registry: string,
  options: HelperOptions,
): Promise<Credentials | undefined> {
  const text = await runHelper(name, 'get', helperServer(registry), options);
  if (text === undefined) return undefined;
  const { Username: username, Secret: secret } = parseAnswer(name, answerSchema, text, 'Username and Secret');
  if (username === TOKEN_USER) return { kind: 'identity-token', token: secret };
  return username === '' && secret === '' ? undefined : { kind: 'basic', username, password: secret };
}

/**
 * Gives a registry's credentials to `docker-credential-NAME store`, on its standard input.
 * @throws as `askHelper`
 */
export async function storeInHelper(
  name: string,
  registry: string,
  credentials: KeptCredentials,
  options: HelperOptions,
): Promise<void> {
  const { username, password, identityToken } = credentials;
  const entry = {
    ServerURL: helperServer(registry),
    Username: identityToken === undefined ? username : TOKEN_USER,
    Secret: identityToken ?? password,
  };
  const answer = await runHelper(name, 'store', JSON.stringify(entry), options);
  if (answer === undefined) throw helperError(helperProgram(name), 'it did not keep the credentials');
}

/** Has `docker-credential-NAME erase` remove the credentials of a server. @throws as `askHelper` */
export async function eraseInHelper(name: string, server: string, options: HelperOptions): Promise<void> {
  await runHelper(name, 'erase', server, options);
}

/** Asks `docker-credential-NAME list` for the servers that it has credentials for. @throws as `askHelper` */
export async function listHelper(name: string, options: HelperOptions): Promise<readonly string[]> {
  const text = await runHelper(name, 'list', '', options);
  if (text === undefined) return [];
  return Object.keys(parseAnswer(name, z.record(z.string(), z.string()), text, 'map of servers to user names'));
}
