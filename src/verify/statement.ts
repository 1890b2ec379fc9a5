import { type Digest, hexOf, isDigest } from '../oci/digest.ts';
import { checkDocument, parseJson } from '../oci/document.ts';
import * as z from '../schema/zod.ts';
import { checkAnnotations, type WantedAnnotations } from './payload.ts';
import { refused } from './refuse.ts';
import type { Envelope } from './signed-content.ts';

const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
const STATEMENT_TYPES = new Set(['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1']);

const statementSchema = z.object({
  _type: z.string(),
  predicateType: z.string(),
  subject: z.array(
    z.object({
      digest: z.record(z.string(), z.string()),
      annotations: z.nullish(z.record(z.string(), z.unknown())),
    }),
  ),
});

/** The images and the predicate type that a statement must have. */
export interface WantedStatement {
  readonly digests: readonly Digest[];
  readonly predicateType: string;
  readonly annotations?: WantedAnnotations | undefined;
}

/**
 * Checks that a signed envelope holds an in-toto statement of the wanted type about one of these images. Returns the
 * digest of the image. in-toto attestation, spec/v1/statement.md.
 * @throws SIGNATURE_INVALID
 */
export function checkStatement(
  { payloadType, payload }: Envelope,
  { digests, predicateType, annotations = {} }: WantedStatement,
): Digest {
  if (payloadType !== PAYLOAD_TYPE) throw refused('payload-type', `its payload is of the type ${payloadType}`);
  const json = parseJson(payload, 'the statement', 'signature');
  const statement = checkDocument(statementSchema, json, 'the statement', 'signature');
  if (!STATEMENT_TYPES.has(statement._type))
    throw refused('payload-type', `its statement is of the type ${statement._type}`);
  if (statement.predicateType !== predicateType) {
    throw refused('predicate-type', `its predicate has the type ${statement.predicateType}`);
  }
  for (const subject of statement.subject) {
    const hex = Object.hasOwn(subject.digest, 'sha256') ? subject.digest.sha256 : undefined;
    const digest = digests.find((each) => each.startsWith('sha256:') && hexOf(each) === hex);
    if (digest === undefined) continue;
    checkAnnotations(annotations, subject.annotations ?? {});
    return digest;
  }
  const others = statement.subject.map(({ digest }) => `sha256:${digest.sha256}`).filter(isDigest);
  throw refused('subject', `signed for ${others[0] ?? 'something else'}`);
}
