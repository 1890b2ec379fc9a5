import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';
import { parseImageIndex } from '../oci/image-index.ts';
import { documentKindOf, MEDIA_TYPE } from '../oci/media-type.ts';
import { referrersTag } from '../oci/reference.ts';
import { getDocument } from './document.ts';
import { discard } from './http/body.ts';
import { responseError } from './http/response-error.ts';
import { readPages } from './pages.ts';
import type { Session } from './session.ts';

/** Statuses of registries without the referrers API; docker-registry before 3.0 takes it for an unknown page. */
const UNSUPPORTED = new Set([404, 405]);

/**
 * Asks the referrers API (distribution spec, "Listing Referrers"); undefined where the registry has none.
 * @throws REGISTRY_ERROR, DOCUMENT_INVALID, LIMIT_EXCEEDED
 */
export async function askReferrersApi(
  session: Session,
  subject: Digest,
  signal?: AbortSignal,
): Promise<readonly Descriptor[] | undefined> {
  const { repository } = session;
  const what = `referrers of ${repository}@${subject}`;
  const found = new Map<Digest, Descriptor>();
  let supported = true;
  const add = (bytes: Buffer) => {
    for (const referrer of parseImageIndex(bytes, MEDIA_TYPE.ociIndex, what).manifests)
      found.set(referrer.digest, referrer);
  };
  const list = { what, path: `/v2/${repository}/referrers/${subject}`, accept: MEDIA_TYPE.ociIndex, signal };
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
  return supported ? [...found.values()] : undefined;
}

/**
 * Lists the referrers of a manifest (signatures, SBOMs) by the referrers API; for a registry without it, by the tag
 * `sha256-HEX` that clients maintain instead. An index there that is not valid gives a warning and counts as empty; a
 * document that is no index counts as empty, too.
 * @throws REGISTRY_ERROR, DOCUMENT_INVALID, LIMIT_EXCEEDED
 */
export async function listReferrers(
  session: Session,
  subject: Digest,
  signal?: AbortSignal,
): Promise<readonly Descriptor[]> {
  const found = await askReferrersApi(session, subject, signal);
  if (found !== undefined) return found;
  const tag = referrersTag(subject);
  const where = `${session.repository}:${tag}`;
  const list = await getDocument(session, tag, { signal });
  if (list === undefined || documentKindOf(list.descriptor.mediaType) !== 'index') return [];
  try {
    const { manifests } = parseImageIndex(list.bytes, MEDIA_TYPE.ociIndex, where);
    return [...new Map(manifests.map((referrer) => [referrer.digest, referrer])).values()];
  } catch (error) {
    if (!(error instanceof TsimgError) || error.code !== 'DOCUMENT_INVALID') throw error;
    session.context.onEvent?.({ kind: 'warning', message: `no referrers are known: ${error.message}` });
    return [];
  }
}
