import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('host/steps/volumes as root');
const asUser = suite('host/steps/volumes as an ordinary user');

defineRuns(asRoot, asUser, (test, { sh, user }) => {
  const source = () => {
    const path = tempDir(0o755);
    writeFileSync(join(path, 'file'), 'from the host\n');
    if (user !== undefined) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, path]);
    return path;
  };

  test('a directory of the host is mounted, and written files stay', async () => {
    const path = source();
    const { stdout, status, stderr } = await sh('cat /data/deep/file; echo back > /data/deep/new', {
      volumes: [`${path}:/data/deep`],
    });
    assert.equal([stdout, status], ['from the host\n', 0], stderr);
    assert.is(readFileSync(join(path, 'new'), 'utf8'), 'back\n');
  });

  test('a single file is mounted on a file', async () => {
    const { stdout } = await sh('cat /etc/one', { volumes: [`${source()}/file:/etc/one`] });
    assert.is(stdout, 'from the host\n');
  });

  test('a read-only volume cannot be written to, nor anything mounted below it', async () => {
    const path = source();
    const { status, stderr } = await sh('echo x > /data/file', { volumes: [`${path}:/data:ro`] });
    assert.is(status, 1);
    assert.match(stderr, /Read-only file system/);
    assert.is(readFileSync(join(path, 'file'), 'utf8'), 'from the host\n');
  });

  test('a volume can lie inside of another', async () => {
    const inner = source();
    const outer = source();
    mkdirSync(join(outer, 'in'));
    const { stdout } = await sh('cat /v/in/file /v/file | wc -l', { volumes: [`${inner}:/v/in`, `${outer}:/v`] });
    assert.is(stdout, '2\n');
  });

  test('a missing source is refused, and not made', async () => {
    const path = join(source(), 'absent');
    assert.is((await sh('true', { volumes: [`${path}:/data`] })).status, 125);
    assert.not.ok(existsSync(path));
  });

  test('a device on a volume cannot be opened', async () => {
    const { stdout } = await sh('cat /n/null && echo opened', { volumes: ['/dev:/n'] });
    assert.is(stdout, '');
  });

  test('a tmpfs is empty, writable, of the size asked for, and executes nothing unless asked', async () => {
    const { stdout } = await sh('grep " /t " /proc/self/mountinfo; ls /t; echo x > /t/y && cat /t/y', {
      tmpfs: ['/t:size=1m'],
    });
    assert.match(stdout, /nosuid,nodev,noexec.* - tmpfs tmpfs rw,size=1024k/);
    assert.match(stdout, /x\n$/);
    const script = 'cp /bin/busybox /t/busybox && /t/busybox true';
    assert.is((await sh(script, { tmpfs: ['/t'] })).status, 126);
    assert.is((await sh(script, { tmpfs: ['/t:exec'] })).status, 0);
  });

  test('with a read-only root volumes and tmpfs can still be written to', async () => {
    const { status, stderr } = await sh('echo x > /t/f && echo x > /data/f', {
      readOnly: true,
      tmpfs: ['/t'],
      volumes: [`${source()}:/data`],
    });
    assert.is(status, 0, stderr);
  });
});
asRoot.run();
asUser.run();
