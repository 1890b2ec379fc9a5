import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from './certificate.ts';
import { tempDir } from './temp-dir.ts';

/** The account of a registry that wants one. */
export const ACCOUNT = { username: 'me', password: 'sesame' } as const;
/** bcrypt of the password, cost 4: the only form that docker-registry takes. */
const HTPASSWD = `${ACCOUNT.username}:$2b$04$fajSv9e8ulzxfYm3M94iYu5iNamhyABc//BTbwKoEl8SSgBia9sQq\n`;

export interface DockerRegistryOptions {
  /** Whether only `ACCOUNT` is let in. */
  readonly login?: boolean;
  readonly tls?: Certificate;
  /** The port of loopback; a free one when absent. */
  readonly port?: number;
  /** The folder of its content, which others may serve too; a fresh one when absent. */
  readonly data?: string;
  /** The words before a program's that run it in namespaces of the test. */
  readonly within?: readonly string[];
}

export interface DockerRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  /** Copies an image into it by skopeo, `source` in skopeo's spelling; `all`: every platform of it. */
  fill(source: string, name: string, options?: { readonly all?: boolean }): void;
}

function configuration(folder: string, options: DockerRegistryOptions): string {
  const { login, tls, port = 0, data = join(folder, 'data') } = options;
  const lines = [
    'version: 0.1',
    'log: { level: info }',
    `storage: { filesystem: { rootdirectory: ${data} } }`,
    'http:',
    `  addr: 127.0.0.1:${port}`,
    '  secret: none',
  ];
  if (tls !== undefined) lines.push(`  tls: { certificate: ${tls.certFile}, key: ${tls.keyFile} }`);
  if (login) {
    writeFileSync(join(folder, 'htpasswd'), HTPASSWD);
    lines.push(`auth: { htpasswd: { realm: tsimg, path: ${join(folder, 'htpasswd')} } }`);
  }
  return `${lines.join('\n')}\n`;
}

/** Where it listens, once its log says so. */
async function waitForHost(logFile: string, child: ChildProcess): Promise<string> {
  for (;;) {
    const log = readFileSync(logFile, 'utf8');
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
    if (port !== undefined) return `127.0.0.1:${port}`;
    if (child.exitCode !== null || child.pid === undefined) throw new Error(`docker-registry ended: ${log}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Debian's docker-registry on a port of loopback, gone with its data when disposed of or when the test ends. */
export async function startDockerRegistry(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
  const folder = tempDir();
  const config = join(folder, 'config.yml');
  writeFileSync(config, configuration(folder, options));
  // its log goes to a file: into a pipe it would block as soon as this process waits for another one
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'w');
  const { within = [] } = options;
  const [program = '', ...args] = [...within, 'docker-registry', 'serve', config];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', log] });
  closeSync(log);
  const stop = () => child.kill('SIGKILL');
  process.on('exit', stop);
  const host = await waitForHost(logFile, child);
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
      const ended = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null) stop();
      await ended;
    },
  };
}
