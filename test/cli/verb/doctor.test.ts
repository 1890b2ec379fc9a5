import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { MAIN } from '../../support/command/tsimg.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { canRunContainers } from '../../support/container/define-runs.ts';
import { runWithoutMountsLeft } from '../../support/host/mounts-left.ts';
import { makeOrdinaryUser } from '../../support/host/ordinary-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('cli/verb/doctor');
const ready = canRunContainers();
const check = ready ? test : test.skip;
const user = ready ? makeOrdinaryUser() : undefined;

const DIAGNOSIS = z.strictObject({
  ok: z.boolean(),
  findings: z.array(
    z.strictObject({
      topic: z.string(),
      state: z.enum(['ok', 'limited', 'fails']),
      found: z.string(),
      cause: z.string().optional(),
      remedy: z.string().optional(),
    }),
  ),
});

function run(args: readonly string[], before: readonly string[] = [], root = '/nonexistent') {
  const [program = '', ...rest] = [...before, process.execPath, MAIN, ...args];
  return spawnSync(program, rest, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, TSIMG_ROOT: root },
    timeout: 60_000,
    cwd: '/',
  });
}

const asUser =
  user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--'];

check('where containers can be started, the status is 0, and nothing is left behind', () => {
  for (const before of [[], asUser]) {
    const place = tempDir(0o777);
    const words = [...before, process.execPath, MAIN, 'doctor', '--json', '--root', place];
    const { status, stdout, stderr } = runWithoutMountsLeft(words, { env: { PATH: process.env.PATH } });
    assert.is(status, 0, stderr);
    const { ok, findings } = DIAGNOSIS.parse(JSON.parse(stdout));
    assert.is(ok, true);
    for (const topic of ['kernel', 'namespaces', 'mounts']) {
      assert.is(findings.find((each) => each.topic === topic)?.state, 'ok', topic);
    }
    assert.equal(readdirSync(place), []);
  }
});

check('in a sandbox with a partly hidden /proc, doctor is 1 and run is 125, both with cause and remedy', () => {
  if (!haveTools('bwrap')) return;
  const rootfs = makeBusyboxRootfs(tempDir(0o755));
  const sandbox = ['bwrap', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'];
  // Run by root, bwrap covers parts of /proc. Inside of bwrap the user is an ordinary one.
  const inside = [...sandbox, '--bind', rootfs, rootfs, '--unshare-user', '--uid', '1000', '--unshare-pid'];
  const doctor = run(['doctor'], inside);
  assert.is(doctor.status, 1, doctor.stderr);
  assert.match(doctor.stdout, /^fails {3}mounts .*\n.*hidden.*\n.*systempaths=unconfined/m);
  const started = run(['run', '--rm', '--network', 'none', '--json', rootfs, '/bin/true'], inside, `${rootfs}/store`);
  assert.is(started.status, 125);
  assert.match(started.stderr, /"code":"HOST_UNSUPPORTED".*hidden/);
});

test.run();
