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
  /** Whether a layer that the registry does not keep may be fetched from the `urls` that its descriptor names. */
  readonly allowForeignUrls: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The URLs that a foreign layer may be fetched from: HTTPS, or this machine. */
function foreignUrls(descriptor: Descriptor): readonly URL[] {
  return (descriptor.urls ?? [])
    .filter((text) => URL.canParse(text))
    .map((text) => new URL(text))
    .filter((url) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)));
}

/**
 * A blob by digest (distribution spec, "Pulling blobs"), resumed where its connection breaks. **Not verified**: pass it
 * through `verified`. Foreign `urls` are used only on request, when the registry has not got it, and without
 * credentials, whatever they answer (CVE-2020-15157). @throws BLOB_NOT_FOUND and what the session throws, as does the
 * stream
 */
export function openBlob(session: Session, descriptor: Descriptor, options: BlobOptions): Promise<Readable> {
  return openResumable(resumable(session, descriptor, options));
}

/**
 * The same as chunks, without a stream around them; nothing is asked for before the first. A chunk is gone when the
 * second one after it is asked for. @throws as `openBlob`
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
