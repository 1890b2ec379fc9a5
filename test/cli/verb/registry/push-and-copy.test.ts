import { spawnSync } from 'node:child_process';
import { existsSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ACCOUNT, startDockerRegistry } from '../../../support/docker-registry.ts';
import { makeImage, makeIndex } from '../../../support/image.ts';
import { named, writeLayout } from '../../../support/layout.ts';
import { pushArtifact, pushDocument } from '../../../support/push.ts';
import { attachLayers, cosignLayer } from '../../../support/signed-image.ts';
import { ecKeys, makeSignerWorld, publicPem } from '../../../support/signer.ts';
import { tempDir } from '../../../support/temp-dir.ts';
import { haveTools } from '../../../support/tools.ts';
import { MAIN, tsimg } from '../../../support/tsimg.ts';

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
  const blobs = new Map([...one.blobs, ...other.blobs, [index.descriptor.digest, index.bytes]]);
  const layout = writeLayout(
    join(tempDir(), 'layout'),
    [named(index.descriptor, 'all'), named(one.descriptor, 'one')],
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
    assert.is(verify('store:localhost/signed:1').status, 0);
    const refused = call('copy', '--referrers', `${from}:1`, `oci:${join(tempDir(), 'out')}:1`);
    assert.is(refused.status, 2);
    assert.match(refused.stderr, 'leave out --referrers');
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
