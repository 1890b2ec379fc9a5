import { parsePort, plainHost } from './allow-list.ts';

/** Why a request is refused, with its status. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, why: string) {
    super(why);
    this.status = status;
  }
}

/** A host and a port that a sandbox asks for. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** The target of a plain request. */
export interface UrlTarget extends Target {
  readonly path: string;
  /** The host and port as `Host` has them. */
  readonly authority: string;
}

/** Parses the target of CONNECT: a host and a port, and nothing else. @throws Refusal */
export function parseAuthority(text: string): Target {
  const [, host = '', portText = ''] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/.exec(text) ?? [];
  const port = parsePort(portText);
  if (host === '' || port === undefined) throw new Refusal(400, 'the target is not HOST:PORT');
  return { host: plainHost(host), port };
}

/** Parses the target of any other method: an absolute `http:` URL, without credentials. @throws Refusal */
export function parseTarget(text: string): UrlTarget {
  if (!/^http:\/\/[A-Za-z0-9.:[\]_-]+(?:[/?]|$)/i.test(text)) throw new Refusal(400, 'the target is not http://HOST/…');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Refusal(400, 'the target is no URL');
  }
  const authority = url.host;
  return {
    ...parseAuthority(url.port === '' ? `${authority}:80` : authority),
    path: url.pathname + url.search,
    authority,
  };
}
