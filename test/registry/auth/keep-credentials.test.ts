import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import { parseRegistryName } from '../../../src/oci/reference.ts';
import { findCredentials, keepingPlace } from '../../../src/registry/auth/credentials.ts';
import {
  forgetAll,
  forgetCredentials,
  keepCredentials,
  otherHolders,
} from '../../../src/registry/auth/keep-credentials.ts';
import { failureOf } from '../../support/failure-of.ts';
import { ORDINARY } from '../../support/host/as-user.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveRoot } from '../../support/tools.ts';

const test = suite('registry/auth/keep-credentials');

const R = parseRegistryName('r.test');
const HUB = parseRegistryName('');
const ME = { username: 'me', password: 'sesame', identityToken: undefined };
const AUTH = 'bWU6c2VzYW1l';

function put(path: string, content: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(content));
}

const contentOf = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** A home, an environment for it, and a helper `box` that keeps what it is given in files below `HOME/box`. */
function world(): { readonly home: string; readonly env: Record<string, string>; readonly box: string } {
  const home = tempDir();
  const box = join(home, 'box');
  const program = join(home, 'bin/docker-credential-box');
  mkdirSync(box);
  mkdirSync(dirname(program));
  const lines = [
    '#!/bin/sh',
    `cd ${box} || exit 1`,
    'name() { tr / _; }',
    'echo "$@" >> ../called',
    'case $1 in',
    'store) cat > new; mv new "$(sed \'s/.*"ServerURL":"\\([^"]*\\)".*/\\1/\' new | name)" ;;',
    'get) n=$(name); if [ -e "$n" ]; then cat "$n"; else echo "credentials not found in native keychain"; exit 1; fi ;;',
    'erase) rm "$(name)" ;;',
    'list) printf "{"; s=; for f in *; do [ -e "$f" ] || continue; printf "%s\\"%s\\":\\"me\\"" "$s" "$f"; s=,; done; printf "}" ;;',
    'esac',
  ];
  writeFileSync(program, `${lines.join('\n')}\n`);
  chmodSync(program, 0o755);
  return { home, box, env: { HOME: home, XDG_RUNTIME_DIR: home, PATH: `${join(home, 'bin')}:/usr/bin:/bin` } };
}

test('a login is kept in the folder of the session, without one in ~/.config, and in the file that is named', () => {
  const { home, env } = world();
  const { XDG_RUNTIME_DIR: _, ...bare } = env;
  const at = (more: Record<string, string>, authFile?: string) =>
    keepingPlace({ env: { ...bare, ...more }, authFile }).path;
  assert.is(at({ XDG_RUNTIME_DIR: home }), join(home, 'containers/auth.json'));
  assert.is(at({ XDG_RUNTIME_DIR: join(home, 'none') }), join(home, '.config/containers/auth.json'));
  assert.is(at({ XDG_RUNTIME_DIR: join(home, 'none'), XDG_CONFIG_HOME: '/c' }), '/c/containers/auth.json');
  assert.is(at({ REGISTRY_AUTH_FILE: '/r' }), '/r');
  assert.is(at({ REGISTRY_AUTH_FILE: '/r' }, '/option'), '/option');
});

test('the folder of another user’s session is not written to', () => {
  if (!haveRoot()) return;
  const { home, env } = world();
  const theirs = tempDir();
  chownSync(theirs, ORDINARY, ORDINARY);
  assert.is(
    keepingPlace({ env: { ...env, XDG_RUNTIME_DIR: theirs } }).path,
    join(home, '.config/containers/auth.json'),
  );
});

test('the file is for the user alone whatever the umask, also one that was not', async () => {
  const { home, env } = world();
  const before = process.umask(0);
  try {
    const { path } = await keepCredentials(R, ME, { env });
    assert.is(path, join(home, 'containers/auth.json'));
    assert.is(statSync(path).mode & 0o777, 0o600);
    assert.is(statSync(dirname(path)).mode & 0o777, 0o700);
    chmodSync(path, 0o644);
    process.umask(0o777);
    await keepCredentials(HUB, ME, { env });
    assert.is(statSync(path).mode & 0o777, 0o600);
    assert.equal(contentOf(path), { auths: { 'r.test': { auth: AUTH }, 'docker.io': { auth: AUTH } } });
    assert.equal(readdirSync(dirname(path)).sort(), ['auth.json', 'auth.json.lock']);
  } finally {
    process.umask(before);
  }
});

