import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, openSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lockDescriptor } from '../../../src/sys/file/lock.ts';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { compiledCode } from '../../support/command/compiled-code.ts';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { letRunBeside } from '../../support/command/resident-command.ts';
import { MAIN } from '../../support/command/tsimg.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('cli/container/events as root');
const asUser = suite('cli/container/events as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const root = dirname(cli.folder);
  const place = ['--network', 'none', '-q'];
  // μ is the Greek letter, which Go takes as well: the command's scripts are ASCII, its arguments need not be
  const told = (...options: readonly string[]) =>
    cli
      .ok('events', '--since', '1h', '--until', '0\u03bcs', ...options)
      .split('\n')
      .filter((line) => line !== '');
  test.after.each(() => cli.clear());

  test('events tells what happens to containers while it happens, and what happened before', async () => {
    const child = spawn(process.execPath, ['--', MAIN, 'events', '--format', '{{.Type}} {{.Action}} {{.Name}}'], {
      env: { PATH: process.env.PATH, TSIMG_ROOT: root, ...compiledCode(user) },
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    const end = new Promise((resolve) => child.once('close', resolve));
    try {
      // The listener may come late: it is heard once it tells of a volume.
      for (let turn = 0; output === '' && turn < 100; turn += 1) {
        cli.ok('volume', 'create', `seen${turn}`);
        await sleep(100);
      }
      assert.match(output, 'volume create');
      // It reads what calls have written, however late
      letRunBeside(child);
      const id = cli.ok('run', ...place, '-d', '--label', 'colour=red', '--name', 'told', rootfs, 'sleep', '1000');
      cli.ok('kill', '-s', 'CONT', 'told');
      cli.ok('rename', 'told', 'named');
      assert.is(cli.run('exec', 'named', '/bin/sh', '-c', 'exit 3').status, 3);
      if (user === undefined) for (const verb of ['pause', 'unpause']) cli.ok(verb, 'named');
      cli.ok('restart', '-t', '0', 'named');
      cli.ok('stop', '-t', '0', 'named');
      cli.ok('rm', 'named');
      await until('the removal is told', () => output.includes('destroy named'));
      const seen = output.split('\n').filter((line) => line.startsWith('container '));
      const paused = user === undefined ? ['container pause named', 'container unpause named'] : [];
      const again = ['kill', 'die', 'stop', 'start', 'restart'].map((action) => `container ${action} named`);
      const ends = ['container kill named', 'container die named', 'container stop named', 'container destroy named'];
      const begins = ['create', 'start', 'kill'].map((action) => `container ${action} told`);
      const words = '/bin/sh -c exit 3 named';
      const exec = [`exec_create: ${words}`, `exec_start: ${words}`, 'exec_die named'].map(
        (what) => `container ${what}`,
      );
      assert.equal(seen, [...begins, 'container rename named', ...exec, ...paused, ...again, ...ends]);
      const how = '{{.Actor.Attributes.exitCode}} {{len .Actor.Attributes.execID}}';
      assert.equal(told('--filter', 'event=exec_die', '--format', how), ['3 64']);
      child.ref();
      child.kill('SIGINT');
      assert.is(await end, 130);
      const signals = told('--filter', 'event=kill', '--format', '{{.Actor.Attributes.signal}}');
      assert.equal(signals, ['18', '9', '9']);
      const [first = '', ...later] = told(
        '--filter',
        `container=${id.slice(0, 12)}`,
        '--filter',
        'event=die',
        '--json',
      );
      assert.is(later.length, 1);
      const event = JSON.parse(first);
      assert.equal(
        [event.Type, event.Action, event.status, event.id, event.Actor.ID],
        ['container', 'die', 'die', id, id],
      );
      assert.is(event.Actor.Attributes.colour, 'red');
      assert.is(event.Actor.Attributes.exitCode, '137');
      assert.match(
        told('--filter', 'label=colour=red', '--filter', 'event=start')[0] ?? '',
        / container start [0-9a-f]{64} \(colour=red, image=.*, name=told\)$/,
      );
      assert.equal(told('--filter', 'label=colour=blue'), []);
      const format =
        '{{.Type}} {{.Status}} {{.Scope}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.Actor.Attributes.no}}';
      assert.equal(told('--filter', 'event=start', '--filter', 'container=told', '--format', format), [
        `container start local ${id} told <no value>`,
      ]);
      assert.match(
        told('--filter', 'event=start', '--format', '{{.Time}} {{json .Actor}}')[0] ?? '',
        /^[0-9]{10} {"ID":/,
      );
      assert.is(cli.run('events', '--until', '0s', '--format', '{{.Type | nonsense}}').status, 2);
      const wrong = [
        ...['shape=round', 'type=pod', 'type=daemon', 'event=attach', 'event=die: 1', 'event=health_status: well'],
        ...['event=', 'container=', 'type'],
      ];
      const refusals = wrong.map((filter) => cli.run('events', '--until', '0s', '--filter', filter));
      for (const [at, { status, stderr }] of refusals.entries()) {
        assert.equal([status, stderr.includes(`not a filter (${wrong[at]}); `)], [2, true], stderr);
      }
      assert.match(refusals[1]?.stderr ?? '', /type is one of container, image, volume, network$/m);
      assert.match(refusals[3]?.stderr ?? '', /event is one of create, .*health_status, pull, .*disconnect$/m);
      assert.equal(told('--filter', 'event=exec_start: /bin/sh -c exit 3', '--format', '{{.Name}}'), ['named']);
      for (const word of ['oom', 'health_status', 'health_status: healthy', 'untag', 'connect']) {
        assert.equal(told('--filter', `event=${word}`), [], word);
      }
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('events tells of each name that an image of the store gets, whatever gave it', () => {
    const folder = tempDir(0o755);
    writeFileSync(join(folder, 'file'), 'x');
    cli.ok('pack', folder, '-q', '-t', 'packed:1', '-t', 'packed:2', '-t', 'docker.io/library/packed:1');
    cli.ok('append', 'packed:1', folder, '-q', '-o', 'store:appended:1');
    cli.ok('config', 'packed:1', '-q', '--label', 'a=b', '-t', 'changed:1');
    cli.ok('copy', '-q', 'packed:1', 'store:copied:1');
    cli.ok('create', ...place, '--name', 'source', 'packed:1', 'true');
    cli.ok('commit', '-q', 'source', 'committed:1');
    cli.ok('commit', '-q', 'source');
    const images = told('--filter', 'type=image', '--format', '{{.Action}} {{.Actor.Attributes.name}}');
    const names = ['packed:1', 'packed:2', 'appended:1', 'changed:1', 'copied:1', 'committed:1'];
    assert.equal(
      images,
      names.map((name) => `tag docker.io/library/${name}`),
    );
    cli.ok('rm', 'source');
    cli.ok('prune', '--all', '--force');
  });

  test('events tells of images, and of the end of a container whose monitor was killed', async () => {
    const before = told('--filter', 'type=image').length;
    const ofImages = () => told('--filter', 'type=image', '--format', '{{.Action}} {{.ID}}').slice(before);
    cli.ok('load', '-q', EXAMPLE_IMAGE);
    const name = cli.ok('images', '-q');
    cli.ok('tag', name, 'other:1');
    cli.ok('rmi', 'other:1');
    const [own, other] = ['docker.io/tsimg/example:latest', 'docker.io/library/other:1'];
    const begun = [`tag ${own}`, `tag ${other}`, `untag ${other}`];
    assert.equal(ofImages(), begun);
    const { Digest } = JSON.parse(cli.ok('inspect', name))[0];
    cli.ok('create', ...place, '--name', 'pruned', rootfs, 'true');
    cli.ok('prune', '--all', '--force');
    assert.equal(ofImages(), [...begun, `untag ${own}`, `delete ${Digest}`]);
    const ends = told('--filter', 'container=pruned', '--format', '{{.Action}}');
    assert.equal(ends, ['create', 'destroy']);
    cli.ok('run', ...place, '-d', '--name', 'orphan', rootfs, 'sleep', '1000');
    process.kill(Number(cli.field('orphan', '.State.ConmonPid')), 'SIGKILL');
    await until('it has ended', () => cli.ok('ps', '-a', '--format', '{{.State}}') === 'exited');
    const dies = told('--filter', 'event=die', '--filter', 'container=orphan', '--json');
    assert.equal(
      dies.map((line) => JSON.parse(line).Actor.Attributes.exitCode),
      ['255'],
    );
  });

  test('the events take two files of a bounded size, and a file that cannot be written costs the events only', () => {
    const file = join(root, 'events.jsonl');
    writeFileSync(file, '{"a damaged line\n');
    const filler = `${JSON.stringify({ time: new Date().toISOString(), type: 'image', action: 'pull', id: 'x', attributes: {} })}\n`;
    appendFileSync(file, filler.repeat(Math.ceil((1024 * 1024) / filler.length)));
    const holder = openSync(file, 'r');
    assert.is(lockDescriptor(holder, file), 'locked');
    cli.ok('volume', 'create', 'meanwhile');
    // Another process is renaming it.
    assert.ok(existsSync(file));
    closeSync(holder);
    cli.ok('create', ...place, '--name', 'last', '--label', `long=${'x'.repeat(5000)}`, rootfs, 'true');
    assert.not(existsSync(file));
    assert.ok(statSync(join(root, 'events.1.jsonl')).size < 1024 * 1024 + 5000);
    cli.ok('rm', 'last');
    assert.equal(told('--filter', 'container=last', '--format', '{{.Action}}'), ['create', 'destroy']);
  });
});

asRoot.run();
asUser.run();
