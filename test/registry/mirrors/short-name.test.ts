import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refuseHostAlone } from '../../../src/oci/reference.ts';
import { mayAlias } from '../../../src/registry/mirrors/has-registry-tables.ts';
import { completeName } from '../../../src/registry/mirrors/short-name.ts';
import { tsimg } from '../../support/command/tsimg.ts';
import { makeOrdinaryUser } from '../../support/host/ordinary-user.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { tempDir } from '../../support/temp-dir.ts';

// Short names and their aliases; containers-registries.conf(5), "Short-Name Aliasing".

const test = suite('registry/mirrors/short-name');

const registriesConf = join(tempDir(), 'registries.conf');
writeFileSync(
  registriesConf,
  '[aliases]\n"app" = "registry.example/team/app"\n"team/tool" = "tools.example/tool"\n"away" = "127.0.0.1:1/away"\n',
);
const mirrors = { registriesConf };
const DIGEST = `sha256:${'a'.repeat(64)}`;

test('an alias takes the place of the name; the tag and the digest stay', async () => {
  const complete = (text: string) => completeName(text, { mirrors, env: {} });
  assert.is(await complete('app'), 'registry.example/team/app');
  assert.is(await complete('app:1.2'), 'registry.example/team/app:1.2');
  assert.is(await complete(`app:1@${DIGEST}`), `registry.example/team/app:1@${DIGEST}`);
  assert.is(await complete('team/tool:3'), 'tools.example/tool:3');
  for (const text of ['apps', 'docker.io/library/app', 'localhost/app', './app', 'sha256:abc', 'app.tar', '-']) {
    assert.is(await complete(text), text);
  }
  assert.is(await completeName('app', { mirrors: false, env: {} }), 'app');
});

test('an alias that means what the name means anyway costs no parser', () => {
  const content =
    '[aliases]\n  "alpine" = "docker.io/library/alpine"\n  "a/b" = "docker.io/a/b"\nfedora="f.example/fedora"\n';
  assert.equal(
    ['alpine', 'a/b', 'fedora', 'edora'].map((name) => mayAlias(content, name)),
    [false, false, true, false],
  );
  assert.is(mayAlias('aliases = { app = "x.example/app" }', 'app'), true);
});

test('a registry alone is refused where a name is wanted', () => {
  for (const text of ['localhost', 'localhost:5000', 'registry.example:443', '127.0.0.1:80']) {
    assert.throws(() => refuseHostAlone(text), /a registry without a repository/, text);
  }
  for (const text of ['localhost/a', 'localhost:latest', 'my.app:1.2', 'my.app', 'app:5000']) refuseHostAlone(text);
});

test('the verbs say so, and follow aliases to what the store has', () => {
  const env = { TSIMG_ROOT: join(tempDir(), 'store'), HOME: '/nonexistent' };
  const made = makeImage({ layers: [] });
  const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, 'x')], made.blobs);
  const verbs = [
    ['pull'],
    ['tags'],
    ['manifest'],
    ['delete', '--yes'],
    ['run'],
    ['push', 'x'],
    ['copy', `oci:${layout}:x`],
  ];
  for (const verb of verbs) {
    const { status, stderr } = tsimg([...verb, 'localhost:5000'], { env });
    assert.ok(status === 2 || (verb[0] === 'run' && status === 125), `${verb[0]}: ${stderr}`);
    assert.match(stderr, /localhost:5000\): a registry without a repository; write localhost:5000\/NAME/, verb[0]);
  }
  const copied = tsimg(['copy', `oci:${layout}:x`, 'store:registry.example/team/app:1'], { env });
  assert.is(copied.status, 0, copied.stderr);
  const options = ['--registries-conf', registriesConf];
  assert.is(tsimg(['history', ...options, 'app:1'], { env }).status, 0);
  assert.is(tsimg(['history', '--no-mirrors', 'app:1'], { env }).status, 3);
  const aliased = { ...env, CONTAINERS_REGISTRIES_CONF: registriesConf };
  assert.is(tsimg(['tag', 'app:1', 'away:1'], { env: aliased }).status, 0);
  assert.is(tsimg(['tag', 'app:1', '127.0.0.1:1/away:1'], { env }).status, 3);
  assert.is(tsimg(['tag', 'app:1', '127.0.0.1:1/away:1'], { env: aliased }).status, 0);
  // Nothing listens there; Docker Hub must not be asked for it.
  for (const call of [
    ['push', 'away:1'],
    ['copy', 'app:1', 'away:1'],
    ['config', 'app:1', '--output', 'away:1'],
  ]) {
    const { status, stderr } = tsimg([...call, '--retry', '0'], { env: aliased });
    assert.is(status, 1, `${call[0]}: ${stderr}`);
    assert.match(stderr, '127.0.0.1:1', call[0]);
  }
  assert.match(tsimg(['rmi', 'app:1'], { env: aliased }).stdout, 'Untagged: registry.example/team/app:1');
});

const user = makeOrdinaryUser();
if (user !== undefined) {
  test('a home that is closed to the user, as after su, has no files of the user', () => {
    const env = { HOME: tempDir(0o700), TSIMG_ROOT: join(tempDir(0o755), 'none') };
    const { status, stderr } = tsimg(['tags', 'localhost:9/app'], { env, user });
    assert.is(status, 1);
    assert.match(stderr, /no answer from the registry/);
  });
}

test.run();
