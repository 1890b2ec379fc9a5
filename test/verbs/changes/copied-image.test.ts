import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE, type ImageStore, makeImageStore } from '../../support/container/changed-container.ts';
import { defineRuns } from '../../support/container/define-runs.ts';
import type { OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { hasOwnEtc } from '../../support/host/own-etc.ts';
import { tempDir } from '../../support/temp-dir.ts';

const asRoot = suite('verbs/changes of a copied image as root');
const asUser = suite('verbs/changes of a copied image as an ordinary user');

/** A script that makes all kinds of changes. Times are fixed, so that they are the same in all containers. */
const CHANGES = [
  'echo new > /etc/new',
  'rm /etc/passwd',
  'echo more >> /etc/group',
  'rm -r /home/guest && echo other > /home/other',
  'rm /etc/os-release && mkdir /etc/os-release && touch /etc/os-release/x',
  'mkdir -p /data/empty',
  'mkfifo /data/fifo',
  'echo program > /data/setuid',
  'chown 5:6 /data/setuid',
  'chmod 4755 /data/setuid',
  'ln /data/setuid /data/second',
  'echo line > "/data/a\nb"',
  'ln -s /etc/passwd /data/link && chown -h 7:7 /data/link',
  'chmod 1777 /tmp 2>/dev/null || mkdir -m 1777 /tmp',
  // The text is as long as before.
  'sed -i s/root/toor/ /etc/group',
  'find /etc/new /etc/group /etc /home /data /tmp -exec touch -h -d "2020-01-01 00:00:00" {} + 2>/dev/null',
  'true',
].join('\n');

/** Makes a store on an overlay, where no other overlay can be mounted. */
function makeStoreOnOverlay(user: OrdinaryUser | undefined, home: string): ImageStore {
  const folder = tempDir(0o755);
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(folder, name), { mode: 0o755 });
  const merged = join(folder, 'merged');
  const directories = ['lowerdir=lower', 'upperdir=upper', 'workdir=work'].join(',');
  const mounted = spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', directories, merged], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.is(mounted.status, 0, mounted.stderr);
  if (user !== undefined) chownSync(merged, user.uid, user.gid);
  const store = makeImageStore(user, merged, home);
  const remove = () => {
    store.remove();
    assert.is(spawnSync('umount', ['-l', merged]).status, 0);
  };
  return { ...store, remove };
}

function define(test: Test, user: OrdinaryUser | undefined): void {
  const usual = makeImageStore(user);
  const copied = makeStoreOnOverlay(user, usual.folder);
  const stores = [copied, usual];
  test.after(() => {
    for (const store of stores) store.remove();
  });

  test('diff lists the same changes as with an overlay, and commit writes the same layer', () => {
    const [one, other] = stores.map((store) => {
      store.change('changed', CHANGES);
      store.ok('commit', '-q', 'changed', 'made:1');
      return {
        listed: store.ok('diff', 'changed'),
        layers: JSON.parse(store.ok('inspect', 'made:1'))[0].RootFS.Layers,
      };
    });
    assert.match(one?.listed ?? '', /^A \/data\/setuid$/m);
    assert.match(one?.listed ?? '', /^D \/etc\/passwd$/m);
    assert.equal(one, other);
  });

  test('a directory that is made again has only its new files in the new image', () => {
    copied.change('again', 'rm -r /home && mkdir /home && echo other > /home/other');
    copied.ok('commit', '-q', 'again', 'again:1');
    assert.is(copied.ok('run', '-q', '--rm', '--network', 'none', 'again:1', 'ls', '/home'), 'other\n');
  });

  test('a running container is compared as it is', () => {
    const script = 'echo on > /on; touch /bin; exec sleep 10000';
    copied.ok('run', '-q', '-d', '--network', 'none', '--name', 'busy', EXAMPLE, 'sh', '-c', script);
    copied.awaitFile('busy', '/on');
    assert.is(copied.ok('diff', 'busy'), 'A /on\n');
    copied.ok('commit', '-q', 'busy', 'busy:1');
    assert.is(copied.ok('run', '-q', '--rm', '--network', 'none', 'busy:1', 'cat', '/on'), 'on\n');
    copied.ok('rm', '-f', 'busy');
  });
}

if (hasOwnEtc(import.meta.filename)) {
  defineRuns(asRoot, asUser, (test, { user }) => define(test, user));
  asRoot.run();
  asUser.run();
}
