import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('host/steps/user-mounts as root');
const asUser = suite('host/steps/user-mounts as an ordinary user');

const FILES = ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'];

defineRuns(asRoot, asUser, (test, { sh, user, freshRootfs }) => {
  /** A directory with a file of each of these names, and one more. */
  const mine = () => {
    const path = tempDir(0o755);
    for (const name of ['hosts', 'hostname', 'resolv.conf', 'mine']) writeFileSync(join(path, name), 'mine\n');
    if (user !== undefined) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, path]);
    return path;
  };

  for (const network of ['none', 'host']) {
    test(`/etc files that the user mounts are not replaced, with --network ${network}`, async () => {
      const path = mine();
      const volumes = FILES.map((file) => `${path}/mine:${file}:ro`);
      const { stdout, stderr } = await sh(`cat ${FILES.join(' ')}`, { volumes, network });
      assert.is(stdout, 'mine\nmine\nmine\n', stderr);
    });
  }

  test('the same holds with chroot, a read-only root, --mount and a terminal', async () => {
    const path = mine();
    const mounts = [`type=bind,source=${path}/mine,target=/etc/hosts,readonly`];
    for (const request of [{ isolation: 'chroot' }, { readOnly: true }, { terminal: true }] as const) {
      const { stdout, stderr } = await sh('cat /etc/hosts', { mounts, ...request });
      assert.is(stdout.trim(), 'mine', stderr);
    }
  });

  test('a mount on /etc keeps its own files', async () => {
    const { stdout, stderr } = await sh(`cat ${FILES.join(' ')}`, { volumes: [`${mine()}:/etc`], network: 'host' });
    assert.is(stdout, 'mine\nmine\nmine\n', stderr);
  });

  test('a file of tsimg’s has a name, so that a mount can cover it where a link leads to it', async () => {
    const rootfs = freshRootfs();
    mkdirSync(join(rootfs, 'etc'));
    symlinkSync('../run/names/hosts', join(rootfs, 'etc/hosts'));
    const script = ['/bin/sh', '-c', 'stat -c %h /etc/hosts; cat /etc/hosts; ls /dev'];
    const { stdout } = await sh('', { command: script }, {}, rootfs);
    assert.match(stdout, /^1\n.*localhost/s);
    assert.not.match(stdout, /\nfile\n/);
    const over = await sh('cat /etc/hosts', { volumes: [`${mine()}/mine:/run/names/hosts`] }, {}, rootfs);
    assert.is(over.stdout, 'mine\n', over.stderr);
  });

  test('a file of tsimg’s is mounted in a user’s tmpfs where a link leads there', async () => {
    const rootfs = freshRootfs();
    mkdirSync(join(rootfs, 'etc'));
    symlinkSync('../run/names/hosts', join(rootfs, 'etc/hosts'));
    const { stdout, stderr } = await sh('cat /etc/hosts', { tmpfs: ['/run'] }, {}, rootfs);
    assert.match(stdout, /localhost/, stderr);
  });

  test('a user’s mount replaces a file system of the kernel at the same place', async () => {
    const path = mine();
    for (const place of ['/dev/shm', '/dev/mqueue', '/dev/pts', '/sys', '/dev', '/dev/null']) {
      const source = place === '/dev/null' ? `${path}/mine` : path;
      const command = place === '/dev/null' ? ['/bin/cat', place] : ['/bin/cat', `${place}/mine`];
      for (const terminal of [false, true]) {
        const { stdout, status, stderr } = await sh('', { command, volumes: [`${source}:${place}`], terminal });
        assert.equal([stdout.trim(), status], ['mine', 0], `${place} ${terminal} ${stderr}`);
      }
    }
  });

  test('a pipe on /dev/null does not hold up the start', async () => {
    const path = mine();
    spawnSync('mkfifo', [join(path, 'pipe')]);
    const { stdout, stderr } = await sh('cat; echo ended', { volumes: [`${path}/pipe:/dev/null`] });
    assert.is(stdout, 'ended\n', stderr);
  });
});
asRoot.run();
asUser.run();
