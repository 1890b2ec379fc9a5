import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

// The manifests, tags and referrers of a registry of the tests, by the OCI distribution spec v1.1.

interface Shelved {
  readonly bytes: Buffer;
  readonly type: string;
}

interface Repository {
  readonly manifests: Map<string, Shelved>;
  readonly tags: Map<string, string>;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';

/** The fields of a manifest that its descriptor in a list of referrers repeats. */
interface Document {
  readonly subject?: { readonly digest: string };
  readonly artifactType?: string;
  readonly config?: { readonly mediaType: string };
  readonly annotations?: object;
}

function documentOf({ bytes }: Shelved): Document {
  return JSON.parse(bytes.toString('utf8')) as Document;
}

function referrerOf(digest: string, shelved: Shelved): object {
  const { artifactType, config, annotations } = documentOf(shelved);
  const type = artifactType ?? config?.mediaType;
  return {
    mediaType: shelved.type,
    digest,
    size: shelved.bytes.length,
    ...(type !== undefined && { artifactType: type }),
    ...(annotations !== undefined && { annotations }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Makes empty repositories. @param pageSize entries of a page of tags or referrers */
export function manifestShelf(pageSize: number) {
  const repositories = new Map<string, Repository>();

  /** A page of a list, with the `Link` to the next one. */
  const page = <T>(url: URL, all: readonly T[]): { readonly entries: readonly T[]; readonly link: object } => {
    const start = Number(url.searchParams.get('start') ?? 0);
    const entries = all.slice(start, start + pageSize);
    const next = start + pageSize;
    return { entries, link: next < all.length ? { link: `<${url.pathname}?start=${next}>; rel="next"` } : {} };
  };

  async function serveManifest(
    request: IncomingMessage,
    response: ServerResponse,
    { manifests, tags }: Repository,
    reference: string,
  ): Promise<unknown> {
    const digest = reference.includes(':') ? reference : tags.get(reference);
    if (request.method === 'PUT') {
      const shelved = { bytes: await bodyOf(request), type: request.headers['content-type'] ?? '' };
      const made = `sha256:${createHash('sha256').update(shelved.bytes).digest('hex')}`;
      if (reference.includes(':') && reference !== made) return response.writeHead(400).end();
      manifests.set(made, shelved);
      if (!reference.includes(':')) tags.set(reference, made);
      const { subject } = documentOf(shelved);
      const told = subject === undefined ? {} : { 'oci-subject': subject.digest };
      return response.writeHead(201, { location: request.url, 'docker-content-digest': made, ...told }).end();
    }
    const shelved = manifests.get(digest ?? '');
    if (digest === undefined || shelved === undefined) return response.writeHead(404).end();
    if (request.method === 'DELETE') {
      if (digest !== reference) return response.writeHead(202).end(void tags.delete(reference));
      manifests.delete(digest);
      for (const [tag, named] of tags) if (named === digest) tags.delete(tag);
      return response.writeHead(202).end();
    }
    const { bytes, type } = shelved;
    response.writeHead(200, { 'content-type': type, 'content-length': bytes.length, 'docker-content-digest': digest });
    return response.end(request.method === 'HEAD' ? undefined : bytes);
  }

  return {
    /** Answers a request for a manifest or a list; false for any other one. */
    async serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> {
      const [, name, kind, reference = ''] =
        /^\/v2\/(.+)\/(manifests|tags|referrers)\/([^/]+)$/.exec(url.pathname) ?? [];
      if (name === undefined) return false;
      const known = repositories.get(name) ?? { manifests: new Map(), tags: new Map() };
      repositories.set(name, known);
      if (kind === 'manifests') {
        await serveManifest(request, response, known, reference);
        return true;
      }
      if (kind === 'tags') {
        const { entries, link } = page(url, [...known.tags.keys()].sort());
        response.writeHead(200, { 'content-type': 'application/json', ...link });
        response.end(JSON.stringify({ name, tags: entries }));
        return true;
      }
      const all = [...known.manifests].filter(([, shelved]) => documentOf(shelved).subject?.digest === reference);
      const { entries, link } = page(url, all);
      const manifests = entries.map(([digest, shelved]) => referrerOf(digest, shelved));
      response.writeHead(200, { 'content-type': INDEX, ...link });
      response.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
      return true;
    },
  };
}
