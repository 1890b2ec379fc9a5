import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN, tsimg } from '../support/command/tsimg.ts';
import { makeImage } from '../support/image/image.ts';
import { dir, file, tarOf } from '../support/image/tar.ts';
import { makeTwoPlatforms } from '../support/image/two-platforms.ts';
import { makeCertificate } from '../support/registry/certificate.ts';
import { ACCOUNT, startDockerRegistry } from '../support/registry/docker-registry.ts';
import { freePort, startNginx } from '../support/registry/nginx.ts';
import { startTokenServer } from '../support/registry/token-server.ts';
import { tempDir } from '../support/temp-dir.ts';
import { haveRoot, haveTools } from '../support/tools.ts';

// Real registries and front ends, and the tools that others use with them: bytes stay the same in both directions.

const test = suite('registry/real-servers');
const { username, password } = ACCOUNT;
const CREDS = `${username}:${password}`;
const layers = [
  tarOf(dir('etc'), file('etc/motd', 'hello')),
  tarOf(file('noise', randomBytes(1_500_000).toString('hex'))),
];
const { one, index, blobs, layout } = makeTwoPlatforms((platform) => makeImage({ layers, gzip: true, platform }));

const env = { TSIMG_ROOT: join(tempDir(), 'store'), HOME: '/nonexistent' };
const call = (...args: readonly string[]) => tsimg(args, { env });
const ok = (...args: readonly string[]): string => {
  const { status, stdout, stderr } = call(...args);
  assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};
function run(command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: 120_000 });
  assert.is(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}
/** Pulls into an empty store, and returns the digest that the reference stands for. */
const pulled = (...args: readonly string[]): string => {
  const root = join(tempDir(), 'store');
  return [JSON.parse(ok('pull', '--json', '--root', root, ...args))].flat()[0].digest;
};
/** Runs a command while this process serves tokens. */
async function served(command: string, args: readonly string[]): Promise<{ status: number | null; out: string }> {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const out: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => out.push(chunk));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, out: Buffer.concat(out).toString('utf8') };
}
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Demands that a folder as skopeo's `dir:` has the very manifest and blobs of the first image. */
function checkFolder(folder: string): void {
  assert.is(`sha256:${sha256(readFileSync(join(folder, 'manifest.json')))}`, one.descriptor.digest);
  for (const [digest, bytes] of one.blobs) {
    if (digest !== one.descriptor.digest) assert.ok(readFileSync(join(folder, digest.slice(7))).equals(bytes), digest);
  }
}

test('over TLS with htpasswd: skopeo and podman pull what tsimg pushed, and the other way round', async () => {
  if (!haveTools('docker-registry', 'skopeo', 'openssl')) return;
  const certificate = makeCertificate('IP:127.0.0.1');
  await using registry = await startDockerRegistry({ login: true, tls: certificate });
  const certs = tempDir();
  writeFileSync(join(certs, 'ca.crt'), certificate.cert);
  const access = ['--cert-dir', certs, '--creds', CREDS];
  const ours = `${registry.host}/ours:1`;
  assert.is(call('push', '--creds', CREDS, `oci:${layout}:one`, ours).status, 1, 'nobody vouches for the certificate');
  assert.is(call('push', '--cert-dir', certs, `oci:${layout}:one`, ours).status, 4, 'the account is missing');
  ok('push', '-q', ...access, `oci:${layout}:one`, ours);
  const folder = join(tempDir(), 'dir');
  run(
    'skopeo',
    '--insecure-policy',
    'copy',
    '-q',
    '--src-cert-dir',
    certs,
    '--src-creds',
    CREDS,
    `docker://${ours}`,
    `dir:${folder}`,
  );
  checkFolder(folder);
  const theirs = `${registry.host}/theirs:1`;
  const to = ['--dest-cert-dir', certs, '--dest-creds', CREDS];
  run('skopeo', '--insecure-policy', 'copy', '-q', '--all', ...to, `oci:${layout}:all`, `docker://${theirs}`);
  assert.is(pulled('--platform', 'linux/amd64', ...access, theirs), index.descriptor.digest);
  assert.is(ok('manifest', ...access, `docker://${theirs}`), index.bytes.toString().trim());
  if (!haveTools('podman') || !haveRoot()) return;
  const root = tempDir();
  const storage = ['--root', join(root, 'root'), '--runroot', join(root, 'run'), '--storage-driver', 'vfs'];
  run('podman', ...storage, 'pull', '-q', ...access, ours);
  assert.is(run('podman', ...storage, 'image', 'inspect', '--format', '{{.Digest}}', ours), one.descriptor.digest);
  const pushed = `${registry.host}/podman:1`;
  run('podman', ...storage, 'push', '-q', ...access, '--digestfile', join(root, 'digest'), ours, pushed);
  assert.is(pulled(...access, pushed), readFileSync(join(root, 'digest'), 'utf8'));
});

