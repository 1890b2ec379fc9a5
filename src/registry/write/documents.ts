import { TsimgError } from '../../errors.ts';
import { algorithmOf, isDigest } from '../../oci/digest.ts';
import { documentName, type FetchedDocument } from '../document.ts';
import { discard } from '../http/body.ts';
import { responseError } from '../http/response-error.ts';
import type { Session } from '../session.ts';

/** The answer of a registry that has taken a manifest. */
export interface PutReport {
  /** Whether it lists the manifest among the referrers of its subject by itself (`OCI-Subject`). */
  readonly listsReferrers: boolean;
}

/**
 * Puts a manifest or index at a tag, or at its own digest. Distribution spec, "Pushing Manifests".
 * @throws REGISTRY_ERROR, also where the registry names another digest; REGISTRY_UNREACHABLE, AUTHENTICATION_…
 */
export function putDocument(
  session: Session,
  { descriptor, bytes }: FetchedDocument,
  version: string,
  signal?: AbortSignal,
): Promise<PutReport> {
  const what = documentName(session, version);
  return session.retrying(
    what,
    async () => {
      const path = `/v2/${session.repository}/manifests/${version}`;
      const headers = { 'content-type': descriptor.mediaType };
      const request = { method: 'PUT', access: { kind: 'push' }, path, headers, body: bytes, what, signal } as const;
      const response = await session.attempt(request);
      if (response.status !== 201 && response.status !== 200 && response.status !== 202) {
        const hint = response.status === 413 ? 'the registry takes no manifest of this size' : undefined;
        throw await responseError(response, `cannot push ${what}`, hint === undefined ? {} : { hint });
      }
      await discard(response);
      const kept = response.headers['docker-content-digest'];
      const isComparable =
        typeof kept === 'string' && isDigest(kept) && algorithmOf(kept) === algorithmOf(descriptor.digest);
      if (isComparable && kept !== descriptor.digest) {
        throw new TsimgError('REGISTRY_ERROR', `cannot push ${what}`, {
          where: session.repository,
          why: `the registry has kept other bytes than were sent, with the digest ${kept}`,
          facts: { expected: descriptor.digest, found: kept },
        });
      }
      return { listsReferrers: response.headers['oci-subject'] !== undefined };
    },
    signal,
  );
}

/** How a manifest or tag is deleted. */
export interface DeleteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called when the registry refuses to delete a tag: returns what else can be done. */
  readonly onTagRefused?: ((status: number) => Promise<string>) | undefined;
}

/** @param status 400 where the registry deletes no tags; 405 also where it deletes nothing */
async function deletionHint(version: string, status: number, { onTagRefused }: DeleteOptions): Promise<string> {
  if (isDigest(version)) return 'its operator may have turned deleting off';
  return (await onTagRefused?.(status)) ?? 'the registry may delete no tags; the manifest may be deleted by its digest';
}

/**
 * Deletes a manifest by its digest, or a tag. Distribution spec, "Content Management".
 * @returns false where there is no such manifest or tag
 * @throws REGISTRY_ERROR, also where the registry deletes nothing, or no tags; AUTHENTICATION_…
 */
export function deleteDocument(session: Session, version: string, options: DeleteOptions = {}): Promise<boolean> {
  const { signal } = options;
  const what = documentName(session, version);
  let attempts = 0;
  return session.retrying(
    what,
    async () => {
      const path = `/v2/${session.repository}/manifests/${version}`;
      attempts += 1;
      const response = await session.attempt({ method: 'DELETE', access: { kind: 'delete' }, path, what, signal });
      if ([200, 202, 204].includes(response.status)) {
        await discard(response);
        return true;
      }
      if (response.status === 404) {
        await discard(response);
        // The registry may have obeyed an attempt whose answer was lost.
        return attempts > 1;
      }
      const isRefused = response.status === 400 || response.status === 405;
      const hint = isRefused ? { hint: await deletionHint(version, response.status, options) } : {};
      throw await responseError(response, `cannot delete ${what}`, hint);
    },
    signal,
  );
}
