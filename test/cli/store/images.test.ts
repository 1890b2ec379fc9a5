import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../../support/checkout.ts';
import { tsimg } from '../../support/command/tsimg.ts';
import { tempDir } from '../../support/temp-dir.ts';

// The verbs of the store, called as by a user.

const test = suite('cli/store/images');

function inStore(): (...args: readonly string[]) => string {
  const env = { TSIMG_ROOT: join(tempDir(), 'store') };
  return (...args) => {
    const { status, stdout, stderr } = tsimg(args, { env });
    assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
}

test('an archive is loaded, listed, tagged, inspected, saved and removed', () => {
  const run = inStore();
  assert.is(run('load', '-i', EXAMPLE_IMAGE), 'Loaded image: docker.io/tsimg/example:latest\n');
  assert.match(
    run('images'),
    /^REPOSITORY\s+TAG\s+IMAGE ID\s+PLATFORM\s+CREATED\s+SIZE\ntsimg\/example\s+latest\s+[0-9a-f]{12}\s+linux\/amd64/,
  );
  assert.is(run('tag', 'tsimg/example', 'other:1'), '');
  const [image] = JSON.parse(run('inspect', 'other:1'));
  assert.equal(image.RepoTags.sort(), ['other:1', 'tsimg/example:latest']);
  assert.is(run('images', '-q'), `${image.Id}\n`);
  const archive = join(tempDir(), 'saved.tar');
  run('save', '-o', archive, 'other:1');
  assert.match(execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }), /^manifest\.json$/m);
  assert.match(run('rmi', 'other:1'), /^Untagged: docker\.io\/library\/other:1\n$/);
  assert.match(run('rmi', 'tsimg/example'), new RegExp(`Deleted: ${image.Digest}`));
  assert.equal(JSON.parse(run('images', '--json')), []);
});

test('images are listed by name, pattern and filter, and printed by a template', () => {
  const run = inStore();
  run('load', '-q', '-i', EXAMPLE_IMAGE);
  run('tag', 'tsimg/example', 'other:1');
  run('tag', 'tsimg/example', 'localhost:5000/team/app:2');
  const [image] = JSON.parse(run('inspect', 'other:1'));
  const names = (...args: readonly string[]) =>
    run('images', '--format', '{{.Repository}}:{{.Tag}}', ...args)
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  const [team, other, example] = ['localhost:5000/team/app:2', 'other:1', 'tsimg/example:latest'];
  assert.equal(names(), [team, other, example]);
  for (const text of ['other', 'other:1', 'oth*', 'o?her:*', 'docker.io/library/other'])
    assert.equal(names(text), [other]);
  for (const text of ['nothing', '*', 'other:', 'othe', 'OTHER'])
    assert.equal(names(text), text === '*' ? [other] : []);
  assert.equal(names('-f', 'reference=tsimg/*', '--filter', 'reference=localhost:5000/*/*'), [team, example]);
  assert.equal(names('-f', 'dangling=true'), []);
  assert.equal(names('-f', 'dangling=false', '-f', 'reference=other'), [other]);
  assert.is(run('images', '-q', 'other'), `${image.Id}\n`);
  assert.is(run('images', '--no-trunc', '--format', '{{.ID}}', 'other'), `${image.Id}\n`);
  assert.match(run('images', '--format', 'table {{.ID}}\\t{{.Size}}', 'other'), /^IMAGE ID\s+SIZE\n[0-9a-f]{12}\s+\d/);
  assert.is(JSON.parse(run('images', '--format', 'json', 'other')).Tag, '1');
  const env = { TSIMG_ROOT: join(tempDir(), 'store') };
  const refused = tsimg(['images', '-f', 'dangling=perhaps'], { env });
  assert.is(refused.status, 2);
  assert.match(refused.stderr, /^tsimg: not a filter \(dangling=perhaps\); reference=PATTERN/);
});

