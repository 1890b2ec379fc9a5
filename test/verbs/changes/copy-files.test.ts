import { spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE, makeImageStore } from '../../support/container/changed-container.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { file, hardlink, tarOf } from '../../support/image/tar.ts';
import { differences, snapshot } from '../../support/image/tree-snapshot.ts';
import { haveTools } from '../../support/tools.ts';

const asRoot = suite('verbs/changes/copy-files as root');
const asUser = suite('verbs/changes/copy-files as an ordinary user');

const SETUP = [
  'mkdir -p /src/sub && echo one > /src/one && echo two > /src/sub/two',
  'ln -s one /src/link && ln /src/one /src/again && mkfifo /src/fifo',
  'cp /bin/busybox /src/setuid && chown 5:6 /src/setuid && chmod 6755 /src/setuid',
  'touch -d "2001-02-03 04:05:06" /src/one',
  'ln -s /src/sub /lsub && ln -s /nowhere /dangling && ln -s /etc/shadow /shadow',
].join('\n');

/**
 * Python: /x/cur is a directory and the link /x/link in turn, some thousand times a second. It sleeps in between: on a
 * busy host it would take the processor from the program that it is to disturb.
 */
const SWAP = `
import os, time
open('/swapping', 'w').close()
while True:
    os.rename('/x/cur', '/x/directory')
    os.rename('/x/link', '/x/cur')
    time.sleep(0.0002)
    os.rename('/x/cur', '/x/link')
    os.rename('/x/directory', '/x/cur')
    time.sleep(0.0002)
`;