test('what is kept is found for a pull: of a registry, of a namespace, of Docker Hub, and as an identity token', async () => {
  const { env } = world();
  const find = (registry: string, repository: string) => findCredentials(registry, repository, { env });
  await keepCredentials(R, ME, { env });
  await keepCredentials(parseRegistryName('r.test/team'), { ...ME, username: 'team' }, { env });
  await keepCredentials(HUB, { ...ME, identityToken: 'refresh me' }, { env });
  assert.equal(await find('r.test', 'a/b'), { kind: 'basic', username: 'me', password: 'sesame' });
  assert.equal(await find('r.test', 'team/b'), { kind: 'basic', username: 'team', password: 'sesame' });
  assert.equal(await find('docker.io', 'library/a'), { kind: 'identity-token', token: 'refresh me', username: 'me' });
});

test('Docker Hub has docker’s name in docker’s file', async () => {
  const { home, env } = world();
  const authFile = join(home, '.docker/config.json');
  await keepCredentials(HUB, ME, { env, authFile });
  assert.equal(contentOf(authFile), { auths: { 'https://index.docker.io/v1/': { auth: AUTH } } });
  assert.equal((await forgetCredentials(HUB, { env, authFile })).from, [authFile]);
  assert.equal(contentOf(authFile), { auths: {} });
});

test('a link stays a link, and the file that it names is written, also one that is not there yet', async () => {
  const { home, env } = world();
  const authFile = join(home, 'link.json');
  symlinkSync('elsewhere/second.json', authFile);
  mkdirSync(join(home, 'elsewhere'));
  symlinkSync('auth.json', join(home, 'elsewhere/second.json'));
  for (const name of [R, HUB]) await keepCredentials(name, ME, { env, authFile });
  assert.ok(lstatSync(authFile).isSymbolicLink());
  assert.equal(contentOf(join(home, 'elsewhere/auth.json')), {
    auths: { 'r.test': { auth: AUTH }, 'docker.io': { auth: AUTH } },
  });
  symlinkSync('loop.json', join(home, 'loop.json'));
  await failureOf(keepCredentials(R, ME, { env, authFile: join(home, 'loop.json') }), 'CREDENTIALS_INVALID');
});

test('of many logins at once each one stays', async () => {
  const { env } = world();
  const names = Array.from({ length: 12 }, (_, index) => `r${index}.test`);
  const places = await Promise.all(names.map((name) => keepCredentials(parseRegistryName(name), ME, { env })));
  const file = contentOf(places[0]?.path ?? '');
  assert.equal(Object.keys((file as { auths: object }).auths).sort(), names.sort());
});

test('a damaged file is told and stays as it is', async () => {
  const { home, env } = world();
  const authFile = join(home, 'auth.json');
  for (const text of ['{"auths":{', '[]', '{"auths":[]}', '{"auths":{"r.test":"x"}}']) {
    writeFileSync(authFile, text);
    const changes = [() => keepCredentials(R, ME, { env, authFile }), () => forgetCredentials(R, { env, authFile })];
    for (const change of changes) {
      const error = await failureOf(change(), 'DOCUMENT_INVALID');
      assert.is(error.where, authFile);
    }
    assert.is(readFileSync(authFile, 'utf8'), text);
  }
});

test('the helper of the registry, or of all, keeps the credentials, and the file keeps none', async () => {
  for (const naming of [{ credHelpers: { 'r.test': 'box' } }, { credsStore: 'box' }]) {
    const { home, env, box } = world();
    const authFile = join(home, 'config.json');
    put(authFile, { auths: { 'r.test': { auth: 'b2xkOm9sZA==' } }, ...naming });
    assert.is((await keepCredentials(R, ME, { env, authFile })).helper, 'docker-credential-box');
    assert.equal(contentOf(authFile), { auths: {}, ...naming });
    assert.equal(contentOf(join(box, 'r.test')), { ServerURL: 'r.test', Username: 'me', Secret: 'sesame' });
    assert.not.match(readFileSync(join(home, 'called'), 'utf8'), 'sesame');
    assert.equal(await findCredentials('r.test', 'a', { env, authFile }), {
      kind: 'basic',
      username: 'me',
      password: 'sesame',
    });
    await keepCredentials(R, { ...ME, identityToken: 'refresh me' }, { env, authFile });
    assert.equal(contentOf(join(box, 'r.test')), { ServerURL: 'r.test', Username: '<token>', Secret: 'refresh me' });
    assert.equal((await forgetCredentials(R, { env, authFile })).from, ['docker-credential-box']);
    assert.equal([readdirSync(box), (await forgetCredentials(R, { env, authFile })).from], [[], []]);
  }
});

