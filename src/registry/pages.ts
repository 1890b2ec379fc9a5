import { TsimgError } from '../errors.ts';
import { documentBound } from '../image/read-document.ts';
import { readBody } from './http/body.ts';
import type { HttpResponse } from './http/http.ts';
import { htmlError, isHtml } from './http/response-error.ts';
import type { Session } from './session.ts';

const MAX_PAGES = 1000;
/** The most bytes of all pages of a list: a hundred thousand tags have some four million. */
const MAX_LIST_BYTES = 32 * 1024 * 1024;

/** A list that a registry sends in pages. */
export interface PagedList {
  /** For errors and events: `list of tags of library/alpine`. */
  readonly what: string;
  /** Of the first page. */
  readonly path: string;
  /** The media type of a page. */
  readonly accept: string;
  /** Ends the requests; default: the session's. */
  readonly signal?: AbortSignal | undefined;
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
 * Reads a list in pages along `Link: rel="next"` on the same origin: each of up to 4 MiB or the session's limit, all
 * together of up to 32 MiB or that limit.
 * @param read takes a page's bytes, or returns false for a response that is no page: the list ends there
 * @throws REGISTRY_ERROR for pages that form a cycle, or that do not end; LIMIT_EXCEEDED
 */
export async function readPages(
  session: Session,
  { what, path, accept, signal = session.context.signal }: PagedList,
  read: (response: HttpResponse, body: () => Promise<Buffer>) => Promise<boolean>,
): Promise<void> {
  const bound = documentBound(session.documentLimit);
  const most = Math.max(MAX_LIST_BYTES, bound.bytes);
  let total = 0;
  const readPage = async (response: HttpResponse): Promise<Buffer> => {
    const bytes = await readBody(response, bound, signal);
    total += bytes.length;
    if (total > most) {
      throw new TsimgError('LIMIT_EXCEEDED', `${what} is too long`, {
        where: session.registry,
        why: `its pages have more than ${most} bytes`,
        hint: `raise the limit with ${bound.option} if you trust where it comes from`,
        facts: { limit: most, option: bound.option },
      });
    }
    if (isHtml(bytes)) throw htmlError(what, response, bytes);
    return bytes;
  };
  const visited = new Set<string>();
  let next: string | URL | undefined = path;
  while (next !== undefined) {
    const page: string | URL = next;
    next = await session.retrying(
      what,
      async () => {
        const response = await session.attempt({ method: 'GET', path: page, headers: { accept }, what, signal });
        visited.add(response.url.href);
        const isPage = await read(response, () => readPage(response));
        return isPage ? nextPage([response.headers.link].flat().join(','), response.url) : undefined;
      },
      signal,
    );
    const why = next !== undefined && visited.has(next.href) ? 'its pages form a cycle' : undefined;
    if (why !== undefined || visited.size >= MAX_PAGES) {
      throw new TsimgError('REGISTRY_ERROR', `cannot get ${what}`, { why: why ?? `more than ${MAX_PAGES} pages` });
    }
  }
}
