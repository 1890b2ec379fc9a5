import { lookup } from 'node:dns/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../../errors.ts';
import type { AllowList } from './allow-list.ts';
import { abortOf, type Gone, goneSignal } from './gone-signal.ts';
import { passedHeaders } from './passed-headers.ts';
import { isOwnAddress, isPublicAddress } from './public-address.ts';
import { parseAuthority, parseTarget, Refusal, type Target, type UrlTarget } from './target.ts';

// The only way out of a sandbox with an allow-list: a proxy for HTTP (RFC 9110, 9112), which listens on loopback in the
// sandbox's own network namespace. It resolves each name itself and connects to the address that it has checked, so a
// name cannot be resolved a second time to another address. Both sides may be hostile: an error in a handler of an
// event would be the end of the whole program, so each of them is guarded.

/** What a sandbox asked for, and the answer. */
export interface EgressDecision {
  /** As the sandbox wrote it, at most 256 characters. */
  readonly host: string;
  readonly port: number | undefined;
  readonly allowed: boolean;
  /** Why it was refused. */
  readonly why?: string | undefined;
}

/** What a proxy needs. */
export interface EgressOptions {
  readonly allow: AllowList;
  /** Waited for. A request is refused where this throws, or rejects. */
  readonly onRequest?: ((decision: EgressDecision) => unknown) | undefined;
  /** Returns the addresses of a name. Default: the resolver of this machine. */
  readonly resolve?: ((name: string) => Promise<readonly string[]>) | undefined;
}

/** The most connections of one sandbox at once. Each has one connection to the outside at most. */
const MOST_CONNECTIONS = 64;
/** The most requests of one connection that wait for an answer; apt sends ten. */
const MOST_WAITING = 32;
/** The most milliseconds for the lookup of a name, and for the connection of a tunnel to its target. */
const CONNECTING = 10_000;
/** The most milliseconds without a byte. */
const IDLE = 120_000;
const SHOWN = 256;

