import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TerminalStep } from './render-terminal.ts';

// Records the session of docs/terminal.svg: real commands of an ordinary user, in namespaces with a network of their own.

/** What is typed. It needs no network: the image is the one in fixtures/. */
export const SESSION: readonly string[] = [
  'tsimg unpack busybox.tar.gz ./rootfs',
  "tsimg run --rm ./rootfs /bin/sh -c 'grep PRETTY /etc/os-release; hostname; id -u; ps'",
  'tsimg run -d --name web -p 8080:80 busybox.tar.gz httpd -f -h /root',
  'wget -qO- localhost:8080/README',
  'tsimg exec web ps',
  "tsimg ps --format 'table {{.ID}}\\t{{.Names}}\\t{{.Image}}\\t{{.Command}}\\t{{.Ports}}'",
  'tsimg rm -f web',
  "tsimg run --dry-run --explain ./rootfs sh | grep -B1 -E '^(newuid|unshare --m|mount -t p|pivot)'",
];

/** Programs without which nothing can be recorded. */
export const RECORDING_NEEDS = ['unshare', 'setpriv', 'newuidmap', 'pasta', 'busybox', 'ip', 'mount'] as const;

/** The user of the session, as Debian makes the first one. */
const USER = { name: 'me', id: 1000 };
const FILES: Readonly<Record<string, string>> = {
  passwd: `root:x:0:0:root:/root:/bin/sh\n${USER.name}:x:${USER.id}:${USER.id}::/home/me:/bin/sh\n`,
  group: `root:x:0:\n${USER.name}:x:${USER.id}:\n`,
  subuid: `${USER.name}:100000:65536\n`,
  subgid: `${USER.name}:100000:65536\n`,
};

/** Before each command's output; no program prints it. */
const MARK = '\u001e';

/** The server of a container that was just started may not listen yet, so wget tries again. */
const WGET = `#!/bin/sh
for turn in 1 2 3 4 5 6 7 8 9; do
  busybox wget "$@" 2> /dev/null && exit 0
  sleep 0.5
done
exec busybox wget "$@"
`;

/** $1 the folder; a network with a way out that leads nowhere, for pasta takes after it. */
const SETUP = `set -e
mount --make-rprivate /
for name in ${Object.keys(FILES).join(' ')}; do mount --bind "$1/etc/$name" "/etc/$name"; done
mount -t tmpfs -o mode=755 tmpfs /dev/net
mknod -m 666 /dev/net/tun c 10 200
ip link set lo up
ip link add up0 type veth peer name out0
ip link set out0 up
ip address add 198.51.100.1/24 dev up0
ip link set up0 up
ip route add default via 198.51.100.2
folder=$1
cd "$folder/me"
shift
exec setpriv --reuid=${USER.id} --regid=${USER.id} --clear-groups -- \\
  env -i "HOME=$folder/me" "PATH=$folder/bin:/usr/sbin:/usr/bin:/sbin:/bin" sh -c "$STEPS" sh "$@"`;

const STEPS = `for command; do
  printf '\\036'
  sh -c "$command" 2>&1 || exit 1
done`;

/** What differs from run to run, and what stands in its place: the folder, and IDs of containers in the order they appear. */
function normalise(text: string, folder: string): string {
  const ids: string[] = [];
  return text
    .replaceAll(join(folder, 'me'), '/home/me')
    .replaceAll(/(?<!sha256:)\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b/g, (id) => {
      const known = ids.findIndex((each) => each.startsWith(id) || id.startsWith(each));
      const place = known >= 0 ? known : ids.push(id) - 1;
      return createHash('sha256').update(`container ${place}`).digest('hex').slice(0, id.length);
    });
}

/**
 * Runs the session and returns what was typed and printed. Needs root, which makes the namespaces and becomes an ordinary user in
 * them; nothing of it is left.
 * @param main the command to record, such as dist/src/tsimg.cjs, and the image that it is shown
 * @throws an Error with the output where a command fails
 */
export function recordTerminal(main: string, image: string): readonly TerminalStep[] {
  const folder = mkdtempSync(join(tmpdir(), 'tsimg-terminal-'));
  try {
    chmodSync(folder, 0o755);
    for (const name of ['etc', 'bin', 'me']) mkdirSync(join(folder, name));
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, 'etc', name), text, { mode: 0o644 });
    symlinkSync(main, join(folder, 'bin', 'tsimg'));
    symlinkSync(process.execPath, join(folder, 'bin', 'node'));
    writeFileSync(join(folder, 'bin', 'wget'), WGET, { mode: 0o755 });
    copyFileSync(image, join(folder, 'me', 'busybox.tar.gz'));
    chownSync(join(folder, 'me'), USER.id, USER.id);
    const namespaces = ['--mount', '--net', '--ipc', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const run = spawnSync('unshare', [...namespaces, 'sh', '-c', SETUP, 'sh', folder, ...SESSION], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, STEPS },
      timeout: 120_000,
    });
    const outputs = run.stdout.split(MARK).slice(1);
    if (run.status !== 0) {
      throw new Error(`the terminal could not be recorded: ${run.error?.message ?? `${run.stderr}${outputs.at(-1)}`}`);
    }
    const shown = normalise(outputs.join(MARK), folder).split(MARK);
    return SESSION.map((command, index) => ({ command, output: shown[index] ?? '' }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
