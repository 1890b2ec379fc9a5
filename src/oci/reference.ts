import { TsimgError } from '../errors.ts';
import { algorithmOf, type Digest, hexOf, isDigest } from './digest.ts';

/** A parsed image reference: distribution/reference's grammar, docker's defaults. Made by {@link parseReference}. */
export interface Reference {
  /** The host, with its port where one was given: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** `library/alpine` */
  readonly repository: string;
  /** Absent only beside a digest. */
  readonly tag?: string | undefined;
  /** Wins over the tag. */
  readonly digest?: Digest | undefined;
}

const DOCKER_HUB = 'docker.io';
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const HOST_LABEL = '(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])';
const HOST = new RegExp(`^(?:${HOST_LABEL}(?:\\.${HOST_LABEL})*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]{1,5})?$`);

/** Returns whether a text can be a tag, and so is safe in a path. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * The tag at which clients keep the list of a manifest's referrers, for a registry without the referrers API.
 * Distribution spec, "Referrers Tag Schema"
 */
export function referrersTag(subject: Digest): string {
  return `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`;
}

function invalid(text: string, why: string, hint?: string): TsimgError {
  return new TsimgError('REFERENCE_INVALID', 'not an image reference', {
    where: text.slice(0, 300),
    why,
    hint: hint ?? 'write [HOST[:PORT]/]NAME[:TAG][@DIGEST], such as alpine:3.9',
  });
}

/**
 * The first component is a host when it cannot be a name on Docker Hub: it has a dot, a port or capitals, or is
 * localhost.
 */
export function isHost(first: string): boolean {
  return /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
}

function splitHost(name: string): readonly [registry: string, repository: string] {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  return isHost(first) ? [first, name.slice(slash + 1)] : [DOCKER_HUB, name];
}

function whyNoTag(tag: string): string {
  if (tag === '') return 'the tag behind the colon is empty';
  const isTooLong = tag.length > 128 && isTag(tag.slice(0, 128));
  return isTooLong ? 'the tag is longer than 128 characters' : 'the tag has characters that a tag cannot have';
}

/**
 * Parses a reference as docker does. A name without a host is on Docker Hub, a single word is in its `library/`, and
 * the tag is `latest` where neither tag nor digest is given. A tag beside a digest is kept, but the digest decides.
 * @throws REFERENCE_INVALID
 * @example
 * parseReference('alpine:3.19');
 * // { registry: 'docker.io', repository: 'library/alpine', tag: '3.19', digest: undefined }
 */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid(text, 'it is empty');
  if (text.length > 4096) throw invalid(text, 'longer than 4096 bytes');
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) throw invalid(text, 'a reference is no URL', `leave out ${scheme}`);
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) throw invalid(text, 'what follows @ is not a digest');

  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  if (tag !== undefined && !isTag(tag)) throw invalid(text, whyNoTag(tag));

  const [host, path] = splitHost(colon === -1 ? named : named.slice(0, colon));
  const registry = spelledHost(host);
  const repository = registry === DOCKER_HUB && !path.includes('/') ? `library/${path}` : path;
  if (!HOST.test(registry)) throw invalid(text, 'the host name has characters that a host name cannot have');
  if (!REPOSITORY.test(repository)) {
    const lower = REPOSITORY.test(repository.toLowerCase());
    throw invalid(
      text,
      lower ? 'repository names are lower case' : 'the name has characters that a repository cannot have',
    );
  }
  if (repository.length > 255) throw invalid(text, 'the repository name is longer than 255 bytes');
  return { registry, repository, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest };
}

