import type { Command } from 'commander';
import { TsimgError } from '../../../errors.ts';
import { parseRegistryName } from '../../../oci/reference.ts';
import type { Account } from '../../../verbs/registry/login.ts';
import { type PatienceOptions, requestChoice, withPatience } from '../../option/patience.ts';
import {
  CERT_DIR,
  checkPlaces,
  parseBoolean,
  type SourceOptions,
  TLS_VERIFY,
  TRUST_REALM,
} from '../../option/source.ts';
import { haveTerminal, openPrompt } from '../../prompt.ts';
import { type CommonOptions, inSession, type Session, withCommon } from '../../session.ts';

interface LoginCommandOptions
  extends CommonOptions,
    PatienceOptions,
    Pick<SourceOptions, 'tlsVerify' | 'certDir' | 'authfile' | 'trustRealm'> {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
  readonly getLogin?: boolean;
}

/** The most bytes of a password on standard input. */
const MAX_PASSWORD = 64 * 1024;

/** Reads the one line of standard input. @throws USAGE */
async function passwordOfStdin(): Promise<string> {
  const refuse = (what: string) =>
    new TsimgError('USAGE', what, { hint: 'write the password, and nothing else, to standard input' });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_PASSWORD) throw refuse('standard input is longer than a password');
  }
  const line = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (line === '') throw refuse('standard input is empty');
  if (/[\r\n]/.test(line)) throw refuse('standard input has more than one line');
  return line;
}

function checkOptions({ username, password, passwordStdin, getLogin }: LoginCommandOptions): void {
  const given = username !== undefined || password !== undefined || passwordStdin === true;
  if (getLogin && given) throw new TsimgError('USAGE', '--get-login takes no user name and no password');
  if (passwordStdin && password !== undefined) {
    throw new TsimgError('USAGE', '--password and --password-stdin exclude each other', {
      hint: 'use --password-stdin',
    });
  }
  if (passwordStdin && username === undefined) {
    throw new TsimgError('USAGE', '--password-stdin needs --username', { hint: 'add --username NAME' });
  }
}

/**
 * Asks for the user name or the password that the options lack.
 * @throws USAGE without a terminal; INTERRUPTED when the user gives up
 */
async function askForRest({ username, password }: Partial<Account>, signal: AbortSignal): Promise<Account> {
  if (username !== undefined && password !== undefined) return { username, password };
  if (!haveTerminal()) {
    throw new TsimgError('USAGE', 'there is no terminal to ask for the password', {
      hint: 'give it by --username NAME --password-stdin',
    });
  }
  using prompt = openPrompt(signal);
  const ask = async (question: string, hidden?: boolean): Promise<string> => {
    const answer = await prompt.ask(question, hidden);
    signal.throwIfAborted();
    if (answer === undefined) throw new TsimgError('INTERRUPTED', 'no answer: nothing is kept');
    return answer;
  };
  const name = username ?? (await ask('User name: ')).trim();
  return { username: name, password: password ?? (await ask('Password: ', true)) };
}

async function accountOf(options: LoginCommandOptions, { context }: Session): Promise<Account> {
  const { username, passwordStdin } = options;
  if (options.password !== undefined) {
    const message = 'everybody on this machine may see a password among the arguments: better use --password-stdin';
    context.onEvent?.({ kind: 'warning', message });
  }
  const password = passwordStdin ? await passwordOfStdin() : options.password;
  return askForRest(
    { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) },
    context.signal,
  );
}

/** Adds `tsimg login`. */
export function addLogin(program: Command): void {
  const login = program
    .command('login')
    .description('Log in to a registry, so that pull and other tools find the credentials.')
    .argument('[registry]', 'HOST[:PORT], or HOST[:PORT]/NAMESPACE', 'docker.io')
    .option('-u, --username <name>', 'the user name; asked for on a terminal when absent')
    .option('--password-stdin', 'read the password, one line, from standard input')
    .option('-p, --password <password>', 'the password, which others may see among the arguments')
    .option('--get-login', 'print the user name that is logged in, and do nothing else')
    .optionsGroup('Registry:')
    .option(...TLS_VERIFY)
    .option(...CERT_DIR)
    .option(
      '--authfile <file>',
      'the file that keeps the credentials (also $REGISTRY_AUTH_FILE; default: ' +
        '$XDG_RUNTIME_DIR/containers/auth.json, without such a folder ~/.config/containers/auth.json)',
    )
    .option(...TRUST_REALM);
  withCommon(withPatience(login)).action(async (registry: string, _: unknown, invoked: Command) => {
    const options: LoginCommandOptions = invoked.optsWithGlobals();
    checkOptions(options);
    parseRegistryName(registry);
    const { certDir, authfile: authFile, trustRealm: trustedRealms } = options;
    checkPlaces({ ...(certDir === undefined ? {} : { certDir }) });
    const tlsVerify = parseBoolean(options.tlsVerify, '--tls-verify');
    await inSession(options, async (session) => {
      const { context, print, printJson } = session;
      const verb = await import('../../../verbs/registry/login.ts');
      const settings = { ...context, tlsVerify, certDir, authFile, trustedRealms, requests: requestChoice(options) };
      if (options.getLogin) {
        const username = await verb.getLogin(registry, settings);
        if (options.json) printJson({ registry, username });
        else print(username);
        return;
      }
      const report = await verb.login(registry, await accountOf(options, session), settings);
      if (options.json) return printJson(report);
      if (options.quiet) return;
      const { helper, file, identityToken } = report;
      const secret = identityToken ? 'a token' : 'the password';
      print(`Logged in to ${report.registry} as ${report.username}: ${helper ?? file} keeps ${secret}`);
    });
  });
}
