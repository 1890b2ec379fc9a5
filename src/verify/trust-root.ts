import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { logIdsOf, sameBytes } from '../crypto/public-key.ts';
import { TsimgError } from '../errors.ts';
import { parseJson } from '../oci/document.ts';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';
/** The public-good root has 12 KB. */
const MAX_ROOT_BYTES = 1024 * 1024;

/** The trusted transparency logs, certificate authorities, certificate logs and timestamp authorities. */
export interface TrustRoot {
  readonly material: TrustMaterial;
  /** The newest log in the root, which tells how old the root is; `--debug` prints it. */
  readonly newestLog: { readonly url: string; readonly start: Date } | undefined;
}

function invalid(where: string, why: string, cause?: unknown): TsimgError {
  return new TsimgError('TRUST_ROOT_INVALID', 'not a trusted root', {
    where,
    why,
    hint: 'a trusted_root.json of Sigstore is expected; tsimg trust update fetches the public one',
    cause,
  });
}

type LogInstance = TrustedRoot['tlogs'][number];

/** Returns whether a log's ID is the hash of its key. With another ID, a log could speak for another log. */
function isIdOfKey({ logId, publicKey, baseUrl }: LogInstance): boolean {
  const [id, key] = [logId?.keyId, publicKey?.rawBytes];
  if (id === undefined || key === undefined) return false;
  return logIdsOf(key, baseUrl.replace(/^https?:\/\//, '')).some((own) => sameBytes(own, id));
}

/**
 * Checks that logs and authorities have a start of validity, a certificate, and the right ID. Without a start, a key
 * would be valid for all of the past.
 */
function checkPeriods(root: TrustedRoot, where: string): void {
  const logs = [...root.tlogs, ...root.ctlogs];
  const starts = [
    ...logs.map(({ publicKey }) => publicKey?.validFor?.start),
    ...[...root.certificateAuthorities, ...root.timestampAuthorities].map(({ validFor }) => validFor?.start),
  ];
  if (starts.includes(undefined)) throw invalid(where, 'a log or an authority has no validFor.start');
  const chains = [...root.certificateAuthorities, ...root.timestampAuthorities].map(({ certChain }) => certChain);
  if (chains.some((chain) => (chain?.certificates.length ?? 0) === 0)) {
    throw invalid(where, 'an authority has no certificate');
  }
  if (!logs.every(isIdOfKey)) throw invalid(where, 'the ID of a log is not that of its key');
}

/** Parses trusted_root.json, version 0.1. @param where the file's path, for errors @throws TRUST_ROOT_INVALID */
export function parseTrustRoot(bytes: Uint8Array, where: string): TrustRoot {
  if (bytes.length > MAX_ROOT_BYTES) throw invalid(where, 'the file is too large');
  try {
    const json = parseJson(bytes, 'a trusted root', where);
    const mediaType = typeof json === 'object' && json !== null && 'mediaType' in json ? json.mediaType : undefined;
    if (mediaType !== MEDIA_TYPE) throw invalid(where, `its mediaType is not ${MEDIA_TYPE}`);
    const root = TrustedRoot.fromJSON(json);
    checkPeriods(root, where);
    const logs = root.tlogs.map(({ baseUrl, publicKey }) => ({
      url: baseUrl,
      start: publicKey?.validFor?.start ?? new Date(0),
    }));
    const newestLog = logs.toSorted((a, b) => b.start.getTime() - a.start.getTime())[0];
    return { material: toTrustMaterial(root), newestLog };
  } catch (error) {
    if (error instanceof TsimgError && error.code === 'TRUST_ROOT_INVALID') throw error;
    throw invalid(where, 'it cannot be read', error);
  }
}
