import { pemToDer, sameBytes } from '../crypto/public-key.ts';
import { parseJson } from '../oci/document.ts';
import * as z from '../schema/zod.ts';
import { refused } from './refuse.ts';

/** The signer in a log entry of version 0.0.2: a key or a certificate, DER. */
const verifierV2 = z.object({
  x509Certificate: z.optional(z.object({ rawBytes: z.string() })),
  publicKey: z.optional(z.object({ rawBytes: z.string() })),
});

const BODIES = [
  {
    kind: 'hashedrekord',
    version: '0.0.1',
    schema: z.pipe(
      z.object({ spec: z.object({ signature: z.object({ publicKey: z.object({ content: z.string() }) }) }) }),
      z.transform(({ spec }) => [pemOf(spec.signature.publicKey.content)]),
    ),
  },
  {
    kind: 'dsse',
    version: '0.0.1',
    schema: z.pipe(
      z.object({ spec: z.object({ signatures: z.array(z.object({ verifier: z.string() })) }) }),
      z.transform(({ spec }) => spec.signatures.map(({ verifier }) => pemOf(verifier))),
    ),
  },
  {
    kind: 'intoto',
    version: '0.0.2',
    schema: z.pipe(
      z.object({
        spec: z.object({
          content: z.object({ envelope: z.object({ signatures: z.array(z.object({ publicKey: z.string() })) }) }),
        }),
      }),
      z.transform(({ spec }) => spec.content.envelope.signatures.map(({ publicKey }) => pemOf(publicKey))),
    ),
  },
  {
    kind: 'hashedrekord',
    version: '0.0.2',
    schema: z.pipe(
      z.object({ spec: z.object({ hashedRekordV002: z.object({ signature: z.object({ verifier: verifierV2 }) }) }) }),
      z.transform(({ spec }) => [rawOf(spec.hashedRekordV002.signature.verifier)]),
    ),
  },
  {
    kind: 'dsse',
    version: '0.0.2',
    schema: z.pipe(
      z.object({ spec: z.object({ dsseV002: z.object({ signatures: z.array(z.object({ verifier: verifierV2 })) }) }) }),
      z.transform(({ spec }) => spec.dsseV002.signatures.map(({ verifier }) => rawOf(verifier))),
    ),
  },
] as const;

function pemOf(base64: string): Buffer {
  return pemToDer(Buffer.from(base64, 'base64').toString('latin1'));
}

function rawOf({ x509Certificate, publicKey }: z.infer<typeof verifierV2>): Buffer {
  return Buffer.from(x509Certificate?.rawBytes ?? publicKey?.rawBytes ?? '', 'base64');
}

const bodyHead = z.object({ kind: z.string(), apiVersion: z.string() });

/**
 * Checks that a log entry is for the key or certificate that verifies the signature. The library compares only the
 * signature and the digest: the time of an entry for another certificate would count for this one (CVE-2026-22703).
 * @param body the entry, canonical JSON
 * @param signer the certificates and keys that may be in the entry, DER
 * @throws SIGNATURE_INVALID
 */
export function checkLogKey(body: Uint8Array, signer: readonly Uint8Array[]): void {
  const json = parseJson(body, 'a log entry', 'signature');
  const { kind, apiVersion } = bodyHead.parse(json);
  const known = BODIES.find((each) => each.kind === kind && each.version === apiVersion);
  if (known === undefined) throw refused('log-entry', `log entries of kind ${kind} ${apiVersion} are unsupported`);
  const found = known.schema.parse(json);
  const [key] = found;
  if (found.length !== 1 || key === undefined) throw refused('log-entry', 'its log entry has several signatures');
  if (!signer.some((der) => sameBytes(der, key))) {
    throw refused('log-key', 'its log entry is for another key or certificate');
  }
}
