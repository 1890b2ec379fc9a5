import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { planIdMap } from '../../../src/launch/plan/id-map.ts';
import { mapId, parseSubordinateIds } from '../../../src/linux/ids.ts';
import { MAIN, tsimg } from '../../support/command/tsimg.ts';
import { NO_NETWORK_FACTS } from '../../support/container/no-facts.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../../support/host/ordinary-user.ts';
import { quirksLayout } from '../../support/image/quirks-layout.ts';
import { file, tarOf } from '../../support/image/tar.ts';
import { differences, type Snapshot, snapshot } from '../../support/image/tree-snapshot.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot, haveTools } from '../../support/tools.ts';

const test = suite('cli/unpack/unpack-outputs');

const user = haveTools('newuidmap', 'useradd') ? makeOrdinaryUser() : undefined;

/** Makes a folder that belongs to the user. */
function place(owner: OrdinaryUser | undefined): string {
  const here = tempDir(0o755);
  if (owner !== undefined) chownSync(here, owner.uid, owner.gid);
  return here;
}

function unpack(here: string, args: readonly string[], owner?: OrdinaryUser) {
  const run = tsimg(['unpack', '--progress', 'none', ...args], {
    cwd: here,
    env: { TSIMG_ROOT: join(here, 'store') },
    ...(owner && { user: owner }),
  });
  assert.is(run.status, 0, run.stderr);
  return run;
}

/** Mounts layers, base first, by overlayfs, and copies the mounted tree. Returns false where this is not possible. */
function merge(layers: readonly string[], options: string, here: string, owner?: OrdinaryUser): boolean {
  mkdirSync(join(here, 'mnt'));
  if (owner !== undefined) chownSync(join(here, 'mnt'), owner.uid, owner.gid);
  const script = 'mount -t overlay overlay -o "$1" mnt && cp -a mnt merged';
  const lower = `lowerdir=${layers.toReversed().join(':')}${options}`;
  const command = ['unshare', '--mount', 'sh', '-c', script, 'sh', lower];
  const [program = '', ...args] = owner === undefined ? command : [process.execPath, MAIN, 'unshare', ...command];
  const run = spawnSync(program, args, {
    cwd: here,
    encoding: 'utf8',
    ...(owner && { uid: owner.uid, gid: owner.gid }),
  });
  if (run.status === 0) return true;
  console.log(`skipped: needs overlayfs: ${run.stderr.trim()}`);
  return false;
}

/** Lists a tree of shifted IDs as its user namespace sees it, but for attributes that have another form there. */
function fromInside(found: Snapshot, owner: OrdinaryUser): Snapshot {
  const ranges = (path: string) => parseSubordinateIds(readFileSync(path, 'utf8'), owner.name, owner.uid);
  const map = planIdMap({
    uid: owner.uid,
    gid: owner.gid,
    canMount: false,
    subordinateUids: ranges('/etc/subuid'),
    subordinateGids: ranges('/etc/subgid'),
    hostname: '',
    cgroup2: true,
    machine: 'x64',
    kernel: '6.1.0',
    cgroups: { v1: [], v2: [] },
    network: NO_NETWORK_FACTS,
    tools: { newuidmap: 'x', newgidmap: 'x' },
  });
  const inside = (extents: typeof map.uids, outside: string) =>
    mapId(
      extents.map((each) => ({ ...each, inside: each.outside, outside: each.inside })),
      Number(outside),
    );
  return new Map(
    [...found].map(([path, line]) => {
      const [uid = '', gid = ''] = line.owner.split(':');
      return [path, { ...line, owner: `${inside(map.uids, uid)}:${inside(map.gids, gid)}` }];
    }),
  );
}

/** Leaves out files that only root can make, and capabilities, which have an owner in a user namespace. */
function comparable(found: Snapshot): Snapshot {
  return new Map(
    [...found]
      .filter(([path]) => path !== 'dev/null')
      .map(([path, line]) => [
        path,
        { ...line, xattrs: line.xattrs.filter((xattr) => !xattr.startsWith('security.')) },
      ]),
  );
}

test('as root, overlayfs mounts the layers to the tree that unpack makes', () => {
  if (!haveRoot()) return;
  const here = place(undefined);
  const source = quirksLayout(here);
  unpack(here, [source, 'flat']);
  unpack(here, ['--layers', source, 'layers']);
  assert.equal(readdirSync(join(here, 'layers')), ['0', '1']);
  assert.is(lstatSync(join(here, 'layers')).mode & 0o777, 0o700);
  assert.is(lstatSync(join(here, 'layers/1/data/gone')).rdev, 0);
  if (!merge(['layers/0', 'layers/1'], '', here)) return;
  assert.equal(differences(snapshot(join(here, 'merged')), snapshot(join(here, 'flat'))), []);
});

test('with subordinate IDs the tree is root’s tree with shifted IDs, also as layers', () => {
  if (user === undefined) return;
  const here = place(user);
  const source = quirksLayout(place(undefined));
  unpack(here, [source, 'as-root']);
  const { stderr } = unpack(here, ['--ids', 'subuid', source, 'shifted'], user);
  assert.match(stderr, /tsimg: devices \(1\): /);
  assert.match(stderr, /tsimg unshare rm -rf shifted/);
  const shifted = snapshot(join(here, 'shifted'));
  assert.is(shifted.get('etc/su')?.mode, '4755');
  const expected = comparable(snapshot(join(here, 'as-root')));
  assert.is(expected.get('data/empty')?.owner, '3000:4000');
  assert.equal(differences(comparable(fromInside(shifted, user)), expected), []);
  unpack(here, ['--ids', 'subuid', '--layers', source, 'layers'], user);
  if (!merge(['layers/0', 'layers/1'], ',userxattr', here, user)) return;
  assert.equal(differences(snapshot(join(here, 'merged')), shifted), []);
});

