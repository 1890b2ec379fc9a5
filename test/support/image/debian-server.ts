import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ImageEdit } from '../../../src/verbs/author/config.ts';
import { packImage } from '../../../src/verbs/author/pack.ts';
import { tempDir } from '../temp-dir.ts';
import { findTool, haveRoot, haveTools } from '../tools.ts';

// Images of real servers, made of what Debian's packages postgresql-15, redis-server and nginx have installed on this
// machine: their programs, the libraries that those load, and their data. What starts them is ours.

export type ServerName = 'postgres' | 'redis' | 'nginx';

/** The ID of the user of each server in its image. */
const SERVER_ID = 999;

/** The folder of the installed PostgreSQL, such as `/usr/lib/postgresql/15`; undefined without one. */
function postgresFolder(): string | undefined {
  const place = '/usr/lib/postgresql';
  if (!existsSync(place)) return undefined;
  const version = readdirSync(place).find((name) => existsSync(join(place, name, 'bin', 'postgres')));
  return version === undefined ? undefined : join(place, version);
}

/** Copies a file or directory to the same place below the root; where that is a link, what it leads to as well. */
function copy(root: string, path: string): void {
  const to = join(root, path);
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  cpSync(realpathSync(path), to, { recursive: true, dereference: true, preserveTimestamps: true });
}

/** Copies programs and libraries with all libraries that they load. */
function copyPrograms(root: string, programs: readonly string[]): void {
  const { stdout } = spawnSync('ldd', programs, { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
  for (const program of programs) copy(root, program);
  for (const [, library] of stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm))
    if (library !== undefined) copy(root, library);
}

/** Makes what every image has: a shell, an account for the server, and places that it may write to. */
function makeBase(root: string, user: string, own: readonly string[]): void {
  copyPrograms(root, [findTool('busybox') ?? 'busybox']);
  mkdirSync(join(root, 'bin'), { recursive: true });
  const busybox = realpathSync(findTool('busybox') ?? 'busybox');
  for (const applet of ['sh', 'ls', 'cat', 'rm', 'mkdir', 'chmod', 'sleep', 'id', 'echo', 'test'])
    symlinkSync(busybox, join(root, 'bin', applet));
  mkdirSync(join(root, 'etc'), { recursive: true });
  writeFileSync(
    join(root, 'etc/passwd'),
    `root:x:0:0::/root:/bin/sh\n${user}:x:${SERVER_ID}:${SERVER_ID}::/:/bin/sh\n`,
  );
  writeFileSync(join(root, 'etc/group'), `root:x:0:\n${user}:x:${SERVER_ID}:\n`);
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
  for (const path of own) {
    mkdirSync(join(root, path), { recursive: true });
    chownSync(join(root, path), SERVER_ID, SERVER_ID);
  }
}

interface Recipe {
  /** The user that the server runs as. */
  readonly user: string;
  /** Directories that belong to it. */
  readonly own: readonly string[];
  readonly programs: readonly string[];
  readonly data: readonly string[];
  /** Files of ours by their paths. */
  readonly files: Readonly<Record<string, string>>;
  readonly edit: ImageEdit;
}

const START_POSTGRES = `#!/bin/sh
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "$POSTGRES_PASSWORD" > /tmp/password
  initdb --username=postgres --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust --no-sync
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
`;

const NGINX_CONF = `daemon off;
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
  access_log /dev/stdout;
  server {
    listen 80;
    location = /health { return 200 "ok"; }
    location / { root /srv; }
  }
}
`;

function recipeOf(name: ServerName): Recipe | undefined {
  switch (name) {
    case 'postgres': {
      const folder = postgresFolder();
      if (folder === undefined) return undefined;
      const bin = ['postgres', 'initdb', 'psql', 'pg_isready'].map((program) => join(folder, 'bin', program));
      const lib = ['dict_snowball.so', 'plpgsql.so', 'libpqwalreceiver.so'].map((file) => join(folder, 'lib', file));
      return {
        user: 'postgres',
        own: ['var/lib/postgresql/data'],
        programs: [...bin, ...lib],
        data: [`/usr/share/postgresql/${basename(folder)}`, '/usr/share/zoneinfo/UTC'],
        files: { '/usr/bin/start-postgres': START_POSTGRES },
        edit: {
          entrypoint: '["start-postgres"]',
          env: [
            `PATH=${folder}/bin:/usr/bin:/bin`,
            'PGDATA=/var/lib/postgresql/data',
            'PGHOST=/tmp',
            'LANG=C',
            'TZ=UTC',
          ],
          expose: ['5432/tcp'],
          volume: ['/var/lib/postgresql/data'],
          stopSignal: 'SIGINT',
          changes: ['HEALTHCHECK --interval=1s --start-period=60s --start-interval=1s CMD pg_isready -h 127.0.0.1'],
        },
      };
    }
    case 'redis': {
      const [server, client] = [findTool('redis-server'), findTool('redis-cli')];
      if (server === undefined || client === undefined) return undefined;
      return {
        user: 'redis',
        own: ['data'],
        programs: [server, client],
        data: [],
        files: {},
        edit: {
          cmd: JSON.stringify([server, '--protected-mode', 'no', '--dir', '/data']),
          env: ['PATH=/usr/bin:/bin'],
          expose: ['6379/tcp'],
        },
      };
    }
    case 'nginx': {
      const server = findTool('nginx');
      if (server === undefined) return undefined;
      const body = ['body', 'fastcgi', 'proxy', 'scgi', 'uwsgi'].map((each) => `var/lib/nginx/${each}`);
      return {
        user: 'www-data',
        own: ['var/lib/nginx', ...body, 'var/log/nginx', 'run'],
        programs: [server],
        data: [],
        files: { '/etc/nginx/nginx.conf': NGINX_CONF, '/srv/index.html': 'the page\n' },
        edit: { cmd: JSON.stringify([server]), env: ['PATH=/usr/sbin:/usr/bin:/bin'], expose: ['80/tcp'] },
      };
    }
  }
}

/**
 * Makes the image of a server, as root, and returns the OCI archive that holds it, which all users can read. Undefined,
 * with the line that says why, where that cannot be done.
 */
export async function serverImage(name: ServerName): Promise<string | undefined> {
  if (!haveRoot() || !haveTools('busybox')) return undefined;
  const recipe = recipeOf(name);
  if (recipe === undefined) return void console.log(`skipped: needs ${name}`);
  const { user, own, programs, data, files, edit } = recipe;
  const [root, place] = [tempDir(0o755), tempDir(0o755)];
  makeBase(root, user, own);
  copyPrograms(root, programs);
  for (const path of data) copy(root, path);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode: 0o755 });
  }
  const archive = join(place, `${name}.tar`);
  const settings = { output: `oci-archive:${archive}:${name}`, compression: { kind: 'none' } } as const;
  await packImage(root, { ...edit, user }, settings);
  return archive;
}
