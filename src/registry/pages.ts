import { TsimgError } from '../errors.ts';
import { MAX_DOCUMENT_BYTES } from '../oci/document.ts';
import { readBody } from './http/body.ts';
import type { HttpResponse } from './http/http.ts';
import { htmlError, isHtml } from './http/response-error.ts';
import type { Session } from './session.ts';

const MAX_PAGES = 1000;

/** A list that a registry sends in pages. */
export interface PagedList {
  /** For errors and events: `list of tags of library/alpine`. */
  readonly what: string;
  /** Of the first page. */
  readonly path: string;
  /** The media type of a page. */
  readonly accept: string;
}

/** The target of `rel="next"` in a Link header (RFC 8288), unchanged; undefined when there is none. */
function nextTarget(header: string): string | undefined {
  for (const [, target, parameters] of header.matchAll(
    /<([^>]*)>((?:\s*;\s*[^\s;,="]+(?:\s*=\s*(?:"[^"]*"|[^\s;,"]*))?)*)/g,
  )) {
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=\s|;|,|$))/i.test(parameters ?? '')) return target;
  }
  return undefined;
}

/**
 * Returns the URL of a list's next page, if it is of the same origin: the request carries credentials, and a header
 * must not choose where they go.
 */
export function nextPage(header: string | undefined, page: URL): URL | undefined {
  const target = header === undefined ? undefined : nextTarget(header);
  if (target === undefined || !URL.canParse(target, page.href)) return undefined;
  const next = new URL(target, page);
  return next.origin === page.origin && next.username === '' && next.password === '' ? next : undefined;
}

/**
 * Reads a list in pages of up to 4 MiB each, along `Link: rel="next"` on the same origin.
 * @param read takes a page's bytes, or returns false for a response that is no page: the list ends there
 * @throws REGISTRY_ERROR for pages that form a cycle, or that do not end
 */
export async function readPages(
  session: Session,
  { what, path, accept }: PagedList,
  read: (response: HttpResponse, body: () => Promise<Buffer>) => Promise<boolean>,
): Promise<void> {
  const readPage = async (response: HttpResponse): Promise<Buffer> => {
    const bytes = await readBody(response, MAX_DOCUMENT_BYTES, session.context.signal);
    if (isHtml(bytes)) throw htmlError(what, response, bytes);
    return bytes;
  };
  const visited = new Set<string>();
  let next: string | URL | undefined = path;
  while (next !== undefined) {
    const page: string | URL = next;
    next = await session.retrying(what, async () => {
      const response = await session.attempt({ method: 'GET', path: page, headers: { accept }, what });
      visited.add(response.url.href);
      const isPage = await read(response, () => readPage(response));
      return isPage ? nextPage([response.headers.link].flat().join(','), response.url) : undefined;
    });
    const why = next !== undefined && visited.has(next.href) ? 'its pages form a cycle' : undefined;
    if (why !== undefined || visited.size >= MAX_PAGES) {
      throw new TsimgError('REGISTRY_ERROR', `cannot get ${what}`, { why: why ?? `more than ${MAX_PAGES} pages` });
    }
  }
}
