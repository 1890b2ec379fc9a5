import { TsimgError } from '../../errors.ts';
import type { Credentials } from '../../registry/auth/auth-file.ts';
import { isRealmHost } from '../../registry/auth/realm.ts';
import type { RequestLimits } from '../../registry/request-limits.ts';
import type { RegistryOptions } from '../../registry/session.ts';
import type { Account } from '../../verbs/registry/login.ts';
import { checkBound, checkPause, checkWhole } from './check-number.ts';
import {
  type Check,
  type Checks,
  flag,
  hasMethods,
  isObject,
  listOf,
  objectOf,
  oneOf,
  secret,
  takes,
  text,
  values,
  wrongValue,
} from './check-options.ts';
import { CONTEXT_CHECKS } from './context-checks.ts';

const whole: Check = (option, value) => checkWhole(option, value);

type CredentialsOf<Kind extends Credentials['kind']> = Extract<Credentials, { readonly kind: Kind }>;

const KINDS: Readonly<Record<Credentials['kind'], Check>> = {
  basic: objectOf<CredentialsOf<'basic'>>({ kind: text, username: text, password: secret }, 'username', 'password'),
  'identity-token': objectOf<CredentialsOf<'identity-token'>>({ kind: text, token: secret, username: text }, 'token'),
  'registry-token': objectOf<CredentialsOf<'registry-token'>>({ kind: text, token: secret }, 'token'),
};

const kind = oneOf(...Object.keys(KINDS));
const isKind = (value: unknown): value is Credentials['kind'] =>
  typeof value === 'string' && Object.hasOwn(KINDS, value);

/** Demands an object, and shows no other value: a text may be a password. */
function notText(option: string, value: unknown, wanted: string): asserts value is Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new TsimgError('USAGE', 'not what the option takes', { where: option, hint: wanted });
}

const credentials: Check = (option, value) => {
  const wanted = "{ kind: 'basic', username, password }, or a token of another kind";
  notText(option, value, wanted);
  if (value.kind === undefined) throw wrongValue(option, value, wanted);
  kind(`${option}.kind`, value.kind);
  if (isKind(value.kind)) KINDS[value.kind](option, value);
};

const REQUESTS = objectOf<RequestLimits>({
  retries: whole,
  retryDelay: checkPause,
  timeouts: objectOf({ connect: checkBound, response: checkBound, idle: checkBound }),
  maxDocument: checkBound,
  concurrency: (option, value) => checkWhole(option, value, { least: 1 }),
});

const MIRRORS = objectOf({ registriesConf: text, hostsDir: text });

const realms = listOf(
  'a list of hosts',
  takes('a host without https://, with or without a port', (value) => typeof value === 'string' && isRealmHost(value)),
);

/** The checks of the options by which one registry is reached. */
export const REACH_REGISTRY_CHECKS = { tlsVerify: flag, certDir: text, credentials, trustedRealms: realms };

/** The checks of the options of a function that asks a registry. */
export const REGISTRY_CHECKS: Checks<RegistryOptions> = {
  ...CONTEXT_CHECKS,
  ...REACH_REGISTRY_CHECKS,
  authFile: text,
  requests: REQUESTS,
  env: values,
  connections: takes('connections, as openConnections returns them', (value) => hasMethods(value, 'close')),
  mirrors(option, value) {
    if (value === false) return;
    takes('an object, or false', isObject)(option, value);
    MIRRORS(option, value);
  },
};

const { credentials: _, ...WITHOUT_CREDENTIALS } = REGISTRY_CHECKS;

/** The checks of a function that may ask several registries, or gets the credentials by an argument. */
export const REGISTRIES_CHECKS: Checks<Omit<RegistryOptions, 'credentials'>> = WITHOUT_CREDENTIALS;

const ACCOUNT = objectOf<Account>({ username: text, password: secret }, 'username', 'password');

/** Checks a user name with a password. @throws USAGE */
export function checkAccount(value: unknown): void {
  notText('account', value, '{ username, password }');
  ACCOUNT('account', value);
}
