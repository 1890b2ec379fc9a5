import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
import { hostSpellings } from '../../oci/reference.ts';
import type { Environment } from './proxy.ts';

/** Bundles of the authorities that distributions trust (the list of Go's crypto/x509). */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, cause: unknown): TsimgError {
  return new TsimgError('FILESYSTEM', 'cannot read certificates', { where: path, why: messageOf(cause), cause });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw unreadable(folder, error);
  }
}

/** The most files of $SSL_CERT_DIR that are read: a distribution has some 300. */
const MAX_CERTIFICATES = 10_000;

/** The certificates in the folders of $SSL_CERT_DIR, which colons separate. @throws FILESYSTEM, LIMIT_EXCEEDED */
function certificatesIn(folders: string): readonly string[] {
  const paths = folders
    .split(':')
    .filter(Boolean)
    .flatMap((folder) => namesIn(folder).map((name) => join(folder, name)));
  if (paths.length > MAX_CERTIFICATES) {
    throw new TsimgError('LIMIT_EXCEEDED', 'too many certificates', {
      where: folders,
      why: `${paths.length} files, at most ${MAX_CERTIFICATES} are read`,
      hint: '$SSL_CERT_DIR names it',
    });
  }
  const files = paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  return files.map((path) => readOptional(path) ?? '').filter((text) => text.includes('BEGIN CERTIFICATE'));
}

/**
 * The host's authorities: $SSL_CERT_FILE, else the distribution's bundle; those in $SSL_CERT_DIR; Node's own where both
 * give none; and always those in $NODE_EXTRA_CA_CERTS.
 */
function trustedRoots(env: Environment): string[] {
  const named = env.SSL_CERT_FILE;
  const extra = env.NODE_EXTRA_CA_CERTS;
  const roots: string[] = [];
  for (const path of named ? [named] : SYSTEM_BUNDLES) {
    const bundle = readOptional(path);
    if (bundle !== undefined) {
      roots.push(bundle);
      break;
    }
    if (named)
      throw new TsimgError('FILESYSTEM', 'cannot read certificates', { where: named, hint: '$SSL_CERT_FILE names it' });
  }
  roots.push(...certificatesIn(env.SSL_CERT_DIR ?? ''));
  if (roots.length === 0) roots.push(...rootCertificates);
  const added = extra ? readOptional(extra) : undefined;
  if (added !== undefined) roots.push(added);
  return roots;
}

/** The folders of a registry's certificates: containers-certs.d(5), docker's too. `certDir` replaces them. */
export function certificateFolders(registry: string, env: Environment, certDir?: string): readonly string[] {
  if (certDir !== undefined) return [certDir];
  const roots = [
    join(env.HOME || homedir(), '.config/containers/certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ];
  return roots.flatMap((root) => hostSpellings(registry).map((name) => join(root, name)));
}

/** Whether a folder has an authority or a client certificate. @throws FILESYSTEM */
export function hasCertificates(folder: string): boolean {
  return namesIn(folder).some((name) => /\.(?:crt|cert)$/.test(name));
}

/** Files that a configuration names, each of which must be there. */
export interface CertificateFiles {
  readonly ca?: readonly string[] | undefined;
  readonly client?: readonly (readonly [certificate: string, key: string])[] | undefined;
  /** A further folder. */
  readonly folder?: string | undefined;
}

function readNamed(path: string): string {
  const text = readOptional(path);
  if (text !== undefined) return text;
  throw new TsimgError('REGISTRIES_INVALID', 'a certificate or key that hosts.toml names is missing', {
    where: path,
    why: 'there is no such file',
    hint: 'correct its path in hosts.toml (ca, client), or go on without such files by --no-mirrors',
  });
}

/**
 * Loads the certificates for TLS connections: the host's authorities, and from each folder the authorities `*.crt` and
 * client certificates `NAME.cert` with `NAME.key`.
 * @param tlsVerify false: the host's authorities are not loaded, which takes 50 ms. Nothing is trusted by them then.
 * @throws FILESYSTEM; REGISTRIES_INVALID where a named file is missing
 */
export function loadCertificates(
  folders: readonly string[],
  env: Environment,
  tlsVerify = true,
  { ca: more = [], client = [] }: CertificateFiles = {},
): SecureContext {
  const ca = [...(tlsVerify ? trustedRoots(env) : []), ...more.map(readNamed)];
  const cert = client.map(([path]) => readNamed(path));
  const key = client.map(([, path]) => readNamed(path));
  for (const folder of folders) {
    const names = namesIn(folder);
    const read = (name: string) => readOptional(join(folder, name)) ?? '';
    ca.push(...names.filter((name) => name.endsWith('.crt')).map(read));
    for (const name of names.filter((candidate) => candidate.endsWith('.cert'))) {
      const keyName = `${name.slice(0, -'.cert'.length)}.key`;
      if (!names.includes(keyName)) {
        throw new TsimgError('FILESYSTEM', 'a client certificate has no key', {
          where: join(folder, name),
          hint: `put ${keyName} beside it`,
        });
      }
      cert.push(read(name));
      key.push(read(keyName));
    }
  }
  try {
    return createSecureContext({ ca, ...(cert.length === 0 ? {} : { cert, key }) });
  } catch (cause) {
    throw new TsimgError('FILESYSTEM', 'certificates are not valid', {
      where: [...folders, ...more, ...client.flat()].join(', '),
      why: messageOf(cause),
      cause,
    });
  }
}
