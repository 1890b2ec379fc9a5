import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

// What the OCI distribution spec v1.1 allows a client to send, as a judge of requests. It shares no code with tsimg.

/** A request and its answer, as a proxy saw them. */
export interface Seen {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** What arrived of the body. */
  readonly body: Buffer;
  /** Whether all of the body arrived, and an answer was passed on. */
  readonly isWhole: boolean;
  /** 0 where there was none. */
  readonly status: number;
  readonly answer: IncomingHttpHeaders;
}

/** An upload that the registry has begun. */
interface Upload {
  /** Where its requests go, path and query: the last place is that of the next request. */
  readonly places: string[];
  /** Bytes that the registry has; undefined after a broken request, until the registry tells. */
  offset: number | undefined;
  readonly hash: ReturnType<typeof createHash>;
  /** Whether `hash` is over all bytes: not after a request of which a part arrived. */
  isHashed: boolean;
  readonly least: number;
  /** Chunks that were shorter than `least`: only the last one may be. */
  short: number;
  end: 'open' | 'closed' | 'given up' | 'lost';
}

const NAME = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*';
const DIGEST = 'sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}';
const TAG = '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const BYTES = 'application/octet-stream';

const ENDPOINTS = [
  { kind: 'version', path: /^\/v2\/$/, methods: ['GET'] },
  { kind: 'begin', path: new RegExp(`^/v2/(${NAME})/blobs/uploads/$`), methods: ['POST'] },
  { kind: 'blob', path: new RegExp(`^/v2/(${NAME})/blobs/(?:${DIGEST})$`), methods: ['GET', 'HEAD', 'DELETE'] },
  {
    kind: 'manifest',
    path: new RegExp(`^/v2/(${NAME})/manifests/(?:${DIGEST}|${TAG})$`),
    methods: ['GET', 'HEAD', 'PUT', 'DELETE'],
  },
  { kind: 'tags', path: new RegExp(`^/v2/(${NAME})/tags/list$`), methods: ['GET'] },
  { kind: 'referrers', path: new RegExp(`^/v2/(${NAME})/referrers/(?:${DIGEST})$`), methods: ['GET'] },
] as const;

type Kind = (typeof ENDPOINTS)[number]['kind'];

function withoutDigest(target: string): string {
  return target.replace(/[?&]digest=[^&]*$/, '');
}

