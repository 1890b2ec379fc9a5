import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsimg } from '../../support/command/tsimg.ts';
import { makeBusyboxRootfs } from '../../support/container/busybox-rootfs.ts';
import { makeOrdinaryUser } from '../../support/host/ordinary-user.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { differences, snapshot } from '../../support/image/tree-snapshot.ts';
import { startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Everything that brings an image in obeys policy.json: as root and as an ordinary user.

const test = suite('cli/verb/signature-policy');

const ACCEPT = [{ type: 'insecureAcceptAnything' }];
const REJECT = [{ type: 'reject' }];

/** The one line that says why; above it may stand what the reference resolved to. */
function errorOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.startsWith('tsimg: '));
  assert.is(lines.length, 1, stderr);
  assert.ok(stderr.endsWith(`${lines[0]}\n`), stderr);
  return lines[0] ?? '';
}

if (haveTools('docker-registry', 'skopeo', 'busybox')) {
  const registry = await startDockerRegistry();
  const { host } = registry;
  test.after(async () => {
    await registry[Symbol.asyncDispose]();
  });
  const archives = tempDir(0o755);
  const rootfs = makeBusyboxRootfs(tempDir());
  const layer = spawnSync('tar', ['-C', rootfs, '--owner=0', '--group=0', '-c', '.'], {
    maxBuffer: 64 * 1024 * 1024,
  }).stdout;
  const image = makeImage({
    layers: [layer],
    gzip: true,
    config: { config: { Cmd: ['/bin/true'], Env: ['PATH=/bin'] } },
  });
  const layout = writeLayout(join(archives, 'layout'), [named(image.descriptor, 'latest')], image.blobs);
  for (const name of ['known:1', 'app:1']) registry.fill(`oci:${layout}:latest`, name);
  const archive = join(archives, 'image.tar');
  const made = spawnSync('skopeo', [
    '--insecure-policy',
    'copy',
    '-q',
    `oci:${layout}:latest`,
    `docker-archive:${archive}:app:1`,
  ]);
  assert.is(made.status, 0, String(made.stderr));
  const user = makeOrdinaryUser();

  for (const [who, identity] of [
    [process.getuid?.() === 0 ? 'root' : 'this user', undefined],
    ['an ordinary user', user],
  ] as const) {
    if (who === 'an ordinary user' && identity === undefined) continue;
    const own = (path: string): string => {
      if (identity !== undefined) chownSync(path, identity.uid, identity.gid);
      return path;
    };
    const home = own(tempDir());
    const root = join(home, 'state');
    const run = (
      args: readonly string[],
      more: { readonly input?: Buffer; readonly env?: Record<string, string> } = {},
    ) =>
      tsimg(args, {
        env: { HOME: home, TSIMG_ROOT: root, ...more.env },
        ...(more.input === undefined ? {} : { input: more.input }),
        ...(identity === undefined ? {} : { user: { uid: identity.uid, gid: identity.gid } }),
      });
    const policyOf = (policy: unknown): string => {
      const path = join(own(tempDir()), 'policy.json');
      writeFileSync(path, typeof policy === 'string' ? policy : JSON.stringify(policy));
      chmodSync(path, 0o644);
      return path;
    };
    const reject = policyOf({
      default: ACCEPT,
      transports: { docker: { [`${host}/app`]: REJECT }, 'docker-archive': { '': REJECT } },
    });
    const name = (repository: string) => `${host}/${repository}:1`;
    const pulled = run(['pull', name('known')]);
    assert.is(pulled.status, 0, pulled.stderr);

    /** Runs a command that must be refused, and change nothing. */
    const refused = (
      args: readonly string[],
      status: number,
      pattern: RegExp,
      more: { readonly input?: Buffer } = {},
    ) => {
      const before = snapshot(root);
      const result = run(args, more);
      assert.is(result.status, status, result.stderr);
      assert.is(result.stdout, '');
      assert.match(errorOf(result.stderr), pattern);
      const changed = differences(snapshot(root), before).filter((line) => !/mtime/.test(line));
      assert.equal(changed, []);
    };
    const line = (scope: string) =>
      new RegExp(`^tsimg: .*not accept.*@sha256:[0-9a-f]{64}\\): ${reject}, ${scope}: the policy rejects it`);
    const docker = line(`docker: ${host}/app`);

    test(`pull, unpack and run refuse what the policy rejects, and change nothing: ${who}`, () => {
      const option = ['--signature-policy', reject];
      refused(['pull', ...option, name('app')], 5, docker);
      const destination = join(home, 'destination');
      refused(['unpack', ...option, `docker://${name('app')}`, destination], 5, docker);
      assert.not(readdirSync(home).includes('destination'));
      refused(['run', '--rm', ...option, name('app')], 125, docker);
      refused(['run', '--rm', ...option, `docker://${name('app')}`], 125, docker);
      assert.is(run(['ps', '-aq']).stdout, '');
      refused(['save', ...option, '-o', join(home, 'saved.tar'), `docker://${name('app')}`], 5, docker);
      assert.not(readdirSync(home).includes('saved.tar'));
    });

    test(`load refuses what the policy rejects, from a file and from standard input: ${who}`, () => {
      const option = ['--signature-policy', reject];
      const archived = line('docker-archive: ""');
      refused(['load', ...option, '-i', archive], 5, archived);
      refused(['load', ...option], 5, archived, { input: readFileSync(archive) });
      refused(['unpack', ...option, archive, join(home, 'loaded')], 5, archived);
    });

    test(`an image of the store is not asked again: ${who}`, () => {
      const all = policyOf({ default: REJECT });
      const option = ['--signature-policy', all];
      const into = join(home, 'stored');
      const unpacked = run(['unpack', ...option, name('known'), into]);
      assert.is(unpacked.status, 0, unpacked.stderr);
      const ran = run(['run', '--rm', ...option, name('known'), 'echo', 'ran']);
      assert.is(ran.stdout, 'ran\n', ran.stderr);
      refused(['pull', ...option, name('known')], 5, /: the policy rejects it/);
    });

    test(`a policy that cannot be obeyed lets nothing in, and is no matter of what is there: ${who}`, () => {
      const broken = policyOf('{"default":[{"type":"insecureAcceptAnything"}],}');
      refused(
        ['pull', '--signature-policy', broken, name('app')],
        1,
        new RegExp(`^tsimg: .*\\(${broken}\\): it is not JSON`),
      );
      refused(['pull', '--signature-policy', join(home, 'none.json'), name('app')], 3, /no such signature policy/);
      const ran = run(['run', '--rm', '--signature-policy', broken, name('known'), 'echo', 'ran']);
      assert.is(ran.stdout, 'ran\n', ran.stderr);
    });

    test(`the user’s own policy is obeyed where none is named: ${who}`, () => {
      const folder = join(home, '.config', 'containers');
      mkdirSync(folder, { recursive: true });
      const path = join(folder, 'policy.json');
      writeFileSync(path, JSON.stringify({ default: REJECT }));
      chmodSync(path, 0o644);
      refused(['pull', name('app')], 5, new RegExp(`${path}, default: the policy rejects it`));
      const named = run(['pull', '--signature-policy', policyOf({ default: ACCEPT }), name('app')]);
      assert.is(named.status, 0, named.stderr);
    });

    test(`a policy in a home that cannot be looked into is another user’s, one that cannot be read is obeyed: ${who}`, () => {
      if (identity === undefined) return;
      const others = tempDir(0o700);
      const folder = join(others, '.config', 'containers');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'policy.json'), JSON.stringify({ default: REJECT }), { mode: 0o600 });
      const environment = { env: { HOME: others } };
      const loaded = run(['load', '-i', archive], environment);
      assert.is(loaded.status, 0, loaded.stderr);
      chmodSync(others, 0o755);
      const refusal = run(['load', '-i', archive], environment);
      assert.is(refusal.status, 1, refusal.stderr);
      assert.match(errorOf(refusal.stderr), /cannot read the signature policy/);
    });

    test(`a missing gpgv refuses what a key must have signed, and says so: ${who}`, () => {
      const folder = join(home, 'lookaside');
      const signed = join(folder, `known@${image.descriptor.digest.replace(':', '=')}`);
      mkdirSync(signed, { recursive: true });
      writeFileSync(join(signed, 'signature-1'), Buffer.from([0x90]));
      const registries = join(home, '.config', 'containers', 'registries.d');
      mkdirSync(registries, { recursive: true });
      writeFileSync(join(registries, 'own.yaml'), `default-docker: { lookaside: "file://${folder}" }\n`);
      const policy = policyOf({
        default: [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: join(archives, 'layout', 'oci-layout') }],
      });
      const empty = own(tempDir());
      const result = run(['pull', '--signature-policy', policy, name('known')], { env: { PATH: empty } });
      assert.is(result.status, 5, result.stderr);
      assert.match(errorOf(result.stderr), new RegExp(`${policy}, default: gpgv is not installed; install gpgv`));
    });
  }
} else {
  test('skipped: needs docker-registry, skopeo and busybox', () =>
    console.log('skipped: needs docker-registry, skopeo and busybox'));
}

test.run();
