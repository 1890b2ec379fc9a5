import type { Readable } from 'node:stream';
import { TsimgError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { freeingChunks } from '../streams/chunk-memory.ts';
import { discard } from './http/body.ts';
import { isLoopback } from './http/endpoint.ts';
import type { HttpResponse } from './http/http.ts';
import { openResumable, type ResumableOptions, readResuming } from './resume.ts';
import type { Session } from './session.ts';

export interface BlobOptions {
  /** Whether a layer that the registry lacks may be fetched from the `urls` in its descriptor. */
  readonly allowForeignUrls: boolean;
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
 * Opens a blob by digest (distribution spec, "Pulling blobs"); a broken connection is resumed. **Not verified**: pass
 * the stream through `verified`. Foreign `urls` are used only when the caller allows it and the registry lacks the
 * blob, and never with credentials (CVE-2020-15157).
 * @throws BLOB_NOT_FOUND and the errors of the session; the stream fails with the same
 */
export function openBlob(session: Session, descriptor: Descriptor, options: BlobOptions): Promise<Readable> {
  return openResumable(resumable(session, descriptor, options));
}

/**
 * The same as chunks, without a stream. The request is sent when the first chunk is asked for. The memory of a chunk is
 * freed when the second chunk after it is asked for. @throws as `openBlob`
 */
export function readBlob(session: Session, descriptor: Descriptor, options: BlobOptions): AsyncGenerator<Buffer, void> {
  return freeingChunks(readResuming(resumable(session, descriptor, options)));
}

function resumable(session: Session, descriptor: Descriptor, options: BlobOptions): ResumableOptions {
  const { repository } = session;
  const what = `blob ${descriptor.digest}`;
  const foreign = foreignUrls(descriptor);
  const request = async (range: string | undefined, signal: AbortSignal | undefined): Promise<HttpResponse> => {
    const headers = range === undefined ? {} : { range };
    const path = `/v2/${repository}/blobs/${descriptor.digest}`;
    const response = await session.attempt({ method: 'GET', path, headers, what, signal });
    if (response.status !== 404 || descriptor.urls === undefined) return response;
    if (!options.allowForeignUrls) {
      await discard(response);
      throw new TsimgError('BLOB_NOT_FOUND', `cannot get ${what}`, {
        where: repository,
        why: 'it is a foreign layer, which the registry does not keep',
        hint: `allow fetching from ${foreign.map((url) => url.host).join(', ') || 'its URLs'} to have it`,
      });
    }
    for (const url of foreign) {
      const other = await session.sendAnonymous({ method: 'GET', url, headers, signal });
      if (other.status === 200 || other.status === 206) {
        await discard(response);
        return other;
      }
      await discard(other);
    }
    return response;
  };
  const signals = [session.context.signal, options.signal].filter((signal) => signal !== undefined);
  const context = { ...session.context, signal: AbortSignal.any(signals) };
  return { what, size: descriptor.size, request, retry: session.retry, context };
}
