import { gunzipSync } from 'node:zlib';
import { checkContent, digestOf } from '../crypto/digest.ts';
import { TsimgError } from '../errors.ts';
import { documentBound } from '../image/read-document.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { isDigest } from '../oci/digest.ts';
import { hasKey, MAX_DOCUMENT_BYTES, parseJson } from '../oci/document.ts';
import { documentKindOf, isManifestOrIndex, MEDIA_TYPE } from '../oci/media-type.ts';
import { discard, readBody } from './http/body.ts';
import type { HttpResponse } from './http/http.ts';
import { htmlError, isHtml, responseError } from './http/response-error.ts';
import { isTransient } from './http/retry.ts';
import type { Session } from './session.ts';

/** The accepted media types. Schema 1 is not among them, but a registry that has nothing else may send it. */
const ACCEPT = [MEDIA_TYPE.ociIndex, MEDIA_TYPE.dockerIndex, MEDIA_TYPE.ociManifest, MEDIA_TYPE.dockerManifest].join(
  ', ',
);

/** A manifest or index with its bytes. */
export interface FetchedDocument {
  /** Digest and size are computed from the bytes. */
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** A document of these bytes. */
export function documentOf(mediaType: string, bytes: Buffer): FetchedDocument {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

export interface DocumentOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the registry's refusal when there is no such document. */
  readonly onMissing?: ((refusal: TsimgError) => void) | undefined;
}

function bareType(response: HttpResponse): string {
  return response.headers['content-type']?.split(';', 1)[0]?.trim() ?? '';
}

/**
 * The Content-Type where it is a document's, else the media type in the document, else a guess by its fields: old
 * registries send text/plain. @throws DOCUMENT_INVALID
 */
function mediaTypeOf(announced: string, bytes: Buffer, { what, where }: { what: string; where: string }): string {
  if (documentKindOf(announced) !== 'other') return announced; // the parser's error is better
  if (bytes.length === 0) throw new TsimgError('DOCUMENT_INVALID', `${what} is empty`, { where });
  const value = parseJson(bytes, what, where);
  const own = hasKey(value, 'mediaType') ? (value as { mediaType: unknown }).mediaType : undefined;
  if (typeof own === 'string' && own !== '') return own.slice(0, 255);
  if (hasKey(value, 'manifests')) return MEDIA_TYPE.ociIndex;
  return hasKey(value, 'layers') ? MEDIA_TYPE.ociManifest : announced;
}

/** The name of a manifest or index in errors and events. @param version a tag or a digest */
export function documentName({ repository }: Pick<Session, 'repository'>, version: string): string {
  return `manifest of ${repository}${isDigest(version) ? '@' : ':'}${version}`;
}

/**
 * Resolves a tag by HEAD, which Docker Hub does not count; the answer is not verified. Undefined when only the document
 * itself can tell: the tag is missing, the answer is incomplete, or HEAD fails, as with some front ends.
 */
export async function headDocument(
  session: Session,
  version: string,
  signal?: AbortSignal,
): Promise<Descriptor | undefined> {
  const what = documentName(session, version);
  const path = `/v2/${session.repository}/manifests/${version}`;
  let response: HttpResponse;
  try {
    response = await session.attempt({ method: 'HEAD', path, headers: { accept: ACCEPT }, what, signal });
  } catch (error) {
    // One attempt is enough: the GET that follows is repeated, and reports the error.
    if (isTransient(error)) return undefined;
    throw error;
  }
  await discard(response);
  if (response.status !== 200) return undefined;
  const digest = response.headers['docker-content-digest'];
  const size = Number(response.headers['content-length']);
  const mediaType = bareType(response);
  if (typeof digest !== 'string' || !isDigest(digest) || !isManifestOrIndex(mediaType)) return undefined;
  return size > 0 && size <= MAX_DOCUMENT_BYTES ? { mediaType, digest, size } : undefined;
}

/** Removes the gzip compression that some front ends add unasked; Go's clients do so silently. */
function plainBody({ headers }: HttpResponse, bytes: Buffer, limit: number): Buffer {
  if (!/^(?:x-)?gzip$/i.test(headers['content-encoding'] ?? '') || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch {
    return bytes; // the parser's error is better
  }
}

/**
 * Fetches a manifest or index by tag or digest; undefined when there is none. The digest is computed from the bytes:
 * the one in the response's header is ignored.
 * @param version a tag, or a digest, which the bytes must have
 * @throws DIGEST_MISMATCH; DOCUMENT_INVALID for what is not JSON; LIMIT_EXCEEDED past 4 MiB or the session's limit;
 * REGISTRY_ERROR, REGISTRY_UNREACHABLE, AUTHENTICATION_…
 */
export function getDocument(
  session: Session,
  version: string,
  { signal, onMissing }: DocumentOptions = {},
): Promise<FetchedDocument | undefined> {
  const { repository } = session;
  const what = documentName(session, version);
  return session.retrying(
    what,
    async () => {
      const path = `/v2/${repository}/manifests/${version}`;
      const response = await session.attempt({ method: 'GET', path, headers: { accept: ACCEPT }, what, signal });
      if (response.status !== 200) {
        const error = await responseError(response, `cannot get ${what}`);
        if (response.status !== 404) throw error;
        onMissing?.(error);
        return undefined;
      }
      const bound = documentBound(session.documentLimit);
      const bytes = plainBody(response, await readBody(response, bound, signal), bound.bytes);
      if (isHtml(bytes)) throw htmlError(what, response, bytes);
      const mediaType = mediaTypeOf(bareType(response), bytes, { what, where: session.registry });
      const digest = isDigest(version) ? version : digestOf(bytes);
      const descriptor = { mediaType, digest, size: bytes.length };
      if (digest === version) checkContent(bytes, descriptor, what);
      return { descriptor, bytes };
    },
    signal,
  );
}
