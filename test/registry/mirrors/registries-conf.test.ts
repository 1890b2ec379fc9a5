import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseReference } from '../../../src/oci/reference.ts';
import { findAlias, findRegistries } from '../../../src/registry/mirrors/find-configuration.ts';
import { hasRegistryTables } from '../../../src/registry/mirrors/has-registry-tables.ts';
import { restBelow } from '../../../src/registry/mirrors/match-entry.ts';
import { allowedEntry, hostsByRegistriesConf } from '../../../src/registry/mirrors/plan-hosts.ts';
import { parseRegistriesConf, type RegistryEntry } from '../../../src/registry/mirrors/registries-conf.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

// containers-registries.conf(5) and containers-registries.conf.d(5).

const test = suite('registry/mirrors/registries-conf');

const FILE = 'registries.conf';
const entriesOf = async (text: string): Promise<readonly RegistryEntry[]> =>
  (await parseRegistriesConf(text, FILE)).entries;

/** The places that are asked for a reference, in order. */
async function placesOf(text: string, reference: string): Promise<readonly string[]> {
  const wanted = parseReference(reference);
  const entry = allowedEntry(wanted, await entriesOf(text));
  if (entry === undefined) return [];
  return hostsByRegistriesConf(wanted, entry).map(({ registry, repository }) => `${registry}/${repository}`);
}

const DIGEST = `sha256:${'a'.repeat(64)}`;

test('mirrors come in their order, then the location, each with the part of the name below the prefix', async () => {
  const text = `
    [[registry]]
    prefix = "example.com/foo"
    location = "internal.example:5000/bar"
    [[registry.mirror]]
    location = "mirror-0.local/mirror-for-foo"
    [[registry.mirror]]
    location = "mirror-1.local"
    insecure = true
  `;
  assert.equal(await placesOf(text, 'example.com/foo/image:latest'), [
    'mirror-0.local/mirror-for-foo/image',
    'mirror-1.local/image',
    'internal.example:5000/bar/image',
  ]);
  assert.equal(await placesOf(text, 'example.com/foobar/image'), []);
});

test('the longest prefix counts, a host with a port is another one, and *.HOST covers subdomains', async () => {
  const text = `
    [[registry]]
    location = "example.com"
    [[registry]]
    prefix = "example.com/team"
    location = "team.example"
    [[registry]]
    prefix = "*.example.com"
    [[registry.mirror]]
    location = "mirror.example/sub"
  `;
  assert.equal(await placesOf(text, 'example.com/team/app'), ['team.example/app']);
  assert.equal(await placesOf(text, 'example.com/teams/app'), ['example.com/teams/app']);
  assert.equal(await placesOf(text, 'example.com:5000/team/app'), []);
  assert.equal(await placesOf(text, 'a.b.example.com/x/y'), ['mirror.example/sub/x/y', 'a.b.example.com/x/y']);
  assert.is(restBelow('xexample.com/a', '*.example.com'), undefined);
  assert.is(restBelow('host.io/.example.com/a', '*.example.com'), undefined);
  assert.is(restBelow('a.example.com:8443/x', '*.example.com'), ':8443/x');
});

test('a block cannot be passed by another spelling of the host', async () => {
  const spellings: Readonly<Record<string, readonly string[]>> = {
    'corp.example': ['corp.example/a', 'CORP.example/a', 'corp.example:443/a', 'Corp.Example:443/a/b:1'],
    'Corp.example:443/team': ['corp.example/team/app', 'CORP.EXAMPLE/team'],
    '*.corp.example': ['x.corp.example/a', 'X.CORP.example:5000/a'],
    '127.0.0.1:5000': ['127.1:5000/a', '0x7f.0.0.1:5000/a'],
    'docker.io': ['alpine', 'registry-1.docker.io/library/alpine', 'Docker.IO/library/alpine'],
  };
  for (const [prefix, references] of Object.entries(spellings)) {
    const entries = await entriesOf(`[[registry]]\nprefix = "${prefix}"\nlocation = "x.test"\nblocked = true\n`);
    for (const reference of references) {
      const blocked = async () => allowedEntry(parseReference(reference), entries);
      await failureOf(blocked(), 'REGISTRY_BLOCKED');
    }
    assert.is(allowedEntry(parseReference('corp.example:8443/a'), entries), undefined);
  }
});