test('a token server is asked for what each operation needs, and skopeo pulls the same', async () => {
  if (!haveTools('docker-registry', 'skopeo', 'openssl')) return;
  const certificate = makeCertificate('DNS:tokens');
  await using tokens = await startTokenServer(certificate);
  const { realm, issuer } = tokens;
  const given = { realm, issuer, certificates: certificate.certFile };
  await using registry = await startDockerRegistry({ tokens: given, deletes: true });
  const app = `${registry.host}/team/app`;
  const wanted = async (command: string, ...args: readonly string[]): Promise<void> => {
    const { status, out } = await served(command, args);
    assert.is(status, 0, `${args.join(' ')}: ${out}`);
  };
  const own = (...args: readonly string[]) => wanted(process.execPath, '--', MAIN, ...args);
  const refused = await served(process.execPath, ['--', MAIN, 'push', `oci:${layout}:one`, `${app}:1`]);
  assert.is(refused.status, 4, refused.out);
  const creds = ['--creds', CREDS];
  await own('push', '-q', ...creds, `oci:${layout}:one`, `${app}:1`);
  await own('copy', ...creds, '--dest-creds', CREDS, `docker://${app}:1`, `${registry.host}/team/mounted:1`);
  await own('pull', '-q', ...creds, `${app}:1`);
  assert.is(ok('manifest', '--digest', `store:${app}:1`), one.descriptor.digest);
  await own('tags', ...creds, app);
  const folder = join(tempDir(), 'dir');
  const from = ['--src-tls-verify=false', '--src-creds', CREDS, `docker://${registry.host}/team/mounted:1`];
  await wanted('skopeo', '--insecure-policy', 'copy', '-q', ...from, `dir:${folder}`);
  checkFolder(folder);
  await own('delete', '--yes', ...creds, `${app}@${one.descriptor.digest}`);
  for (const scope of ['team/app:pull', 'team/app:pull,push', 'team/app:pull,delete']) {
    assert.ok(tokens.scopes.includes(`repository:${scope}`), `${scope}: ${tokens.scopes.join(' ')}`);
  }
});

test('behind nginx: blobs at another origin come without the account, and large requests are made smaller', async () => {
  if (!haveTools('docker-registry', 'nginx')) return;
  const data = tempDir();
  await using closed = await startDockerRegistry({ login: true, data });
  // What is behind a signed URL asks for no account.
  await using open = await startDockerRegistry({ data });
  const [front, storage] = [await freePort(), await freePort()];
  await using nginx = await startNginx(
    `server { listen 127.0.0.1:${front}; client_max_body_size 400k;
       location / { proxy_pass http://${closed.host}; }
       location ~ ^/v2/.+/blobs/sha256: { if ($request_method = GET) { return 307 http://127.0.0.1:${storage}$request_uri; }
         proxy_pass http://${closed.host}; } }
     server { listen 127.0.0.1:${storage}; location / { proxy_pass http://${open.host}; } }`,
    front,
  );
  const app = `127.0.0.1:${front}/app:1`;
  const large = call('push', '--creds', CREDS, `oci:${layout}:one`, app);
  assert.is(large.status, 1);
  assert.match(large.stderr, '--chunk-size');
  assert.is.not(call('tags', '--creds', CREDS, app.slice(0, -2)).status, 0, 'there is no name of a part');
  ok('push', '-q', '--creds', CREDS, '--chunk-size', '300k', `oci:${layout}:one`, app);
  assert.is(pulled('--creds', CREDS, app), one.descriptor.digest);
  const log = nginx.log().map((line) => line.split('|'));
  const elsewhere = log.filter(([port]) => port === String(storage));
  assert.ok(elsewhere.length >= 3, 'config and layers came from there');
  assert.equal([...new Set(elsewhere.map(([, , , account]) => account))], ['-']);
  assert.ok(log.some(([port, , , account]) => port === String(front) && account !== '-'));
});

test('containerd pulls what tsimg pushed, byte for byte, and tsimg what containerd pushed', async () => {
  if (!haveTools('docker-registry', 'containerd', 'ctr') || !haveRoot()) return;
  await using registry = await startDockerRegistry();
  const ours = `${registry.host}/ours:1`;
  ok('copy', '-q', '--all', `oci:${layout}:all`, ours);
  const folder = tempDir();
  const socket = join(folder, 'socket');
  mkdirSync(join(folder, 'opt'));
  const config = join(folder, 'config.toml');
  writeFileSync(
    config,
    [
      'version = 2',
      `root = "${folder}/root"`,
      `state = "${folder}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\naddress = "${socket}"`,
      `[ttrpc]\naddress = "${socket}.ttrpc"`,
      `[plugins."io.containerd.internal.v1.opt"]\npath = "${folder}/opt"`,
    ].join('\n'),
  );
  const child = spawn('containerd', ['--config', config], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    for (let i = 0; !existsSync(socket) && i < 3000; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    const ctr = (...args: readonly string[]) =>
      spawnSync('ctr', ['--address', socket, ...args], { timeout: 60_000, maxBuffer: 64 << 20 });
    const fetched = ctr('content', 'fetch', '--plain-http', '--all-platforms', ours);
    assert.is(fetched.status, 0, String(fetched.stderr));
    for (const [digest, bytes] of blobs) assert.ok(ctr('content', 'get', digest).stdout.equals(bytes), digest);
    const theirs = `${registry.host}/theirs:1`;
    assert.is(ctr('images', 'tag', ours, theirs).status, 0);
    const pushed = ctr('images', 'push', '--plain-http', theirs);
    assert.is(pushed.status, 0, String(pushed.stderr));
    assert.is(pulled('--platform', 'linux/s390x', theirs), index.descriptor.digest);
    const archive = join(folder, 'ours.tar');
    ok('copy', '-q', `oci:${layout}:one`, `docker-archive:${archive}:imported.example/app:1`);
    const imported = ctr('images', 'import', '--no-unpack', archive);
    assert.is(imported.status, 0, String(imported.stderr));
    assert.match(String(ctr('images', 'list').stdout), `imported.example/app:1`);
    assert.match(String(ctr('images', 'list').stdout), one.descriptor.digest);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
});

test.run();