test('files of subordinate IDs are removed with unshare', () => {
  if (user === undefined) return;
  const here = place(user);
  const source = quirksLayout(place(undefined));
  unpack(here, ['--ids', 'subuid', source, 'to'], user);
  const run = tsimg(['unshare', 'sh', '-c', 'id -u && stat -c %u to/data/empty && rm -rf to; exit 7'], {
    cwd: here,
    user,
  });
  assert.equal([run.stdout, run.status], ['0\n3000\n', 7]);
  assert.not(existsSync(join(here, 'to')));
});

test('a failure with subordinate IDs leaves nothing, at any time', () => {
  if (user === undefined) return;
  const wrong = { rootfs: { type: 'layers', diff_ids: ['0', '1'].map((digit) => `sha256:${digit.repeat(64)}`) } };
  for (const [args, status] of [
    [[quirksLayout(place(undefined), { config: wrong })], 5],
    [['--max-size', '100k', quirksLayout(place(undefined))], 1],
    [['--devices', 'strict', quirksLayout(place(undefined))], 1],
  ] as const) {
    const here = place(user);
    const run = tsimg(['unpack', '--ids', 'subuid', ...args, join(here, 'to')], {
      env: { TSIMG_ROOT: '/nonexistent' },
      user,
    });
    assert.is(run.status, status, run.stderr);
    assert.equal(readdirSync(here), []);
  }
});

test('an owner that the user namespace lacks is refused, or root without setuid where allowed', () => {
  if (user === undefined) return;
  const here = place(user);
  const source = quirksLayout(place(undefined), { layers: [tarOf(file('f', 'x', { uid: 2_000_000, mode: 0o4755 }))] });
  const args = ['unpack', '--ids', 'subuid', source, join(here, 'to')];
  const refused = tsimg(args, { env: { TSIMG_ROOT: '/nonexistent' }, user });
  assert.is(refused.status, 1);
  assert.match(refused.stderr, /strict about unmapped-owners.*--policy unmapped-owners=warn/);
  assert.equal(readdirSync(here), []);
  const { stderr } = unpack(here, ['--ids', 'subuid', '--owners', 'warn', source, 'to'], user);
  assert.match(stderr, /unmapped-owners \(1\): /);
  const found = snapshot(join(here, 'to')).get('f');
  assert.equal([found?.owner, found?.mode], [`${user.uid}:${user.gid}`, '0755']);
  assert.ok(found?.xattrs.some((xattr) => xattr.startsWith('user.rootlesscontainers=')));
});

test('with a single ID all files belong to the caller, also for root, and setuid bits are only recorded', () => {
  const here = place(undefined);
  const source = quirksLayout(here);
  const { stdout } = unpack(here, ['--ids', 'single', '--json', source, 'to']);
  const { tolerated } = JSON.parse(stdout);
  assert.equal(
    Object.keys(tolerated).sort(),
    ['devices', 'modes', 'owners', 'setuid', 'xattrs'].filter((name) => name !== 'xattrs' || tolerated.xattrs),
  );
  const found = snapshot(join(here, 'to'));
  const me = `${process.geteuid?.()}:${process.getegid?.()}`;
  assert.equal(
    [...found.values()].filter(({ owner }) => owner !== me),
    [],
  );
  assert.is(found.get('etc/su')?.mode, '0755');
  const intended = Buffer.from('04755').toString('hex');
  assert.ok(found.get('etc/su')?.xattrs.includes(`user.tsimg.intended=${intended}`));
});

test('each policy is an option: strict is an error that names it, warn is counted, ignore is not counted', () => {
  const here = place(undefined);
  const source = quirksLayout(here);
  const attempt = (...args: readonly string[]) => {
    const all = ['unpack', '--force', '--ids', 'single', '--json', ...args, source, join(here, 'to')];
    const run = tsimg(all, { env: { TSIMG_ROOT: join(here, 'store') } });
    return run.status === 0 ? JSON.parse(run.stdout).tolerated : run.stderr;
  };
  for (const [option, name] of [
    ['--devices', 'devices'],
    ['--owners', 'owners'],
  ] as const) {
    assert.match(attempt(option, 'strict'), `strict about ${name}`);
    assert.ok(attempt(option, 'warn')[name] > 0);
    assert.is(attempt(option, 'ignore')[name], undefined);
  }
  assert.match(attempt('--policy', 'setuid=strict'), 'strict about setuid');
  assert.match(attempt('--strict'), 'strict about ');
  const named = ['devices', 'modes', 'owners', 'setuid', 'xattrs'].flatMap((name) => ['--policy', `${name}=warn`]);
  assert.ok(attempt('--strict', ...named).setuid > 0);
  assert.match(attempt('--policy', 'nonsense=warn'), 'names: ');
});

test('--ids root is for root only, and --ids subuid for users with subordinate IDs', () => {
  if (user === undefined) return;
  const here = place(user);
  const source = quirksLayout(place(undefined));
  const options = { env: { TSIMG_ROOT: '/nonexistent' }, user } as const;
  const run = tsimg(['unpack', '--ids', 'root', source, join(here, 'to')], options);
  assert.is(run.status, 1);
  assert.match(run.stderr, /--ids subuid/);
  const without = makeOrdinaryUser({ subordinate: false });
  if (without === undefined) return;
  const other = tsimg(['unpack', '--ids', 'subuid', source, join(place(without), 'to')], { ...options, user: without });
  assert.is(other.status, 1);
  assert.match(other.stderr, /has no subordinate IDs/);
});

test.run();