test('a name in another spelling is rewritten as the canonical one', async () => {
  const text = '[[registry]]\nprefix = "corp.example/team"\nlocation = "real.example/other"\n';
  assert.equal(await placesOf(text, 'CORP.example:443/team/app'), ['real.example/other/app']);
});

test('Docker Hub’s own images are in its library, as references complete them', async () => {
  const text = `
    [[registry]]
    location = "docker.io"
    [[registry.mirror]]
    location = "mirror.example/hub"
  `;
  assert.equal((await placesOf(text, 'alpine:3.9'))[0], 'mirror.example/hub/library/alpine');
});

test('a mirror may be for digests or for tags only', async () => {
  const mirrors = (setting: string, own = '') => `
    [[registry]]
    location = "example.com"
    ${setting}
    [[registry.mirror]]
    location = "mirror.example"
    ${own}
  `;
  const byTag = 'example.com/a:1';
  const byDigest = `example.com/a@${DIGEST}`;
  const count = async (text: string, reference: string) => (await placesOf(text, reference)).length;
  assert.is(await count(mirrors('', 'pull-from-mirror = "digest-only"'), byTag), 1);
  assert.is(await count(mirrors('', 'pull-from-mirror = "digest-only"'), byDigest), 2);
  assert.is(await count(mirrors('', 'pull-from-mirror = "tag-only"'), byTag), 2);
  assert.is(await count(mirrors('', 'pull-from-mirror = "tag-only"'), byDigest), 1);
  assert.is(await count(mirrors('', 'pull-from-mirror = "all"'), byDigest), 2);
  assert.is(await count(mirrors('mirror-by-digest-only = true'), byTag), 1);
  assert.is(await count(mirrors('mirror-by-digest-only = true'), byDigest), 2);
  await failureOf(
    entriesOf(mirrors('mirror-by-digest-only = true', 'pull-from-mirror = "tag-only"')),
    'REGISTRIES_INVALID',
  );
});

test('what is blocked is told with the file and the prefix', async () => {
  const text = '[[registry]]\nlocation = "docker.io/library/evil"\nblocked = true\n';
  const error = await failureOf(placesOf(text, 'evil:1'), 'REGISTRY_BLOCKED');
  assert.is(error.where, FILE);
  assert.match(error.message, /docker\.io\/library\/evil is blocked/);
  assert.equal(await placesOf(text, 'evil2'), []);
});

test('the first version of the format still blocks, and still gives up TLS', async () => {
  const text = `
    [registries.search]
    registries = ['registry1.example']
    [registries.insecure]
    registries = ['registry2.example']
    [registries.block]
    registries = ['registry3.example']
  `;
  const entries = await entriesOf(text);
  assert.equal(
    entries.map(({ prefix, insecure, blocked }) => [prefix, insecure, blocked]),
    [
      ['registry2.example', true, false],
      ['registry3.example', false, true],
    ],
  );
  await failureOf(entriesOf(`${text}\n[[registry]]\nlocation = "x.example"`), 'REGISTRIES_INVALID');
});

test('what is no such file is told with its place', async () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    '[[registry]]\n': /neither prefix nor location/,
    '[[registry]]\nprefix = "example.com/*"\nlocation = "x"': /is not \*\.HOST/,
    '[[registry]]\nprefix = "example.com"': /has no location/,
    '[[registry]]\nlocation = "https://example.com"': /is a URL/,
    '[[registry]]\nlocation = "a.example"\n[[registry.mirror]]\ninsecure = true': /registry\[0\]\.mirror\[0\]/,
    '[[registry]]\nlocation = 1': /registry\[0\]\.location/,
    '[[registry': /TOML/,
  };
  for (const [text, why] of Object.entries(wrong)) {
    const error = await failureOf(entriesOf(text), 'REGISTRIES_INVALID');
    assert.is(error.where, FILE, text);
    assert.match(error.message, why);
  }
});

test('a file with comments, search registries and aliases alone needs no parser', () => {
  const text = '# [[registry]]\nunqualified-search-registries = ["x"]\n[aliases]\n"registry" = "docker.io/library/r"\n';
  assert.is(hasRegistryTables(text), false);
  for (const table of [
    '[[registry]]',
    ' [[ "registry" ]]',
    'registry = [{',
    '[registries.block]',
    '[[registry.mirror]]',
  ]) {
    assert.is(hasRegistryTables(`${text}${table}\n`), true, table);
  }
});

