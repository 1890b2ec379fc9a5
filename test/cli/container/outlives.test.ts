import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { haveTools } from '../../support/tools.ts';

// A program that clears its parent-death signal outlives the tsimg process that started it. No container may.

const asRoot = suite('cli/container/outlives as root');
const asUser = suite('cli/container/outlives as an ordinary user');

/** Mounts for programs of the host, one of which clears the signal, in a container with few programs. */
const TOOLS = ['/usr', '/lib', '/lib64']
  .filter((path) => existsSync(path))
  .flatMap((path) => ['-v', `${path}:${path}:ro`]);
const CLEARED = '/usr/bin/setpriv --pdeathsig clear';

let count = 0;
/** Returns a number of seconds that no other process sleeps. */
function ownSeconds(): string {
  count += 1;
  return `${process.pid}${1000 + count}`;
}

/** Whether a process on this machine sleeps for this many seconds; a zombie does not. */
function sleeps(seconds: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      if (!/^[0-9]+$/.test(pid)) return false;
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(seconds);
    } catch {
      return false;
    }
  });
}

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  if (!haveTools('setpriv', 'flock')) return;
  const cli = makeContainerCli(user);
  const options = (name: string) => ['--network', 'none', '--name', name, ...TOOLS];
  const sh = (script: string) => [rootfs, '/bin/sh', '-c', script];
  const killMonitor = (name: string) => process.kill(Number(cli.field(name, '.State.ConmonPid')), 'SIGKILL');
  const listed = () => cli.ok('ps', '-a', '--format', '{{.Names}} {{.State}}');
  const lives = () =>
    cli
      .directories()
      .map((id) => join(cli.folder, id, 'life.json'))
      .filter((path) => existsSync(path));
  test.after.each(() => cli.clear());

  for (const [what, ...extra] of [
    ['a container'],
    ['a container that shares the host’s processes', '--pid', 'host'],
  ] as const) {
    test(`${what} whose monitor is killed has ended when ps says so, though its program survived`, async () => {
      const seconds = ownSeconds();
      cli.ok('run', '-d', ...options('survivor'), ...extra, ...sh(`exec ${CLEARED} sleep ${seconds}`));
      await until('it sleeps', () => sleeps(seconds));
      killMonitor('survivor');
      await until('ps tells', () => listed() === 'survivor exited');
      assert.not(sleeps(seconds));
      assert.equal(lives(), []);
      assert.is(cli.field('survivor', '.State.ExitCode'), '255');
    });

    for (const [verb, ...words] of [['start'], ['rm', '-f']] as const) {
      test(`${[verb, ...words].join(' ')} first ends remaining processes of ${what}`, async () => {
        const seconds = ownSeconds();
        const script = `${CLEARED} sleep ${seconds} & ${CLEARED} sleep ${seconds} & echo up; exec ${CLEARED} sleep 1000`;
        const id = cli.ok(
          'run',
          '-d',
          ...options('survivor'),
          ...extra,
          ...sh(`[ -e /once-${seconds} ] || { >/once-${seconds}; ${script}; }; exec sleep 1000`),
        );
        await until('it sleeps', () => sleeps(seconds));
        killMonitor('survivor');
        // `start` takes a container whose monitor is still ending for one that runs
        const lock = join(cli.folder, id, 'lock');
        await until('its lock is free', () => spawnSync('flock', ['-n', lock, 'true']).status === 0);
        cli.ok(verb, ...words, 'survivor');
        assert.not(sleeps(seconds));
        assert.is(existsSync(join(cli.folder, id)), verb !== 'rm');
      });
    }
  }

  test('a container with --pid host ends with its first process, in the foreground and in the background', async () => {
    const seconds = ownSeconds();
    const script = `${CLEARED} sleep ${seconds} & sleep 0.2; exit 5`;
    const { status } = cli.run('run', '--rm', ...options('front'), '--pid', 'host', ...sh(script));
    assert.is(status, 5);
    assert.not(sleeps(seconds));
    cli.ok('run', '-d', ...options('back'), '--pid', 'host', ...sh(script));
    assert.is(cli.ok('wait', 'back'), '5');
    assert.not(sleeps(seconds));
    assert.equal(lives(), []);
  });

  test('a container whose tsimg in the foreground is killed is ended before it is removed', async () => {
    const seconds = ownSeconds();
    const child = cli.start('run', '--rm', ...options('front'), ...sh(`exec ${CLEARED} sleep ${seconds}`));
    await until('it sleeps', () => sleeps(seconds));
    child.kill('SIGKILL');
    await until('it is swept', () => {
      cli.ok('prune', '-f');
      return cli.directories().length === 0;
    });
    assert.not(sleeps(seconds));
  });

  test('a damaged record of a container’s processes hides none of them', async () => {
    const seconds = ownSeconds();
    const id = cli.ok('run', '-d', ...options('survivor'), ...sh(`exec ${CLEARED} sleep ${seconds}`));
    await until('it sleeps', () => sleeps(seconds));
    writeFileSync(join(cli.folder, id, 'life.json'), '{');
    killMonitor('survivor');
    await until('ps tells', () => listed() === 'survivor exited');
    assert.not(sleeps(seconds));
  });

  test('an ended container is kept, with its data, by later runs and removals of images', () => {
    const place = ['--network', 'none', '-q'];
    const write = 'echo data >/kept; cat /kept';
    assert.is(cli.ok('run', ...place, '--name', 'kept', EXAMPLE_IMAGE, 'sh', '-c', write), 'data');
    cli.ok('run', '--rm', ...place, EXAMPLE_IMAGE, 'true');
    cli.ok('load', EXAMPLE_IMAGE);
    for (const name of cli.ok('images', '-q').split('\n')) cli.ok('rmi', '-f', name);
    cli.ok('run', '--rm', ...place, EXAMPLE_IMAGE, 'true');
    assert.is(listed(), 'kept exited');
    cli.ok('start', 'kept');
    assert.is(cli.ok('wait', 'kept'), '0');
    assert.is(cli.ok('diff', 'kept').split('\n').includes('A /kept'), true);
  });

  test('a container that ended normally has no processes to end, and other containers are left alone', async () => {
    const seconds = ownSeconds();
    cli.ok('run', '-d', ...options('neighbour'), '--pid', 'host', ...sh(`exec sleep ${seconds}`));
    cli.ok('run', '-d', ...options('ended'), '--pid', 'host', ...sh('exec sleep 1000'));
    killMonitor('ended');
    await until('ps tells', () => listed().includes('ended exited'));
    cli.ok('rm', 'ended');
    assert.is(listed(), 'neighbour running');
    assert.ok(sleeps(seconds));
    cli.ok('stop', '-t', '0', 'neighbour');
    assert.equal(lives(), []);
  });
});

asRoot.run();
asUser.run();
