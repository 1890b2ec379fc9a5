import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts';
import { parseImageIndex } from '../oci/image-index.ts';
import { documentKindOf, MEDIA_TYPE } from '../oci/media-type.ts';
import { getDocument } from './document.ts';
import { discard } from './http/body.ts';
import { responseError } from './http/response-error.ts';
import { readPages } from './pages.ts';
import type { Session } from './session.ts';

/** Statuses of registries without the referrers API; docker-registry before 3.0 takes it for an unknown page. */
const UNSUPPORTED = new Set([404, 405]);

/**
 * Lists the referrers of a manifest (signatures, SBOMs) by the referrers API (distribution spec, "Listing Referrers");
 * for a registry without it, by the tag `sha256-HEX` that clients maintain instead.
 * @throws REGISTRY_ERROR, DOCUMENT_INVALID, LIMIT_EXCEEDED
 */
export async function listReferrers(session: Session, subject: Digest): Promise<readonly Descriptor[]> {
  const { repository } = session;
  const what = `referrers of ${repository}@${subject}`;
  const found = new Map<Digest, Descriptor>();
  let supported = true;
  const add = (bytes: Buffer) => {
    for (const referrer of parseImageIndex(bytes, MEDIA_TYPE.ociIndex, what).manifests)
      found.set(referrer.digest, referrer);
  };
  const list = { what, path: `/v2/${repository}/referrers/${subject}`, accept: MEDIA_TYPE.ociIndex };
  await readPages(session, list, async (response, body) => {
    const isIndex = documentKindOf(response.headers['content-type'] ?? '') === 'index';
    if (response.status === 200 && isIndex) {
      add(await body());
      return true;
    }
    supported = response.status !== 200 && !UNSUPPORTED.has(response.status);
    if (supported) throw await responseError(response, `cannot get ${what}`);
    await discard(response); // some front ends answer any path with an HTML page
    return false;
  });
  if (supported) return [...found.values()];
  const fallback = await getDocument(session, `${algorithmOf(subject)}-${hexOf(subject)}`);
  if (fallback !== undefined && documentKindOf(fallback.descriptor.mediaType) === 'index') add(fallback.bytes);
  return [...found.values()];
}
