import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MEDIA_TYPE } from '../../../../src/oci/media-type.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { copySource } from '../../../../src/verbs/registry/copy.ts';
import { pushImage } from '../../../../src/verbs/registry/push.ts';
import { MAIN, tsimg } from '../../../support/command/tsimg.ts';
import { failureOf } from '../../../support/failure-of.ts';
import { describe, makeImage, makeIndex } from '../../../support/image/image.ts';
import { named, writeLayout } from '../../../support/image/layout.ts';
import { ACCOUNT, startDockerRegistry } from '../../../support/registry/docker-registry.ts';
import { pushArtifact, pushDocument } from '../../../support/registry/push.ts';
import { attachLayers, cosignLayer } from '../../../support/signed/signed-image.ts';
import { ecKeys, makeSignerWorld, publicPem } from '../../../support/signed/signer.ts';
import { tempDir } from '../../../support/temp-dir.ts';
import { haveTools } from '../../../support/tools.ts';

// Images from one place to another, by the command, beside skopeo.

const test = suite('cli/verb/registry/push-and-copy');

if (haveTools('docker-registry', 'skopeo')) {
  const registry = await startDockerRegistry();
  const closed = await startDockerRegistry({ login: true });
  const root = join(tempDir(), 'store');
  test.after(async () => {
    await registry[Symbol.asyncDispose]();
    await closed[Symbol.asyncDispose]();
  });

  const call = (...args: readonly string[]) => tsimg(args, { env: { TSIMG_ROOT: root, HOME: '/nonexistent' } });
  const ok = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = call(...args);
    assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  /** The digest that skopeo computes of what lies at a reference. */
  const digestAt = (reference: string): string => {
    const args = ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`];
    const raw = spawnSync('skopeo', args, { timeout: 60_000 });
    assert.is(raw.status, 0, String(raw.stderr));
    const { stdout } = spawnSync('sha256sum', { input: raw.stdout, encoding: 'utf8' });
    return `sha256:${stdout.slice(0, 64)}`;
  };
  const one = makeImage({ layers: [Buffer.alloc(3000, 'one')], gzip: true });
  const other = makeImage({ layers: [Buffer.alloc(3000, 'other')], platform: { os: 'linux', architecture: 's390x' } });
  const index = makeIndex([
    { ...one.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
    { ...other.descriptor, platform: { os: 'linux', architecture: 's390x' } },
  ]);
  const empty = Buffer.from('{}');
  const config = describe('application/vnd.oci.empty.v1+json', empty);
  const note = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      artifactType: 'text/x',
      config,
      layers: [config],
    }),
  );
  const artifact = describe(MEDIA_TYPE.ociManifest, note);
  const blobs = new Map([
    ...one.blobs,
    ...other.blobs,
    [index.descriptor.digest, index.bytes],
    [config.digest, empty],
    [artifact.digest, note],
  ]);
  const layout = writeLayout(
    join(tempDir(), 'layout'),
    [named(index.descriptor, 'all'), named(one.descriptor, 'one'), named(artifact, 'artifact')],
    blobs,
  );

  test('push sends an image of the store, and what skopeo finds has the same digest', () => {
    const reference = `${registry.host}/team/app:1`;
    ok('copy', `oci:${layout}:one`, `store:${reference}`);
    assert.equal(ok('push', reference).split('\n'), [one.descriptor.digest, reference]);
    assert.is(digestAt(reference), one.descriptor.digest);
    assert.is(ok('push', '-q', reference, `${registry.host}/team/again:2`), `${registry.host}/team/again:2`);
    const report = JSON.parse(ok('push', '--json', '--chunk-size', '1k', reference, `${registry.host}/chunks:1`));
    assert.is(report.digest, one.descriptor.digest);
    assert.is(digestAt(`${registry.host}/chunks:1`), one.descriptor.digest);
  });

  test('of an image of all platforms in the store, one platform is pushed', () => {
    const from = `${registry.host}/all:1`;
    ok('copy', '--all', `oci:${layout}:all`, from);
    ok('pull', '-q', '--all-platforms', from);
    const to = `${registry.host}/one-of-all:1`;
    assert.is(ok('push', '--platform', 'linux/s390x', from, to).split('\n')[0], other.descriptor.digest);
    assert.is(digestAt(to), other.descriptor.digest);
    assert.is(call('push', '--platform', 'linux/arm64', from, to).status, 3);
  });

  test('a damaged blob of the store stops a push and a copy, and the error says how it is mended', async () => {
    const name = 'localhost/damaged:1';
    const settings = { root: join(tempDir(), 'store'), env: { HOME: '/nonexistent' } };
    const [layer = ''] = one.blobs.keys();
    const file = join(settings.root, 'blobs', layer.replace(':', '/'));
    const hint = /tsimg store check --repair/;
    for (const send of [
      (to: string) => pushImage(name, parseReference(to), settings),
      (to: string) => copySource(name, to, { ...settings, all: true }),
    ]) {
      await copySource(`oci:${layout}:one`, `store:${name}`, settings);
      writeFileSync(file, Buffer.alloc(readFileSync(file).length, 7));
      const damaged = await failureOf(send(`${registry.host}/damaged:1`), 'DIGEST_MISMATCH');
      assert.match(`${damaged.message} ${damaged.hint}`, /the image is damaged in the store .*moved away/);
      assert.match(damaged.hint ?? '', hint);
      assert.match((await failureOf(send(`${registry.host}/damaged:1`), 'BLOB_NOT_FOUND')).hint ?? '', hint);
    }
  });

  test('push into a registry with login needs the account, and says so', () => {
    const to = `${closed.host}/app:1`;
    const from = `oci:${layout}:one`;
    const refused = call('push', from, to);
    assert.is(refused.status, 4);
    assert.match(refused.stderr, /tsimg: cannot push blob sha256:.*--creds/);
    const wrong = call('push', '--creds', 'me:wrong', from, to);
    assert.is(wrong.status, 4);
    assert.match(wrong.stderr, 'refuses the credentials');
    ok('push', '-q', '--creds', `${ACCOUNT.username}:${ACCOUNT.password}`, from, to);
  });

  test('copy takes one platform, or all of them, from and to registries and layouts', () => {
    const all = `${registry.host}/multi:all`;
    assert.is(ok('copy', '--all', `oci:${layout}:all`, all), index.descriptor.digest);
    assert.is(digestAt(all), index.descriptor.digest);
    const again = `${registry.host}/elsewhere/multi:all`;
    const report = JSON.parse(ok('copy', '--all', '--json', `docker://${all}`, `docker://${again}`));
    assert.equal([report.digest, report.names], [index.descriptor.digest, [again]]);
    const [out, archive] = [join(tempDir(), 'out'), join(tempDir(), 'out.tar')];
    assert.is(ok('copy', '--platform', 'linux/s390x', all, `oci:${out}:x`), other.descriptor.digest);
    assert.is(ok('copy', '--all', all, `oci-archive:${archive}:x`), index.descriptor.digest);
    const inside = spawnSync('skopeo', ['inspect', '--raw', `oci-archive:${archive}:x`], { encoding: 'utf8' });
    assert.is(inside.stdout, index.bytes.toString());
    const back = JSON.parse(ok('inspect', '--json', `oci:${out}:x`));
    assert.ok(back !== undefined);
  });

  test('an archive that exists is replaced only if copy is told so', () => {
    for (const transport of ['docker-archive', 'oci-archive']) {
      const archive = join(tempDir(), 'out.tar');
      writeFileSync(archive, '');
      const args = ['-q', '--platform', 'linux/amd64', `oci:${layout}:all`, `${transport}:${archive}:app:1`];
      assert.is(ok('copy', ...args), one.descriptor.digest, 'an empty file, as mktemp makes it, is no archive');
      const before = readFileSync(archive);
      const { status, stderr } = call('copy', ...args);
      assert.is(status, 1);
      assert.match(stderr, 'tsimg: the archive exists');
      assert.match(stderr, '--force');
      assert.ok(readFileSync(archive).equals(before));
      ok('copy', '--force', ...args);
      assert.is(ok('manifest', '--digest', `${transport}:${archive}`), one.descriptor.digest);
    }
  });

  test('a docker-archive holds what docker loads, under a name that docker has', () => {
    const archive = join(tempDir(), 'out.tar');
    const all = call('copy', '--all', `oci:${layout}:all`, `docker-archive:${archive}`);
    assert.is(all.status, 2);
    assert.match(all.stderr, 'tsimg: a docker-archive holds no index');
    const artifact = call('copy', '--all', `oci:${layout}:artifact`, `docker-archive:${archive}`);
    assert.is(artifact.status, 1);
    assert.match(artifact.stderr, 'tsimg: an artifact, not an image');
    for (const name of ['App', `app@${one.descriptor.digest}`, 'a b']) {
      const { status, stderr } = call('copy', `oci:${layout}:one`, `docker-archive:${archive}:${name}`);
      assert.is(status, 2, stderr);
    }
    assert.not(existsSync(archive));
    ok('copy', `oci:${layout}:one`, `docker-archive:${archive}:app:1`);
    const listed = spawnSync('tar', ['-xOf', archive, 'manifest.json'], { encoding: 'utf8' }).stdout;
    assert.equal(JSON.parse(listed)[0].RepoTags, ['app:1']);
    const pinned = `localhost/pinned@${one.descriptor.digest}`;
    ok('copy', `oci:${layout}:one`, `store:${pinned}`);
    const saved = call('save', '-o', archive, pinned);
    assert.is(saved.status, 0, saved.stderr);
    assert.match(saved.stderr, `${pinned} is no name of docker’s`);
  });

  test('what a call would ignore is refused, and each refusal says what to do', () => {
    const both = call('copy', '--all', '--platform', 'linux/amd64', `oci:${layout}:all`, `oci:${tempDir()}`);
    assert.is(both.status, 2);
    assert.match(both.stderr, '--all and --platform exclude each other');
    const out = join(tempDir(), 'out');
    for (const [option, sink] of [
      ['--chunk-size=1m', `oci:${out}`],
      ['--dest-creds=a:b', `docker-archive:${out}`],
      ['--dest-tls-verify=false', 'store:localhost/a:1'],
      [`--dest-cert-dir=${tempDir()}`, `oci-archive:${out}`],
    ] as const) {
      const { status, stderr } = call('copy', option, `oci:${layout}:one`, sink);
      assert.is(status, 2, `${option} ${sink}: ${stderr}`);
      assert.match(stderr, `tsimg: ${option.replace(/=.*/, '')} is for a registry`);
    }
    assert.is(call('copy', '--force', `oci:${layout}:one`, `oci:${out}`).status, 2);
    assert.not(existsSync(out));
    const many = call('copy', 'a', 'b', 'c');
    assert.match(many.stderr, /^tsimg: too many arguments for 'copy': it takes 2, and 3 are given; /);
    const device = call('copy', `oci:${layout}:one`, 'oci:/dev/null');
    assert.is(device.status, 1);
    assert.match(device.stderr, 'oci-archive:FILE');
    const sparse = writeLayout(
      join(tempDir(), 'sparse'),
      [named(index.descriptor, 'all')],
      new Map([...one.blobs, [index.descriptor.digest, index.bytes]]),
    );
    const partial = call('copy', '--all', `oci:${sparse}:all`, `oci:${join(tempDir(), 'out')}`);
    assert.is(partial.status, 3);
    assert.match(partial.stderr, /the image for linux\/s390x is listed but not there.*--platform/);
  });

  test('copy --referrers brings signatures along, and they hold at the other place', async () => {
    const [from, to] = [`${registry.host}/signed/from`, `${registry.host}/signed/to`];
    const world = await makeSignerWorld();
    const keys = ecKeys();
    const key = join(tempDir(), 'cosign.pub');
    writeFileSync(key, publicPem(keys.publicKey));
    ok('copy', `oci:${layout}:one`, `${from}:1`);
    const layer = await cosignLayer(world, world.keySigner(keys), one.descriptor.digest);
    await attachLayers(registry.host, 'signed/from', one.descriptor, layer);
    ok('copy', `${from}:1`, `${to}:bare`);
    const verify = (name: string) => call('verify', '--key', key, '--trusted-root', world.trustedRoot, name);
    assert.is(verify(`${to}:bare`).status, 5);
    assert.is(JSON.parse(ok('copy', '--referrers', '--json', `${from}:1`, `${to}:1`)).attached, 1);
    assert.is(verify(`${to}:1`).status, 0);
    ok('copy', '--referrers', `${from}:1`, 'store:localhost/signed:1');
    const listed = call('referrers', '--json', 'localhost/signed:1');
    assert.is(JSON.parse(listed.stdout).length, 1);
    assert.match(listed.stderr, 'this is the list of the store');
    assert.is(call('referrers', `${from}:1`).stderr, '');
    assert.is(verify('store:localhost/signed:1').status, 0);
    const folder = tempDir();
    for (const sink of [`oci:${join(folder, 'out')}:1`, `oci-archive:${join(folder, 'out.tar')}:1`]) {
      ok('copy', '--referrers', `${from}:1`, sink);
      assert.is(verify(sink).status, 0, sink);
    }
    // The image is the only one: what is attached to it is none, and no second copy adds it again.
    ok('copy', '--referrers', `oci-archive:${join(folder, 'out.tar')}:1`, `oci:${join(folder, 'out')}:1`);
    const entries = JSON.parse(readFileSync(join(folder, 'out', 'index.json'), 'utf8')).manifests;
    assert.is(entries.length, 2);
    assert.is(JSON.parse(ok('inspect', `oci:${join(folder, 'out')}`))[0].Id, one.config.digest);
    const loaded: readonly { digest: string }[] = JSON.parse(ok('load', '--json', '-i', join(folder, 'out.tar')));
    assert.equal(
      loaded.map(({ digest }) => digest),
      [one.descriptor.digest],
    );
    const refused = call('copy', '--referrers', `${from}:1`, `docker-archive:${join(folder, 'd.tar')}:localhost/d:1`);
    assert.is(refused.status, 2);
    assert.match(refused.stderr, 'write an oci-archive, or leave out --referrers');
  });

  test('copy --referrers takes what refers to the image, and not what a list says of others', async () => {
    const { digest } = one.descriptor;
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', bytes: Buffer.from('{}') };
    const layers = [{ mediaType: 'text/plain', bytes: Buffer.from('note') }];
    for (const [name, subject, attached] of [
      ['true', one.descriptor, 1],
      ['false', other.descriptor, 0],
    ] as const) {
      const from = `${registry.host}/listed/${name}`;
      ok('copy', `oci:${layout}:one`, `${from}:1`);
      const referrer = await pushArtifact(registry.host, `listed/${name}`, { layers, config, fields: { subject } });
      const list = makeIndex([referrer]);
      await pushDocument(
        registry.host,
        `listed/${name}`,
        list.descriptor.mediaType,
        list.bytes,
        digest.replace(':', '-'),
      );
      const report = JSON.parse(ok('copy', '--referrers', '--json', `${from}:1`, `${from}-copied:1`));
      assert.equal([report.digest, report.attached], [digest, attached], name);
      const archive = `oci-archive:${join(tempDir(), 'out.tar')}`;
      ok('copy', '--referrers', `${from}:1`, archive);
      assert.is(JSON.parse(call('referrers', '--json', archive).stdout).length, attached);
    }
  });

  test('a copy that fails leaves the destination as it was', () => {
    const archive = join(tempDir(), 'out.tar');
    const missing = call('copy', `docker://${registry.host}/nothing:1`, `oci-archive:${archive}`);
    assert.is(missing.status, 3);
    assert.not(existsSync(archive));
    assert.is(call('copy', `oci:${layout}:one`, './somewhere').status, 2);
    assert.is(call('push', 'localhost/unknown:1').status, 3);
  });

  test('a digest as destination must be the image’s, and what is missing or too small is told', () => {
    const wrong = `${registry.host}/pinned@sha256:${'0'.repeat(64)}`;
    for (const verb of [['push'], ['copy'], ['copy', '--all']]) {
      const { status, stderr } = call(...verb, `oci:${layout}:one`, wrong);
      assert.is(status, 5, stderr);
      assert.match(stderr, `it is ${one.descriptor.digest}`);
      assert.is.not(call('tags', `${registry.host}/pinned`).status, 0);
    }
    ok('push', `oci:${layout}:one`, `${registry.host}/pinned@${one.descriptor.digest}`);
    assert.match(call('push', `oci:${layout}:one`).stderr, 'the destination is missing');
    assert.match(call('push', 'localhost/a:1', 'oci:somewhere').stderr, 'tsimg copy localhost/a:1 oci:somewhere');
    assert.match(call('push', `docker://${registry.host}/a:1`, `${registry.host}/b:1`).stderr, 'tsimg copy docker://');
    const small = call('push', '--chunk-size', '0', `oci:${layout}:one`, `${registry.host}/small:1`);
    assert.is(small.status, 2);
    assert.match(small.stderr, 'at least 1024 bytes');
  });

  test('an archive goes into the pipe behind a link, and the link stays', () => {
    const link = join(tempDir(), 'stdout');
    symlinkSync('/proc/self/fd/1', link);
    const { stdout, status } = spawnSync(
      'sh',
      ['-c', `"$@" | tar -t`, 'sh', process.execPath, '--', MAIN, 'save', '-o', link, `oci:${layout}:one`],
      { encoding: 'utf8', env: { ...process.env, TSIMG_ROOT: root }, timeout: 60_000 },
    );
    assert.is(status, 0);
    assert.match(stdout, /^index\.json$/m);
    assert.is(readlinkSync(link), '/proc/self/fd/1');
  });

  test('an image that the policy rejects is copied nowhere', () => {
    const policy = join(tempDir(), 'policy.json');
    writeFileSync(policy, JSON.stringify({ default: [{ type: 'reject' }] }));
    for (const verb of [['push'], ['copy'], ['copy', '--all']]) {
      const to = `${registry.host}/rejected:1`;
      assert.is(call(...verb, '--signature-policy', policy, `oci:${layout}:all`, to).status, 5, verb.join(' '));
      assert.is.not(call('tags', `${registry.host}/rejected`).status, 0);
    }
  });
}

test.run();
