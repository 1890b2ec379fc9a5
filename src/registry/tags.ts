import { checkDocument, parseJson } from '../oci/document.ts';
import * as z from '../schema/zod.ts';
import { responseError } from './http/response-error.ts';
import { readPages } from './pages.ts';
import type { Session } from './session.ts';

const pageSchema = z.object({ tags: z.nullish(z.array(z.string().check(z.maxLength(1024)))) });

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
