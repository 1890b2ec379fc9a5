import type { Readable } from 'node:stream';
import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { discard } from './http/body.ts';
import { isLoopback } from './http/endpoint.ts';
import type { HttpResponse } from './http/http.ts';
import { responseError } from './http/response-error.ts';
import { askInOrder, type Failure, goOn, reachable, withFailures } from './over-hosts.ts';
import { openResumable, type ResumableOptions, readResuming } from './resume.ts';
import type { Session, SessionRequest } from './session.ts';

export interface BlobOptions {
  /** Whether a layer that the registry lacks may be fetched from the `urls` in its descriptor. */
  readonly allowForeignUrls: boolean;
  /** Bytes that the caller has already, fewer than the blob has: the content begins after them. Default 0. */
  readonly offset?: number | undefined;
  /** Default: that of the session. */
  readonly signal?: AbortSignal | undefined;
}

/** The usable URLs of a foreign layer: HTTPS, or this machine. */
function foreignUrls(descriptor: Descriptor): readonly URL[] {
  return (descriptor.urls ?? [])
    .filter((text) => URL.canParse(text))
    .map((text) => new URL(text))
    .filter((url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)));
}

/**
 * Opens a blob by digest (distribution spec, "Pulling blobs"); a broken connection is resumed, at the next host where
 * there is one. **Not verified**: pass the stream through `verified`. Foreign `urls` are used only when the caller
 * allows it and the registry lacks the blob, and never with credentials (CVE-2020-15157).
 * @param sessions the hosts to ask, in order
 * @throws BLOB_NOT_FOUND and the errors of the session; the stream fails with the same
 */
export function openBlob(
  sessions: readonly Session[],
  descriptor: Descriptor,
  options: BlobOptions,
): Promise<Readable> {
  return openResumable(resumable(sessions, descriptor, options));
}

/** The same as chunks, without a stream. The request is sent when the first one is asked for. @throws as `openBlob` */
export function readBlob(
  sessions: readonly Session[],
  descriptor: Descriptor,
  options: BlobOptions,
): AsyncGenerator<Buffer, void> {
  return readResuming(resumable(sessions, descriptor, options));
}

function resumable(sessions: readonly Session[], descriptor: Descriptor, options: BlobOptions): ResumableOptions {
  const hosts = reachable(sessions);
  const last = hosts.at(-1) ?? hosts[0];
  const what = `blob ${descriptor.digest}`;
  const failures: Failure[] = [];
  const current = () => hosts[failures.length] ?? last;
  const request = (range: string | undefined, signal: AbortSignal | undefined): Promise<HttpResponse> => {
    const session = current();
    const headers = range === undefined ? {} : { range };
    const asked = { method: 'GET', headers, what, signal } as const;
    return session === last
      ? requestLast(session, descriptor, asked, options.allowForeignUrls)
      : session.attempt({ ...asked, path: pathOf(session, descriptor) });
  };
  const elsewhere = (error: TsimgError): boolean => {
    const next = hosts[failures.length + 1];
    if (next === undefined) return false;
    failures.push(goOn(current(), next, what, error));
    return true;
  };
  const explain = (error: TsimgError) => withFailures(error, last, failures);
  const context = { ...last.context, signal: options.signal ?? last.context.signal };
  const { offset } = options;
  return { what, size: descriptor.size, offset, request, retry: last.retry, elsewhere, explain, context };
}

const pathOf = ({ repository }: Session, { digest }: Descriptor) => `/v2/${repository}/blobs/${digest}`;

/**
 * Returns whether one of the hosts that a blob is fetched from has it, with this size where the host tells one. Asks
 * for the right to pull only, not to push.
 * @throws the errors of the session; REGISTRY_ERROR for a refusal
 */
export async function findBlob(
  sessions: readonly Session[],
  descriptor: Descriptor,
  signal?: AbortSignal,
): Promise<boolean> {
  const what = `blob ${descriptor.digest}`;
  const ask = (session: Session) =>
    session.retrying(what, async () => {
      const response = await session.attempt({ method: 'HEAD', path: pathOf(session, descriptor), what, signal });
      const { status, headers } = response;
      if (status !== 200 && status !== 404) throw await responseError(response, `cannot look for ${what}`);
      await discard(response);
      const length = headers['content-length'];
      const isThere = status === 200 && (length === undefined || Number(length) === descriptor.size);
      return isThere ? true : undefined;
    });
  return (await askInOrder(sessions, { what, ask })) ?? false;
}

/** Asks the last host, and where it lacks a foreign layer, the URLs of that. */
async function requestLast(
  session: Session,
  descriptor: Descriptor,
  asked: Omit<SessionRequest, 'path'>,
  allowForeignUrls: boolean,
): Promise<HttpResponse> {
  const response = await session.attempt({ ...asked, path: pathOf(session, descriptor) });
  if (response.status !== 404 || descriptor.urls === undefined) return response;
  const foreign = foreignUrls(descriptor);
  if (!allowForeignUrls) {
    const hosts = foreign.map((url) => url.host).join(', ');
    await discard(response);
    throw new TsimgError('BLOB_NOT_FOUND', `cannot get ${asked.what}`, {
      where: session.repository,
      why: 'it is a foreign layer, which the registry does not keep',
      hint: `--allow-foreign-urls of pull and copy fetches it from ${hosts || 'its URLs'}`,
    });
  }
  for (const url of foreign) {
    const other = await session.sendAnonymous({ ...asked, url });
    if (other.status === 200 || other.status === 206) {
      await discard(response);
      return other;
    }
    await discard(other);
  }
  return response;
}
