import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { letRunBeside } from '../command/resident-command.ts';
import { tempDir } from '../temp-dir.ts';
import type { Certificate } from './certificate.ts';

/** The account of a registry with authentication. */
export const ACCOUNT = { username: 'me', password: 'sesame' } as const;
/** The password by bcrypt with cost 4, the only form that docker-registry takes. */
const HTPASSWD = `${ACCOUNT.username}:$2b$04$fajSv9e8ulzxfYm3M94iYu5iNamhyABc//BTbwKoEl8SSgBia9sQq\n`;

export interface DockerRegistryOptions {
  /** Whether the registry asks for the credentials of `ACCOUNT`. */
  readonly login?: boolean;
  /** The token server that it sends clients to, and the file of the certificates that sign tokens. */
  readonly tokens?: { readonly realm: string; readonly issuer: string; readonly certificates: string };
  readonly tls?: Certificate;
  /** The port on loopback; a free port when absent. */
  readonly port?: number;
  /** The folder of its content, which other registries may serve too; a new one when absent. */
  readonly data?: string;
  /** Whether manifests can be deleted; Debian’s default is not. */
  readonly deletes?: boolean;
  /** The registry, `http://HOST:PORT`, that it is a cache of: it fetches from there what it lacks. */
  readonly cacheOf?: string;
  /** The words that run a program in namespaces of the test, put before the program's own. */
  readonly within?: readonly string[];
}

export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Copies an image into the registry by skopeo. `source` is as skopeo takes it; `all` copies every platform. */
  fill(source: string, name: string, options?: { readonly all?: boolean }): void;
}

function configuration(folder: string, options: DockerRegistryOptions): string {
  const { login, tokens, tls, port = 0, data = join(folder, 'data'), deletes = false } = options;
  const lines = [
    'version: 0.1',
    'log: { level: info }',
    `storage: { filesystem: { rootdirectory: ${data} }, delete: { enabled: ${deletes} } }`,
    'http:',
    `  addr: 127.0.0.1:${port}`,
    '  secret: none',
  ];
  if (tls !== undefined) lines.push(`  tls: { certificate: ${tls.certFile}, key: ${tls.keyFile} }`);
  if (tokens !== undefined) {
    const { realm, issuer, certificates } = tokens;
    lines.push(
      `auth: { token: { realm: "${realm}", service: test, issuer: ${issuer}, rootcertbundle: ${certificates} } }`,
    );
  }
  if (options.cacheOf !== undefined) lines.push(`proxy: { remoteurl: ${options.cacheOf} }`);
  if (login) {
    writeFileSync(join(folder, 'htpasswd'), HTPASSWD);
    lines.push(`auth: { htpasswd: { realm: tsimg, path: ${join(folder, 'htpasswd')} } }`);
  }
  return `${lines.join('\n')}\n`;
}

/** Returns the address that it listens on, once its log has it. */
async function waitForHost(logFile: string, child: ChildProcess): Promise<string> {
  for (;;) {
    const log = readFileSync(logFile, 'utf8');
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
    if (port !== undefined) return `127.0.0.1:${port}`;
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
      throw new Error(`docker-registry ended: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/**
 * Starts Debian's docker-registry on a port of loopback. It ends, and its data goes, when disposed of or at the end.
 */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const folder = tempDir();
  const config = join(folder, 'config.yml');
  writeFileSync(config, configuration(folder, options));
  // Its log goes to a file: a pipe would block it when this process waits for another one.
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'w');
  const { within = [] } = options;
  const [program = '', ...args] = [...within, 'docker-registry', 'serve', config];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', log] });
  closeSync(log);
  const stop = () => child.kill('SIGKILL');
  process.prependListener('exit', stop);
  const host = await waitForHost(logFile, child);
  letRunBeside(child);
  return {
    host,
    fill: (source, name, { all = false } = {}) => {
      const creds = options.login ? ['--dest-creds', `${ACCOUNT.username}:${ACCOUNT.password}`] : [];
      const flags = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', ...(all ? ['--all'] : [])];
      const copy = [...within, 'skopeo', ...flags, ...creds, source, `docker://${host}/${name}`];
      const { status, stderr } = spawnSync(copy[0] ?? '', copy.slice(1), { timeout: 60_000 });
      if (status !== 0) throw new Error(`skopeo: ${stderr}`);
    },
    [Symbol.asyncDispose]: async () => {
      process.off('exit', stop);
      // A test may have ended it before.
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.ref();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      stop();
      await ended;
    },
  };
}
