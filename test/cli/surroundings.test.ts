import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeDirectories } from '../../src/sys/file/make-directories.ts';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { makeContainerCli } from '../support/command/container-cli.ts';
import { MAIN } from '../support/command/tsimg.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import { failureOf } from '../support/failure-of.ts';
import { tempDir } from '../support/temp-dir.ts';

// The caller's umask, home and working directory change nothing in a container, and cause no failure.

const asRoot = suite('cli/surroundings as root');
const asUser = suite('cli/surroundings as an ordinary user');
const alone = suite('cli/surroundings');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const folder = tempDir(0o777);
  const root = join(cli.folder, '..');
  test.after(() => cli.clear());
  const call = (script: string, env: Readonly<Record<string, string>> = {}) =>
    spawnSync('/bin/sh', ['-c', script, process.execPath, '--', MAIN], {
      encoding: 'utf8',
      cwd: folder,
      env: { PATH: process.env.PATH, TSIMG_ROOT: root, IMAGE: EXAMPLE_IMAGE, ROOTFS: rootfs, ...env },
      timeout: 60_000,
      ...(user && { uid: user.uid, gid: user.gid }),
    });

  test('the caller’s umask does not close files to the users of a container', () => {
    const look =
      'ls -ld / /etc/hosts /etc/hostname /etc/resolv.conf /dev /dev/null /tmp 2>&1 | cut -c1-10; cat /etc/hosts';
    const networks = user === undefined ? ['none', 'bridge', 'host'] : ['none', 'host'];
    for (const network of networks) {
      const script = `umask 077; "$0" "$@" run -q --rm --network ${network} -u 1000:1000 "$IMAGE" sh -c '${look}'`;
      const { status, stdout, stderr } = call(script);
      assert.is(status, 0, `${network}: ${stderr}${stdout}`);
      assert.match(stdout, /localhost/, network);
      assert.match(stdout, /^drwxr-xr-x$/m, network);
      assert.not.match(stdout, /denied|^-rw-------|^drwx------/m, `${network}: ${stdout}`);
    }
  });

  test('a home or a store on a file system without directories is an immediate error', () => {
    for (const [script, env] of [
      ['"$0" "$@" load -i "$IMAGE"', { TSIMG_ROOT: '/proc/nothing/store' }],
      ['"$0" "$@" load -i "$IMAGE"', { TSIMG_ROOT: '/proc/self/store' }],
      ['"$0" "$@" run --network none "$ROOTFS" true', { TSIMG_ROOT: '/proc/1/x/y' }],
      ['"$0" "$@" --root /proc/nothing images; "$0" "$@" --root /proc/nothing load -i "$IMAGE"', {}],
    ] as const) {
      const { status, stderr, signal } = call(script, env);
      assert.is(signal, null, script);
      assert.ok(status === 1 || status === 125, stderr);
      assert.match(stderr, /tsimg: .*\/proc.*/);
      assert.not.match(stderr, /unexpected|ENOENT/);
    }
  });

  test('TERM is xterm on a terminal, with any TERM of the caller', () => {
    const inside = (options: string) =>
      call(`"$0" "$@" run --dry-run --json -t ${options} --network none "$IMAGE" true`, { TERM: 'weird' }).stdout;
    assert.match(inside(''), /"TERM=xterm"/);
    assert.match(inside('-e TERM'), /"TERM=weird"/);
  });

  if (user !== undefined) {
    test('the error for a port of root only names the setting that opens it', () => {
      const { status, stderr } = call('"$0" "$@" run --rm --network pasta -p 1:80 "$IMAGE" true');
      assert.is(status, 125);
      assert.match(stderr, /-p 1:80.*ip_unprivileged_port_start.*sysctl net\.ipv4\.ip_unprivileged_port_start=1\n$/);
      assert.is(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }
});

alone('directories are made with their mode whatever the umask, and what is there is left alone', async () => {
  const folder = tempDir(0o755);
  const before = process.umask(0o077);
  try {
    makeDirectories(join(folder, 'a', 'b'), 0o755);
  } finally {
    process.umask(before);
  }
  const mode = (path: string) => statSync(join(folder, path)).mode & 0o777;
  assert.equal([mode('a'), mode('a/b')], [0o755, 0o755]);
  chmodSync(join(folder, 'a'), 0o711);
  makeDirectories(join(folder, 'a'), 0o755);
  assert.is(mode('a'), 0o711);
  mkdirSync(join(folder, 'c'));
  await failureOf(
    Promise.resolve().then(() => makeDirectories('/proc/nothing/at/all', 0o700)),
    'FILESYSTEM',
  );
});

asRoot.run();
asUser.run();
alone.run();