async function resolveName(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

/** The status and the reason that a sandbox is told: nothing of the program's own errors. */
function answerOf(error: unknown): { readonly status: number; readonly why: string } {
  return error instanceof Refusal
    ? { status: error.status, why: error.message }
    : { status: 502, why: 'the request cannot be passed on' };
}

/** A proxy that listens on a descriptor. */
export class EgressProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #options: EgressOptions;
  readonly #sockets = new Set<Socket | Duplex>();
  /** Requests that wait for an answer, and the last of them, by the client's connection. */
  readonly #waiting = new WeakMap<Duplex, { count: number; last: Promise<void> }>();
  #lastLookup: Promise<unknown> = Promise.resolve();

  constructor(options: EgressOptions) {
    this.#options = options;
    this.#server = createServer({ insecureHTTPParser: false, maxHeaderSize: 16 * 1024 });
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on('request', (from, to) => this.#queue(from, to));
    this.#server.on('connect', (from, socket, head) => void this.#tunnel(from, socket, head));
    this.#server.on('connection', (socket) => this.#hold(socket));
    // A connection that cannot be accepted is not the end of the program.
    this.#server.on('error', () => {});
    this.#server.on('clientError', (_, socket) => {
      if (!socket.writable) return void socket.destroy();
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    });
  }

  /** Accepts connections of a listening socket, whose descriptor it closes at the end. */
  listen(target: { readonly fd: number } | { readonly port: number; readonly host: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(target, () => {
        this.#server.off('error', reject);
        // A sandbox keeps no program alive.
        this.#server.unref();
        resolve();
      });
    });
  }

  /** The port, for a proxy that listens by a number. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #hold(socket: Socket | Duplex): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  /** Decides about a target, and returns the address to connect to. @throws Refusal */
  async #decide<T extends Target>(parse: () => T, text: string, gone: Gone): Promise<T & { readonly address: string }> {
    let [host, port]: [string, number | undefined] = [text, undefined];
    const tell = async (allowed: boolean, why?: string) =>
      await this.#options.onRequest?.({ host: host.slice(0, SHOWN), port, allowed, why });
    let decided: T & { readonly address: string };
    try {
      const target = parse();
      port = target.port;
      decided = { ...target, address: await this.#addressOf(target, gone) };
      gone.check();
    } catch (error) {
      await tell(false, messageOf(error));
      throw error;
    }
    ({ host } = decided);
    await tell(true);
    gone.check();
    return decided;
  }

  async #addressOf({ host, port }: Target, gone: Gone): Promise<string> {
    const { allow } = this.#options;
    if (!allow.hasHost(host, port)) throw new Refusal(403, 'the host and port are not on the list');
    // An address that is listed itself may be a private one.
    if (isIP(host) !== 0) return host;
    const isGood = (each: string) => isPublicAddress(each) && !isOwnAddress(each);
    const address = (await this.#resolve(host, gone)).find((each) => isGood(each) || allow.hasAddress(each, port));
    if (address === undefined) throw new Refusal(403, 'the name has no public address');
    return address;
  }

  /**
   * Resolves one name after the other: the program's own lookups have few threads (libuv has two for them by default),
   * and a lookup that takes long cannot be ended.
   */
  async #resolve(host: string, gone: Gone): Promise<readonly string[]> {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(new Refusal(504, 'the resolver takes too long')), CONNECTING);
    const turn = this.#lastLookup.then(async () => {
      gone.check();
      patience.signal.throwIfAborted();
      try {
        return await (this.#options.resolve ?? resolveName)(host);
      } catch {
        throw new Refusal(502, 'the name has no address');
      }
    });
    this.#lastLookup = turn.catch(() => {});
    try {
      return await Promise.race([turn, abortOf(gone.signal), abortOf(patience.signal)]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Has the requests of a connection answered one after the other: each opens a connection to the outside. */
  #queue(from: IncomingMessage, to: ServerResponse): void {
    const { socket } = from;
    const waiting = this.#waiting.get(socket) ?? { count: 0, last: Promise.resolve() };
    this.#waiting.set(socket, waiting);
    if (socket.destroyed || waiting.count >= MOST_WAITING) return void socket.destroy();
    waiting.count += 1;
    waiting.last = waiting.last
      .then(async () => {
        if (!socket.destroyed) await this.#forward(from, to);
        waiting.count -= 1;
      })
      .catch(() => void socket.destroy());
  }

  /** Passes a request on; resolves when it is answered, or its connection is closed. */
  async #forward(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const gone = goneSignal(from.socket);
    const over = new Promise<void>((resolve) => {
      to.once('close', resolve);
      gone.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const refuse = (error: unknown) => {
      if (to.headersSent || to.destroyed) return void to.destroy();
      const { status, why } = answerOf(error);
      to.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
      to.end(`tsimg: ${why}\n`);
    };
    from.on('error', () => to.destroy());
    to.on('error', () => to.destroy());
    try {
      const text = from.url ?? '';
      const target = await this.#decide(() => parseTarget(text), text, gone);
      const on = this.#request(from, target);
      on.on('error', () => refuse(new Refusal(502, 'the host does not answer')));
      on.on('response', (answer) => {
        try {
          const { statusCode = 0 } = answer;
          // 1xx are no answers, and Node writes none below that.
          if (statusCode < 200) throw new Refusal(502, 'the host’s answer has no valid status');
          to.writeHead(statusCode, passedHeaders(answer));
          answer.on('error', () => to.destroy());
          answer.pipe(to);
        } catch (error) {
          refuse(error);
          on.destroy();
        }
      });
      on.on('close', () => {
        if (!to.headersSent) refuse(new Refusal(502, 'the host gives no answer'));
        // What is left of the body is read over, or the connection's next request would not be seen.
        from.unpipe(on).resume();
      });
      void over.then(() => on.destroy());
      from.pipe(on);
    } catch (error) {
      refuse(error);
    }
    await over;
    gone.done();
  }

  /** A connection for each request: nothing that one request leaves can be taken for the begin of another. */
  #request(from: IncomingMessage, { address, port, path, authority }: UrlTarget & { readonly address: string }) {
    const { host: _, ...passed } = passedHeaders(from);
    const encoding = from.headers['transfer-encoding'];
    if (encoding !== undefined && !/^chunked$/i.test(encoding)) throw new Refusal(501, 'the body has another encoding');
    // Without this header, Node writes the body of a GET, HEAD, DELETE, OPTIONS or TRACE without framing: the host would
    // take it for another request.
    const framing = encoding === undefined ? {} : { 'transfer-encoding': 'chunked' };
    const on = request({
      host: address,
      port,
      path,
      method: from.method,
      headers: { ...passed, ...framing, host: authority },
      agent: false,
      setHost: false,
      timeout: IDLE,
    });
    on.on('socket', (socket) => this.#hold(socket));
    on.on('timeout', () => on.destroy());
    return on;
  }

  async #tunnel(from: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    // A tunnel behind requests that wait would be a second connection to the outside.
    if ((this.#waiting.get(socket)?.count ?? 0) > 0) return void socket.destroy();
    const gone = goneSignal(socket);
    const refuse = (error: unknown) => {
      const { status, why } = answerOf(error);
      const reason = status === 403 ? 'Forbidden' : 'Refused';
      if (socket.writable) socket.end(`HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\n\r\ntsimg: ${why}\n`);
    };
    try {
      const text = from.url ?? '';
      const { address, port } = await this.#decide(() => parseAuthority(text), text, gone);
      const on = connect({ host: address, port });
      this.#hold(on);
      let isOpen = false;
      const patience = setTimeout(() => on.destroy(), CONNECTING);
      on.setTimeout(IDLE, () => on.destroy());
      on.on('error', () => on.destroy());
      on.on('close', () => {
        clearTimeout(patience);
        if (isOpen) socket.destroy();
        else refuse(new Refusal(502, 'the host does not answer'));
      });
      socket.on('close', () => on.destroy());
      on.once('connect', () => {
        clearTimeout(patience);
        isOpen = true;
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        if (head.length > 0) on.write(head);
        on.pipe(socket);
        socket.pipe(on);
      });
    } catch (error) {
      refuse(error);
    }
  }
}