/** Other names of Docker Hub, in references, in URLs and in files of credentials. */
const HUB_HOSTS: readonly string[] = [DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io'];

/**
 * Returns how references spell a host: in lower case, and Docker Hub as `docker.io`. A port stays, 443 too: where TLS
 * is given up, it is another server than that of port 80. A single word stays, because its capitals make it a host.
 */
function spelledHost(host: string): string {
  const lower = host.toLowerCase();
  if (!isHost(lower)) return host;
  return canonicalHost(lower) === DOCKER_HUB ? DOCKER_HUB : lower;
}

/**
 * Refuses a registry without a repository, such as `localhost:5000`. As docker's grammar has it, that is a name on
 * Docker Hub with a tag, but nobody means that one.
 * @throws REFERENCE_INVALID
 */
export function refuseHostAlone(text: string): void {
  const [, host = '', port] = /^([^/:@]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const isAlone = host === 'localhost' || (port !== undefined && host.includes('.'));
  if (isAlone) throw invalid(text, 'a registry without a repository', `write ${text}/NAME`);
}

/** The object of a login: a registry, or one namespace or repository of it. Made by {@link parseRegistryName}. */
export interface RegistryName {
  /** As references spell it: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** Empty for the whole registry. */
  readonly namespace: string;
}

/**
 * Parses the name of a registry, as `login` takes it: `HOST[:PORT][/NAMESPACE]`, or a URL as docker writes it. Without
 * a text it is Docker Hub.
 * @throws REFERENCE_INVALID
 */
export function parseRegistryName(text: string): RegistryName {
  const refuse = (why: string) =>
    new TsimgError('REFERENCE_INVALID', 'not a registry', {
      where: text.slice(0, 300),
      why,
      hint: 'write HOST[:PORT], or HOST[:PORT]/NAMESPACE',
    });
  const plain = text.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
  const slash = plain.indexOf('/');
  const host = (slash === -1 ? plain : plain.slice(0, slash)) || DOCKER_HUB;
  const namespace = slash === -1 ? '' : plain.slice(slash + 1);
  if (!HOST.test(host)) throw refuse('the host name has characters that a host name cannot have');
  if (!isHost(host)) throw refuse('a name without a dot and without a port is not a host, but a name on Docker Hub');
  if (slash !== -1 && !REPOSITORY.test(namespace)) {
    throw refuse('the namespace has characters that a repository cannot have');
  }
  return { registry: spelledHost(host), namespace };
}

/**
 * Returns the one spelling of a registry's host by which files of rules and of credentials are searched, for a URL
 * leads to the same server in any spelling: lower case, no port 443, `docker.io` for the other names of Docker Hub.
 */
export function canonicalHost(registry: string): string {
  const spelled = `https://${registry}`;
  const host = URL.canParse(spelled) ? new URL(spelled).host : registry.toLowerCase();
  return HUB_HOSTS.includes(host) ? DOCKER_HUB : host;
}

/**
 * Returns the spellings of a host by which a folder of its configuration is looked for: port 443 is that of TLS, and
 * may be left out.
 */
export function hostSpellings(registry: string): readonly string[] {
  if (registry.endsWith(':443')) return [registry, registry.slice(0, -':443'.length)];
  return /:\d+$/.test(registry) ? [registry] : [registry, `${registry}:443`];
}

/** Returns a name, or the start of one, with the canonical spelling of its host. */
export function canonicalName(name: string): string {
  const slash = name.indexOf('/');
  return slash === -1 ? canonicalHost(name) : `${canonicalHost(name.slice(0, slash))}${name.slice(slash)}`;
}

/** Returns the one text for a registry or a namespace of it: `docker.io`, `localhost:5000/team`. */
export function formatRegistryName({ registry, namespace }: RegistryName): string {
  return namespace === '' ? registry : `${registry}/${namespace}`;
}

function formatNamed(name: string, { tag, digest }: Reference): string {
  return `${name}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** Returns the complete form, which the store keeps: `docker.io/library/alpine:3.19`. */
export function formatReference(reference: Reference): string {
  return formatNamed(`${reference.registry}/${reference.repository}`, reference);
}

/**
 * Returns the form that docker shows: `alpine:3.19` on Docker Hub, else the complete form. Both parse to the same
 * reference.
 */
export function formatFamiliar(reference: Reference): string {
  const { registry, repository } = reference;
  const [first = '', second, ...rest] = repository.split('/');
  if (registry !== DOCKER_HUB || isHost(first)) return formatReference(reference);
  const isOfficial = first === 'library' && second !== undefined && rest.length === 0;
  return formatNamed(isOfficial ? second : repository, reference);
}

/** Parses a name that an image is to get. @throws REFERENCE_INVALID, also for a reference with a digest */
export function parseNewName(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest === undefined) return reference;
  throw new TsimgError('REFERENCE_INVALID', 'a name for an image cannot have a digest', {
    where: text,
    why: 'the digest follows from the image',
    hint: 'leave out @ and the digest',
  });
}
