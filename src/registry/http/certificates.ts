import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { errnoOf, messageOf, TsimgError } from '../../errors.ts';
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

/**
 * The host's authorities: $SSL_CERT_FILE, else the distribution's bundle, else Node's own; and $NODE_EXTRA_CA_CERTS.
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
  return roots.map((root) => join(root, registry));
}

/**
 * Loads the certificates for TLS connections: the host's authorities, and from each folder the authorities `*.crt` and
 * client certificates `NAME.cert` with `NAME.key`. @throws FILESYSTEM
 */
export function loadCertificates(folders: readonly string[], env: Environment): SecureContext {
  const ca = trustedRoots(env);
  const cert: string[] = [];
  const key: string[] = [];
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
      where: folders.join(', '),
      why: messageOf(cause),
      cause,
    });
  }
}
