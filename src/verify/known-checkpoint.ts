import type { TrustMaterial } from '@sigstore/verify';
import { refused } from './refuse.ts';

/** A checkpoint of a log has some 250 bytes; one with many cosignatures a few thousand. */
const MAX_CHECKPOINT_BYTES = 16 * 1024;
/** A signature begins with the first bytes of the ID of the log that made it. */
const HINT_BYTES = 4;
const SIGNATURE_LINE = /^\u2014 (\S+) (\S+)$/;

/**
 * A checkpoint as the library may read it: with the signatures of these logs alone, and a size that is a number. The
 * library makes a regular expression of each signer's name, so that a hostile one would block the process for as long
 * as it likes; a name that stands in a known log's address cannot. Lines of others (witnesses) are not signed over, so
 * they may go. C2SP tlog-checkpoint, signed-note. @throws SIGNATURE_INVALID
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
  if (lines.length === 0) throw refused('log-proof', 'its log has not signed its checkpoint');
  return `${text.slice(0, split + 2)}${lines.join('\n')}\n`;
}
