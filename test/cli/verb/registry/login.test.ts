import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, tsimg } from '../../../support/command/tsimg.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../../../support/host/ordinary-user.ts';
import { makeImage } from '../../../support/image/image.ts';
import { named, writeLayout } from '../../../support/image/layout.ts';
import { file, tarOf } from '../../../support/image/tar.ts';
import { makeCertificate } from '../../../support/registry/certificate.ts';
import { ACCOUNT, startDockerRegistry } from '../../../support/registry/docker-registry.ts';
import { tempDir } from '../../../support/temp-dir.ts';
import { findTool, haveTools } from '../../../support/tools.ts';

const test = suite('cli/verb/registry/login');

const { username, password } = ACCOUNT;
const NAME = 'team/app:1';
const SECRETS = new RegExp(`${password}|${Buffer.from(`${username}:${password}`).toString('base64')}|wr0ng`);

/** A home, and a session in it, for a user. */
function homeOf(user?: OrdinaryUser): { readonly home: string; readonly env: Record<string, string> } {
  const home = tempDir();
  const runtime = join(home, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  if (user !== undefined) for (const path of [home, runtime]) chownSync(path, user.uid, user.gid);
  return { home, env: { HOME: home, XDG_RUNTIME_DIR: runtime } };
}

function skopeo(args: readonly string[], env: Record<string, string>, user?: OrdinaryUser) {
  const ids = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const result = spawnSync('skopeo', args, { encoding: 'utf8', env: { PATH: process.env.PATH, ...env }, ...ids });
  assert.is(result.status, 0, result.stderr);
  return result.stdout.trim();
}

const registry =
  findTool('docker-registry') && findTool('skopeo') ? await startDockerRegistry({ login: true }) : undefined;
const made = makeImage({ layers: [tarOf(file('etc/motd', 'hello\n'))] });
const layout = tempDir();
writeLayout(layout, [named(made.descriptor, '1')], made.blobs);
registry?.fill(`oci:${layout}:1`, NAME);
const host = registry?.host ?? '';
const image = `${host}/${NAME}`;

const users: readonly (OrdinaryUser | undefined)[] =
  process.getuid?.() === 0 ? [undefined, makeOrdinaryUser()].filter((user, index) => index === 0 || user) : [undefined];

for (const user of users) {
  const as = user === undefined ? '' : ', as an ordinary user';
  const identity = user === undefined ? {} : { user };

  test(`a login that the registry takes is found by pull and by skopeo, until the logout${as}`, () => {
    if (!haveTools('docker-registry', 'skopeo')) return;
    const { home, env } = homeOf(user);
    const authFile = join(home, 'run/containers/auth.json');
    const run = (args: readonly string[], input = '') => tsimg(args, { env, input, ...identity });

    const before = run(['pull', '-q', image]);
    assert.is(before.status, 4, before.stderr);
    const wrong = run(['login', '-u', username, '--password-stdin', '--debug', host], 'wr0ng\n');
    assert.is(wrong.status, 4, wrong.stderr);
    assert.not.match(wrong.stderr, SECRETS);
    assert.equal([wrong.stdout, existsSync(authFile)], ['', false]);

    const right = run(['login', '-u', username, '--password-stdin', '--debug', host], `${password}\r\n`);
    assert.is(right.status, 0, right.stderr);
    assert.is(right.stdout, `Logged in to ${host} as ${username}: ${authFile} keeps the password\n`);
    assert.not.match(right.stderr, SECRETS);
    assert.is(statSync(authFile).mode & 0o777, 0o600);
    assert.is(statSync(authFile).uid, user?.uid ?? process.getuid?.());
    const pulled = run(['pull', '-q', image]);
    assert.is(pulled.status, 0, pulled.stderr);
    assert.is(run(['login', '--get-login', host]).stdout, `${username}\n`);
    assert.is(skopeo(['login', '--get-login', host], env, user), username);
    skopeo(['inspect', '--tls-verify=false', `docker://${image}`], env, user);

    const out = run(['logout', `http://${host}/v2/`]);
    assert.is(out.stdout, `Logged out of ${host}: credentials are removed from ${authFile}\n`);
    assert.is(run(['pull', '-q', image]).status, 4);
    const again = run(['logout', host]);
    assert.is(again.status, 3);
    assert.match(again.stderr, `not logged in (${host})`);
    assert.is(run(['login', '--get-login', host]).status, 3);
  });

  test(`what skopeo logged in to is found, and logged out of${as}`, () => {
    if (!haveTools('docker-registry', 'skopeo')) return;
    const { home, env } = homeOf(user);
    const authFile = join(home, 'auth.json');
    skopeo(['login', '--tls-verify=false', '-u', username, '-p', password, '--authfile', authFile, host], env, user);
    const run = (...args: readonly string[]) => tsimg([...args, '--authfile', authFile], { env, ...identity });
    assert.is(run('login', '--get-login', host).stdout, `${username}\n`);
    const pulled = run('pull', '-q', image);
    assert.is(pulled.status, 0, pulled.stderr);
    assert.is(run('logout', host).status, 0);
    assert.is(run('pull', '-q', image).status, 4);
  });
}

test('an ordinary user without a session’s folder has the login in ~/.config', () => {
  const [, user] = users;
  if (!haveTools('docker-registry', 'skopeo')) return;
  if (user === undefined && process.getuid?.() === 0) return console.log('skipped: needs an ordinary user');
  const { home } = homeOf(user);
  const options = { env: { HOME: home }, input: password, ...(user === undefined ? {} : { user }) };
  const { status, stderr } = tsimg(['login', '-q', '-u', username, '--password-stdin', host], options);
  assert.is(status, 0, stderr);
  assert.is(statSync(join(home, '.config/containers/auth.json')).mode & 0o777, 0o600);
  assert.is(tsimg(['pull', '-q', image], options).status, 0);
});

test('the password goes to a registry that --cert-dir vouches for, and to no other', async () => {
  if (!haveTools('docker-registry', 'openssl')) return;
  const certificate = makeCertificate('IP:127.0.0.1');
  await using secure = await startDockerRegistry({ login: true, tls: certificate });
  const { home, env } = homeOf();
  const certDir = join(home, 'certs');
  mkdirSync(certDir);
  writeFileSync(join(certDir, 'ca.crt'), certificate.cert);
  const authFile = join(home, 'made/for/it/auth.json');
  const words = ['login', '-u', username, '--password-stdin', '--authfile', authFile, secure.host];
  const untrusted = tsimg(words, { env, input: password });
  assert.is(untrusted.status, 1, untrusted.stderr);
  assert.not(existsSync(authFile));
  const trusted = tsimg([...words, '--cert-dir', certDir, '--json'], { env, input: password });
  assert.is(trusted.status, 0, trusted.stderr);
  assert.equal(JSON.parse(trusted.stdout), {
    registry: secure.host,
    username,
    file: authFile,
    identityToken: false,
    tested: true,
  });
  assert.is(statSync(join(home, 'made')).mode & 0o777, 0o700);
});

test('a registry without authentication is logged in to with a warning', async () => {
  if (!haveTools('docker-registry')) return;
  await using open = await startDockerRegistry();
  const { env } = homeOf();
  const { status, stderr } = tsimg(['login', '-u', 'x', '--password-stdin', open.host], { env, input: 'y' });
  assert.is(status, 0);
  assert.match(stderr, 'without a test');
});

test('other files that hold credentials are told', () => {
  if (!haveTools('docker-registry', 'skopeo')) return;
  const { home, env } = homeOf();
  const docker = join(home, '.docker/config.json');
  const login = (...more: readonly string[]) =>
    tsimg(['login', '-u', username, '-p', password, host, ...more], { env });
  assert.is(login('--authfile', docker).status, 0);
  const first = tsimg(['logout', host], { env });
  assert.is(first.status, 3);
  assert.match(first.stderr, `tsimg logout --authfile ${docker} ${host}`);
  const { stderr } = login();
  assert.match(stderr, '--password-stdin');
  const second = tsimg(['logout', host], { env });
  assert.is(second.status, 0);
  assert.match(second.stderr, `${docker} still has credentials for ${host}`);
  const all = tsimg(['logout', '--all', '--authfile', docker, '--json'], { env });
  assert.equal(JSON.parse(all.stdout), { removedFrom: [docker], alsoIn: [] });
  assert.equal(JSON.parse(readFileSync(docker, 'utf8')), { auths: {} });
});

test('a wrong call is told before anything is asked or sent', () => {
  const { home, env } = homeOf();
  const damaged = join(home, 'damaged.json');
  writeFileSync(damaged, '{');
  const cases: readonly (readonly [RegExp, number, readonly string[], string?])[] = [
    [/--password-stdin/, 2, ['login', '-u', 'me', 'r.test']],
    [/--password-stdin/, 2, ['login', 'r.test']],
    [/needs --username/, 2, ['login', '--password-stdin', 'r.test'], 'x'],
    [/exclude each other/, 2, ['login', '-u', 'a', '-p', 'b', '--password-stdin', 'r.test'], 'x'],
    [/takes no user name/, 2, ['login', '--get-login', '-u', 'a', 'r.test']],
    [/is empty/, 2, ['login', '-u', 'a', '--password-stdin', 'r.test'], '\n'],
    [/more than one line/, 2, ['login', '-u', 'a', '--password-stdin', 'r.test'], 'wr0ng\nwr0ng\n'],
    [/has a colon/, 2, ['login', '-u', 'a:b', '--password-stdin', 'r.test'], 'wr0ng'],
    [/not a registry \(me\).*Docker Hub/, 2, ['login', 'me']],
    [/not JSON/, 1, ['login', '-u', 'a', '--password-stdin', '--authfile', damaged, 'r.test'], 'wr0ng'],
    [/no such directory/, 2, ['login', '--cert-dir', join(home, 'none'), 'r.test']],
    [/--all takes no registry/, 2, ['logout', '--all', 'r.test']],
    [/no such file of credentials/, 2, ['logout', '--authfile', join(home, 'none'), 'r.test']],
  ];
  for (const [pattern, status, args, input = ''] of cases) {
    const result = tsimg(args, { env, input });
    assert.is(result.status, status, `${args.join(' ')}: ${result.stderr}`);
    assert.match(result.stderr, pattern);
    assert.not.match(result.stderr, SECRETS);
  }
  assert.is(readFileSync(damaged, 'utf8'), '{');
});

/** Logs in at a terminal, answering each question when it is asked. Returns the status, and all that was shown. */
async function atTerminal(
  answers: readonly (readonly [question: string, answer: string])[],
  env: Record<string, string>,
) {
  const command = `'${process.execPath}' '${MAIN}' login '${host}'`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { env: { PATH: process.env.PATH, ...env } });
  let shown = '';
  const left = [...answers];
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk;
    if (left[0] !== undefined && shown.includes(left[0][0])) child.stdin.write(left.shift()?.[1]);
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  return { status, shown };
}

test('at a terminal what is missing is asked for, and the password is not shown', async () => {
  if (!haveTools('docker-registry', 'skopeo', 'script')) return;
  const { home, env } = homeOf();
  const name = ['User name: ', `${username}\r`] as const;
  const right = await atTerminal([name, ['Password: ', `${password}\r`]], env);
  assert.is(right.status, 0, right.shown);
  assert.match(right.shown, username);
  assert.not.match(right.shown, SECRETS);
  assert.ok(existsSync(join(home, 'run/containers/auth.json')));
  for (const key of ['\u0003', '\u0004']) {
    const { env: other, home: where } = homeOf();
    const given = await atTerminal([name, ['Password: ', key]], other);
    assert.is(given.status, 130, given.shown);
    assert.not(existsSync(join(where, 'run/containers')));
  }
});

test.after(async () => {
  await registry?.[Symbol.asyncDispose]();
});

test.run();
