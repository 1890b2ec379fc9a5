import { TsimgError } from '../../errors.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { OpenContent } from '../../streams/content.ts';
import { redactUrl } from '../failure/redact.ts';
import { discard } from '../http/body.ts';
import type { Body, HttpResponse } from '../http/http.ts';
import { responseError } from '../http/response-error.ts';
import { countAttempts } from '../http/retry.ts';
import type { Session, SessionRequest } from '../session.ts';
import { readSections, type Sections } from './sections.ts';

/** How a blob is uploaded. */
export interface UploadOptions {
  /** A repository of the same registry that may have the blob: it is mounted from there, and not sent. */
  readonly mountFrom?: string | undefined;
  /** Bytes of a request, for registries behind a front end with a limit. Absent: the blob is sent in one request. */
  readonly chunkSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An upload that the registry has begun. */
interface Upload {
  /** Where its next bytes go. The registry may choose another place after each request. */
  readonly place: URL;
  /** Bytes that the registry has. */
  readonly offset: number;
  /** Bytes that a chunk must have at least, but for the last one. */
  readonly least: number;
}

const PUSH = { kind: 'push' } as const;
const BYTES = 'application/octet-stream';
/** Milliseconds that the end of a failed upload may take. */
const GIVING_UP = 2000;

/** A blob that is uploaded, and its session. */
interface Uploading extends UploadOptions {
  readonly session: Session;
  readonly descriptor: Descriptor;
  readonly sections: Sections;
  readonly what: string;
}

/**
 * The place that a response names. A registry behind a front end that ends TLS may name its own scheme: the place is on
 * the same host then, and bytes go there as the request did. @throws REGISTRY_ERROR
 */
function placeOf(response: HttpResponse): URL {
  const { location } = response.headers;
  const invalid = (why: string) =>
    new TsimgError('REGISTRY_ERROR', 'the registry names no place for an upload', {
      where: redactUrl(response.url),
      why,
    });
  if (location === undefined || !URL.canParse(location, response.url.href)) throw invalid('it sends no Location');
  const place = new URL(location, response.url);
  if (response.url.protocol === 'https:' && place.protocol === 'http:' && place.hostname === response.url.hostname) {
    place.protocol = 'https:';
    place.port = response.url.port;
  }
  const isPlain = place.protocol === 'http:' && response.url.protocol === 'http:';
  if (place.protocol !== 'https:' && !isPlain) throw invalid(`it leads to ${place.protocol}`);
  place.username = '';
  place.password = '';
  return place;
}

/** The number of bytes that an upload has, from its `Range`; undefined where that does not tell. */
function receivedBytes(header: string | undefined): number | undefined {
  const end = /^\s*(?:bytes=)?0-(\d{1,15})\s*$/.exec(header ?? '')?.[1];
  // Registries write 0-0 for one byte and for none.
  return end === undefined || end === '0' ? undefined : Number(end) + 1;
}

function leastOf(response: HttpResponse): number {
  const text = String(response.headers['oci-chunk-min-length'] ?? '');
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}

/** Sends one request of an upload; resolves with a response that has one of these statuses. @throws REGISTRY_ERROR */
async function ask(
  { session, what, signal }: Uploading,
  request: Omit<SessionRequest, 'what' | 'signal'>,
  statuses: readonly number[],
): Promise<HttpResponse> {
  const response = await session.attempt({ access: PUSH, ...request, what, signal });
  if (!statuses.includes(response.status)) {
    const hint = response.status === 413 ? 'send it in smaller requests: --chunk-size' : undefined;
    throw await responseError(response, `cannot push ${what}`, hint === undefined ? {} : { hint });
  }
  await discard(response);
  return response;
}

/** Begins an upload, or mounts the blob; undefined where it is mounted. Distribution spec, "Pushing blobs" */
async function begin(uploading: Uploading): Promise<Upload | undefined> {
  const { session, descriptor, mountFrom } = uploading;
  const path = `/v2/${session.repository}/blobs/uploads/`;
  const from = mountFrom === session.repository ? undefined : mountFrom;
  let response: HttpResponse | undefined;
  if (from !== undefined) {
    const query = new URLSearchParams({ mount: descriptor.digest, from });
    const access = { kind: 'push', from } as const;
    try {
      response = await ask(uploading, { method: 'POST', access, path: `${path}?${query}` }, [201, 202]);
    } catch (error) {
      // The other repository may not be readable, or be unknown: then the blob is sent.
      if (!(error instanceof TsimgError) || !/^(?:AUTHENTICATION_|REGISTRY_ERROR)/.test(error.code)) throw error;
    }
    if (response?.status === 201) return undefined;
  }
  response ??= await ask(uploading, { method: 'POST', path }, [202]);
  return { place: placeOf(response), offset: 0, least: leastOf(response) };
}

/** Asks how far an upload has come; undefined where there is no answer. */
async function askAbout(uploading: Uploading, { place }: Upload): Promise<HttpResponse | undefined> {
  const { session, what, signal } = uploading;
  try {
    const response = await session.attempt({ method: 'GET', access: PUSH, path: place, what, signal });
    await discard(response);
    return response;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof TsimgError) return undefined;
    throw error;
  }
}

/**
 * Asks how many bytes of an upload the registry has. Undefined where it does not say: the upload is begun anew then,
 * and this one is given up, unless the registry has forgotten it.
 */
