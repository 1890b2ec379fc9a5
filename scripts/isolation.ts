import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { probeHost } from '../src/host/facts/probe.ts';
import { planBundle } from '../src/launch/oci/oci-bundle.ts';
import { EMPTY_RUN_CONFIG } from '../src/oci/run-config.ts';
import { makeBusyboxRootfs } from '../test/support/container/busybox-rootfs.ts';
import { PROBE_SCRIPT, type Probe, parseProbe, SECRET } from '../test/support/container/isolation-probe.ts';
import { makeOrdinaryUser } from '../test/support/host/ordinary-user.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { findTool } from '../test/support/tools.ts';

// Runs the same probe under tsimg, runc and bubblewrap, as they are installed here, and writes docs/isolation.md.
// Needs root. With --print, only prints the table.

const ROOT = dirname(dirname(import.meta.dirname));
const MAIN = join(ROOT, 'dist', 'src', 'tsimg.cjs');
const SHELL = ['/bin/sh', '-c', PROBE_SCRIPT];

function probe(command: readonly string[], cwd = '/'): Probe {
  const [program = '', ...args] = command;
  const env = { PATH: process.env.PATH, TSIMG_ROOT: join(tempDir(0o777), 'store'), [SECRET]: 'x' };
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', env, cwd, timeout: 60_000 });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return parseProbe(stdout);
}

/** Runs the probe under runc, with the configuration of a bundle of tsimg (`ours`) or of `runc spec`. */
function probeRunc(rootfs: string, ours: boolean): Probe {
  const bundle = tempDir();
  if (ours) {
    const config = {
      run: EMPTY_RUN_CONFIG,
      platform: { os: 'linux', architecture: 'amd64' },
      diffIds: [],
      history: [],
    };
    const { runtime } = planBundle(config, { passwd: '', group: '' }, { host: probeHost() });
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(runtime));
  } else {
    spawnSync('runc', ['spec'], { cwd: bundle });
  }
  const script = [
    'const fs = require("fs"); const c = JSON.parse(fs.readFileSync("config.json"));',
    'c.process.terminal = false; c.process.args = JSON.parse(process.argv[1]); c.root = { path: process.argv[2], readonly: c.root.readonly };',
    'fs.writeFileSync("config.json", JSON.stringify(c))',
  ].join('\n');
  spawnSync(process.execPath, ['-e', script, JSON.stringify(SHELL), rootfs], { cwd: bundle });
  return probe(['runc', 'run', `tsimg-probe-${process.pid}${ours ? 'o' : ''}`], bundle);
}

function table(columns: ReadonlyMap<string, Probe>): string {
  const names = [...(columns.values().next().value ?? new Map()).keys()];
  const cell = (text: string | undefined) => (text === undefined || text === '' ? '–' : text.replaceAll('|', '\\|'));
  const rows = names.map((name) => [name, ...[...columns.values()].map((each) => cell(each.get(name)))]);
  const head = ['property', ...columns.keys()];
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function version(program: string): string {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return stdout.split('\n')[0]?.replace(/ version/, '') ?? program;
}

const rootfs = makeBusyboxRootfs(tempDir(0o755));
const columns = new Map<string, Probe>();
const tsimg = [process.execPath, MAIN, 'run', '--rm', '--network', 'none', rootfs, ...SHELL];
columns.set('tsimg, root', probe(tsimg));
const user = makeOrdinaryUser();
if (user !== undefined) {
  spawnSync('chown', [`${user.uid}:${user.gid}`, rootfs]);
  const become = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];
  columns.set('tsimg, user', probe([...become, ...tsimg]));
  spawnSync('chown', ['0:0', rootfs]);
}
if (findTool('runc') !== undefined) {
  columns.set('a bundle of tsimg’s under runc', probeRunc(rootfs, true));
  columns.set('runc spec', probeRunc(rootfs, false));
}
if (findTool('bwrap') !== undefined) {
  const bwrap = [
    'bwrap',
    '--unshare-all',
    '--die-with-parent',
    '--bind',
    rootfs,
    '/',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
  ];
  columns.set('bwrap --unshare-all', probe([...bwrap, ...SHELL]));
}

const page = `# Isolation

The table shows what a process in a container sees of itself and of the host, with the defaults of each launcher. The
same probe ran under all of them (${['runc', 'bwrap'].map(version).join(', ')}). \`npm run isolation\`, as root, runs it
again and writes this page. test/host/start/defaults.test.ts checks the columns of tsimg.

${table(columns)}

- **bounding set**: the capabilities that a program in the container can have at most. \`800405fb\` are podman's eleven,
  \`20000420\` are runc's three.
- **seccomp**: 2 means that a filter is on. tsimg's filter is docker's list; it also denies the ioctls TIOCSTI and
  TIOCLINUX, and socketcall(2) of 32-bit programs
  ([decision 20](decisions/0020-seccomp-as-libseccomp-has-it.md)).
- **mount**: the restrictions of each mount; \`rw\` means that it has none.
- **devices**: the device files in /dev. A container of root's can open only the devices of docker's list, whatever
  capabilities it has: a cgroup around it holds the list
  ([decision 19](decisions/0019-a-list-of-devices-around-the-container.md)). On hosts where no cgroup can hold such a
  list, tsimg refuses the capabilities MKNOD and SYS_ADMIN.
- **seen in /proc**: readable files that reveal something about the host.
- **writable in /proc**: files and folders through which the host could be changed.
`;

if (process.argv.includes('--print')) console.log(page);
else writeFileSync(join(ROOT, 'docs', 'isolation.md'), page);
