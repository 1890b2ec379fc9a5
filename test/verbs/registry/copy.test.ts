import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hexOf } from '../../../src/oci/digest.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { copySource } from '../../../src/verbs/registry/copy.ts';
import { pushImage } from '../../../src/verbs/registry/push.ts';
import { tsimgAsync } from '../../support/command/tsimg-async.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { ACCOUNT, startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Whose credentials go where, when an image goes from one registry to another.

const test = suite('verbs/registry/copy');

if (haveTools('docker-registry')) {
  const closed = await startDockerRegistry({ login: true });
  test.after(async () => closed[Symbol.asyncDispose]());
  const credentials = { kind: 'basic', ...ACCOUNT } as const;
  const basic = `Basic ${Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')}`;
  const made = makeImage({ layers: [Buffer.alloc(2000, 'x')], gzip: true });
  const layout = writeLayout(join(tempDir(), 'layout'), [named(made.descriptor, '1')], made.blobs);
  const options = {
    env: { HOME: '/nonexistent' },
    requests: { retries: 0, retryDelay: 1 },
    root: join(tempDir(), 'store'),
  };
  const source = `docker://${closed.host}/app:1`;

  test('the credentials of the source go to its registry alone, and the destination has its own', async () => {
    await pushImage(`oci:${layout}:1`, parseReference(`${closed.host}/app:1`), { ...options, credentials });
    const [layer] = [...made.blobs.keys()];
    const other = { kind: 'basic', username: 'other', password: 'secret' } as const;
    for (const destination of [undefined, { credentials: other }]) {
      await using fake = await startFakeRegistry();
      const challenge = { 'www-authenticate': 'Basic realm="x"' };
      const path = '/v2/stolen/blobs';
      for (const digest of [layer, made.config.digest]) {
        fake.expect({ method: 'HEAD', path: `${path}/${digest}`, status: 401, headers: challenge });
      }
      fake.expect({ method: 'POST', path: `${path}/uploads/`, status: 401, headers: challenge });
      await failureOf(copySource(source, `${fake.host}/stolen:1`, { ...options, credentials, destination }));
      const sent = fake.requests.map(({ headers }) => headers.authorization).filter((header) => header !== undefined);
      assert.not(sent.includes(basic));
      assert.is(sent.length > 0, destination !== undefined);
    }
  });

  test('where the source is no registry, the credentials are the destination’s', async () => {
    const to = `${closed.host}/plain:1`;
    const { digest } = await copySource(`oci:${layout}:1`, to, { ...options, credentials });
    assert.is(digest, made.descriptor.digest);
    const { names } = await copySource(source, `${closed.host}/again:1`, {
      ...options,
      credentials,
      destination: { credentials },
    });
    assert.equal(names, [`${closed.host}/again:1`]);
  });

  test('an image of a registry is not pushed: the credentials are for one registry', async () => {
    const pushed = pushImage(source, parseReference('127.0.0.1:1/a:1'), { ...options, credentials });
    assert.match((await failureOf(pushed, 'USAGE')).hint ?? '', 'tsimg copy docker://');
  });
}

test('a foreign layer is copied from its URL where that is allowed, and the error says by which option', async () => {
  const image = makeImage({ layers: [Buffer.alloc(1000, 'x')], gzip: true });
  const [layer] = [...image.blobs.keys()];
  await using elsewhere = await startFakeRegistry([{ path: '/layer', body: image.blobs.get(layer as never) ?? '' }]);
  await using registry = await startFakeRegistry();
  const manifest = JSON.parse(String(image.blobs.get(image.descriptor.digest)));
  manifest.layers[0].mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
  manifest.layers[0].urls = [`${elsewhere.origin}/layer`];
  const headers = { 'content-type': image.descriptor.mediaType };
  registry.expect(
    { path: '/v2/', body: '{}' },
    { path: '/v2/made/manifests/1', headers, body: JSON.stringify(manifest) },
    { path: `/v2/made/blobs/${image.config.digest}`, body: image.blobs.get(image.config.digest) ?? '' },
    { path: `/v2/made/blobs/${layer}`, status: 404 },
  );
  const layout = join(tempDir(), 'layout');
  const words = ['copy', `docker://${registry.host}/made:1`, `oci:${layout}`];
  const refused = await tsimgAsync(words);
  const [, port = ''] = elsewhere.host.split(':');
  assert.is(refused.status, 3);
  assert.match(refused.stderr, new RegExp(`a foreign layer.*--allow-foreign-urls of pull and copy .*:${port}`));
  const { status, stderr } = await tsimgAsync([...words, '--allow-foreign-urls']);
  assert.is(status, 0, stderr);
  assert.ok(existsSync(join(layout, 'blobs', 'sha256', hexOf(layer ?? image.config.digest))));
});

test.run();
