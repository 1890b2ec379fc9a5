import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

// What a proxy of the tests does to the answer of a server.

/** Faults of an answer that the server gave. */
export const RESPONSE_FAULTS = [
  /** The connection breaks after half of the body. */
  'cut-answer',
  /** Half of the body comes, and nothing more. */
  'stall',
  /** The body comes in small pieces. It is right. */
  'drip',
  /** Half of the body, announced as the whole. */
  'truncated',
  /** More than the body, announced as the whole. */
  'over-long',
  /** The body, and after it bytes without an end, of which no length is announced. */
  'endless',
  /** A 206 of another range than was asked for. */
  'wrong-range',
  /** One byte is another one. */
  'wrong-bytes',
  /** The headers name another digest. */
  'wrong-digest',
  /** The body is compressed on its way, which nobody asked for. */
  'gzip',
] as const;

/** A fault of {@link RESPONSE_FAULTS}. */
export type ResponseFault = (typeof RESPONSE_FAULTS)[number];

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

async function endless(outgoing: ServerResponse): Promise<void> {
  const junk = Buffer.alloc(64 * 1024, 'junk');
  const isGone = new Promise<void>((resolve) => outgoing.once('close', resolve));
  while (!outgoing.destroyed) {
    const isRead = outgoing.write(junk) ? sleep(0) : new Promise<void>((resolve) => outgoing.once('drain', resolve));
    await Promise.race([isRead, isGone]);
  }
}

function changedHead({ status, headers, body }: Answer, fault: ResponseFault): Answer {
  const lengthOf = (bytes: Buffer) => ({ 'content-length': String(bytes.length) });
  switch (fault) {
    case 'truncated': {
      const half = body.subarray(0, Math.floor(body.length / 2));
      return { status, headers: { ...headers, ...lengthOf(half) }, body: half };
    }
    case 'over-long': {
      const longer = Buffer.concat([body, Buffer.alloc(1000, ' ')]);
      return { status, headers: { ...headers, ...lengthOf(longer) }, body: longer };
    }
    case 'wrong-bytes': {
      const changed = Buffer.from(body);
      const middle = Math.floor(body.length / 2);
      if (body.length > 0) changed[middle] = (changed[middle] ?? 0) ^ 1;
      return { status, headers, body: changed };
    }
    case 'wrong-digest':
      return { status, headers: { ...headers, 'docker-content-digest': `sha256:${'0'.repeat(64)}` }, body };
    case 'wrong-range': {
      const range = `bytes 1-${body.length}/${body.length + 1}`;
      return { status: 206, headers: { ...headers, 'content-range': range }, body };
    }
    case 'gzip': {
      const packed = gzipSync(body);
      return { status, headers: { ...headers, ...lengthOf(packed), 'content-encoding': 'gzip' }, body: packed };
    }
    default:
      return { status, headers, body };
  }
}

/** Passes an answer on with a fault. The answers of a test are small: they are held in memory. */
export async function answerFaulty(
  response: IncomingMessage,
  outgoing: ServerResponse,
  fault: ResponseFault,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const told = { status: response.statusCode ?? 500, headers: { ...response.headers }, body: Buffer.concat(chunks) };
  // What has no body cannot have a fault in it: a write would be taken and forgotten.
  const isHead = outgoing.req.method === 'HEAD' || told.status === 204 || told.status === 304;
  if (isHead && fault === 'stall') return;
  if (isHead && fault === 'cut-answer') {
    outgoing.destroy();
    return;
  }
  const { status, headers, body } = changedHead(told, isHead && fault !== 'wrong-digest' ? 'drip' : fault);
  if (fault === 'endless') delete headers['content-length'];
  outgoing.writeHead(status, headers);
  if (isHead) {
    outgoing.end();
    return;
  }
  const half = body.subarray(0, Math.floor(body.length / 2));
  switch (fault) {
    case 'stall':
      outgoing.write(half);
      return;
    case 'cut-answer':
      // What was written must have left before the connection ends.
      outgoing.write(half, () => setTimeout(() => outgoing.destroy(), 5));
      return;
    case 'endless':
      outgoing.write(body);
      return await endless(outgoing);
    case 'drip':
      for (let at = 0; at < body.length && !outgoing.destroyed; at += Math.ceil(body.length / 8)) {
        outgoing.write(body.subarray(at, at + Math.ceil(body.length / 8)));
        await sleep(5);
      }
      outgoing.end();
      return;
    default:
      outgoing.end(body);
  }
}
