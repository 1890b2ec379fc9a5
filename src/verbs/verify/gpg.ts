import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, TsimgError } from '../../errors.ts';
import type { Digest } from '../../oci/digest.ts';
import { makeTemporaryDirectory } from '../../sys/file/temporary.ts';
import { runCommand } from '../../sys/process/run-command.ts';
import { ATOMIC_TYPE, readSimpleSigning } from '../../verify/policy/simple-signing.ts';
import { asRefusal, refused } from '../../verify/refuse.ts';

const ARMOURED = /-----BEGIN PGP PUBLIC KEY BLOCK-----[^\n]*\n(?:[^\n]*[^\s][^\n]*\n)*?\s*\n([^-]*)-----END PGP/g;

/** Removes the armour from keys, which gpgv does not read. A file may hold several blocks. RFC 4880, section 6.2 */
function keyring(bytes: Buffer): Buffer {
  const blocks = [...bytes.toString('latin1').matchAll(ARMOURED)].map(([, block = '']) => block);
  if (blocks.length === 0) return bytes;
  // The last line is a checksum
  return Buffer.concat(blocks.map((block) => Buffer.from(block.replace(/^=.{4}\s*$/m, ''), 'base64')));
}

/** The status lines that refuse a signature, whatever the others are. GnuPG, doc/DETAILS */
const BAD_STATUS = /^\[GNUPG:\] (?:EXPSIG|EXPKEYSIG|REVKEYSIG|BADSIG|ERRSIG|NO_PUBKEY)\b/m;

/** Verifies a signature with gpgv and returns the signed text. @throws SIGNATURE_INVALID, HOST_UNSUPPORTED */
async function signedText(signature: Buffer, keys: readonly Buffer[], signal?: AbortSignal): Promise<Buffer> {
  await using folder = await makeTemporaryDirectory();
  const [ring, file, status] = ['keys.gpg', 'signature', 'status'].map((name) => join(folder.path, name));
  if (ring === undefined || file === undefined || status === undefined) throw new Error('unreachable');
  writeFileSync(ring, Buffer.concat(keys.map(keyring)));
  writeFileSync(file, signature);
  try {
    const args = ['--homedir', folder.path, '--keyring', ring, '--status-fd', '2', '--output', '-', '--', file];
    const result = await runCommand('gpgv', args, {
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      timeout: 30_000,
      signal,
    });
    const said = result.stderr.toString('utf8');
    const isGood = /^\[GNUPG:\] GOODSIG\b/m.test(said) && /^\[GNUPG:\] VALIDSIG\b/m.test(said);
    if (result.status !== 0 || !isGood || BAD_STATUS.test(said)) throw refused('signature', gpgReason(said));
    return result.stdout;
  } catch (error) {
    if (error instanceof TsimgError && errnoOf(error) === 'ENOENT') {
      throw new TsimgError('HOST_UNSUPPORTED', 'gpgv is not installed', {
        hint: 'install gpgv (Debian package gpgv)',
        cause: error,
      });
    }
    throw error;
  }
}

function gpgReason(said: string): string {
  if (/EXPSIG/.test(said)) return 'the signature has expired';
  if (/EXPKEYSIG/.test(said)) return 'the key has expired';
  if (/REVKEYSIG/.test(said)) return 'the key was revoked';
  if (/NO_PUBKEY/.test(said)) return 'it was made with another key';
  return 'gpgv does not accept it';
}

/**
 * Verifies a GPG signature of an image with gpgv.
 * @returns the image's name, as it was signed
 * @throws SIGNATURE_INVALID; HOST_UNSUPPORTED without gpgv
 */
export async function verifyGpg(
  signature: Buffer,
  { keys, digests }: { readonly keys: readonly Buffer[]; readonly digests: readonly Digest[] },
  signal?: AbortSignal,
): Promise<string> {
  const text = await signedText(signature, keys, signal);
  try {
    return readSimpleSigning(text, ATOMIC_TYPE, digests);
  } catch (error) {
    throw asRefusal(error);
  }
}
