import { collect } from '../../streams/collect.ts';
import type { ByteLimit } from '../../streams/limited.ts';
import { connectionError } from '../failure/connection-error.ts';
import { redactUrl } from '../failure/redact.ts';
import type { HttpResponse } from './http.ts';

/** Milliseconds that a document may take as a whole: a server that sends a byte now and then is never silent. */
const DOCUMENT_TIME = 300_000;
/** The same for the text of an error, which is a courtesy. */
const COURTESY_TIME = 10_000;

/**
 * Reads the bytes of a response. @param time milliseconds that it may take
 * @throws REGISTRY_UNREACHABLE when the connection breaks, or after that time
 */
export async function* readChunks(
  response: HttpResponse,
  signal?: AbortSignal,
  time?: number,
): AsyncGenerator<Buffer, void> {
  const late = () => Object.assign(new Error('the answer takes too long'), { code: 'ETIMEDOUT' });
  const timer = time === undefined ? undefined : setTimeout(() => response.body.destroy(late()), time);
  try {
    for await (const chunk of response.body) yield chunk;
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionError(error, response.url);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads a whole body into memory, for five minutes at most.
 * @throws LIMIT_EXCEEDED past `max` bytes, before more is read; REGISTRY_UNREACHABLE
 */
export function readBody(response: HttpResponse, max: number | ByteLimit, signal?: AbortSignal): Promise<Buffer> {
  return collect(readChunks(response, signal, DOCUMENT_TIME), max, redactUrl(response.url));
}

/** Reads the first `max` bytes of a body, for an error's text; a broken connection is no error. */
export async function readStart(response: HttpResponse, max: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of readChunks(response, undefined, COURTESY_TIME)) {
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
