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

/** The next page of a list, or the text of a link that is not followed. */
export type NextPage =
  | { readonly kind: 'page'; readonly url: URL }
  | { readonly kind: 'elsewhere'; readonly target: string };

/**
 * Returns the next page of a list; undefined for the last one. It is asked of the origin of the page before, since the
 * request carries credentials, and a header must not choose where they go. Registries behind a proxy may name the
 * scheme and the port that they themselves listen on: only the path and the query of the link count.
 */
export function nextPage(header: string | undefined, page: URL): NextPage | undefined {
  const target = header === undefined ? undefined : nextTarget(header);
  if (target === undefined) return undefined;
  const named = URL.canParse(target, page.href) ? new URL(target, page) : undefined;
  if (named === undefined || named.hostname !== page.hostname) return { kind: 'elsewhere', target };
  // The first character of a path, which may be another slash, must not begin a host.
  return { kind: 'page', url: new URL(`${page.origin}${named.pathname}${named.search}`) };
}

/** Says that a list goes on where it is not read. */
function tellOfRest({ context, registry }: Session, what: string, target: string): void {
  const place = URL.canParse(target) ? new URL(target).host : 'no valid URL';
  const why = `${registry} has the next page at another host (${place}), which is not asked`;
  const message = `${what} is not complete: ${why}`;
  context.onEvent?.({ kind: 'warning', message });
}

/**
 * Reads a list in pages along `Link: rel="next"`, all of the same origin: each of up to 4 MiB or the session's limit,
 * all together of up to 32 MiB or that limit.
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
        const following = isPage ? nextPage([response.headers.link].flat().join(','), response.url) : undefined;
        if (following?.kind === 'elsewhere') tellOfRest(session, what, following.target);
        return following?.kind === 'page' ? following.url : undefined;
      },
      signal,
    );
    const why = next !== undefined && visited.has(next.href) ? 'its pages form a cycle' : undefined;
    if (why !== undefined || (next !== undefined && visited.size >= MAX_PAGES)) {
      throw new TsimgError('REGISTRY_ERROR', `cannot get ${what}`, { why: why ?? `more than ${MAX_PAGES} pages` });
    }
  }
}
