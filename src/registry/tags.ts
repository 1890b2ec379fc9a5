import { z } from 'zod';
import { checkDocument, parseJson } from '../oci/document.ts';
import { responseError } from './http/response-error.ts';
import { readPages } from './pages.ts';
import type { Session } from './session.ts';

const pageSchema = z.object({ tags: z.array(z.string().max(1024)).nullish() });

/**
 * Lists the tags of a repository, in the registry's order (distribution spec, "Listing Tags"); undefined when there is
 * no such repository. @throws REGISTRY_ERROR, DOCUMENT_INVALID, LIMIT_EXCEEDED
 */
export async function listTags(session: Session, signal?: AbortSignal): Promise<readonly string[] | undefined> {
  const { repository } = session;
  const what = `list of tags of ${repository}`;
  const tags = new Set<string>();
  let exists = true;
  const list = { what, path: `/v2/${repository}/tags/list`, accept: 'application/json', signal };
  await readPages(session, list, async (response, body) => {
    if (response.status !== 200) {
      const error = await responseError(response, `cannot get ${what}`);
      if (response.status !== 404) throw error;
      exists = false;
      return false;
    }
    const page = checkDocument(pageSchema, parseJson(await body(), what, repository), what, repository);
    for (const tag of page.tags ?? []) tags.add(tag);
    return true;
  });
  return exists ? [...tags] : undefined;
}
