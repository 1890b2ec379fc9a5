import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { type ContainerOptions, runInContainer } from '../support/container/container.ts';
import { canRunContainers, defineRuns } from '../support/container/define-runs.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../support/host/ordinary-user.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Makes a folder for a store, and a copy of the example image that the user can read. */
function places(user: OrdinaryUser | undefined): {
  readonly rootfs: string;
  readonly store: string;
  readonly remove: () => void;
} {
  const folder = tempDir(0o755);
  const rootfs = join(folder, 'image.tar.gz');
  copyFileSync(EXAMPLE_IMAGE, rootfs);
  chmodSync(rootfs, 0o644);
  const store = join(folder, 'store');
  mkdirSync(store);
  if (user !== undefined) chownSync(store, user.uid, user.gid);
  return { rootfs, store, remove: () => void spawnSync('rm', ['-rf', folder]) };
}

/** Lists all files below a folder: names, owners, modes, sizes, times and content. */
function snapshot(folder: string): string {
  const { stdout } = spawnSync(
    'tar',
    ['--xattrs', '--pax-option=delete=atime,delete=ctime', '--numeric-owner', '--sort=name', '-C', folder, '-c', '.'],
    {
      maxBuffer: 1 << 28,
    },
  );
  return spawnSync('sha256sum', { input: stdout, encoding: 'utf8' }).stdout;
}

const asRoot = suite('verbs/run-image as root');
const asUser = suite('verbs/run-image as an ordinary user');
const single = suite('verbs/run-image as a user without subordinate IDs');
const refused = suite('verbs/run-image where overlays are refused');

defineRuns(asRoot, asUser, (test, { user }) => {
  const { rootfs, store } = places(user);
  const sh = (script: string, options: ContainerOptions = {}) =>
    runInContainer({ rootfs, store, request: { command: ['/bin/sh', '-c', script] } }, { user, ...options });

  test('a container of an image has the image’s files and environment', async () => {
    const { status, stdout, stderr } = await sh('ls -d /bin /etc; echo $PATH; id -u');
    assert.is(status, 0, stderr);
    assert.match(stdout, /^\/bin\n\/etc\n\/.*\n0\n$/);
  });

  test('changes of a container are removed with it; the layers are untouched', async () => {
    const before = snapshot(join(store, 'layers'));
    const change =
      'echo changed > /etc/new; chown 7:7 /etc/new; rm -r /bin/sh; echo >> /etc/passwd; mkdir -m 700 /secret; chown 8 /secret';
    const { status, stderr } = await sh(change);
    assert.is(status, 0, stderr);
    assert.is((await sh('ls /etc/new /secret')).status, 1);
    assert.is(snapshot(join(store, 'layers')), before);
    assert.equal(
      readdirSync(join(store, 'containers')).filter((name) => !name.startsWith('names')),
      [],
    );
  });

  test('several containers that start at once in an empty store share the layers only', async () => {
    const fresh = places(user);
    const runs = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        runInContainer(
          { ...fresh, request: { command: ['/bin/sh', '-c', `echo ${name} > /mine; sleep 0.3; cat /mine`] } },
          { user },
        ),
      ),
    );
    assert.equal(
      runs.map(({ stdout }) => stdout),
      ['a\n', 'b\n', 'c\n'],
      runs.map(({ stderr }) => stderr).join(),
    );
  });

  test('an owner of the image is the same owner in the container', async () => {
    const { stdout } = await sh('touch /tmp/x 2>/dev/null || touch /x; stat -c %u:%g / /bin/busybox');
    assert.is(stdout, '0:0\n0:0\n');
  });
});

if (canRunContainers()) {
  const user = makeOrdinaryUser({ subordinate: false });
  if (user !== undefined) {
    single('a container works with a single ID, and a warning says so', async () => {
      const { rootfs, store } = places(user);
      const run = () =>
        runInContainer(
          { rootfs, store, request: { command: ['/bin/sh', '-c', 'id -u; echo x > /etc/x; cat /proc/self/uid_map'] } },
          { user },
        );
      const { stdout, stderr } = await run();
      assert.match(stdout, new RegExp(`^0\\n\\s+0\\s+${user.uid}\\s+1\\n$`), stderr);
      assert.match(stderr, /"kind":"warning".*subordinate/);
      assert.is((await run()).status, 0);
    });

    single('a user whom the map does not know is an error, not root', async () => {
      const { rootfs, store } = places(user);
      assert.is(
        (await runInContainer({ rootfs, store, request: { command: ['id'], user: '7' } }, { user })).status,
        125,
      );
    });
  }

  refused('a store on an overlay: the container gets a copy, and a warning says so', () => {
    const { rootfs } = places(undefined);
    const folder = tempDir();
    const runner = join(import.meta.dirname, '..', 'support', 'container', 'run-container.js');
    const request = {
      rootfs,
      store: join(folder, 'merged', 'store'),
      request: { command: ['/bin/sh', '-c', 'echo x > /new; cat /new'] },
    };
    const script = `cd "$1" && mkdir lower upper work merged && mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work merged &&
      mkdir merged/store && exec "$2" "$3" "$4"`;
    const result = spawnSync(
      'unshare',
      ['--mount', 'sh', '-c', script, 'sh', folder, process.execPath, runner, JSON.stringify(request)],
      {
        encoding: 'utf8',
      },
    );
    assert.is(result.stdout, 'x\n', result.stderr);
    assert.match(result.stderr, /"kind":"warning".*copied/);
  });
}
asRoot.run();
asUser.run();
single.run();
refused.run();
