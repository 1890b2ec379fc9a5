import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { probeCgroups } from '../../../src/host/facts/cgroup-facts.ts';
import { makeContainerCli } from '../../support/container-cli.ts';
import { defineRuns } from '../../support/define-runs.ts';

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

  test('a command and its children count towards the container’s limit of processes', () => {
    start('few', '--pids-limit', '6');
    const bomb = 'n=0; while [ $n -lt 30 ]; do sleep 5 & n=$((n+1)); done; echo all';
    const { status, stdout, stderr } = sh('few', bomb);
    assert.not.match(stdout, 'all');
    assert.is.not(status, 0);
    assert.match(stderr, "can't fork");
  });

  test('a command without children can enter a container at its limit of processes', () => {
    start('full', '--pids-limit', '1');
    assert.equal([sh('full', 'echo here').stdout, sh('full', 'sleep 1 & echo here').status], ['here\n', 2]);
  });

  test('a command uses the container’s memory: it dies at the limit, with 137, and the container goes on', () => {
    start('small', '--memory', '24m');
    assert.is(sh('small', 'x=aaaaaaaa; while :; do x=$x$x; done').status, 137);
    assert.is(sh('small', 'echo here').stdout, 'here\n');
  });

  test('less memory than Node needs is enough for a command', () => {
    start('tiny', '--memory', '1m');
    assert.equal([sh('tiny', 'echo here').stdout, cli.run('exec', 'tiny', 'true').status], ['here\n', 0]);
  });

  test('by the cgroups of either version a container pauses, goes on, and ends while it is paused', () => {
    const state = (name: string) => cli.field(name, '.State.Status');
    start('stopped');
    cli.ok('pause', 'stopped');
    assert.equal([sh('stopped', 'echo here').status, state('stopped')], [125, 'paused']);
    cli.ok('unpause', 'stopped');
    assert.equal([sh('stopped', 'echo here').stdout, state('stopped')], ['here\n', 'running']);
    cli.ok('pause', 'stopped');
    cli.ok('stop', '-t', '0', 'stopped');
    assert.is(state('stopped'), 'exited');
  });

  test('a command is in all cgroups of the container, and sees these as the root cgroups', () => {
    start('seen', '--memory', '64m', '--pids-limit', '32');
    const first = cli.ok('exec', 'seen', 'cat', '/proc/1/cgroup');
    const own = cli.ok('exec', 'seen', 'cat', '/proc/self/cgroup');
    assert.is(own, first);
    for (const line of own.split('\n')) assert.match(line, /^[0-9]+:[^:]*:\/$/);
  });
});
asRoot.run();
asUser.run();
