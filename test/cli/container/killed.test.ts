import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { probeCgroups } from '../../../src/host/facts/cgroup-facts.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { isGone, makeContainerCli, until } from '../../support/command/container-cli.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { defineRuns } from '../../support/container/define-runs.ts';

// Reports about containers, and their leftovers, after one of their processes was killed.

const asRoot = suite('cli/container/killed as root');
const asUser = suite('cli/container/killed as an ordinary user');

/** Returns the cgroups of a container, in any hierarchy. */
function cgroupsOf(id: string): readonly string[] {
  const { v1, v2 } = probeCgroups();
  return [...v1, ...v2].map(({ directory }) => join(directory, 'tsimg', id)).filter((path) => existsSync(path));
}

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const detached = (name: string, ...options: readonly string[]) =>
    cli.ok('run', '--network', 'none', '-d', '--name', name, ...options, rootfs, 'sleep', '1000');
  const listed = () => cli.ok('ps', '-a', '--format', '{{.Names}} {{.State}}');
  const kill = (pid: string) => process.kill(Number(pid), 'SIGKILL');
  const file = (id: string, name: string) => join(cli.folder, id, name);
  test.after.each(() => cli.clear());

  test('a container whose monitor is killed ends, is listed as ended, and is removed with its cgroups', async () => {
    const id = detached('orphan');
    const pid = cli.field('orphan', '.State.Pid');
    kill(cli.field('orphan', '.State.ConmonPid'));
    await until('its command is gone', () => isGone(pid));
    // A stub may still be ending
    await until('it is told', () => listed() === 'orphan exited');
    assert.is(cli.ok('ps', '-q'), '');
    assert.is(cli.field('orphan', '.State.ExitCode'), '255');
    assert.is(cli.field('orphan', '.State.Pid'), '0');
    assert.is(cli.ok('wait', 'orphan'), '255');
    assert.is(cli.run('kill', 'orphan').status, 1);
    cli.ok('rm', 'orphan');
    assert.equal(cgroupsOf(id), []);
    assert.equal(cli.directories(), []);
    assert.equal(readdirSync(join(cli.folder, 'names')), []);
  });

  test('a container whose monitor was killed can be started again', async () => {
    detached('orphan');
    kill(cli.field('orphan', '.State.ConmonPid'));
    await until('it is told', () => listed() === 'orphan exited');
    cli.ok('start', 'orphan');
    assert.is(listed(), 'orphan running');
  });

  test('prune removes a container with --rm whose monitor was killed', async () => {
    const id = detached('orphan', '--rm');
    const pid = cli.field('orphan', '.State.Pid');
    kill(cli.field('orphan', '.State.ConmonPid'));
    await until('its command is gone', () => isGone(pid));
    await until('it is told', () => listed() === 'orphan exited');
    cli.ok('prune', '-f');
    assert.equal(cli.directories(), []);
    assert.equal(cgroupsOf(id), []);
    assert.equal(readdirSync(join(cli.folder, 'names')), []);
  });

  test('a container with --rm whose tsimg was killed starts again, whatever is left of the mark of its overlay', async () => {
    const id = cli.ok('run', '--network', 'none', '-d', '--rm', '--name', 'marked', EXAMPLE_IMAGE, 'sleep', '1000');
    // The file of the mark is removed first, so a stub that is killed there leaves the directory.
    for (const left of ['volatile', 'incompat', 'work']) {
      const pid = cli.field('marked', '.State.Pid');
      kill(cli.field('marked', '.State.ConmonPid'));
      await until('its command is gone', () => isGone(pid));
      await until('it is told', () => listed() === 'marked exited');
      const work = file(id, 'work/work');
      chmodSync(work, 0o700);
      const mark = join(work, 'incompat', 'volatile');
      assert.ok(existsSync(join(mark, 'dirty')), 'the overlay was volatile');
      const gone = { volatile: join(mark, 'dirty'), incompat: mark, work: join(work, 'incompat') }[left];
      rmSync(gone ?? '', { recursive: true });
      cli.ok('start', 'marked');
      assert.is(listed(), 'marked running', left);
    }
  });

  test('a container whose first process is killed has ended with 137', async () => {
    detached('beheaded');
    kill(cli.field('beheaded', '.State.Pid'));
    assert.is(cli.ok('wait', 'beheaded'), '137');
    assert.is(listed(), 'beheaded exited');
  });

  test('a container in the foreground whose tsimg is killed has ended', async () => {
    const child = cli.start('run', '--network', 'none', '--name', 'front', rootfs, 'sleep', '1000');
    await until('it runs', () => cli.run('ps', '--format', '{{.Names}}').stdout === 'front\n');
    const pid = cli.field('front', '.State.Pid');
    child.kill('SIGKILL');
    await until('its command is gone', () => isGone(pid));
    await until('it is told', () => listed() === 'front exited');
    cli.ok('rm', 'front');
    assert.equal(cli.directories(), []);
  });

  test('after a reboot no container runs, also where other processes have the PIDs now', () => {
    const id = detached('before');
    cli.ok('stop', '-t', '0', 'before');
    const state = JSON.parse(readFileSync(file(id, 'state.json'), 'utf8'));
    const identity = { pid: process.pid, startTime: '1', bootId: '00000000-0000-0000-0000-000000000000' };
    writeFileSync(
      file(id, 'state.json'),
      JSON.stringify({ ...state, status: 'running', process: identity, owner: identity }),
    );
    assert.is(listed(), 'before exited');
    assert.is(cli.run('kill', 'before').status, 1);
    cli.ok('start', 'before');
    assert.is(listed(), 'before running');
  });

  test('damaged records and states are reported, do not hinder other containers, and are removed by prune', () => {
    const damages = [
      ['a truncated record', 'record.json', (text: string) => text.slice(0, text.length / 2)],
      ['a record of wrong types', 'record.json', (text: string) => text.replace('"labels":{', '"labels":7,"x":{')],
      ['a record of the future', 'record.json', (text: string) => text.replace('"version":1', '"version":2')],
      ['a truncated state', 'state.json', (text: string) => text.slice(0, text.length / 2)],
      ['a state of wrong types', 'state.json', () => '{"status":"asleep","restarts":"often"}'],
      ['a directory instead of a record', 'record.json', () => 'directory'],
      ['a missing record', 'record.json', () => 'missing'],
    ] as const;
    const all = damages.map(([what, name, spoil], index) => {
      const container = `spoilt-${index}`;
      const id = cli.ok('create', '--network', 'none', '--name', container, rootfs, 'true');
      return { what, spoil, container, id, path: file(id, name) };
    });
    detached('sound');
    for (const { path, spoil } of all) {
      const spoilt = spoil(readFileSync(path, 'utf8'));
      rmSync(path);
      if (spoilt === 'directory') {
        mkdirSync(path);
        if (user !== undefined) chownSync(path, user.uid, user.gid);
      } else if (spoilt !== 'missing') writeFileSync(path, spoilt, { mode: 0o644 });
    }
    const { stdout, stderr, status } = cli.run('ps', '-a', '--format', '{{.Names}}');
    assert.is(status, 0);
    assert.is(stdout, 'sound\n');
    assert.match(stderr, 'tsimg prune');
    for (const { what, container, id, path } of all) {
      const lines = stderr.split('\n').filter((line) => line.includes(`(${path})`));
      assert.is(lines.length, 1, what);
      assert.match(lines[0] ?? '', `tsimg rm --force ${id.slice(0, 12)} removes`, what);
      assert.is(cli.run('rm', container).status, 1, what);
    }
    const refused = all.flatMap(({ container, ...each }) =>
      ['rm', 'start', 'logs', 'inspect', 'wait', 'stop', 'kill'].map((verb) => ({ ...each, call: [verb, container] })),
    );
    for (const [index, told] of cli.runEach(refused.map(({ call }) => call)).entries()) {
      const { what, path, call } = refused[index] ?? {};
      assert.is(told.status, 1, `${what}: ${call}`);
      assert.match(told.stderr, `(${path})`, `${what}: ${call}`);
    }
    assert.is(JSON.parse(cli.ok('ps', '-a', '--format', 'json')).Names, 'sound');
    cli.ok('prune', '-f');
    assert.is(cli.directories().length, 1);
    assert.is(listed(), 'sound running');
    assert.equal(readdirSync(join(cli.folder, 'names')), ['sound']);
    detached('spoilt-0');
  });

  test('rm --force removes a container whose record is damaged, and ends its processes', async () => {
    const id = detached('spoilt', '--pid', 'host');
    const pid = cli.field('spoilt', '.State.Pid');
    kill(cli.field('spoilt', '.State.ConmonPid'));
    writeFileSync(file(id, 'record.json'), '{');
    await until('it is removed', () => cli.run('rm', '-f', 'spoilt').status === 0);
    assert.ok(isGone(pid));
    assert.equal(cli.directories(), []);
    assert.equal(readdirSync(join(cli.folder, 'names')), []);
  });

  test('the error for another user’s container names its owner; other containers are listed and removed', () => {
    if (user === undefined) return;
    detached('sound');
    const foreign = join(cli.folder, 'f'.repeat(64));
    mkdirSync(foreign, { mode: 0o700 });
    try {
      const { status, stdout, stderr } = cli.run('ps', '-a', '--format', '{{.Names}}');
      assert.is(status, 0);
      assert.is(stdout, 'sound\n');
      assert.match(stderr, 'it belongs to the user with the ID 0');
      assert.match(cli.run('prune', '-f').stderr, 'it belongs to the user with the ID 0');
      cli.ok('rm', '-f', 'sound');
      assert.is(cli.run('rm', '-f', 'f'.repeat(12)).status, 1);
    } finally {
      rmSync(foreign, { recursive: true });
    }
  });

  test('on a terminal, prune asks first', async () => {
    detached('ended');
    cli.ok('stop', '-t', '0', 'ended');
    const call = (...options: readonly string[]) => {
      const command = [process.execPath, '--', MAIN, 'prune', ...options].join(' ');
      return ['-qec', command, '/dev/null'];
    };
    const settings = {
      env: { PATH: process.env.PATH, TSIMG_ROOT: dirname(cli.folder) },
      ...(user && { uid: user.uid, gid: user.gid }),
    };
    const answer = (text: string, ...options: readonly string[]) =>
      spawnSync('script', call(...options), { input: text, encoding: 'utf8', timeout: 60_000, ...settings });
    const asked = answer('n\n');
    assert.match(
      asked.stdout,
      'all containers that are not running, images without a name, and all that nothing needs. Go on?',
    );
    assert.is(listed(), 'ended exited');
    // The end of the input is a no, and the shell's prompt gets a line of its own.
    const child = spawn('script', call(), settings);
    let shown = '';
    child.stdout.on('data', (chunk) => {
      if (!shown.includes('Go on?') && `${shown}${chunk}`.includes('Go on?')) child.stdin.write('\u0004');
      shown += chunk;
    });
    assert.is(await new Promise((resolve) => child.once('close', resolve)), 0);
    assert.match(shown, /Go on\? \[y\/N\] [^\n]*\n$/);
    assert.is(listed(), 'ended exited');
    answer('y\n');
    assert.is(listed(), '');
    detached('more');
    cli.ok('stop', '-t', '0', 'more');
    assert.not.match(answer('', '--force').stdout, 'Go on?');
    assert.is(listed(), '');
  });

  test('prune removes ended containers, and no running ones', () => {
    detached('running');
    assert.is(cli.run('run', '--network', 'none', '-d', '--name', 'never', rootfs, '/nothing').status, 127);
    detached('ended');
    cli.ok('stop', '-t', '0', 'ended');
    const { stderr } = cli.run('prune', '-f');
    assert.match(stderr, '2 containers removed');
    assert.match(stderr, /[0-9]k?B freed/);
    assert.is(listed(), 'running running');
    assert.equal(readdirSync(join(cli.folder, 'names')), ['running']);
  });
});

asRoot.run();
asUser.run();
