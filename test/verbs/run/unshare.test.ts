import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unshareCommand } from '../../../src/verbs/run/unshare.ts';
import { tsimg } from '../../support/command/tsimg.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeOrdinaryUser } from '../../support/host/ordinary-user.ts';

const VERB = join(import.meta.dirname, '..', '..', '..', 'src', 'verbs', 'run', 'unshare.js');
const SCRIPT = `import(process.argv[1]).then((verb) => verb.unshareCommand(process.argv.slice(2))).then((status) => { process.exitCode = status; })`;

const test = suite('verbs/run/unshare');

if (canRunContainers()) {
  test('root is refused, because it has all IDs', async () => {
    await failureOf(unshareCommand(['true']), 'USAGE');
  });

  const user = makeOrdinaryUser();
  if (user !== undefined) {
    const unshare = (...command: readonly string[]) =>
      spawnSync(process.execPath, ['-e', SCRIPT, VERB, ...command], {
        uid: user.uid,
        gid: user.gid,
        encoding: 'utf8',
        env: { PATH: process.env.PATH, GIVEN: 'value' },
        cwd: '/usr',
      });

    test('a command is root of the caller’s IDs, with the caller’s streams, environment and directory', () => {
      const { stdout, stderr } = unshare(
        'sh',
        '-c',
        'id -u; cat /proc/self/uid_map | wc -l; echo $GIVEN; pwd; for fd in 3 4; do test -e /proc/self/fd/$fd && echo open; done',
      );
      assert.is(stdout, '0\n2\nvalue\n/usr\n', stderr);
    });

    test('the exit status is the command’s, also for a command that does not exist', () => {
      assert.is(unshare('sh', '-c', 'exit 9').status, 9);
      assert.is(unshare('sh', '-c', 'kill -TERM $$').status, 143);
      const { status, stderr } = tsimg(['unshare', '/no/such/program'], { user });
      assert.equal([status, stderr.includes('/no/such/program')], [127, true]);
      assert.is(tsimg(['unshare', '/etc/passwd'], { user }).status, 126);
    });
  }
}

test.run();