defineRuns(asRoot, asUser, (test, { user }) => {
  const store = makeImageStore(user);
  const at = (...names: readonly string[]) => join(store.folder, ...names);
  const give = (path: string) => user !== undefined && chownSync(path, user.uid, user.gid);
  const write = (name: string, text: string) => {
    writeFileSync(at(name), text);
    give(at(name));
  };
  const run = (name: string, script: string, ...options: readonly string[]) =>
    store.ok('run', '-q', '-d', '--network', 'none', '--name', name, ...options, EXAMPLE, 'sh', '-c', script);
  /** Copies that must all end with this status. */
  const copyEach = (status: number, ...copies: readonly (readonly string[])[]) => {
    for (const words of copies) {
      const result = store.call(['cp', ...words]);
      assert.is(result.status, status, `${words.join(' ')}: ${result.stderr}`);
    }
  };
  const cat = (path: string) => {
    const archive = store.call(['cp', path, '-']);
    assert.is(archive.status, 0, archive.stderr);
    return spawnSync('tar', ['-xO'], { input: archive.stdout, encoding: 'utf8' }).stdout;
  };
  store.change('ended', SETUP);
  run('running', `${SETUP}\ntouch /ready; exec sleep 10000`);
  store.awaitFile('running', '/ready');
  test.after(() => store.remove());

  for (const container of ['ended', 'running']) {
    const out = (name: string) => at(`${container}-${name}`);

    test(`a directory that is copied from a container that is ${container} belongs to the caller`, () => {
      store.ok('cp', `${container}:/src`, out('new'));
      assert.equal(readdirSync(out('new')).sort(), ['again', 'fifo', 'link', 'one', 'setuid', 'sub']);
      assert.is(readFileSync(join(out('new'), 'sub/two'), 'utf8'), 'two\n');
      assert.is(readlinkSync(join(out('new'), 'link')), 'one');
      const [one, again] = ['one', 'again'].map((name) => lstatSync(join(out('new'), name)));
      assert.is(one?.ino, again?.ino);
      assert.is(one?.mtimeMs, Date.UTC(2001, 1, 3, 4, 5, 6));
      const setuid = lstatSync(join(out('new'), 'setuid'));
      assert.is(setuid.mode & 0o7777, 0o755);
      assert.is(setuid.uid, user?.uid ?? 0);
    });

    test(`the type of the destination decides where a source goes, from a container that is ${container}`, () => {
      mkdirSync(out('dir'));
      give(out('dir'));
      copyEach(
        0,
        [`${container}:/src`, out('dir')],
        [`${container}:/src/one`, out('dir')],
        [`${container}:/src/sub/.`, out('dir')],
        [`${container}:src/one`, join(out('dir'), 'renamed')],
      );
      assert.equal(readdirSync(out('dir')).sort(), ['one', 'renamed', 'src', 'two']);
      copyEach(
        0,
        [`${container}:/src/sub/two`, join(out('dir'), 'renamed')],
        [`${container}:/lsub`, out('dir')],
        ['-L', `${container}:/lsub`, join(out('dir'), 'followed')],
      );
      assert.is(readFileSync(join(out('dir'), 'renamed'), 'utf8'), 'two\n');
      assert.is(readlinkSync(join(out('dir'), 'lsub')), '/src/sub');
      assert.equal(readdirSync(join(out('dir'), 'followed')), ['two']);
      assert.is(store.call(['cp', `${container}:/src`, join(out('dir'), 'one')]).status, 1);
      copyEach(
        1,
        [`${container}:/src/one`, join(out('dir'), 'missing/')],
        [`${container}:/src/one`, join(out('dir'), 'missing/file')],
      );
      copyEach(3, ...['/none', '/src/one/', '/dangling/x'].map((source) => [`${container}:${source}`, out('dir')]));
    });

    test(`files that are copied to a container that is ${container} belong to root, by the same rules`, () => {
      if (!existsSync(at('tree'))) {
        mkdirSync(at('tree'));
        write('tree/file', 'file\n');
        symlinkSync('/etc/shadow', at('tree/link'));
        give(at('tree'));
      }
      store.ok('cp', at('tree'), `${container}:/in`);
      copyEach(
        0,
        [at('tree'), `${container}:/in`],
        [at('tree/file'), `${container}:/in/renamed`],
        [`${at('tree')}/.`, `${container}:/lsub/`],
      );
      const listed = store.call(['cp', `${container}:/in`, '-']);
      const { stdout } = spawnSync('tar', ['--numeric-owner', '-tv'], { input: listed.stdout, encoding: 'utf8' });
      assert.equal(
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => line.replace(/^\S+ (\S+) +\S+ \S+ \S+/, '$1')),
        [
          '0/0 in/',
          '0/0 in/file',
          '0/0 in/link -> /etc/shadow',
          '0/0 in/renamed',
          '0/0 in/tree/',
          '0/0 in/tree/file',
          '0/0 in/tree/link -> /etc/shadow',
        ],
      );
      assert.is(cat(`${container}:/src/sub/file`), 'file\n');
      copyEach(1, [at('tree'), `${container}:/in/renamed`], [at('tree/file'), `${container}:/missing/`]);
      const missing = [
        [at('missing'), `${container}:/in`, /no such file \(.*missing\); check the path; .* NAME:PATH/],
        [`${container}:/missing`, out('in'), /no such file in the container \(\/missing\); check the path/],
        [`${container}:/missing/file`, out('in'), /no such directory in the container \(.*\); check the path/],
      ] as const;
      for (const [from, to, pattern] of missing) {
        const { status, stderr } = store.call(['cp', from, to]);
        assert.is(status, 3);
        assert.match(stderr, pattern);
      }
    });

    test(`an archive goes into a directory of a container that is ${container}; links and .. stay inside of it`, () => {
      mkdirSync(out('pack'));
      write(`${container}-pack/inner`, 'inner\n');
      const archive = spawnSync('tar', [
        '-C',
        out('pack'),
        '--transform',
        's,^inner,../../../climbed,',
        '-P',
        '-cz',
        'inner',
      ]);
      const result = store.call(['cp', '-', `${container}:/src`], archive.stdout);
      assert.is(result.status, 0, result.stderr);
      assert.is(cat(`${container}:/src/climbed`), 'inner\n');
      const nowhere = store.call(['cp', '-', `${container}:/none`], archive.stdout);
      assert.is(nowhere.status, 1);
      assert.match(nowhere.stderr, /no such directory \(\/none\); make it first/);
      for (const [input, what] of [
        [Buffer.from('nope\n'), 'not a valid tar archive'],
        [archive.stdout.subarray(0, 60), 'not valid gzip data'],
      ] as const) {
        const { status, stderr } = store.call(['cp', '-', `${container}:/src`], input);
        assert.is(status, 1);
        assert.match(stderr, `${what} (the input): `);
        assert.match(stderr, /; give a complete tar archive, compressed or not$/m);
      }
    });
  }

  test('a link above an entry is followed inside of the container, and missing directories are made', () => {
    const pack = (...names: readonly string[]) => tarOf(...names.map((name) => file(name, `${name}\n`)));
    const places = new Map([
      ['var/run/act/f', '/run/act/f'],
      ['var/none/f', '/nowhere/deep/f'],
      ['var/new/er/f', '/var/new/er/f'],
      [`var/top${store.folder}/f`, `${store.folder}/f`],
    ]);
    const links = 'mkdir -p /var /real; ln -s /run /var/run; ln -s ../nowhere/deep /var/none; ln -s /proc /var/proc';
    const setup = `${links}; ln -s / /var/top; echo file > /var/file; touch /linked`;
    store.change('linked-ended', setup);
    run('linked', `${setup}; exec sleep 10000`);
    store.awaitFile('linked', '/linked');
    for (const container of ['linked', 'linked-ended']) {
      const { status, stderr } = store.call(['cp', '-', `${container}:/`], pack(...places.keys()));
      assert.is(status, 0, stderr);
      for (const [name, path] of places) assert.is(cat(`${container}:${path}`), `${name}\n`);
      assert.is(existsSync(at('f')), false);
      const refused = store.call(['cp', '-', `${container}:/`], pack('var/file/f'));
      assert.is(refused.status, 1);
      assert.match(refused.stderr, /var\/file.*a file is there, or on the way/);
    }
    const kernel = store.call(['cp', '-', 'linked:/'], pack('var/proc/sys/kernel/core_pattern'));
    assert.is(kernel.status, 1);
    assert.match(kernel.stderr, /the kernel’s file systems/);
    store.ok('rm', '-f', 'linked', 'linked-ended');
  });

  test('a hard link to itself keeps the file', () => {
    const archive = tarOf(file('own', 'own\n'), hardlink('own', 'own'), hardlink('./own', 'own'));
    store.change('self', 'true');
    assert.is(store.call(['cp', '-', 'self:/'], archive).status, 0);
    assert.is(cat('self:/own'), 'own\n');
  });

  test('a link whose target is no text is followed', () => {
    store.change('bytes', 'd=$(printf "/d\\351"); mkdir "$d"; echo in > "$d/f"; ln -s "$d" /dir; ln -s "$d/f" /file');
    copyEach(0, ['-L', 'bytes:/file', at('from-bytes')], [at('from-bytes'), 'bytes:/dir/g']);
    assert.is(readFileSync(at('from-bytes'), 'utf8'), 'in\n');
    assert.is(cat('bytes:/dir/g'), 'in\n');
  });

  test('-a keeps owners where this is possible', () => {
    const archive = store.call(['cp', 'ended:/src/setuid', '-']);
    assert.is(archive.status, 0);
    const listed = spawnSync('tar', ['--numeric-owner', '-tv'], { input: Buffer.from(archive.stdout, 'latin1') });
    assert.match(listed.stdout.toString(), /^-rwsr-sr-x 5\/6 /);
    if (user === undefined) {
      store.ok('cp', '-a', 'ended:/src/setuid', at('kept'));
      const { uid, gid, mode } = lstatSync(at('kept'));
      assert.equal([uid, gid, mode & 0o7777], [5, 6, 0o6755]);
      store.ok('cp', '-a', at('kept'), 'ended:/src/kept');
    }
  });

  test('neither links nor the kernel’s file systems lead out of a container', () => {
    write('canary', 'host\n');
    const canary = at('canary');
    store.change(
      'links',
      `mkdir -p ${store.folder}; ln -s / /root2; ln -s ${canary} /canary; ln -s /proc/self/cwd /cwd`,
    );
    copyEach(3, ['-L', 'links:/canary', at('stolen')], [`links:/root2/${canary}`, at('stolen')]);
    assert.is(existsSync(at('stolen')), false);
    store.ok('cp', at('canary'), 'links:/root2/landed');
    assert.is(cat('links:/landed'), 'host\n');
    const magic = store.call(['cp', 'running:/proc/1/root/etc/group', at('stolen')]);
    assert.is(magic.status === 0, false);
    assert.is(store.call(['cp', canary, 'running:/proc/sys/kernel/core_pattern']).status, 1);
    assert.is(store.call(['cp', 'running:/dev/null', at('device')]).status, 0);
    assert.is(existsSync(at('device')), false);
    assert.is(readFileSync(canary, 'utf8'), 'host\n');
  });

  const swaps = haveTools('python3') ? test : test.skip;
  swaps('a container that swaps a directory for a link to / gets no file of the host, and changes none', () => {
    const folder = at('victim');
    mkdirSync(folder);
    write('victim/secret', 'secret of the host\n');
    write('payload', 'payload\n');
    const before = snapshot(folder);
    // In the container the same path is another directory, with other contents, below the link and below the directory.
    const setup = `mkdir -p ${folder} /x/cur${folder}; ln -s / /x/link
      for each in '' /x/cur; do echo own > $each${folder}/secret; done`;
    const mounts = ['/usr', '/lib', '/lib64'].filter(existsSync).flatMap((path) => ['-v', `${path}:${path}:ro`]);
    run('swapper', `${setup}; exec /usr/bin/python3 -I -c "${SWAP}"`, ...mounts);
    store.awaitFile('swapper', '/swapping');
    const rounds = Array.from({ length: 4 }, (_, round) => [
      ['cp', at('payload'), `swapper:/x/cur${folder}/secret`],
      ['cp', at('payload'), `swapper:/x/cur/payload`],
      ['cp', `swapper:/x/cur${folder}/secret`, at(`got-${round}`)],
      ['cp', 'swapper:/x', at(`tree-${round}`)],
    ]);
    for (const words of rounds.flat()) store.call(words);
    store.ok('rm', '-f', 'swapper');
    assert.equal(differences(snapshot(folder), before), []);
    assert.is(existsSync('/payload'), false);
    const leaked = spawnSync('grep', ['-rl', 'secret of the host', store.folder, '--exclude-dir=victim'], {
      encoding: 'utf8',
    });
    assert.is(leaked.stdout, '');
  });

  test('cp needs exactly one container, which exists', () => {
    copyEach(2, ['ended:/a', 'running:/b'], ['a', 'b'], ['./a:b', 'c']);
    assert.is(store.call(['cp', 'missing:/a', '.']).status, 3);
  });
});

asRoot.run();
asUser.run();