/** A judge of the requests that one registry gets, in the order of their answers. */
export function judgeRequests() {
  const complaints: string[] = [];
  const uploads: Upload[] = [];
  /** The pages that the registry has named by `Link`. */
  const pages = new Set<string>();

  const uploadAt = (target: string) => uploads.findLast(({ places }) => places.includes(target));

  function judgeBody({ method, headers, body, isWhole }: Seen, complain: (why: string) => void): void {
    const length = headers['content-length'];
    if (['GET', 'HEAD', 'DELETE'].includes(method)) {
      if (body.length > 0 || (length !== undefined && length !== '0')) complain('it has a body');
      if (headers['transfer-encoding'] !== undefined) complain('it announces a body');
      return;
    }
    if (length === undefined) complain('it has no Content-Length');
    else if (isWhole && Number(length) !== body.length) complain(`${body.length} bytes, and ${length} are announced`);
  }

  /** Adds what a request brought to its upload. */
  function receive(upload: Upload, { body, isWhole }: Seen): void {
    upload.hash.update(body);
    if (!isWhole) upload.isHashed = false;
    upload.offset = isWhole && upload.offset !== undefined ? upload.offset + body.length : undefined;
  }

  function judgeChunk(upload: Upload, seen: Seen, complain: (why: string) => void): void {
    const { headers } = seen;
    if (headers['content-type'] !== BYTES) complain(`Content-Type ${headers['content-type']}`);
    const [, from, to] = /^([0-9]+)-([0-9]+)$/.exec(headers['content-range'] ?? '') ?? [];
    if (from === undefined || to === undefined) {
      complain(`Content-Range ${headers['content-range']}`);
      return;
    }
    if (upload.offset === undefined) complain('it goes on after a broken request, and has not asked where');
    else if (Number(from) !== upload.offset) complain(`it begins at ${from}, and the registry has ${upload.offset}`);
    const length = Number(to) - Number(from) + 1;
    if (length !== Number(headers['content-length'])) complain('Content-Range and Content-Length differ');
    if (upload.short > 0) complain('the chunk before was shorter than the registry demands');
    if (length < upload.least) upload.short += 1;
  }

  function judgeClosing(upload: Upload, seen: Seen, complain: (why: string) => void): void {
    const { headers, target, body } = seen;
    const digest = decodeURIComponent(/[?&]digest=([^&]*)$/.exec(target)?.[1] ?? '');
    if (!new RegExp(`^(?:${DIGEST})$`).test(digest)) complain('it has no digest');
    if (body.length > 0 && headers['content-type'] !== BYTES) complain(`Content-Type ${headers['content-type']}`);
    receive(upload, seen);
    if (!seen.isWhole || !upload.isHashed || !digest.startsWith('sha256:')) return;
    if (`sha256:${upload.hash.copy().digest('hex')}` !== digest) complain('the digest is not that of the bytes');
  }

  /** Takes over what the registry says of an upload. */
  function follow(upload: Upload, { method, target, status, answer }: Seen): void {
    const { location, range } = answer;
    if (location !== undefined && status >= 202 && status < 300) {
      const url = new URL(location, `http://registry${target}`);
      upload.places.push(`${url.pathname}${url.search}`);
    }
    if (method === 'DELETE') upload.end = 'given up';
    else if (method === 'PUT' && status === 201) upload.end = 'closed';
    else if (status === 404) upload.end = 'lost';
    if (method !== 'GET' || status !== 204) return;
    const had = upload.offset;
    const told = /^0-(\d+)$/.exec(range ?? '')?.[1];
    // 0-0 is written for one byte and for none.
    upload.offset = told === undefined || told === '0' ? 0 : Number(told) + 1;
    if (upload.offset !== had) upload.isHashed = false;
    upload.short = 0;
  }

  function judgeUpload(upload: Upload, seen: Seen, complain: (why: string) => void): void {
    const { method, target } = seen;
    // Whoever asks or gives up may have lost the answer with the last place.
    const isSent = method === 'PATCH' || method === 'PUT';
    if (isSent && upload.places.at(-1) !== withoutDigest(target))
      complain('the registry has named another place since');
    if (upload.end === 'closed' || upload.end === 'given up') complain(`the upload is ${upload.end}`);
    if (method === 'PATCH') {
      judgeChunk(upload, seen, complain);
      receive(upload, seen);
    } else if (method === 'PUT') judgeClosing(upload, seen, complain);
    else if (method !== 'GET' && method !== 'DELETE') complain('no such method');
    follow(upload, seen);
  }

  function judgeManifest({ method, headers, body, isWhole }: Seen, complain: (why: string) => void): void {
    if (method === 'GET' || method === 'HEAD') {
      const accepted = (headers.accept ?? '').split(/\s*,\s*/);
      for (const type of [INDEX, MANIFEST]) if (!accepted.includes(type)) complain(`it does not accept ${type}`);
    }
    if (method !== 'PUT' || !isWhole) return;
    const { mediaType } = JSON.parse(body.toString('utf8')) as { readonly mediaType?: unknown };
    const type = headers['content-type'];
    if (type === undefined || type.includes(';')) complain(`Content-Type ${type}`);
    if (mediaType !== undefined && mediaType !== type) complain(`Content-Type ${type}, and it is ${mediaType}`);
  }

  function judgeBegin({ target, headers, status, answer, isWhole }: Seen, complain: (why: string) => void): void {
    const query = new URLSearchParams(target.split('?')[1] ?? '');
    const [mount, from] = [query.get('mount'), query.get('from')];
    if ((mount === null) !== (from === null) || query.size > 2) complain('its parameters are not those of a mount');
    if (mount !== null && !new RegExp(`^(?:${DIGEST})$`).test(mount)) complain('no digest is to be mounted');
    if (from !== null && !new RegExp(`^${NAME}$`).test(from)) complain('no repository is to be mounted from');
    if (headers['content-length'] !== '0') complain('Content-Length is not 0');
    if (!isWhole || status !== 202 || answer.location === undefined) return;
    const url = new URL(answer.location, `http://registry${target}`);
    uploads.push({
      places: [`${url.pathname}${url.search}`],
      offset: 0,
      hash: createHash('sha256'),
      isHashed: true,
      least: Number(answer['oci-chunk-min-length'] ?? 0),
      short: 0,
      end: 'open',
    });
  }

  function judgeEndpoint(kind: Kind, seen: Seen, complain: (why: string) => void): void {
    const { target, headers, answer } = seen;
    const query = target.includes('?');
    if (query && kind !== 'begin' && !pages.has(target)) complain('its parameters are none that the registry named');
    if (kind === 'begin') judgeBegin(seen, complain);
    if (kind === 'manifest') judgeManifest(seen, complain);
    if (kind === 'referrers' && headers.accept !== INDEX) complain(`it accepts ${headers.accept}`);
    const { range } = headers;
    if (range !== undefined && (kind !== 'blob' || !/^bytes=\d+-\d+$/.test(range))) complain(`Range ${range}`);
    const next = /<([^>]+)>;\s*rel="?next/.exec([answer.link].flat().join(','))?.[1];
    if (next === undefined) return;
    const url = new URL(next, `http://registry${target}`);
    pages.add(`${url.pathname}${url.search}`);
  }

  return {
    /** What no client may do, `METHOD TARGET: WHY`. */
    complaints: complaints as readonly string[],
    /** Uploads that were begun, and neither ended nor given up. */
    openUploads: (): readonly string[] =>
      uploads.filter(({ end }) => end === 'open').map(({ places }) => places[0] ?? ''),
    judge(seen: Seen): void {
      const { method, target } = seen;
      const complain = (why: string) => void complaints.push(`${method} ${target}: ${why}`);
      judgeBody(seen, complain);
      const upload = uploadAt(method === 'PUT' ? withoutDigest(target) : target);
      if (upload !== undefined) {
        judgeUpload(upload, seen, complain);
        return;
      }
      const [path = ''] = target.split('?');
      const endpoint = ENDPOINTS.find((known) => known.path.test(path));
      if (endpoint === undefined) {
        complain('no such endpoint');
        return;
      }
      if (!(endpoint.methods as readonly string[]).includes(method)) {
        complain('no such method');
        return;
      }
      const name = endpoint.path.exec(path)?.[1] ?? '';
      if (name.length > 255) complain('the name is too long');
      judgeEndpoint(endpoint.kind, seen, complain);
    },
  };
}
