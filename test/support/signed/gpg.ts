import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../../src/oci/digest.ts';
import { tempDir } from '../temp-dir.ts';

// Keys and signatures of GnuPG, in a home of their own.

/** What `gpgv` reads, and what a user gives away. */
export interface GpgKey {
  readonly fingerprint: string;
  /** The files of the public key. */
  readonly binary: string;
  readonly armoured: string;
}

export interface GpgHome extends Disposable {
  /** GNUPGHOME */
  readonly folder: string;
  /** Makes a key without a passphrase. @param expires as gpg takes it: `never`, or an ISO time */
  key(name: string, options?: { readonly expires?: string; readonly madeAt?: string }): GpgKey;
  /** Exports a key's public half again, as it is now. */
  exported(fingerprint: string): GpgKey;
  /** Revokes a key; what is exported later says so. */
  revoke(fingerprint: string): void;
  /** A signed message. @param options of gpg, such as `--faked-system-time` */
  sign(fingerprint: string, payload: Buffer | string, ...options: readonly string[]): Buffer;
  /** Runs gpg. */
  gpg(args: readonly string[], input?: Buffer | string): Buffer;
}

/** What podman and skopeo sign of an image. containers-signature(5) */
export function gpgPayload(digest: Digest | string, reference: string, changes: object = {}): string {
  const critical = {
    identity: { 'docker-reference': reference },
    image: { 'docker-manifest-digest': digest },
    type: 'atomic container signature',
    ...changes,
  };
  return JSON.stringify({ critical, optional: { creator: 'example', timestamp: 1_700_000_000 } });
}

/** Makes a home of GnuPG. Its agent ends when it is disposed of, or at the end. */
export function makeGpgHome(): GpgHome {
  const folder = tempDir();
  const env = { PATH: process.env.PATH, GNUPGHOME: folder, LC_ALL: 'C' };
  const gpg = (args: readonly string[], input: Buffer | string = ''): Buffer => {
    const all = ['--batch', '--no-tty', '--yes', '--pinentry-mode', 'loopback', '--passphrase', '', ...args];
    const { status, stdout, stderr } = spawnSync('gpg', all, { env, input, timeout: 60_000 });
    if (status !== 0) throw new Error(`gpg ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const stop = () => {
    spawnSync('gpgconf', ['--kill', 'all'], { env, timeout: 30_000 });
  };
  process.prependListener('exit', stop);
  const exported = (fingerprint: string): GpgKey => {
    const name = join(tempDir(0o755), 'key');
    const key = { fingerprint, binary: `${name}.gpg`, armoured: `${name}.asc` };
    writeFileSync(key.binary, gpg(['--export', fingerprint]));
    writeFileSync(key.armoured, gpg(['--armor', '--export', fingerprint]));
    return key;
  };
  return {
    folder,
    gpg,
    exported,
    key(name, { expires = 'never', madeAt } = {}) {
      const faked = madeAt === undefined ? [] : ['--faked-system-time', madeAt];
      gpg([...faked, '--quick-generate-key', `${name} <${name}@example.com>`, 'ed25519', 'sign', expires]);
      const listed = gpg(['--with-colons', '--list-keys', `=${name} <${name}@example.com>`]).toString();
      return exported(/^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '');
    },
    revoke(fingerprint) {
      const certificate = join(folder, 'openpgp-revocs.d', `${fingerprint}.rev`);
      // gpg writes it with a colon before its armour, so that nobody imports it by mistake
      const text = spawnSync('sed', ['s/^:---/---/', certificate], { encoding: 'utf8' }).stdout;
      gpg(['--import'], text);
    },
    sign: (fingerprint, payload, ...options) => gpg([...options, '--local-user', fingerprint, '--sign'], payload),
    [Symbol.dispose]: () => {
      process.off('exit', stop);
      stop();
    },
  };
}
