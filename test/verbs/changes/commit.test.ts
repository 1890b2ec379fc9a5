import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE, makeImageStore } from '../../support/container/changed-container.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import { differences, snapshot } from '../../support/image/tree-snapshot.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const asRoot = suite('verbs/changes/commit as root');
const asUser = suite('verbs/changes/commit as an ordinary user');

/** A script that makes all kinds of changes. */
const CHANGES = [
  'echo new > /etc/new',
  'rm /etc/passwd',
  'echo more >> /etc/group',
  'rm -r /home && mkdir /home && echo other > /home/other',
  'mkdir -p /data/empty',
  'mkfifo /data/fifo',
  'echo program > /data/setuid',
  'chown 5:6 /data/setuid',
  'chmod 4755 /data/setuid',
  'ln /data/setuid /data/second',
  'echo line > "/data/a\nb"',
  'ln -s /etc/passwd /data/link',
  'chmod 1777 /tmp 2>/dev/null || mkdir -m 1777 /tmp',
  'ln /bin/busybox /data/busybox',
  'touch -d "1969-12-31 23:00:00" /data/old',
].join('\n');

/** A script that lists the files of a container, a line for each. */
const LOOK = `find / -xdev ! -path '/proc*' ! -path '/sys*' ! -path '/dev*' ! -path /etc/hosts ! -path /etc/hostname \
  ! -path /etc/resolv.conf ! -path / ! -path /etc -exec stat -c '%n %F %a %u %g %Y' {} + | sort
cd / && find data etc home -type f -exec md5sum {} + | grep -v -e hosts -e hostname -e resolv | sort
stat -c %h /data/setuid; ls /etc/passwd 2>&1; true`;

