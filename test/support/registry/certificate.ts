import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../temp-dir.ts';

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** In PEM. */
  readonly cert: string;
  readonly key: string;
}

/** Days from today on which its validity begins and ends. */
export interface Validity {
  readonly from: number;
  readonly to: number;
}

function openssl(args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync('openssl', args, { cwd });
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
}

function files(folder: string): Certificate {
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem'];

/** Makes a self-signed certificate for these names (`DNS:registry.example.com`, `IP:127.0.0.1`) by openssl. */
export function makeCertificate(...names: readonly string[]): Certificate {
  const folder = tempDir();
  const subject = ['-subj', '/CN=tsimg test', '-addext', `subjectAltName=${names.join(',')}`];
  openssl(['req', '-x509', '-days', '2', ...KEY, '-out', 'cert.pem', ...subject], folder);
  return files(folder);
}

const CA_CONFIG = `[ca]
default_ca = own
[own]
database = index
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
new_certs_dir = .
[any]
commonName = supplied
`;

/** Makes a certificate that is valid at another time. `openssl req` can set the beginning since version 3.4 only. */
export function makeCertificateOf({ from, to }: Validity, ...names: readonly string[]): Certificate {
  const folder = tempDir();
  const day = (days: number) =>
    `${new Date(Date.now() + days * 86_400_000).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`;
  writeFileSync(join(folder, 'config'), CA_CONFIG);
  writeFileSync(join(folder, 'index'), '');
  const subject = ['-subj', '/CN=tsimg test', '-addext', `subjectAltName=${names.join(',')}`];
  openssl(['req', '-new', ...KEY, '-out', 'request.pem', ...subject], folder);
  const validity = ['-startdate', day(from), '-enddate', day(to)];
  const own = ['-selfsign', '-keyfile', 'key.pem', '-config', 'config', '-batch', '-notext'];
  openssl(['ca', ...own, '-in', 'request.pem', '-out', 'cert.pem', ...validity], folder);
  return files(folder);
}
