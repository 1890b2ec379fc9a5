import { statSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { parseBooleanText } from '../../boolean-text.ts';
import { TsimgError } from '../../errors.ts';
import { type Platform, parsePlatform } from '../../oci/platform.ts';
import { parseReference, type Reference, refuseHostAlone } from '../../oci/reference.ts';
import { isRealmHost } from '../../registry/auth/realm.ts';
import type { MirrorFiles } from '../../registry/mirrors/find-configuration.ts';
import type { RequestLimits } from '../../registry/request-limits.ts';
import { parseSize } from './image-limits.ts';
import { collect } from './parsers.ts';
import { type PatienceOptions, requestChoice, withPatience } from './patience.ts';

/** The options of verbs that read a SOURCE or a registry, as commander names them. */
export interface SourceOptions extends PatienceOptions {
  readonly platform?: string;
  readonly tlsVerify?: string;
  readonly certDir?: string;
  readonly authfile?: string;
  readonly creds?: string;
  readonly trustRealm?: readonly string[];
  readonly signaturePolicy?: string;
  readonly registriesConf?: string;
  readonly hostsDir?: string;
  readonly mirrors?: boolean;
}

/** The same options, parsed. */
export interface SourceChoice {
  readonly platform: Platform | undefined;
  readonly tlsVerify: boolean | undefined;
  readonly certDir: string | undefined;
  readonly authFile: string | undefined;
  readonly trustedRealms: readonly string[] | undefined;
  readonly signaturePolicy: string | undefined;
  readonly requests: RequestLimits;
  /** The most bytes of a document; other limits come from options of the verb. */
  readonly limits: { readonly maxDocument: number | undefined };
  readonly mirrors: MirrorFiles | false;
  readonly credentials: { readonly kind: 'basic'; readonly username: string; readonly password: string } | undefined;
}

/**
 * Returns a parser that checks `true` or `false` at once. Without it, `--tls-verify NAME` would take the operand NAME
 * as its value, and the error would be about a missing operand.
 */
export function booleanText(option: string): (value: string) => string {
  return (value) => {
    parseBoolean(value, option);
    return value;
  };
}

/** Parses one of several hosts. */
function anotherHost(value: string, previous: readonly string[]): readonly string[] {
  if (!isRealmHost(value)) {
    throw new InvalidArgumentError(
      'It takes a host without https://, such as auth.example.com or auth.example.com:8443.',
    );
  }
  return collect(value, previous);
}

/** Options of all verbs that speak to a registry, in the words of commander. */
export const TLS_VERIFY = [
  '--tls-verify <bool>',
  'verify certificates; false also allows plain HTTP (default: true; HTTP is allowed on loopback)',
  booleanText('--tls-verify'),
] as const;
export const ALLOW_FOREIGN_URLS = [
  '--allow-foreign-urls',
  'fetch layers that the registry does not have from the URLs in the manifest, anonymously',
] as const;
export const CERT_DIR = [
  '--cert-dir <dir>',
  'the directory of the registry’s certificate authorities and client certificates',
] as const;
export const TRUST_REALM = [
  '--trust-realm <host>',
  'a token server of another domain that may get the credentials (several)',
  anotherHost,
  [] as readonly string[],
] as const;

function onePlatform(text: string, before: string | undefined): string {
  if (before === undefined) return text;
  throw new InvalidArgumentError('It is given twice; call the command once for each platform.');
}

/** Adds the options of verbs that read an image of one platform from a SOURCE or a registry. */
export function withSource(command: Command): Command {
  return withRegistry(
    command
      .optionsGroup('Image:')
      .option(
        '--platform <os/arch[/variant]>',
        'the platform of the image (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)',
        onePlatform,
      ),
  );
}

/** Adds the options of verbs that ask a registry. */
export function withRegistry(command: Command): Command {
  return withAsked(command, (asked) => asked.option('--creds <user:password>', 'the credentials for this registry'))
    .optionsGroup('Limits of an image:')
    .option('--max-document <size>', 'the most bytes of a manifest, an index or a config (default: 4m)', parseSize);
}

/** Adds the options of verbs that ask the registries of all images of the store: those for one alone are left out. */
export function withRegistries(command: Command): Command {
  return withAsked(command, (asked) => asked);
}

function withAsked(command: Command, withCredentials: (asked: Command) => Command): Command {
  const asked = command
    .optionsGroup('Registry:')
    .option(...TLS_VERIFY)
    .option(...CERT_DIR)
    .option('--authfile <file>', 'the file of credentials, as docker’s config.json (also $REGISTRY_AUTH_FILE)');
  return withPatience(withMirrors(withCredentials(asked).option(...TRUST_REALM)));
}

/** Adds the options that say which files name mirrors and blocked registries. */
function withMirrors(command: Command): Command {
  return command
    .option(
      '--registries-conf <file>',
      'the registries.conf of mirrors and blocked registries (also $CONTAINERS_REGISTRIES_CONF; default: the ' +
        'user’s, else the system’s, with its drop-ins)',
    )
    .option(
      '--hosts-dir <dir>',
      'the directory of containerd’s hosts.toml files (default: ~/.config/containerd/certs.d, /etc/containerd/certs.d)',
    )
    .option('--no-mirrors', 'read none of these files: ask the registry itself');
}

/** Returns which files name mirrors. @throws USAGE */
function mirrorChoice({ registriesConf, hostsDir, mirrors }: SourceOptions): MirrorFiles | false {
  if (mirrors !== false) return { registriesConf, hostsDir };
  if (registriesConf === undefined && hostsDir === undefined) return false;
  throw new TsimgError('USAGE', '--no-mirrors excludes --registries-conf and --hosts-dir');
}

/** Adds the option for the policy that an image must satisfy, for verbs that store or use new images. */
export function withSignaturePolicy(command: Command): Command {
  return command
    .optionsGroup('Signatures:')
    .option(
      '--signature-policy <file>',
      'the policy.json that says whose images are let in (default: the user’s, else the system’s)',
    );
}

/** Parses `true` and `false` in the spellings of Go's tools. @throws USAGE */
export function parseBoolean(value: string | undefined, option: string): boolean | undefined {
  if (value === undefined) return undefined;
  const parsed = parseBooleanText(value);
  if (parsed !== undefined) return parsed;
  throw new TsimgError('USAGE', `${option} takes true or false`, {
    where: value,
    hint: `write ${option}=true or ${option}=false`,
  });
}

/** Parses USER:PASSWORD. @throws USAGE */
export function parseCredentials(text: string | undefined): SourceChoice['credentials'] {
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  if (colon <= 0) throw new TsimgError('USAGE', '--creds takes USER:PASSWORD', { hint: 'put a colon after the user' });
  return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Parses a reference as docker takes it, with or without skopeo's `docker://`. @throws REFERENCE_INVALID */
export function parseRemoteReference(text: string): Reference {
  const bare = text.replace(/^docker:\/\//, '');
  refuseHostAlone(bare);
  return parseReference(bare);
}

/** Checks that files of options exist, also where they turn out not to be needed. @throws USAGE */
export function checkPlaces({ certDir, authfile }: Pick<SourceOptions, 'certDir' | 'authfile'>): void {
  if (certDir !== undefined && statSync(certDir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new TsimgError('USAGE', 'no such directory', {
      where: `--cert-dir ${certDir}`,
      hint: 'name a directory of *.crt files',
    });
  }
  if (authfile !== undefined && statSync(authfile, { throwIfNoEntry: false }) === undefined) {
    throw new TsimgError('USAGE', 'no such file', {
      where: `--authfile ${authfile}`,
      hint: 'name a file like docker’s config.json',
    });
  }
}

/** Parses the options. @throws USAGE, PLATFORM_INVALID */
export function sourceChoice(options: SourceOptions): SourceChoice {
  checkPlaces(options);
  const platform = options.platform ?? process.env.DOCKER_DEFAULT_PLATFORM;
  return {
    platform: platform ? parsePlatform(platform) : undefined,
    tlsVerify: parseBoolean(options.tlsVerify, '--tls-verify'),
    certDir: options.certDir,
    authFile: options.authfile,
    trustedRealms: options.trustRealm,
    signaturePolicy: options.signaturePolicy,
    credentials: parseCredentials(options.creds),
    limits: { maxDocument: options.maxDocument },
    mirrors: mirrorChoice(options),
    requests: requestChoice(options),
  };
}
