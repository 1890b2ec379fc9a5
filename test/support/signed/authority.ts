import { spawnSync } from 'node:child_process';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../temp-dir.ts';

// Certificates that @sigstore/mock cannot make: other extensions, longer chains. By OpenSSL.

export interface Issued {
  /** PEM. */
  readonly certificate: string;
  readonly der: Buffer;
  readonly privateKey: KeyObject;
  readonly files: { readonly certificate: string; readonly key: string };
}

/**
 * A certificate, valid from now for two days. @param extensions as OpenSSL takes them; by itself it is its own issuer
 */
export function issue(name: string, extensions: readonly string[], issuer?: Issued): Issued {
  const folder = tempDir();
  const files = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
  const by = issuer === undefined ? [] : ['-CA', issuer.files.certificate, '-CAkey', issuer.files.key];
  const args = [
    ...['req', '-x509', '-config', '/dev/null', '-days', '2', '-subj', `/CN=${name}`, ...by],
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', files.key],
    ...extensions.flatMap((extension) => ['-addext', extension]),
    ...['-out', files.certificate],
  ];
  const { status, stderr } = spawnSync('openssl', args);
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  const certificate = readFileSync(files.certificate, 'utf8');
  const der = new X509Certificate(certificate).raw;
  return { certificate, der, privateKey: createPrivateKey(readFileSync(files.key)), files };
}

/** Extensions of a CA. */
export const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
/** Extensions of a certificate that signs, but for its names. */
export const LEAF = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature'];
