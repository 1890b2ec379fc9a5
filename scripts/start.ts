import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

// `npm start`: from an image to a running command, without a network. It unpacks the example image of fixtures/, and
// runs a command that shows what a container is. On a terminal, a shell in the container follows. The image is for
// x86-64: another machine only builds.

const ROOT = dirname(dirname(import.meta.dirname));
const MAIN = join(ROOT, 'dist', 'src', 'tsimg.cjs');
const IMAGE = join('fixtures', 'images', 'busybox-amd64.tar.gz');

const SHOW = `
echo "--- os-release"; grep PRETTY_NAME /etc/os-release
echo "--- processes";  ps -o pid,user,args
echo "--- host name";  hostname
echo "--- interfaces"; ip -o addr
echo "--- files";      ls /
`;

function tsimg(...args: readonly string[]): number {
  const shown = args.map((arg) => (arg.includes('\n') ? "'…'" : arg));
  console.log(`\n$ tsimg ${shown.join(' ')}`);
  const env = { ...process.env, TSIMG_ROOT: join(folder, 'store') };
  const { status, signal } = spawnSync(process.execPath, ['--', MAIN, ...args], { cwd: ROOT, env, stdio: 'inherit' });
  return status ?? (signal === null ? 1 : 128);
}

if (process.arch !== 'x64') {
  console.log('tsimg is built. The image in fixtures/ is for x86-64 only: try dist/src/tsimg.cjs run busybox');
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), 'tsimg-start-'));
const rootfs = join(folder, 'rootfs');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
// Signals go to the command in the container. This process must not end by them, because it cleans up.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => {});

let status =
  tsimg('unpack', IMAGE, rootfs) ||
  tsimg('run', '--rm', '--network', 'none', '--hostname', 'example', rootfs, '/bin/sh', '-c', SHOW);
if (status === 0 && process.stdin.isTTY && process.stdout.isTTY) {
  console.log('\nA shell in the container; leave it with exit.');
  status = tsimg('run', '--rm', '-it', '--network', 'none', '--hostname', 'example', rootfs, '/bin/sh', '-l');
}
process.exit(status);
