import type { TrustMaterial } from '@sigstore/verify';
import { refused } from './refuse.ts';

/** A checkpoint has some 250 bytes, or a few thousand with many cosignatures. */
const MAX_CHECKPOINT_BYTES = 16 * 1024;
/** A signature begins with the first bytes of its log's ID. */
const HINT_BYTES = 4;
const SIGNATURE_LINE = /^\u2014 (\S+) (\S+)$/;

/**
 * Returns a checkpoint that is safe for the library to verify: its size is a number, and only the signatures of these
 * logs are left. The library compiles each signer's name as a regular expression, so a hostile name could block the
 * process; a name that is part of a known log's address cannot. Removing other lines (of witnesses) is allowed: no
 * signature covers them. Signatures are not verified here. C2SP tlog-checkpoint, signed-note.
 * @throws SIGNATURE_INVALID
 */
export function knownCheckpoint(text: string, tlogs: TrustMaterial['tlogs']): string {
  if (text.length > MAX_CHECKPOINT_BYTES) throw refused('limit', 'its checkpoint is too large');
  const split = text.indexOf('\n\n');
  if (split < 0) throw refused('log-proof', 'its checkpoint has no signature');
  const [, size = '', hash = ''] = text.split('\n', 3);
  if (!/^\d{1,18}$/.test(size) || hash === '') throw refused('log-proof', 'its checkpoint has no size or no hash');
  const lines = text
    .slice(split + 2)
    .split('\n')
    .filter((line) => {
      const [, name, signature] = SIGNATURE_LINE.exec(line) ?? [];
      if (name === undefined || signature === undefined) return false;
      const hint = Buffer.from(signature, 'base64').subarray(0, HINT_BYTES);
      return tlogs.some(({ baseURL, logID }) => baseURL.includes(name) && hint.equals(logID.subarray(0, HINT_BYTES)));
    });
  if (lines.length === 0) throw refused('log-proof', 'the log has not signed the checkpoint');
  return `${text.slice(0, split + 2)}${lines.join('\n')}\n`;
}