/** A home with a registries.conf and its drop-ins. */
function homeWith(files: Readonly<Record<string, string>>): string {
  const home = tempDir();
  const folder = join(home, '.config/containers');
  mkdirSync(join(folder, 'registries.conf.d'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return home;
}

const table = (prefix: string, location: string) => `[[registry]]\nprefix = "${prefix}"\nlocation = "${location}"\n`;

test('a drop-in replaces the entry of the same prefix, the last one wins, and other files are no drop-ins', async () => {
  const HOME = homeWith({
    'registries.conf': table('a.example', 'one') + table('b.example', 'two'),
    'registries.conf.d/20-b.conf': table('a.example', 'twenty'),
    'registries.conf.d/10-a.conf': table('a.example', 'ten') + table('c.example', 'three'),
    'registries.conf.d/30.conf.bak': table('a.example', 'backup'),
  });
  const entries = await findRegistries({}, { HOME });
  const found = Object.fromEntries(entries.map(({ prefix, location }) => [prefix, location]));
  assert.equal(found, { 'a.example': 'twenty', 'b.example': 'two', 'c.example': 'three' });
});

test('a named file stands alone; one that is missing is told', async () => {
  const HOME = homeWith({ 'registries.conf.d/1.conf': table('a.example', 'drop-in') });
  const own = join(HOME, 'own.conf');
  writeFileSync(own, table('a.example', 'own'));
  const locations = async (options: object, env: Record<string, string>) =>
    (await findRegistries(options, env)).map(({ location }) => location);
  assert.equal(await locations({ registriesConf: own }, { HOME }), ['own']);
  // The variable’s file has drop-ins, as podman’s.
  assert.equal(await locations({}, { HOME, CONTAINERS_REGISTRIES_CONF: own }), ['drop-in']);
  await failureOf(findRegistries({ registriesConf: join(HOME, 'no.conf') }, { HOME }), 'USAGE');
});

test('an alias of a later file wins, and an empty one ends it', async () => {
  const HOME = homeWith({
    'registries.conf': '[aliases]\n"app" = "a.example/team/app"\n"gone" = "a.example/gone"\n"hub" = "a.example/hub"\n',
    'registries.conf.d/1.conf':
      '[aliases]\n"app" = "b.example/team/app"\n"gone" = ""\n"hub" = "docker.io/library/hub"\n',
  });
  assert.is((await findAlias('hub', {}, { HOME }))?.target, 'docker.io/library/hub');
  assert.is((await findAlias('app', {}, { HOME }))?.target, 'b.example/team/app');
  assert.is(await findAlias('gone', {}, { HOME }), undefined);
  assert.is(await findAlias('nothing', {}, { HOME }), undefined);
  for (const target of [
    'not qualified',
    'docker.io/library/App',
    'docker.io/x:1',
    `a.test/x@sha256:${'0'.repeat(64)}`,
    'app',
  ]) {
    const wrong = homeWith({ 'registries.conf': `[aliases]\n"app" = "${target}"\n` });
    const { message } = await failureOf(findAlias('app', {}, { HOME: wrong }), 'REGISTRIES_INVALID');
    assert.match(message, /registries\.conf\): the alias of app must be HOST\/REPOSITORY/, target);
  }
});

test('a key that is written in escapes is found', async () => {
  const HOME = homeWith({
    'registries.conf':
      '"\\u0072egistry" = [{ location = "a.test", blocked = true }]\n[aliases]\n"\\u0061pp" = "b.test/app"\n',
  });
  assert.is((await findRegistries({}, { HOME }))[0]?.blocked, true);
  assert.is((await findAlias('app', {}, { HOME }))?.target, 'b.test/app');
});

test('a table of registries whose first line is not complete is looked at, and refused by the parser', async () => {
  for (const text of [
    '[[registry',
    '[[registry]\nlocation = "a.test"\n',
    '[registry\nblocked = true\n',
    '  [[registries\n',
  ]) {
    assert.is(hasRegistryTables(text), true, text);
    await failureOf(parseRegistriesConf(text, 'x.conf'), 'REGISTRIES_INVALID');
  }
});

test.run();
