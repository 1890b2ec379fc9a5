import { collect } from '../../streams/collect.ts';
import type { ByteLimit } from '../../streams/limited.ts';
import { connectionError } from './connection-error.ts';
import type { HttpResponse } from './http.ts';
import { redactUrl } from './redact.ts';

/** Reads the bytes of a response. @throws REGISTRY_UNREACHABLE when the connection breaks */
export async function* readChunks(response: HttpResponse, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of response.body) yield chunk;
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionError(error, response.url);
  }
}

/**
 * Reads a whole body into memory.
 * @throws LIMIT_EXCEEDED past `max` bytes, before more is read; REGISTRY_UNREACHABLE
 */
export function readBody(response: HttpResponse, max: number | ByteLimit, signal?: AbortSignal): Promise<Buffer> {
  return collect(readChunks(response, signal), max, redactUrl(response.url));
}

/** Reads the first `max` bytes of a body, for an error's text; a broken connection is no error. */
export async function readStart(response: HttpResponse, max: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of readChunks(response)) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= max) break;
    }
  } catch {
    // The status matters; the text is a courtesy.
  }
  return Buffer.concat(chunks).subarray(0, max);
}

/** Reads a short body, so that its connection can be used again; closes the connection of a long one. */
export async function discard(response: HttpResponse): Promise<void> {
  await readStart(response, 64 * 1024);
}
