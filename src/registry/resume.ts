import { Readable } from 'node:stream';
import { sizeMismatch } from '../crypto/digest.ts';
import { TsimgError } from '../errors.ts';
import type { Context } from '../events.ts';
import { redactUrl } from './failure/redact.ts';
import { discard, readChunks, readStart } from './http/body.ts';
import type { HttpResponse } from './http/http.ts';
import { htmlError, responseError } from './http/response-error.ts';
import { countAttempts, type SessionRetry } from './http/retry.ts';

/**
 * Bytes that must arrive before failed attempts are forgotten: a server that sends a byte per connection makes no
 * progress.
 */
const PROGRESS = 1024 * 1024;

/** Bytes that are fetched ahead of a slow reader. */
const HIGH_WATER_MARK = 1024 * 1024;

export interface ResumableOptions {
  /** The name of the blob in errors and events. */
  readonly what: string;
  /** Bytes of the whole blob, as in its descriptor. */
  readonly size: number;
  /** Bytes that the caller has already, fewer than `size`: the content begins after them. Default 0. */
  readonly offset?: number | undefined;
  /**
   * Requests the whole (`range` undefined) or `bytes=N-M`. Each request goes to the registry: the URL that it redirects
   * to expires.
   */
  request(range: string | undefined, signal: AbortSignal | undefined): Promise<HttpResponse>;
  readonly retry: SessionRetry;
  /**
   * Told of each failure; returns whether the next request goes to another host, which is asked at once and does not
   * count as a repetition.
   */
  readonly elsewhere?: ((error: TsimgError) => boolean) | undefined;
  /** Returns the error that the reader gets in the end, which tells of all hosts. */
  readonly explain?: ((error: TsimgError) => TsimgError) | undefined;
  readonly context: Context;
}

/**
 * Opens a body that is resumed where its connection breaks; resolves at the first bytes. The content is *not* verified:
 * pass it through `verified`, as a whole. A range is accepted only as `206` with the right start
 * (docker/model-runner#873: any other one corrupts silently). After any other answer the whole is requested once, and
 * the delivered bytes are skipped; if that breaks too, the next attempt asks for a range again.
 * @throws REGISTRY_UNREACHABLE, REGISTRY_ERROR, BLOB_NOT_FOUND, SIZE_MISMATCH, AUTHENTICATION_…, from the promise or
 * the stream
 */
export async function openResumable(options: ResumableOptions): Promise<Readable> {
  const stop = new AbortController();
  const { signal } = options.context;
  const ended = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const chunks = readResuming({ ...options, context: { ...options.context, signal: ended } });
  let first: IteratorResult<Buffer, void> | undefined = await chunks.next();
  let isAtEnd = false;
  return new Readable({
    highWaterMark: HIGH_WATER_MARK,
    read() {
      const next = first === undefined ? chunks.next() : Promise.resolve(first);
      first = undefined;
      next.then(
        ({ done, value }) => {
          isAtEnd = done === true;
          this.push(isAtEnd ? null : value);
        },
        (error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      // Ends the request, which has no reader any more.
      if (!isAtEnd) stop.abort();
      done(error);
    },
  });
}

/** The same bytes as chunks, each read when it is asked for. @throws as the stream of `openResumable` */
export async function* readResuming(options: ResumableOptions): AsyncGenerator<Buffer, void> {
  const { what, size, offset = 0, request, retry, context } = options;
  const { signal } = context;
  const attempts = countAttempts({ what, policy: retry, context });
  let delivered = offset;
  let counted = offset;
  // Whether the next request is for a range. A request for the whole ends or fails, and failures are counted, so the
  // loop ends.
  let ranges = true;
  for (;;) {
    try {
      const range = ranges && delivered > 0 ? `bytes=${delivered}-${size - 1}` : undefined;
      ranges = true;
      const response = await request(range, signal);
      const start = await startOf(response, options, delivered);
      if (start === undefined) {
        ranges = false;
        continue;
      }
      let position = start;
      for await (const chunk of readChunks(response, signal)) {
        const fresh = chunk.subarray(Math.max(0, delivered - position));
        position += chunk.length;
        if (fresh.length === 0) continue;
        delivered += fresh.length;
        yield fresh;
        if (delivered - counted >= PROGRESS) {
          counted = delivered;
          attempts.progressed();
        }
      }
      if (delivered >= size) return;
      throw new TsimgError('REGISTRY_UNREACHABLE', 'the answer of the registry is incomplete', {
        where: redactUrl(response.url),
        why: `${delivered} of ${size} bytes`,
        facts: { errno: 'ECONNRESET' },
      });
    } catch (error) {
      const goesOn = error instanceof TsimgError && signal?.aborted !== true && options.elsewhere?.(error) === true;
      if (!goesOn)
        await attempts.after(error).catch((final: unknown) => {
          throw final instanceof TsimgError && options.explain !== undefined ? options.explain(final) : final;
        });
    }
  }
}

/**
 * A `Content-Range` of a 206 (RFC 9110, section 14.4). Positions are bytes, `end` inclusive; `size` is undefined for
 * `*`.
 */
export interface ContentRange {
  readonly start: number;
  readonly end: number;
  readonly size: number | undefined;
}

/** Parses `bytes 5-9/10`; undefined for any other text. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^\s*bytes\s+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)\s*$/i.exec(header ?? '');
  if (match === null) return undefined;
  return { start: Number(match[1]), end: Number(match[2]), size: match[3] === '*' ? undefined : Number(match[3]) };
}

/**
 * The position in the blob at which a response's body starts: 0 for the whole, `delivered` for the requested range.
 * Undefined when a request for a range got another answer. @throws SIZE_MISMATCH, BLOB_NOT_FOUND, REGISTRY_ERROR
 */
async function startOf(
  response: HttpResponse,
  { what, size }: ResumableOptions,
  delivered: number,
): Promise<number | undefined> {
  const { status, headers } = response;
  if (status === 200) {
    const announced = headers['content-length'];
    // A registry may give a blob any media type; an HTML page in its place has another size, or none.
    if (/^text\/html\b/i.test(headers['content-type'] ?? '') && Number(announced) !== size) {
      throw htmlError(what, response, await readStart(response, 64 * 1024));
    }
    if (announced !== undefined && Number(announced) !== size) {
      response.body.destroy();
      throw sizeMismatch(size, Number(announced), what);
    }
    return 0;
  }
  if (delivered > 0 && (status === 206 || status === 416)) {
    const range = status === 206 ? parseContentRange(headers['content-range']) : undefined;
    const fits = range !== undefined && range.start === delivered && range.end < size;
    if (fits && (range.size === undefined || range.size === size)) return delivered;
    await discard(response);
    return undefined;
  }
  throw await responseError(response, `cannot get ${what}`, {
    code: status === 404 ? 'BLOB_NOT_FOUND' : 'REGISTRY_ERROR',
  });
}