async function findOut(uploading: Uploading, upload: Upload): Promise<Upload | undefined> {
  const response = await askAbout(uploading, upload);
  if (response?.status === 404) return undefined;
  const isTold = response?.status === 204 || response?.status === 202;
  const place = isTold && response.headers.location !== undefined ? placeOf(response) : upload.place;
  const offset = isTold ? receivedBytes(response.headers.range) : undefined;
  if (offset !== undefined && offset <= uploading.descriptor.size) return { ...upload, place, offset };
  await giveUp(uploading, { ...upload, place });
  return undefined;
}

/** The place with the digest, which ends the upload. Its other parameters stay as they were written. */
function closing(place: URL, { digest }: Descriptor): URL {
  const separator = place.search === '' ? '?' : '&';
  return new URL(`${place.href.replace(/\?$/, '')}${separator}digest=${encodeURIComponent(digest)}`);
}

function bodyOf(sections: Sections, start: number, size: number): Body {
  return { size, open: () => sections.open(start, size) };
}

/** Sends what is missing. Each step is told, so that a broken upload goes on there. */
async function send(uploading: Uploading, begun: Upload, onStep: (upload: Upload) => void): Promise<void> {
  const { descriptor, sections, chunkSize = Number.POSITIVE_INFINITY } = uploading;
  const { size } = descriptor;
  const headers = { 'content-type': BYTES };
  if (begun.offset === 0 && size <= Math.max(chunkSize, begun.least)) {
    const path = closing(begun.place, descriptor);
    await ask(uploading, { method: 'PUT', path, headers, body: bodyOf(sections, 0, size) }, [201, 204]);
    return;
  }
  let upload = begun;
  while (upload.offset < size) {
    const { place, offset } = upload;
    const length = Math.min(Math.max(chunkSize, upload.least), size - offset);
    const range = { ...headers, 'content-range': `${offset}-${offset + length - 1}` };
    const body = bodyOf(sections, offset, length);
    const response = await ask(uploading, { method: 'PATCH', path: place, headers: range, body }, [202, 204]);
    upload = { place: placeOf(response), offset: offset + length, least: upload.least };
    onStep(upload);
  }
  await ask(uploading, { method: 'PUT', path: closing(upload.place, descriptor), headers }, [201, 204]);
}

/**
 * Tells the registry that an upload will not be ended, also after an abort. The registry removes it by itself in time,
 * so a failure is no matter.
 */
async function giveUp({ session, what }: Uploading, { place }: Upload): Promise<void> {
  const signal = AbortSignal.timeout(GIVING_UP);
  try {
    await discard(await session.attempt({ method: 'DELETE', access: PUSH, path: place, what, signal }));
  } catch {
    // The error that ended the upload is the one to tell.
  }
}

/** An upload that the registry has forgotten (404), or of which it has other bytes than was thought (416). */
function isLost({ facts }: TsimgError): boolean {
  return facts.status === 404 || facts.status === 416;
}

/**
 * Uploads a blob, or mounts it from another repository of the registry. A broken upload goes on where the registry says
 * that it ended; one that the registry has forgotten is begun anew. Distribution spec, "Pushing blobs".
 * @param open opens the content, verified against its descriptor; it is called again where bytes are sent again
 * @returns whether it was mounted
 * @throws REGISTRY_UNREACHABLE, REGISTRY_ERROR, AUTHENTICATION_…; the errors of the content
 */
export async function uploadBlob(
  session: Session,
  descriptor: Descriptor,
  open: OpenContent,
  options: UploadOptions = {},
): Promise<'mounted' | 'sent'> {
  await using sections = readSections(open);
  const what = `blob ${descriptor.digest}`;
  const uploading: Uploading = { ...options, session, descriptor, sections, what };
  const context = { ...session.context, signal: options.signal ?? session.context.signal };
  const attempts = countAttempts({ what, policy: session.retry, context });
  let upload: Upload | undefined;
  for (;;) {
    try {
      upload ??= await begin(uploading);
      if (upload === undefined) return 'mounted';
      await send(uploading, upload, (step) => {
        upload = step;
        attempts.progressed();
      });
      return 'sent';
    } catch (error) {
      sections.close();
      const begun: Upload | undefined = upload;
      try {
        await attempts.after(error, (failure) => begun !== undefined && isLost(failure));
      } catch (last) {
        if (begun !== undefined) await giveUp(uploading, begun);
        throw last;
      }
      upload = begun && (await findOut(uploading, begun));
      if (begun !== undefined && upload !== undefined && upload.offset > begun.offset) attempts.progressed();
    }
  }
}

/**
 * Whether a repository has a blob of this digest and size. Distribution spec, "Checking if content exists in the
 * registry". A refusal is told by the upload that follows: the answer to a HEAD has no words.
 * @throws REGISTRY_UNREACHABLE, REGISTRY_ERROR
 */
export function hasBlob(session: Session, { digest, size }: Descriptor, signal?: AbortSignal): Promise<boolean> {
  const what = `blob ${digest}`;
  return session.retrying(
    what,
    async () => {
      const path = `/v2/${session.repository}/blobs/${digest}`;
      const response = await session.attempt({ method: 'HEAD', access: PUSH, path, what, signal });
      await discard(response);
      const length = response.headers['content-length'];
      return response.status === 200 && (length === undefined || Number(length) === size);
    },
    signal,
  );
}
