import { collect } from '../../streams/collect.ts';
import type { ByteLimit } from '../../streams/limited.ts';
import { connectionError } from './connection-error.ts';
import type { HttpResponse } from './http.ts';
import { redactUrl } from './redact.ts';

/** The bytes of a response as they arrive. @throws REGISTRY_UNREACHABLE when the connection breaks off */
export async function* readChunks(response: HttpResponse, signal?: AbortSignal): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of response.body) yield chunk;
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionError(error, response.url);
  }
}

/**
 * The whole of a response's body, in memory.
 * @throws LIMIT_EXCEEDED past `max` bytes, before more is read; REGISTRY_UNREACHABLE
 */
export function readBody(response: HttpResponse, max: number | ByteLimit, signal?: AbortSignal): Promise<Buffer> {
  return collect(readChunks(response, signal), max, redactUrl(response.url));
}

/**
 * The start of a body that matters only for an error's text, `max` bytes; one that breaks off is as good as a short
 * one.
 */
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
    // the status is what counts; its text is a courtesy
  }
  return Buffer.concat(chunks).subarray(0, max);
}

/** Takes a short body off its connection, so that it can be used again; drops the connection where the body is long. */
export async function discard(response: HttpResponse): Promise<void> {
  await readStart(response, 64 * 1024);
}
