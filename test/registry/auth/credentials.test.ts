import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TsimgEvent } from '../../../src/events.ts';
import { authFilePlaces, findCredentials } from '../../../src/registry/auth/credentials.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

const test = suite('registry/auth/credentials');

function put(path: string, content: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(content));
}

const entry = (user: string) => ({ auths: { 'r.test': { auth: Buffer.from(`${user}:p`).toString('base64') } } });

async function userFor(env: Record<string, string>, authFile?: string): Promise<string | undefined> {
  const credentials = await findCredentials('r.test', 'a/b', { env, authFile });
  return credentials?.kind === 'basic' ? credentials.username : undefined;
}

/** A helper program in a folder of its own, and the environment in which it is found. */
function withHelper(name: string, script: string): { readonly PATH: string; readonly HOME: string } {
  const home = tempDir();
  const program = join(home, 'bin', `docker-credential-${name}`);
  mkdirSync(dirname(program));
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  return { PATH: `${join(home, 'bin')}:/usr/bin:/bin`, HOME: home };
}

test('files are read in the order of containers-auth.json(5), then docker’s', () => {
  const env = { HOME: '/h', XDG_RUNTIME_DIR: '/run/user/7', XDG_CONFIG_HOME: '/c', DOCKER_CONFIG: '/d' };
  const paths = (more: Record<string, string>, authFile?: string) =>
    authFilePlaces({ env: { HOME: '/h', ...more }, authFile }).map(({ path }) => path);
  assert.equal(paths(env), [
    '/run/user/7/containers/auth.json',
    '/c/containers/auth.json',
    '/d/config.json',
    '/h/.dockercfg',
  ]);
  assert.equal(paths({}).slice(1), ['/h/.config/containers/auth.json', '/h/.docker/config.json', '/h/.dockercfg']);
  assert.equal(paths({ ...env, REGISTRY_AUTH_FILE: '/r' }), ['/r']);
  assert.equal(paths({ ...env, REGISTRY_AUTH_FILE: '/r' }, '/option'), ['/option']);
});

test('the first file that knows the registry decides', async () => {
  const home = tempDir();
  const env = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };
  assert.is(await userFor(env), undefined);
  put(join(home, '.dockercfg'), entry('legacy').auths);
  assert.is(await userFor(env), 'legacy');
  put(join(home, '.docker/config.json'), entry('docker'));
  assert.is(await userFor(env), 'docker');
  put(join(home, 'run/containers/auth.json'), { auths: { 'other.test': {} } });
  assert.is(await userFor(env), 'docker');
  put(join(home, 'run/containers/auth.json'), entry('podman'));
  assert.is(await userFor(env), 'podman');
});

test('a file that the user names must exist, and no other is read', async () => {
  const home = tempDir();
  put(join(home, '.docker/config.json'), entry('docker'));
  const error = await failureOf(userFor({ HOME: home }, join(home, 'none.json')), 'USAGE');
  assert.not.match(error.message, 'ENOENT');
  assert.is(error.where, join(home, 'none.json'));
  put(join(home, 'empty.json'), {});
  assert.is(await userFor({ HOME: home }, join(home, 'empty.json')), undefined);
});

test('a helper is asked by its protocol: get, the host on its input', async () => {
  const env = withHelper(
    'test',
    'read -r host; echo "{\\"ServerURL\\":\\"x\\",\\"Username\\":\\"$1-$host\\",\\"Secret\\":\\"s\\"}"',
  );
  put(join(env.HOME, '.docker/config.json'), { credHelpers: { 'r.test': 'test' } });
  const credentials = await findCredentials('r.test', 'a/b', { env });
  assert.equal(credentials, { kind: 'basic', username: 'get-r.test', password: 's' });
});

test('a helper knows Docker Hub under docker’s URL, and an identity token by its user name', async () => {
  const env = withHelper('test', 'read -r host; echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"$host\\"}"');
  put(join(env.HOME, '.docker/config.json'), { credsStore: 'test' });
  const credentials = await findCredentials('docker.io', 'library/alpine', { env });
  assert.equal(credentials, { kind: 'identity-token', token: 'https://index.docker.io/v1/' });
});

test('a helper without credentials is no failure: the next file is read', async () => {
  const env = withHelper('test', 'echo "credentials not found in native keychain"; exit 1');
  put(join(env.HOME, '.docker/config.json'), { credsStore: 'test' });
  put(join(env.HOME, '.dockercfg'), entry('legacy').auths);
  assert.is(await userFor(env), 'legacy');
});

test('the error of a failing helper does not show its secret', async () => {
  const scripts = [
    'echo locked; exit 1',
    'echo "{\\"Secret\\":\\"hush\\"}"',
    'echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"hush\\"',
  ];
  for (const script of scripts) {
    const env = withHelper('test', script);
    put(join(env.HOME, '.docker/config.json'), { credsStore: 'test' });
    const error = await failureOf(userFor(env), 'CREDENTIALS_INVALID');
    assert.not.match(`${error.message} ${error.cause}`, 'hush');
  }
});

test('the error of a failing helper has what it wrote, to whichever stream, on one line', async () => {
  for (const [script, why] of [
    ['echo locked; echo more >&2; exit 1', 'exit status 1: locked'],
    ['printf "no\\nkeyring" >&2; exit 2', 'exit status 2: no keyring'],
    ['exit 3', 'exit status 3'],
  ]) {
    const env = withHelper('test', script ?? '');
    put(join(env.HOME, '.docker/config.json'), { credsStore: 'test' });
    assert.is((await failureOf(userFor(env), 'CREDENTIALS_INVALID')).why, why);
  }
});

test('a missing helper for all registries is a warning, a missing one for this registry an error', async () => {
  const home = tempDir();
  const env = { HOME: home, PATH: '/nonexistent' };
  const events: TsimgEvent[] = [];
  put(join(home, '.docker/config.json'), { credsStore: 'desktop', ...entry('stored') });
  const credentials = await findCredentials('r.test', 'a', { env, onEvent: (event) => events.push(event) });
  assert.is(credentials?.kind === 'basic' && credentials.username, 'stored');
  assert.equal(
    events.map(({ kind }) => kind),
    ['warning'],
  );
  put(join(home, '.docker/config.json'), { credHelpers: { 'r.test': 'desktop' } });
  assert.is((await failureOf(userFor(env), 'SYSTEM_CALL')).facts.errno, 'ENOENT');
});

test('a helper’s name is never a path or an option', async () => {
  for (const name of ['../evil', 'a/b', '-x', '', 'a b', 'x\0y']) {
    const home = tempDir();
    put(join(home, '.docker/config.json'), { credHelpers: { 'r.test': name } });
    if (name === '') assert.is(await userFor({ HOME: home }), undefined);
    else await failureOf(userFor({ HOME: home, PATH: '/bin' }), 'CREDENTIALS_INVALID');
  }
});

test.run();
