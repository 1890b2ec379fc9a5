import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runInContainer } from '../support/container.ts';
import { defineRuns } from '../support/define-runs.ts';
import { tempDir } from '../support/temp-dir.ts';

// A root filesystem is what somebody else wrote: each case is a way in which one has led a launcher to the host.

const asRoot = suite('host/hostile-root as root');
const asUser = suite('host/hostile-root as an ordinary user');

defineRuns(asRoot, asUser, (test, { freshRootfs, user }) => {
  /** A root filesystem after `spoil` had its way with it, and a run in it. */
  const spoiled = (spoil: (rootfs: string) => void) => {
    const rootfs = freshRootfs();
    spoil(rootfs);
    if (user !== undefined) spawnSync('chown', ['-hR', `${user.uid}:${user.gid}`, rootfs]);
    return (request: Parameters<typeof runInContainer>[0]['request']) =>
      runInContainer({ rootfs, request: { command: ['/bin/true'], ...request } }, { user });
  };

  for (const name of ['proc', 'sys', 'dev']) {
    test(`/${name} as a symbolic link is refused, and nothing is mounted or made where it leads (CVE-2019-19921, CVE-2026-41579)`, async () => {
      const target = tempDir(0o777);
      const run = spoiled((rootfs) => symlinkSync(target, join(rootfs, name)));
      const { status, stderr } = await run({});
      assert.is(status, 125);
      assert.match(stderr, new RegExp(`symbolic link.*/${name}`));
      assert.equal(readdirSync(target), []);
    });
  }

  test('a link that leads nowhere is no place for a volume, and the message says so', async () => {
    const folder = tempDir(0o777);
    const run = spoiled((rootfs) => symlinkSync('/nowhere', join(rootfs, 'data')));
    const { status, stderr } = await run({ volumes: [`${folder}:/data`] });
    assert.is(status, 125);
    assert.match(stderr, /cannot make a place in the root filesystem \(\/data\): EEXIST/);
  });

  test('/dev/pts and /dev/null of the root filesystem do not matter: /dev is new (CVE-2025-31133, CVE-2025-52565)', async () => {
    const victim = join(tempDir(0o777), 'victim');
    writeFileSync(victim, 'untouched');
    const run = spoiled((rootfs) => {
      mkdirSync(join(rootfs, 'dev'));
      for (const name of ['null', 'console', 'pts', 'ptmx']) symlinkSync(victim, join(rootfs, 'dev', name));
    });
    const { status, stdout } = await run({ command: ['/bin/stat', '-c', '%F', '/dev/null'] });
    assert.equal([status, stdout], [0, 'character special file\n']);
  });

  test('a working directory that is a link to a descriptor is refused (CVE-2024-21626)', async () => {
    for (let fd = 3; fd < 10; fd += 1) {
      const run = spoiled((rootfs) => symlinkSync(`/proc/self/fd/${fd}`, join(rootfs, 'place')));
      const { status, stdout } = await run({ workdir: '/place', command: ['/bin/ls', '/place'] });
      assert.equal([status, stdout], [125, '']);
    }
    const direct = await spoiled(() => {})({ workdir: '/proc/self/fd/4', command: ['/bin/ls', '.'] });
    assert.is(direct.status, 125);
  });

  test('a working directory through an absolute link is made inside, never on the host (CVE-2026-55686)', async () => {
    const outside = join(tempDir(0o777), 'outside');
    const run = spoiled((rootfs) => {
      mkdirSync(join(rootfs, outside), { recursive: true });
      symlinkSync(outside, join(rootfs, 'link'));
    });
    const { status, stderr } = await run({ workdir: '/link/made', command: ['/bin/true'] });
    assert.is(status, 0, stderr);
    assert.not.ok(existsSync(outside));
  });

  test('a volume through an absolute link lands inside, never on the host (CVE-2021-30465)', async () => {
    const outside = tempDir(0o777);
    const source = tempDir(0o777);
    writeFileSync(join(source, 'file'), 'volume');
    const run = spoiled((rootfs) => {
      mkdirSync(join(rootfs, outside), { recursive: true });
      symlinkSync(outside, join(rootfs, 'link'));
    });
    const { stdout, stderr } = await run({
      volumes: [`${source}:/link/data`],
      command: ['/bin/cat', '/link/data/file'],
    });
    assert.is(stdout, 'volume', stderr);
    assert.equal(readdirSync(outside), []);
  });

  test('a volume may not cover /proc, not even by way of a link (CVE-2025-52881)', async () => {
    const source = tempDir(0o777);
    const run = spoiled((rootfs) => symlinkSync('/proc', join(rootfs, 'link')));
    assert.is((await run({ volumes: [`${source}:/link/sys`] })).status, 125);
    assert.is((await run({ volumes: [`${source}:/proc/sys`] })).status, 125);
    assert.is((await run({ tmpfs: ['/link/sys'] })).status, 125);
  });

  for (const name of ['passwd', 'group']) {
    test(`/etc/${name} as a FIFO is refused and does not hang (CVE-2024-9676)`, async () => {
      const run = spoiled((rootfs) => {
        mkdirSync(join(rootfs, 'etc'));
        spawnSync('mkfifo', [join(rootfs, 'etc', name)]);
      });
      assert.is((await run({})).status, 125);
    });

    test(`/etc/${name} without end is refused (CVE-2024-9676)`, async () => {
      const run = spoiled((rootfs) => {
        mkdirSync(join(rootfs, 'etc'));
        writeFileSync(join(rootfs, 'etc', name), '');
        truncateSync(join(rootfs, 'etc', name), 1024 ** 4);
      });
      const { status, stderr } = await run({});
      assert.is(status, 125);
      assert.match(stderr, /LIMIT_EXCEEDED/);
    });
  }

  test('/etc/passwd as a link to the host’s is read inside (CVE-2024-9676)', async () => {
    const outside = join(tempDir(0o755), 'passwd');
    writeFileSync(outside, 'eve:x:66:66::/:/bin/sh\n');
    const run = spoiled((rootfs) => {
      mkdirSync(join(rootfs, 'etc'));
      symlinkSync(outside, join(rootfs, 'etc', 'passwd'));
    });
    assert.is((await run({ user: 'eve' })).status, 125);
  });

  test('a user ID beyond 32 bits never wraps round to root (CVE-2024-40635)', async () => {
    for (const id of ['4294967296', '4294967295', '18446744073709551616', '0:4294967296']) {
      assert.is((await spoiled(() => {})({ user: id })).status, 125, id);
    }
  });

  test('a program that is a link out of the root filesystem is looked for inside', async () => {
    const run = spoiled((rootfs) => symlinkSync(process.execPath, join(rootfs, 'bin', 'node')));
    assert.is((await run({ command: ['node', '-e', '0'] })).status, 127);
  });

  test('a root filesystem without anything but the program will do', async () => {
    const run = spoiled((rootfs) => {
      for (const name of readdirSync(join(rootfs, 'bin'))) if (name !== 'busybox') rmSync(join(rootfs, 'bin', name));
    });
    assert.is((await run({ command: ['/bin/busybox', 'true'] })).status, 0);
  });
});
asRoot.run();
asUser.run();
