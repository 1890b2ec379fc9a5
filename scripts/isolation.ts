import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { probeHost } from '../src/host/facts/probe.ts';
import { planBundle } from '../src/launch/oci/oci-bundle.ts';
import { EMPTY_RUN_CONFIG } from '../src/oci/run-config.ts';
import { makeBusyboxRootfs } from '../test/support/busybox-rootfs.ts';
import { PROBE_SCRIPT, type Probe, parseProbe, SECRET } from '../test/support/isolation-probe.ts';
import { makeOrdinaryUser } from '../test/support/ordinary-user.ts';
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

/** Returns the configuration of `runc spec`, or of a bundle of tsimg, with the probe as its command. */
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
  const head = ['what', ...columns.keys()];
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

What a process in a container sees of itself and of the host, with the defaults of each launcher. The same probe ran under all of
them: \`npm run isolation\` runs it again, as root, and writes this page (${['runc', 'bwrap'].map(version).join(', ')}). The column
of tsimg is held by test/host/start/defaults.test.ts.

${table(columns)}

- **bounding set** \`800405fb\` are podman's eleven capabilities; \`20000420\` runc's three. A program in the container can never
  have more.
- **seccomp** 2 is a filter on: docker's list, with TIOCSTI and TIOCLINUX denied besides, and \`socketcall\` of 32-bit programs.
- **devices**: root's containers open no others, whatever capabilities they have: a cgroup around them has docker's list
  ([decision 19](decisions/0019-a-list-of-devices-around-the-container.md)). Where none can be had, MKNOD and SYS_ADMIN are refused.
- **seen in /proc** names files that tell of the host and could be read.
- **writable in /proc** names files and folders by which the host could be changed.
- **mount** lists what is forbidden there; \`rw\` is nothing.
`;

if (process.argv.includes('--print')) console.log(page);
else writeFileSync(join(ROOT, 'docs', 'isolation.md'), page);
