import { chownSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { tsimg } from '../../support/command/tsimg.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

// What a container cannot get is refused before its image is unpacked, and a plan of it is no plan.

const asRoot = suite('cli/container/refused-early as root');
const asUser = suite('cli/container/refused-early as an ordinary user');

function defineRefusals(test: Test, user: OrdinaryUser | undefined): void {
  const root = join(tempDir(0o755), 'state');
  mkdirSync(root, { mode: 0o700 });
  if (user !== undefined) chownSync(root, user.uid, user.gid);
  const call = (...args: readonly string[]) => tsimg(args, { env: { TSIMG_ROOT: root }, ...(user && { user }) });

  /** `run` has one status for all that happens before its command. @param created the status of `create` */
  const fails = (created: 1 | 2, pattern: RegExp, ...args: readonly string[]) => {
    const { status, stdout, stderr } = call(...args, EXAMPLE_IMAGE, '/bin/true');
    assert.equal([status, stdout], [args.includes('create') ? created : 125, ''], stderr);
    assert.match(stderr, pattern);
    assert.is(stderr.trimEnd().split('\n').length, 1, stderr);
    assert.equal(readdirSync(root), [], 'nothing was made');
  };

  test('a device that the host does not have', () => {
    const empty = tempDir(0o755);
    for (const verb of [['create'], ['run'], ['run', '--dry-run']]) {
      fails(1, /not a device \(\/etc\/passwd\): it is neither .*; ls -l/, ...verb, '--device', '/etc/passwd:/dev/x');
      fails(
        1,
        /no device \(.*\): the directory has no device files.*; name the device itself/,
        ...verb,
        '--device',
        `${empty}:/dev/x`,
      );
      fails(
        1,
        /the device cannot be read \(\/no\/device\): there is no such file.*; ls -l/,
        ...verb,
        '--device',
        '/no/device:/dev/x',
      );
    }
  });

  test('a file that the host does not have', () => {
    for (const verb of [['create'], ['run'], ['run', '--dry-run']]) {
      fails(2, /does not exist \(\/no\/file\); create it first/, ...verb, '--mount', 'type=bind,src=/no/file,dst=/x');
    }
  });

  if (user !== undefined) {
    test('a directory of devices that the user may not read is named', () => {
      const closed = tempDir(0o700);
      fails(1, /the device cannot be read \(.*\): permission is denied; /, 'run', '--device', `${closed}:/dev/x`);
    });
  }

  test('what does not go with a runtime, and a runtime that is missing', () => {
    if (!haveTools('runc')) return void console.log('skipped: needs runc');
    for (const verb of [['run'], ['run', '--dry-run']]) {
      const below = [...verb, '--runtime', 'runc'];
      fails(1, /--runtime does not go with .*isolation chroot/, ...below, '--isolation', 'chroot');
      fails(1, /--health-cmd does not go with --runtime/, ...below, '--health-cmd', 'true');
      fails(
        1,
        /a runtime is missing \(no-runtime\); install crun or runc, or give/,
        ...verb,
        '--runtime',
        'no-runtime',
      );
      fails(1, /a runtime is missing \(\/no\/runtime\): there is no program/, ...verb, '--runtime', '/no/runtime');
    }
  });
}

if (haveRoot()) {
  defineRefusals(asRoot, undefined);
  const user = makeOrdinaryUser();
  if (user !== undefined) defineRefusals(asUser, user);
}
asRoot.run();
asUser.run();