defineRuns(asRoot, asUser, (test, { user }) => {
  const store = makeImageStore(user);
  let before = '';
  test.after(() => store.remove());

  test('diff lists files that were added, changed and deleted, and none that tsimg mounts', () => {
    before = store.change('changed', `${CHANGES}\n${LOOK}`);
    const lines = store.ok('diff', 'changed').trimEnd().split('\n');
    for (const line of [
      'A /etc/new',
      'D /etc/passwd',
      'C /etc/group',
      'C /etc',
      'C /home',
      'D /home/guest',
      'A /home/other',
      'A /data/a\\x0ab',
      'A /data/empty',
    ]) {
      assert.ok(lines.includes(line), `${line} is missing in ${lines.join(', ')}`);
    }
    assert.equal(
      lines.filter((line) => /(proc|sys|dev|hosts|hostname|resolv\.conf)$/.test(line)),
      [],
    );
    assert.equal(JSON.parse(store.ok('diff', '--json', 'changed'))[0], { kind: 'changed', path: '/bin' });
  });

  test('a container that changed nothing has no changes', () => {
    store.change('same', 'true');
    assert.is(store.ok('diff', 'same'), '');
  });

  test('a container of the new image has the files that the old one had', () => {
    const id = store.ok('commit', '-q', 'changed', 'made:1').trim();
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    const seen = store.ok('run', '-q', '--rm', '--network', 'none', 'made:1', 'sh', '-c', LOOK);
    assert.match(seen, /\/data\/setuid regular file 4755 5 6/);
    assert.match(seen, /\/data\/old [^\n]* -3600\n/);
    assert.is(seen, before);
    // A second commit, with a layer over the first one.
    store.ok('run', '-q', '--network', 'none', '--name', 'second', 'made:1', 'sh', '-c', 'rm -r /data/empty /home');
    store.ok('commit', '-q', 'second', 'made:2');
    const last = store.ok(
      'run',
      '-q',
      '--rm',
      '--network',
      'none',
      'made:2',
      'sh',
      '-c',
      'ls -d /data/empty /home; ls /data',
    );
    assert.not.match(last, /empty|home/);
    assert.match(last, /setuid/);
  });

  test('the same changes give the same layer', () => {
    const layers = ['one', 'two'].map((tag) => {
      store.ok('commit', '-q', 'changed', `same:${tag}`);
      return JSON.parse(store.ok('inspect', `same:${tag}`))[0].RootFS.Layers;
    });
    assert.equal(layers[0], layers[1]);
  });

  test('SOURCE_DATE_EPOCH gives the same image, and no file of the layer is newer', () => {
    const before = process.env.SOURCE_DATE_EPOCH;
    process.env.SOURCE_DATE_EPOCH = '86400';
    try {
      const commit = (...more: readonly string[]) => store.ok('commit', '-q', ...more, 'changed', 'epoch:1').trim();
      assert.is(commit(), commit());
      assert.is(
        store.ok('run', '-q', '--rm', '--network', 'none', 'epoch:1', 'sh', '-c', 'stat -c %Y /etc/new'),
        '86400\n',
      );
      // The compression changes neither the diff ID nor the config.
      assert.is(commit('--compression', 'none'), commit('--compression', 'zstd'));
    } finally {
      if (before === undefined) delete process.env.SOURCE_DATE_EPOCH;
      else process.env.SOURCE_DATE_EPOCH = before;
    }
  });

  test('umoci unpacks the new image to the files that the container had', () => {
    if (user !== undefined || !haveTools('umoci', 'setcap', 'unshare')) return;
    store.change('whole', `${CHANGES}\necho program > /data/capable`);
    const upper = store.ok('ps', '-a', '--no-trunc', '-q', '--filter', 'name=whole').trim();
    const directory = join(store.root, 'containers', upper);
    // A program in a container with CAP_SETFCAP can do this.
    assert.is(spawnSync('setcap', ['cap_net_raw+ep', join(directory, 'upper/data/capable')]).status, 0);
    const folder = tempDir();
    store.ok('commit', '-q', 'whole', 'whole:1');
    store.ok('save', '-q', '--format', 'oci-dir', '-o', join(folder, 'layout'), 'whole:1');
    const names = spawnSync('umoci', ['ls', '--layout', join(folder, 'layout')], { encoding: 'utf8' }).stdout;
    const unpacked = spawnSync(
      'umoci',
      ['raw', 'unpack', '--image', `${join(folder, 'layout')}:${names.trim()}`, join(folder, 'rootfs')],
      { encoding: 'utf8' },
    );
    assert.is(unpacked.status, 0, unpacked.stderr);
    const copy = join(folder, 'merged');
    mkdirSync(copy);
    const merge =
      'cd "$1" && mount -t overlay overlay -o lowerdir=$(ls -d l/* | paste -sd:),upperdir=upper,workdir=work merged';
    const copied = spawnSync('unshare', ['-m', 'sh', '-c', `${merge} && cp -a merged/. "$2"`, 'sh', directory, copy], {
      encoding: 'utf8',
    });
    assert.is(copied.status, 0, copied.stderr);
    // Places where tsimg mounts something, and directories whose times change by it.
    const places =
      /^(|proc.*|sys.*|dev.*|etc|etc\/(hosts|hostname|resolv\.conf)|bin): (missing|too much|mtime.*|mode.*|owner.*)$/;
    const found = differences(snapshot(join(folder, 'rootfs')), snapshot(copy));
    assert.equal(
      found.filter((line) => !places.test(line.replace(/^\./, ''))),
      [],
    );
  });

  test('the options change how containers of the new image start', () => {
    store.change('plain', 'true', '-e', 'ADDED=1');
    const changes = [
      'CMD ["sh","-c","echo $ADDED $MORE"]',
      'ENV MORE="two words"',
      'LABEL a=b',
      'EXPOSE 80',
      'WORKDIR /x',
    ];
    store.ok('commit', '-q', '-a', 'me', '-m', 'why', ...changes.flatMap((each) => ['-c', each]), 'plain', 'plain:1');
    const [image] = JSON.parse(store.ok('inspect', 'plain:1'));
    assert.is(image.Author, 'me');
    assert.is(image.Config.Labels.a, 'b');
    assert.equal(image.Config.ExposedPorts, { '80/tcp': {} });
    assert.is(image.Config.WorkingDir, '/x');
    assert.is(store.ok('run', '-q', '--rm', '--network', 'none', 'plain:1'), '1 two words\n');
    const [line] = JSON.parse(store.ok('history', '--json', 'plain:1'));
    assert.is(line.comment, 'why');
    assert.is(line.createdBy, 'sh -c true');
    assert.is(store.call(['commit', '-c', 'RUN true', 'plain']).status, 2);
  });

  test('a container on a root filesystem has no image to add to', () => {
    const { status, stderr } = store.call(['commit', 'nowhere']);
    assert.is(status, 3, stderr);
    store.ok('export', EXAMPLE, join(store.folder, 'rootfs.tar'));
    mkdirSync(join(store.folder, 'rootfs'), { mode: 0o777 });
    store.ok('unpack', '-q', EXAMPLE, join(store.folder, 'own'));
    const run = store.call(['run', '--network', 'none', '--name', 'bare', join(store.folder, 'own'), 'true']);
    assert.is(run.status, 0, run.stderr);
    for (const verb of ['diff', 'commit']) {
      const result = store.call([verb, 'bare']);
      assert.is(result.status, 1);
      assert.match(result.stderr, /changes in place/);
    }
  });

  test('a running container is committed as it is', () => {
    store.ok(
      'run',
      '-q',
      '-d',
      '--network',
      'none',
      '--name',
      'busy',
      EXAMPLE,
      'sh',
      '-c',
      'echo on > /on; exec sleep 10000',
    );
    store.awaitFile('busy', '/on');
    assert.is(store.ok('diff', 'busy'), 'A /on\n');
    store.ok('commit', 'busy', 'busy:1');
    store.ok('commit', '--pause=false', 'busy');
    assert.is(store.ok('run', '-q', '--rm', '--network', 'none', 'busy:1', 'cat', '/on'), 'on\n');
    store.ok('rm', '-f', 'busy');
  });

  test('history lists the steps, the newest first, with their sizes', () => {
    const lines = JSON.parse(store.ok('history', '--json', EXAMPLE));
    assert.is(lines.length, 2);
    assert.match(lines[0].id, /^sha256:/);
    assert.is(lines[1].id, undefined);
    assert.ok(lines[1].size > lines[0].size);
    assert.match(store.ok('history', EXAMPLE), /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n/);
  });
});

asRoot.run();
asUser.run();
