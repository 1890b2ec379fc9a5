import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { TsimgError } from '../../errors.ts';
import { type Platform, parsePlatform } from '../../oci/platform.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';

/** Options of every verb that reads an image: which one, and how its registry is spoken to. */
export interface SourceOptions {
  readonly platform?: string;
  readonly tlsVerify?: string;
  readonly certDir?: string;
  readonly authfile?: string;
  readonly creds?: string;
  readonly trustRealm?: readonly string[];
}

/** What the options mean. */
export interface SourceChoice {
  readonly platform: Platform | undefined;
  readonly tlsVerify: boolean | undefined;
  readonly certDir: string | undefined;
  readonly authFile: string | undefined;
  readonly trustedRealms: readonly string[] | undefined;
  readonly credentials: { readonly kind: 'basic'; readonly username: string; readonly password: string } | undefined;
}

/** Adds the options of verbs that read a SOURCE or a registry. */
export function withSource(command: Command): Command {
  return command
    .optionsGroup('Image:')
    .option(
      '--platform <os/arch[/variant]>',
      'the platform to choose (also $DOCKER_DEFAULT_PLATFORM; default: this machine’s)',
    )
    .optionsGroup('Registry:')
    .option('--tls-verify <bool>', 'check certificates; false also permits plain HTTP')
    .option('--cert-dir <dir>', "a registry's own authorities and client certificates")
    .option('--authfile <file>', "credentials, as in docker's config.json (also $REGISTRY_AUTH_FILE)")
    .option('--creds <user:password>', 'credentials for this registry')
    .option('--trust-realm <host...>', 'token servers of another domain that may be given the credentials');
}

/** `true` and `false` in the spellings that Go's tools take. @throws USAGE */
export function parseBoolean(value: string | undefined, option: string): boolean | undefined {
  if (value === undefined) return undefined;
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw new TsimgError('USAGE', `${option} is true or false`, { where: value });
}

function parseCredentials(text: string | undefined): SourceChoice['credentials'] {
  if (text === undefined) return undefined;
  const colon = text.indexOf(':');
  if (colon <= 0) throw new TsimgError('USAGE', '--creds takes USER:PASSWORD');
  return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** A reference as users of docker type it, or with skopeo's transport before it. @throws REFERENCE_INVALID */
export function parseRemoteReference(text: string): Reference {
  return parseReference(text.replace(/^docker:\/\//, ''));
}

/** What the user names must be there, also where nobody comes to ask for it. @throws USAGE */
function checkPlaces({ certDir, authfile }: SourceOptions): void {
  if (certDir !== undefined && statSync(certDir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new TsimgError('USAGE', 'no such directory', { where: `--cert-dir ${certDir}` });
  }
  if (authfile !== undefined && statSync(authfile, { throwIfNoEntry: false }) === undefined) {
    throw new TsimgError('USAGE', 'no such file', { where: `--authfile ${authfile}` });
  }
}

/** @throws USAGE, PLATFORM_INVALID */
export function sourceChoice(options: SourceOptions): SourceChoice {
  checkPlaces(options);
  const platform = options.platform ?? process.env.DOCKER_DEFAULT_PLATFORM;
  return {
    platform: platform ? parsePlatform(platform) : undefined,
    tlsVerify: parseBoolean(options.tlsVerify, '--tls-verify'),
    certDir: options.certDir,
    authFile: options.authfile,
    trustedRealms: options.trustRealm,
    credentials: parseCredentials(options.creds),
  };
}
