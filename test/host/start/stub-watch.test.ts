import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import type { ManyStarts } from '../../support/container/many-starts.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// The files of a launch that a container can open if it sees all processes of the host.

const STARTS = join(import.meta.dirname, '..', '..', 'support', 'container', 'many-starts.js');
const STUB = join(import.meta.dirname, '..', '..', '..', 'src', 'sys', 'stub', `stub-${process.arch}`);

/** The host's own system, read-only, for its Python. */
const SYSTEM = ['/usr', '/lib', '/lib64', '/etc/alternatives']
  .filter((path) => existsSync(path))
  .flatMap((path) => ['-v', `${path}:${path}:ro`]);

/** A PATH so long that a stub searches for its program for some milliseconds. */
const LONG_PATH = `PATH=${'/a:'.repeat(1000)}/bin`;

/**
 * Tries to open all files in /proc of each process that the test starts, some thousand times a second, until it is
 * stopped: of those that it has tried 200 times, which are no stubs, each 16th time. It may open those of commands with
 * its own rights, and reports all others that it opens.
 */
const WATCH = `
import os, sys, time
P, STUB, ROOT = '/hostproc/', open('/watch/stub', 'rb').read(), tuple(map(int, open('/watch/root').read().split()))
ours, others, tried, opened, found = {'0': False, sys.argv[1]: True}, set(os.listdir(P)), set(), 0, set()
open('/watch/ready', 'w').close()

def is_ours(pid):
    if pid not in ours:
        try: parent = open(P + pid + '/stat').read().rsplit(')', 1)[1].split()[1]
        except OSError: return False
        ours[pid] = is_ours(parent)
    return ours[pid]

def look(pid):
    global opened
    base = P + pid + '/'
    for what in ('exe', 'root', 'cwd', 'mem', 'environ'):
        try: fd = os.open(base + what, os.O_RDONLY if what in ('mem', 'environ') else os.O_PATH)
        except OSError: continue
        opened += 1
        try:
            if what == 'mem' and os.pread(fd, len(STUB), 0x400000) == STUB: found.add((pid, 'mem', 'of a stub'))
            elif what == 'exe' and not os.readlink('/proc/self/fd/%d' % fd).endswith('/busybox'):
                found.add((pid, 'exe', os.readlink('/proc/self/fd/%d' % fd)))
            elif what in ('root', 'cwd'):
                stat = os.fstat(fd)
                if (stat.st_dev, stat.st_ino) == ROOT: found.add((pid, what, 'of the host'))
        except OSError: pass
        os.close(fd)
    try: names = os.listdir(base + 'fd')
    except OSError: return
    for name in names:
        try: link = os.readlink(base + 'fd/' + name)
        except OSError: continue
        opened += 1
        if not link.startswith(('pipe:', '/dev/null')): found.add((pid, 'fd/' + name, link))

rounds = {}
while not os.path.exists('/watch/stop'):
    time.sleep(0.0002)
    for pid in set(os.listdir(P)) - others:
        if not is_ours(pid):
            if pid in ours: others.add(pid)
            continue
        tried.add(pid)
        rounds[pid] = rounds.get(pid, -1) + 1
        if rounds[pid] < 200 or rounds[pid] % 16 == 0: look(pid)
with open('/watch/report.new', 'w') as report:
    print(len(tried), opened, file=report)
    for each in sorted(found): print(*each, file=report)
os.rename('/watch/report.new', '/watch/report')
`;

const asRoot = suite('host/start/stub-watch as root');
const asUser = suite('host/start/stub-watch as an ordinary user');

defineRuns(asRoot, asUser, (test, { freshRootfs, user }) => {
  if (!haveTools('python3')) return;
  const cli = makeContainerCli(user);
  test.after(() => cli.clear());

  /**
   * Runs an action while a container watches. Returns how many processes the container tried, how many files it opened,
   * and those that it must not open.
   */
  const watched = async (options: readonly string[], action: () => void) => {
    const folder = tempDir(0o777);
    const watch = join(folder, 'watch');
    mkdirSync(watch);
    spawnSync('chmod', ['777', watch]);
    const { dev, ino } = statSync('/');
    writeFileSync(join(watch, 'root'), `${dev} ${ino}`);
    writeFileSync(join(watch, 'stub'), readFileSync(STUB));
    const mounts = [...SYSTEM, '-v', '/proc:/hostproc', '-v', `${watch}:/watch`];
    const rights = ['--network', 'none', ...options];
    const command = ['/usr/bin/python3', '-I', '-c', WATCH, String(process.pid)];
    cli.ok('run', '-d', '--name', 'watcher', ...rights, ...mounts, freshRootfs(), ...command);
    await until('it watches', () => existsSync(join(watch, 'ready')));
    action();
    writeFileSync(join(watch, 'stop'), '');
    await until('it reports', () => existsSync(join(watch, 'report')));
    cli.ok('rm', '-f', 'watcher');
    const [counts = '', ...found] = readFileSync(join(watch, 'report'), 'utf8').trimEnd().split('\n');
    const [tried = 0, opened = 0] = counts.split(' ').map(Number);
    return { tried, opened, found };
  };

  const starts = (requests: ManyStarts['requests'], times: number) => {
    const argument: ManyStarts = { rootfs: freshRootfs(), requests, times };
    const { status, stderr } = spawnSync(process.execPath, [STARTS, JSON.stringify(argument)], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, TSIMG_ROOT: join(cli.folder, '..') },
      cwd: '/',
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    assert.is(status, 0, stderr);
  };

  // Root of a user namespace may trace all processes in it, including those that join it.
  const [rights, shared] =
    user === undefined ? [[], []] : [['--cap-add', 'SYS_PTRACE'], [{ network: 'container:watcher' }]];

  test('a container that sees the host’s processes can open no files of a stub', async () => {
    const command = ['/bin/true'];
    const { tried, opened, found } = await watched(rights, () => {
      starts([{ command }, ...shared.map((each) => ({ ...each, command }))], 120);
      // Long enough to be caught before it becomes the command, if that were possible.
      const slow = { command: ['true'], env: [LONG_PATH] };
      starts([slow, ...shared.map((each) => ({ ...each, ...slow }))], 16);
    });
    assert.equal(found, []);
    assert.ok(tried > 200, `it tried ${tried}`);
    if (user === undefined) assert.ok(opened > 0, 'what its own rights let it open it does open');
  });

  test('nor of a stub that enters a container, or of a helper that reads and writes its files', async () => {
    cli.ok('run', '-d', '--name', 'other', '--network', 'none', EXAMPLE_IMAGE, '/bin/sleep', '1000');
    const { tried, found } = await watched(rights, () => {
      for (const name of ['other', 'watcher']) {
        for (let time = 0; time < 5; time += 1) {
          cli.ok('exec', name, '/bin/true');
          cli.ok('exec', '-e', LONG_PATH, name, 'true');
          cli.ok('cp', `${name}:/bin/busybox`, join(tempDir(0o777), 'busybox'));
        }
      }
      cli.ok('commit', 'other', 'committed');
      cli.ok('diff', 'other');
    });
    assert.equal(found, []);
    assert.ok(tried > 30, `it tried ${tried}`);
  });
});
asRoot.run();
asUser.run();
