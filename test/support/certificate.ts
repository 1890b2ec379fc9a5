import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from './temp-dir.ts';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

/** A self-signed certificate for these names (`DNS:registry.example.com`, `IP:127.0.0.1`), by openssl. */
export function makeCertificate(...names: readonly string[]): Certificate {
  const folder = tempDir();
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const subject = ['-subj', '/CN=tsimg test', '-addext', `subjectAltName=${names.join(',')}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', '-days', '2', ...key, '-out', certFile, ...subject]);
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
