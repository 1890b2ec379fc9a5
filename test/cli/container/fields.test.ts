import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { makeContainerCli, until } from '../../support/command/container-cli.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { tempDir } from '../../support/temp-dir.ts';

// docker's fields of ps and inspect, as its users' scripts ask for them.

const asRoot = suite('cli/container/fields as root');
const asUser = suite('cli/container/fields as an ordinary user');

defineRuns(asRoot, asUser, (test, { rootfs, user }) => {
  const cli = makeContainerCli(user);
  const place = ['--network', 'none', '-q'];
  const detached = (name: string, ...words: readonly string[]) =>
    cli.ok('run', ...place, '-d', '--name', name, ...words);
  const listed = (format: string, ...options: readonly string[]) => cli.ok('ps', '-a', '--format', format, ...options);
  test.after.each(() => cli.clear());

  test('ps finds containers by their volumes and networks, and prints both', () => {
    const volumes = ['-v', '/etc:/e:ro', '-v', 'kept:/k', '-v', '/own', '--tmpfs', '/t'];
    detached('full', ...volumes, rootfs, 'sleep', '1000');
    cli.ok('create', ...place, '--name', 'bare', rootfs, 'true');
    cli.ok('create', '-q', '--name', 'shared', '--network', 'host', rootfs, 'true');
    const cases: readonly (readonly [filters: readonly string[], names: string])[] = [
      [['volume=kept'], 'full'],
      [['volume=/k'], 'full'],
      [['volume=/etc'], 'full'],
      [['volume=/e'], 'full'],
      [['volume=kep'], ''],
      [['volume=/t'], ''],
      [['network=none'], 'bare\nfull'],
      [['network=host'], 'shared'],
      [['network=non'], ''],
      [['network=none', 'network=host'], 'shared\nbare\nfull'],
      [['network=none', 'volume=kept'], 'full'],
    ];
    const lists = cli.runEach(
      cases.map(([filters]) => [
        ...['ps', '-a', '--format', '{{.Names}}'],
        ...filters.flatMap((each) => ['--filter', each]),
      ]),
    );
    for (const [at, [filters, names]] of cases.entries()) {
      assert.is(lists[at]?.stdout.trim(), names, `${filters.join(' ')}: ${lists[at]?.stderr}`);
    }
    const how = '{{.Names}} {{.Networks}} {{.LocalVolumes}} {{.Mounts}}';
    const own = `${cli.folder}/`.slice(0, 14);
    assert.equal(listed(how).split('\n'), ['shared host 0 ', 'bare none 0 ', `full none 2 /etc,kept,${own}…`]);
    assert.match(
      listed('{{.Mounts}}', '--no-trunc', '--filter', 'name=full'),
      new RegExp(`^/etc,kept,${cli.folder}/[0-9a-f]{64}/volumes/`),
    );
    assert.match(listed('table {{.LocalVolumes}}\\t{{.Names}}'), /^LOCAL VOLUMES {3}NAMES\n0 {15}shared\n/);
    const [first] = JSON.parse(cli.ok('ps', '--json'));
    assert.equal(first.networks, [{ name: 'none' }]);
    assert.equal(first.mounts[0], { kind: 'bind', source: '/etc', target: '/e' });
    cli.ok('rm', '-f', 'full');
    cli.ok('volume', 'rm', 'kept');
    const wrong = ['network=', 'volume=', 'networks=none', 'exited=256', 'status=up', 'health=good'];
    for (const [at, { status, stderr }] of cli.runEach(wrong.map((each) => ['ps', '--filter', each])).entries()) {
      assert.equal([status, stderr.includes(`not a filter (${wrong[at]})`)], [2, true], stderr);
    }
  });

  test('the size of a container is that of its own files, and with its image, where it is asked for', async () => {
    const archive = join(tempDir(0o755), 'image.tar.gz');
    copyFileSync(EXAMPLE_IMAGE, archive);
    chmodSync(archive, 0o644);
    cli.ok('load', '-q', '-i', archive);
    const script = 'mkdir -m 0 /shut; head -c 5000 /dev/zero > /file; chown 5:5 /file; ln /file /again; sleep 1000';
    const id = detached('big', 'tsimg/example', 'sh', '-c', script);
    detached('small', 'tsimg/example', 'sleep', '1000');
    cli.ok('create', ...place, '--name', 'plain', rootfs, 'true');
    const sizes = () => listed('{{.Size}}').split('\n');
    const hasOverlay = cli.field('big', '.Driver') === 'overlay';
    if (!hasOverlay) return assert.equal(sizes(), ['', '', '']);
    await until('the file is written', () => sizes()[2]?.startsWith('5kB') === true);
    assert.equal(sizes(), ['', '0B (virtual 1.98MB)', '5kB (virtual 1.99MB)']);
    const [table, plain, line, named] = cli.runEach([
      ['ps', '-s'],
      ['ps'],
      ['ps', '--format', 'json'],
      ['ps', '-s', '--format', 'json', '-l', '-f', 'name=big'],
    ]);
    assert.match(
      table?.stdout ?? '',
      / NAMES +SIZE\n.* small +0B \(virtual 1\.98MB\)\n.* big +5kB \(virtual 1\.99MB\)\n$/,
    );
    assert.not.match(plain?.stdout ?? '', 'SIZE');
    assert.not.match(line?.stdout ?? '', '"Size"');
    assert.is(JSON.parse(named?.stdout ?? '').Size, '5kB (virtual 1.99MB)');
    assert.is(cli.ok('ps', '-qs', '-f', 'name=big'), id.slice(0, 12));
    const [json] = JSON.parse(cli.ok('ps', '-s', '--json', '-f', 'name=big'));
    const [inspected] = JSON.parse(cli.ok('inspect', '-s', 'big'));
    assert.equal([json.size.own, inspected.SizeRw, inspected.SizeRootFs], [5000, 5000, json.size.total]);
    assert.is(cli.field('big', '.SizeRw'), '<no value>');
    const { Name, Data } = inspected.GraphDriver;
    assert.equal(
      [Name, Data.UpperDir, Data.WorkDir],
      ['overlay', `${cli.folder}/${id}/upper`, `${cli.folder}/${id}/work`],
    );
    assert.is(Data.LowerDir.split(':').length, 2);
    assert.not('MergedDir' in Data);
  });

  test('inspect has docker’s fields of mounts, the log and the network namespace, where they are true', () => {
    const mounts = [
      '-v',
      '/etc:/e:ro,rslave',
      '-v',
      'kept:/k',
      '--mount',
      'type=bind,src=/usr,dst=/u',
      '--tmpfs',
      '/t',
    ];
    detached('seen', ...mounts, rootfs, 'sleep', '1000');
    const [found] = JSON.parse(cli.ok('inspect', 'seen'));
    assert.equal(
      found.Mounts.map(({ Source: _, ...mount }: { Source: string }) => mount),
      [
        { Type: 'bind', Destination: '/e', Mode: 'ro,rslave', RW: false, Propagation: 'rslave' },
        {
          Type: 'volume',
          Name: 'kept',
          Driver: 'local',
          Destination: '/k',
          Mode: '',
          RW: true,
          Propagation: 'rprivate',
        },
        { Type: 'bind', Destination: '/u', Mode: '', RW: true, Propagation: 'rprivate' },
        { Type: 'tmpfs', Destination: '/t', Mode: '', RW: true, Propagation: '' },
      ],
    );
    assert.equal(found.HostConfig.LogConfig, { Type: 'k8s-file', Config: {} });
    assert.is(found.NetworkSettings.SandboxKey, `/proc/${found.State.Pid}/ns/net`);
    assert.equal([found.State.Dead, found.Platform, 'GraphDriver' in found], [false, 'linux', false]);
    cli.ok('stop', '-t', '0', 'seen');
    assert.is(cli.field('seen', '.NetworkSettings.SandboxKey'), '');
    cli.ok('rm', '-f', 'seen');
    cli.ok('volume', 'rm', 'kept');
  });
});

asRoot.run();
asUser.run();