test('the history is a table, a template for each step, or an object for each', () => {
  const run = inStore();
  run('load', '-q', '-i', EXAMPLE_IMAGE);
  const id = run('inspect', '-f', '{{.Id}}', 'tsimg/example').trim();
  const by = ['a whiteout and two files', 'Debian busybox-static'];
  const how = '{{.ID}} {{.CreatedBy}} {{.Size}} {{.CreatedAt}}{{.Comment}}';
  const [first = '', second = ''] = run('history', '--format', how, 'tsimg/example').split('\n');
  assert.match(first, new RegExp(`^${id.slice(7, 19)} ${by[0]} [0-9.]+kB 2024-01-01T00:00:00`));
  assert.match(second, new RegExp(`^<missing> ${by[1]} .* [0-9.]+MB 2024`));
  assert.match(run('history', '--no-trunc', '--format', '{{.ID}}', 'tsimg/example'), `${id}\n`);
  const objects = run('history', '--format', 'json', 'tsimg/example').trim().split('\n');
  const fields = ['Comment', 'CreatedAt', 'CreatedBy', 'CreatedSince', 'ID', 'Size'];
  for (const line of objects) assert.equal(Object.keys(JSON.parse(line)).sort(), fields);
  const heading = /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n/;
  for (const format of [[], ['--format', 'table']]) assert.match(run('history', ...format, 'tsimg/example'), heading);
  const titled = run('history', '--format', 'table {{.CreatedAt}}\\t{{.Size}}', 'tsimg/example');
  assert.match(titled, /^CREATED AT +SIZE\n2024/);
  assert.is(run('history', '-q', 'tsimg/example'), `${id.slice(7, 19)}\n<missing>\n`);
});

test('save writes to a pipe, and load reads from one', () => {
  const run = inStore();
  run('load', EXAMPLE_IMAGE);
  const env = { TSIMG_ROOT: join(tempDir(), 'store') };
  const [image] = JSON.parse(run('images', '--json'));
  const path = join(tempDir(), 'piped.tar');
  run('save', '-o', path, 'tsimg/example');
  const loaded = tsimg(['load', '-q'], { env, input: readFileSync(path) });
  assert.is(loaded.stdout, 'docker.io/tsimg/example:latest\n', loaded.stderr);
  const [copy] = JSON.parse(tsimg(['images', '--json'], { env }).stdout);
  assert.is(copy.imageId, image.imageId);
});

test('ls lists the files that unpack would make, with modes, owners and links', () => {
  const run = inStore();
  const lines = run('ls', '-l', EXAMPLE_IMAGE).trimEnd().split('\n');
  const line = (path: string) => lines.find((each) => each.includes(` ${path}`)) ?? '';
  assert.match(line('/tmp'), /^drwxrwxrwt 0\/0 /);
  assert.match(line('/home/guest'), /^drwxr-xr-x 1000\/1000 /);
  assert.match(line('/bin/ls '), /-> busybox$/);
  assert.is(line('/etc/motd'), '');
  assert.ok(run('ls', EXAMPLE_IMAGE).split('\n').includes('/etc/os-release'));
});

test('prune frees blobs that no name leads to', () => {
  const run = inStore();
  run('load', EXAMPLE_IMAGE);
  assert.match(run('prune', '-f', '--all'), /^Untagged: .*\nDeleted: sha256:/);
  assert.is(run('images', '-q'), '');
});

for (const verb of [
  ['store', 'check', '--repair'],
  ['prune', '--drop-blobs', '--force'],
]) {
  test(`${verb.join(' ')} takes the options of registries, but no credentials for one alone`, () => {
    const env = { TSIMG_ROOT: join(tempDir(), 'store') };
    const said = (...options: readonly string[]) => tsimg([...verb, ...options], { env }).stderr;
    assert.match(said('--authfile', '/nonexistent/auth.json'), 'no such file (--authfile /nonexistent/auth.json)');
    assert.match(said('--no-mirrors', '--hosts-dir', '/nonexistent'), '--no-mirrors excludes');
    assert.not.match(said('--no-mirrors', '--tls-verify', 'false'), 'option');
    assert.match(said('--creds', 'me:secret'), 'unknown option');
  });
}

test.run();
