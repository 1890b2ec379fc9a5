import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { letRunBeside } from '../command/resident-command.ts';
import { tempDir } from '../temp-dir.ts';
import { findTool } from '../tools.ts';

/** An nginx that runs for a test. */
export interface Nginx extends AsyncDisposable {
  /** The lines of its log: the port, the request line, the status and the `Authorization` header, or `-`. */
  log(): readonly string[];
}

/** Whether nobody has a port of loopback. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/**
 * A port of loopback that nobody listens on. The kernel gives it to nobody meanwhile: it is none of those that it
 * chooses for clients of other tests.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    if (await isFree(port)) return port;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/** Starts Debian's nginx. @param servers the `server` blocks of its configuration, which listen on `port` too */
export async function startNginx(servers: string, port: number): Promise<Nginx> {
  const folder = tempDir();
  mkdirSync(join(folder, 'temp'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/temp/${name};`)
    .join(' ');
  const configuration = [
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'worker_processes 1; daemon off;',
    `pid ${folder}/pid; error_log ${folder}/error.log;`,
    'events { worker_connections 64; }',
    `http { ${temporary}`,
    `log_format test '$server_port|$request|$status|$http_authorization'; access_log ${folder}/access.log test;`,
    'absolute_redirect off; proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_request_buffering off;',
    servers,
    '}',
  ].join('\n');
  writeFileSync(join(folder, 'nginx.conf'), configuration);
  const child = spawn(
    findTool('nginx') ?? 'nginx',
    ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const stop = () => child.kill('SIGQUIT');
  process.prependListener('exit', stop);
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`nginx: ${readFileSync(join(folder, 'error.log'), 'utf8')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  letRunBeside(child);
  return {
    log: () => readFileSync(join(folder, 'access.log'), 'utf8').split('\n').filter(Boolean),
    [Symbol.asyncDispose]: async () => {
      process.off('exit', stop);
      child.ref();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}
