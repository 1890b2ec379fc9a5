import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { probeCgroups } from '../../../src/host/facts/cgroup-facts.ts';
import { makeContainerCli } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { prepare } from '../../support/prepare.ts';

const asRoot = suite('host/exec/exec-cgroup as root');
const asUser = suite('host/exec/exec-cgroup as an ordinary user');

const facts = probeCgroups();
const given = new Set(
  [...facts.v1, ...facts.v2].filter(({ writable }) => writable).flatMap(({ controllers }) => controllers),
);

defineRuns(asRoot, asUser, (test, { freshRootfs, user }) => {
  if (user !== undefined) return;
  const missing = ['memory', 'pids'].filter((name) => !given.has(name));
  if (missing.length > 0) return console.log(`skipped: needs the cgroup controllers ${missing.join(', ')}`);
  const cli = makeContainerCli(undefined);
  const start = (name: string, ...options: readonly string[]) =>
    cli.ok('run', '-d', '--name', name, '--network', 'none', ...options, freshRootfs(), '/bin/sleep', '1000');
  const sh = (name: string, script: string) => cli.run('exec', name, '/bin/sh', '-c', script);
  test.after(() => cli.clear());

  // Two containers for all tests: in a virtual machine a start takes long
  prepare(test, () => {
    start('limited', '--pids-limit', '6', '--memory', '8m');
    start('tiny', '--pids-limit', '1', '--memory', '1m');
  });

  test('a command and its children count towards the container’s limit of processes', () => {
    const bomb = 'n=0; while [ $n -lt 30 ]; do sleep 5 & n=$((n+1)); done; echo all';
    const { status, stdout, stderr } = sh('limited', bomb);
    assert.not.match(stdout, 'all');
    assert.is.not(status, 0);
    assert.match(stderr, "can't fork: Resource temporarily unavailable");
  });

  test('a command without children can enter a container at its limit of processes', () => {
    assert.equal([sh('tiny', 'echo here').stdout, sh('tiny', 'sleep 1 & echo here').status], ['here\n', 2]);
  });

  test('a command uses the container’s memory: it dies at the limit, with 137, and the container goes on', () => {
    assert.is(sh('limited', 'x=aaaaaaaa; while :; do x=$x$x; done').status, 137);
    assert.is(sh('limited', 'echo here').stdout, 'here\n');
  });

  test('less memory than Node needs is enough for a command', () => {
    assert.equal([sh('tiny', 'echo here').stdout, cli.run('exec', 'tiny', 'true').status], ['here\n', 0]);
  });

  test('a command is in all cgroups of the container, and sees these as the root cgroups', () => {
    const first = cli.ok('exec', 'limited', 'cat', '/proc/1/cgroup');
    const own = cli.ok('exec', 'limited', 'cat', '/proc/self/cgroup');
    assert.is(own, first);
    for (const line of own.split('\n')) assert.match(line, /^[0-9]+:[^:]*:\/$/);
  });

  test('by the cgroups of either version a container pauses, goes on, and ends while it is paused', () => {
    const state = (name: string) => cli.field(name, '.State.Status');
    cli.ok('pause', 'limited');
    assert.equal([sh('limited', 'echo here').status, state('limited')], [125, 'paused']);
    cli.ok('unpause', 'limited');
    assert.equal([sh('limited', 'echo here').stdout, state('limited')], ['here\n', 'running']);
    cli.ok('pause', 'limited');
    cli.ok('stop', '-t', '0', 'limited');
    assert.is(state('limited'), 'exited');
  });
});
asRoot.run();
asUser.run();
