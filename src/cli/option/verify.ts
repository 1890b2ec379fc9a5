import type { Command } from 'commander';
import { TsimgError } from '../../errors.ts';
import type { VerificationChoice } from '../../verbs/verify/verification.ts';
import { type Matcher, parsePattern } from '../../verify/matcher.ts';
import { PREDICATE_TYPES } from '../../verify/predicate-types.ts';
import { collect } from './parsers.ts';

/** Options of the verbs that demand a signature. */
export interface VerifyOptions {
  readonly key: readonly string[];
  readonly certificateIdentity?: string;
  readonly certificateIdentityRegexp?: string;
  readonly certificateOidcIssuer?: string;
  readonly certificateOidcIssuerRegexp?: string;
  readonly trustedRoot?: string;
  readonly insecureIgnoreTlog?: boolean;
  readonly insecureIgnoreSct?: boolean;
  readonly annotation: readonly string[];
  readonly attestation?: string;
  readonly all?: boolean;
}

/**
 * Adds the options that name the wanted signer.
 * @param annotation the flags of `--annotation`: cosign's `-a` has another meaning in docker's `run` and `pull`
 */
export function withSigner(command: Command, annotation = '--annotation'): Command {
  return command
    .optionsGroup('Signatures:')
    .option('--key <file>', 'demand a signature by this PEM public key (several: by any of them)', collect, [])
    .option('--certificate-identity <name>', 'demand a keyless signature by this identity: a URI or an email address')
    .option('--certificate-identity-regexp <pattern>', 'the same as a pattern; anchor it with ^ and $')
    .option('--certificate-oidc-issuer <url>', 'the OIDC issuer that must have vouched for the identity')
    .option('--certificate-oidc-issuer-regexp <pattern>', 'the same as a pattern')
    .option(
      '--trusted-root <file>',
      'a trusted_root.json (default: that of trust update, else that of Sigstore’s public instance)',
    )
    .option(`${annotation} <key=value>`, 'demand this annotation in the signed document (several)', collect, [])
    .option('--insecure-ignore-tlog', 'with --key: accept signatures that are in no transparency log')
    .option('--insecure-ignore-sct', 'accept certificates that are in no certificate log');
}

function matcher(exactly: string | undefined, pattern: string | undefined, option: string): Matcher | undefined {
  if (exactly !== undefined && pattern !== undefined) {
    throw new TsimgError('USAGE', `${option} and ${option}-regexp exclude each other`);
  }
  if (exactly !== undefined) return { exactly };
  return pattern === undefined ? undefined : { pattern: parsePattern(pattern, `${option}-regexp`) };
}

function annotationsOf(texts: readonly string[]): Readonly<Record<string, string>> | undefined {
  if (texts.length === 0) return undefined;
  return Object.fromEntries(
    texts.map((text) => {
      const equals = text.indexOf('=');
      if (equals <= 0) throw new TsimgError('USAGE', 'an annotation is KEY=VALUE', { where: text });
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

/** Returns the URI of a predicate type, from the URI or from cosign's name for it. @throws USAGE */
function predicateType(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (Object.hasOwn(PREDICATE_TYPES, name)) return PREDICATE_TYPES[name];
  if (/^[a-z][a-z0-9+.-]*:/i.test(name)) return name;
  throw new TsimgError('USAGE', 'not a type of attestation', {
    where: name,
    hint: `one of ${Object.keys(PREDICATE_TYPES).join(', ')}, or a URI`,
  });
}

/** Returns warnings for patterns without `^`, which match anywhere in a name. */
export function patternWarnings({
  certificateIdentityRegexp,
  certificateOidcIssuerRegexp,
}: VerifyOptions): readonly string[] {
  return [certificateIdentityRegexp, certificateOidcIssuerRegexp]
    .filter((pattern) => pattern !== undefined && !/^(?:\(\?i\))?\^/.test(pattern))
    .map((pattern) => `the pattern ${pattern} does not begin with ^: it matches anywhere in a name`);
}

/** Returns the checks that the options demand; undefined without any such option. @throws USAGE */
export function signerChoice(options: VerifyOptions): VerificationChoice | undefined {
  const identity = matcher(options.certificateIdentity, options.certificateIdentityRegexp, '--certificate-identity');
  const issuer = matcher(
    options.certificateOidcIssuer,
    options.certificateOidcIssuerRegexp,
    '--certificate-oidc-issuer',
  );
  const choice: VerificationChoice = {
    keys: options.key.length === 0 ? undefined : options.key,
    identity,
    issuer,
    trustedRoot: options.trustedRoot,
    ignoresLog: options.insecureIgnoreTlog,
    ignoresSct: options.insecureIgnoreSct,
    annotations: annotationsOf(options.annotation),
    attestation: predicateType(options.attestation),
    all: options.all,
  };
  const isAsked = Object.values(choice).some((value) => value !== undefined);
  return isAsked ? choice : undefined;
}
