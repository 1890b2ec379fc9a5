import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publish } from '../test/support/command/publish.ts';
import { startDockerRegistry } from '../test/support/registry/docker-registry.ts';
import { type Candidate, compareInTurns } from './compare.ts';
import { isInstalled } from './contenders.ts';
import { MOVED, makeImage } from './make-image.ts';
import { SLOW_LINE } from './slow-line.ts';

// Pulls and pushes by tsimg, skopeo and podman, in turns, in one run: `npm run bench:registry [-- ROUNDS]`. Images are
// kept in $TSIMG_BENCH_DIR; what is pulled goes to tmpfs (/dev/shm). Needs root for podman.

const IMAGES = process.env.TSIMG_BENCH_DIR ?? join(tmpdir(), 'tsimg-bench');
/** The slow line: a round trip of 20 ms, and 50 MB a second in each direction. */
const ROUND_TRIP_MS = 20;
const BYTES_PER_SECOND = 50_000_000;

const [rounds = 7] = process.argv.slice(2).map(Number);
// Node reads these certificates at every start, in 30 ms for a system's bundle; that is no part of a pull.
delete process.env.NODE_EXTRA_CA_CERTS;
const PUBLISHED = await publish();
const target = join('/dev/shm', `tsimg-bench-${process.pid}`);
const tsimg = (root: string, ...words: readonly string[]) => [process.execPath, PUBLISHED, '--root', root, ...words];

/** The bytes of all blobs of a layout, in MB. */
function megabytes(layout: string): number {
  const folder = join(layout, 'blobs/sha256');
  const sizes = readdirSync(folder).map((name) => statSync(join(folder, name)).size);
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / 1e6);
}

/** Starts the slow line to a port, until it is disposed of. */
async function startSlowLine(host: string): Promise<Disposable & { readonly host: string }> {
  const port = host.replace(/^.*:/, '');
  const words = [SLOW_LINE, port, String(ROUND_TRIP_MS), String(BYTES_PER_SECOND)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await once(child.stdout, 'data');
  return { host: `127.0.0.1:${String(printed).trim()}`, [Symbol.dispose]: () => child.kill('SIGKILL') };
}

interface Line {
  readonly host: string;
  readonly line: string;
}

const NODE: Candidate = { name: 'node -e 0', command: () => [process.execPath, '-e', '0'] };

function pulls(reference: string): readonly Candidate[] {
  const storage = ['--root', join(target, 'podman'), '--runroot', join(target, 'run'), '--storage-driver', 'vfs'];
  const skopeo = ['skopeo', '--insecure-policy', 'copy', '-q', '--src-tls-verify=false', `docker://${reference}`];
  return [
    { name: 'tsimg pull', command: () => tsimg(join(target, 'store'), 'pull', '-q', '--tls-verify=false', reference) },
    { name: 'skopeo copy to a layout', command: () => [...skopeo, `oci:${join(target, 'layout')}:latest`] },
    {
      name: 'podman pull, which unpacks too',
      command: () => ['podman', ...storage, 'pull', '-q', '--tls-verify=false', reference],
    },
    NODE,
  ];
}

/** Each push is to a repository of its own, which has nothing of the image yet. */
function pushes(layout: string, shape: string, { host, line }: Line): readonly Candidate[] {
  const source = `oci:${layout}:latest`;
  const skopeo = ['skopeo', '--insecure-policy', 'copy', '-q', '--dest-tls-verify=false', source];
  // skopeo remembers the repositories that have a blob, and would mount it from the last round's.
  const forget = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /var/lib/containers/cache && exec "$@"', 'sh'];
  return [
    {
      name: 'tsimg push',
      command: (round) =>
        tsimg(
          join(target, 'store'),
          'push',
          '-q',
          '--tls-verify=false',
          source,
          `${host}/tsimg/${shape}-${line}-${round}`,
        ),
    },
    {
      name: 'skopeo copy to the registry',
      command: (round) => [...forget, ...skopeo, `docker://${host}/skopeo/${shape}-${line}-${round}`],
    },
    NODE,
  ];
}

if (!isInstalled('docker-registry') || !isInstalled('skopeo')) {
  console.log('skipped: needs docker-registry and skopeo');
} else {
  mkdirSync(IMAGES, { recursive: true });
  const data = join('/dev/shm', `tsimg-bench-registry-${process.pid}`);
  process.on('exit', () => rmSync(data, { recursive: true, force: true }));
  await using registry = await startDockerRegistry({ data });
  using slow = await startSlowLine(registry.host);
  const lines: readonly Line[] = [
    { host: registry.host, line: 'loopback' },
    { host: slow.host, line: 'slow' },
  ];
  const clean = () => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
  };
  process.on('exit', () => rmSync(target, { recursive: true, force: true }));
  clean();
  for (const shape of Object.values(MOVED)) {
    const layout = await makeImage(IMAGES, shape);
    registry.fill(`oci:${layout}:latest`, `${shape.name}:latest`);
    for (const line of lines) {
      const title = `${shape.name} (${megabytes(layout)} MB), ${line.line} line`;
      await compareInTurns(`Pull of ${title}`, pulls(`${line.host}/${shape.name}:latest`), rounds, clean);
      await compareInTurns(`Push of ${title}`, pushes(layout, shape.name, line), rounds, clean);
    }
  }
}
