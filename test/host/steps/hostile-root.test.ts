import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errnoOf } from '../../../src/errors.ts';
import { runInContainer } from '../../support/container/container.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

// Another person wrote the root filesystem. Each case is a way in which one has led a launcher to the host.

const asRoot = suite('host/steps/hostile-root as root');
const asUser = suite('host/steps/hostile-root as an ordinary user');

/**
 * A function that makes a path the next of these: a directory, a link to a folder of the host, one that climbs there.
 */
function swapIn(path: string, outside: string): () => void {
  const makes = [
    () => mkdirSync(path),
    () => symlinkSync(`${outside}/x/y`, path),
    () => symlinkSync(`../../../../..${outside}`, path),
  ];
  let turn = 0;
  return () => {
    try {
      rmSync(path, { recursive: true, force: true });
      makes[turn % makes.length]?.();
      turn += 1;
    } catch (error) {
      // The launch has made a directory meanwhile, here or in the one that is removed
      if (!['EEXIST', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
    }
  };
}

defineRuns(asRoot, asUser, (test, { freshRootfs, user }) => {
  /** Changes a root filesystem by `spoil`, and returns a function that runs a container in it. */
  const spoiled = (spoil: (rootfs: string) => void) => {
    const rootfs = freshRootfs();
    spoil(rootfs);
    if (user !== undefined) spawnSync('chown', ['-hR', `${user.uid}:${user.gid}`, rootfs]);
    return (request: Parameters<typeof runInContainer>[0]['request']) =>
      runInContainer({ rootfs, request: { command: ['/bin/true'], ...request } }, { user });
  };

  for (const name of ['proc', 'sys', 'dev']) {
    test(`/${name} as a link is refused, and its target is not touched (CVE-2019-19921, CVE-2026-41579)`, async () => {
      const target = tempDir(0o777);
      const run = spoiled((rootfs) => symlinkSync(target, join(rootfs, name)));
      const { status, stderr } = await run({});
      assert.is(status, 125);
      assert.match(stderr, new RegExp(`symbolic link.*/${name}`));
      assert.equal(readdirSync(target), []);
    });
  }

  test('a dangling link is followed inside of the root, and its target is made there, never on the host', async () => {
    const folder = tempDir(0o777);
    writeFileSync(join(folder, 'file'), 'volume');
    const outside = join(tempDir(0o777), 'outside');
    const links = {
      absolute: `${outside}/deep`,
      out: `../../../../..${outside}`,
      first: 'second/./x/../x',
      second: '/third',
    };
    const run = spoiled((rootfs) => {
      for (const [name, to] of Object.entries(links)) symlinkSync(to, join(rootfs, name));
    });
    for (const name of Object.keys(links)) {
      const { status, stdout, stderr } = await run({
        volumes: [`${folder}:/${name}`],
        command: ['/bin/cat', `/${name}/file`],
      });
      assert.equal([status, stdout], [0, 'volume'], `${name} ${stderr}`);
      const within = await run({ volumes: [`${folder}/file:/${name}/a/b`], command: ['/bin/cat', `/${name}/a/b`] });
      assert.equal([within.status, within.stdout], [0, 'volume'], `${name} ${within.stderr}`);
    }
    assert.not.ok(existsSync(outside));
  });

  test('a link is followed for a working directory, memory, and a file, also where the root is read-only', async () => {
    const file = join(tempDir(0o755), 'file');
    writeFileSync(file, 'mine');
    for (const readOnly of [false, true]) {
      const run = spoiled((rootfs) => {
        mkdirSync(join(rootfs, 'etc'));
        symlinkSync('/usr/share/zoneinfo/Etc/UTC', join(rootfs, 'etc/localtime'));
        symlinkSync('/data/real', join(rootfs, 'work'));
        symlinkSync('/data/memory', join(rootfs, 'memory'));
      });
      const { status, stdout, stderr } = await run({
        readOnly,
        workdir: '/work',
        tmpfs: ['/memory'],
        volumes: [`${file}:/etc/localtime:ro`],
        command: ['/bin/sh', '-c', 'pwd; cat /etc/localtime; grep -c " /data/memory " /proc/self/mountinfo'],
      });
      assert.equal([status, stdout], [0, '/data/real\nmine1\n'], stderr);
    }
  });

  test('a process that swaps links during a launch gets nothing made or mounted on the host', async () => {
    const outside = tempDir(0o777);
    const folder = tempDir(0o777);
    const rootfs = freshRootfs();
    const shared = join(rootfs, 'shared');
    mkdirSync(join(rootfs, outside), { recursive: true });
    mkdirSync(shared);
    if (user !== undefined) spawnSync('chown', ['-hR', `${user.uid}:${user.gid}`, rootfs]);
    const swapper = setInterval(swapIn(join(shared, 'a'), outside), 1);
    try {
      for (let round = 0; round < 8; round += 1) {
        const request = { command: ['/bin/true'], volumes: [`${folder}:/shared/a/b/c`], workdir: '/shared/a/w' };
        await runInContainer({ rootfs, request }, { user });
      }
    } finally {
      clearInterval(swapper);
    }
    assert.equal(readdirSync(outside), []);
    assert.equal(readdirSync(folder), []);
  });

  test('circular links and places that cannot be made have errors that say so', async () => {
    const folder = tempDir(0o777);
    const run = spoiled((rootfs) => {
      symlinkSync('b', join(rootfs, 'a'));
      symlinkSync('a', join(rootfs, 'b'));
      symlinkSync('/proc/self/fd/77/x', join(rootfs, 'proc-link'));
      writeFileSync(join(rootfs, 'file'), '');
      for (let link = 0; link < 50; link += 1) symlinkSync(`l${link + 1}`, join(rootfs, `l${link}`));
    });
    const refused = async (target: string) => {
      const { status, stderr } = await run({ volumes: [`${folder}:${target}`] });
      assert.is(status, 125, target);
      return stderr;
    };
    assert.match(await refused('/a'), /a symbolic link where none may be \(\/a\): it leads in a circle/);
    assert.match(await refused('/l0/x'), /it leads in a circle/);
    assert.match(await refused('/proc-link'), /\(\/proc-link\)/);
    assert.match(await refused('/file/x'), /cannot make a place .*\(\/file\/x\): a file is there, or on the way/);
    const inner = await run({ volumes: [`${folder}:/v:ro`, `${folder}:/v/missing`] });
    assert.is(inner.status, 125);
    assert.match(inner.stderr, /\(\/v\/missing\): it would lie on a read-only file system/);
  });

  test('/dev/pts and /dev/null of the root filesystem are not used (CVE-2025-31133, CVE-2025-52565)', async () => {
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

    test(`an endless /etc/${name} is refused (CVE-2024-9676)`, async () => {
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

  test('a root filesystem with nothing but the program is enough', async () => {
    const run = spoiled((rootfs) => {
      for (const name of readdirSync(join(rootfs, 'bin'))) if (name !== 'busybox') rmSync(join(rootfs, 'bin', name));
    });
    assert.is((await run({ command: ['/bin/busybox', 'true'] })).status, 0);
  });
});
asRoot.run();
asUser.run();