test('a helper knows Docker Hub by docker’s URL', async () => {
  const { home, env, box } = world();
  const authFile = join(home, 'config.json');
  put(authFile, { credsStore: 'box' });
  await keepCredentials(HUB, ME, { env, authFile });
  assert.equal(readdirSync(box), ['https:__index.docker.io_v1_']);
  assert.equal((await forgetCredentials(HUB, { env, authFile })).from, ['docker-credential-box']);
  assert.equal(readdirSync(box), []);
});

test('a helper that fails or is missing keeps nothing, and the password is not put into the file instead', async () => {
  const { home, env } = world();
  const program = join(home, 'bin/docker-credential-parrot');
  writeFileSync(program, '#!/bin/sh\ncat\ncat >&2\nexit 1\n');
  chmodSync(program, 0o755);
  const authFile = join(home, 'config.json');
  for (const [helper, code] of [
    ['parrot', 'CREDENTIALS_INVALID'],
    ['missing', 'SYSTEM_CALL'],
  ] as const) {
    put(authFile, { credsStore: helper });
    const error = await failureOf(keepCredentials(R, ME, { env, authFile }), code);
    assert.not.match(`${error.message} ${error.hint} ${error.cause}`, 'sesame');
    assert.equal(contentOf(authFile), { credsStore: helper });
  }
});

test('a namespace is not given to a helper, which would not be asked for it', async () => {
  const { home, env } = world();
  const authFile = join(home, 'config.json');
  put(authFile, { credHelpers: { 'r.test': 'box' } });
  await failureOf(keepCredentials(parseRegistryName('r.test/team'), ME, { env, authFile }), 'USAGE');
  assert.not(existsSync(join(home, 'called')));
});

test('all credentials go, also those of the helpers, and all else stays', async () => {
  const { home, env, box } = world();
  const authFile = join(home, 'config.json');
  const rest = { credHelpers: { 'r.test': 'box' }, credsStore: 'box', detachKeys: 'ctrl-q' };
  put(authFile, { auths: { 'a.test': { auth: AUTH } }, ...rest });
  await keepCredentials(R, ME, { env, authFile });
  await keepCredentials(parseRegistryName('other.test'), ME, { env, authFile });
  assert.equal((await forgetAll({ env, authFile })).from, ['docker-credential-box', authFile]);
  assert.equal([readdirSync(box), contentOf(authFile)], [[], { auths: {}, ...rest }]);
  assert.equal((await forgetAll({ env, authFile })).from, []);
});

test('other files that hold credentials are found, and a damaged one among them is a warning', async () => {
  const { home, env } = world();
  const docker = join(home, '.docker/config.json');
  put(docker, { auths: { 'https://r.test/v1/': { auth: AUTH }, 'empty.test': {} } });
  mkdirSync(join(home, '.config/containers'), { recursive: true });
  writeFileSync(join(home, '.config/containers/auth.json'), '{');
  const events: TsimgEvent[] = [];
  const onEvent = (event: TsimgEvent) => events.push(event);
  assert.equal(await otherHolders(R, { env, onEvent }), [docker]);
  assert.equal(await otherHolders(parseRegistryName('empty.test'), { env }), []);
  assert.equal(
    events.map(({ kind }) => kind),
    ['warning'],
  );
});

test('a file that the user names must be there for a logout, and a missing one of podman’s is no failure', async () => {
  const { home, env } = world();
  await failureOf(forgetCredentials(R, { env, authFile: join(home, 'none.json') }), 'USAGE');
  assert.equal((await forgetCredentials(R, { env })).from, []);
  assert.not(existsSync(join(home, 'containers')));
});

test.run();
