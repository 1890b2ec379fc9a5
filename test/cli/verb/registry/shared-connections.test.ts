import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tsimgAsync } from '../../../support/command/tsimg-async.ts';
import { makeImage } from '../../../support/image/image.ts';
import { type Exchange, startFakeRegistry } from '../../../support/registry/fake-registry.ts';
import { tempDir } from '../../../support/temp-dir.ts';

// What verbs with several references ask of one registry: where it is, and who asks, they find out once.

const test = suite('cli/verb/registry/shared-connections');
const made = makeImage({ layers: [Buffer.from('not much')] });
const CREDENTIALS = `Basic ${Buffer.from('me:sesame').toString('base64')}`;

/** What a registry with Basic authentication has in a repository. */
function contentOf(repository: string): readonly Exchange[] {
  return [...made.blobs].flatMap(([digest, body]): readonly Exchange[] => {
    const isManifest = digest === made.descriptor.digest;
    const headers = isManifest ? { 'content-type': made.descriptor.mediaType } : {};
    const places = isManifest ? [`manifests/1`, `manifests/${digest}`] : [`blobs/${digest}`];
    return places.map((place) => ({
      path: `/v2/${repository}/${place}`,
      when: { authorization: CREDENTIALS },
      headers,
      body,
    }));
  });
}

const refusal = (repository: string): Exchange => ({
  path: `/v2/${repository}/manifests/1`,
  status: 401,
  headers: { 'www-authenticate': 'Basic realm="fake"' },
});

for (const verb of ['pull', 'save'] as const) {
  test(`${verb} of several references asks one registry once who may read`, async () => {
    await using registry = await startFakeRegistry([...contentOf('a/one'), ...contentOf('b/two')]);
    registry.expect(refusal('a/one'), refusal('b/two'));
    const references = ['a/one:1', 'b/two:1'].map((name) => `docker://${registry.host}/${name}`);
    const output = verb === 'save' ? ['-o', join(tempDir(), 'both.tar')] : [];
    const options = ['--creds', 'me:sesame', '--no-mirrors'];
    const { status, stderr } = await tsimgAsync([verb, '-q', ...options, ...output, ...references], {
      TSIMG_ROOT: join(tempDir(), 'store'),
      HOME: '/nonexistent',
    });
    assert.is(status, 0, stderr);
    const asked = registry.requests.filter(({ path }) => path !== '/v2/');
    const anonymous = asked.filter(({ headers }) => headers.authorization === undefined);
    assert.ok(anonymous.every(({ path }) => path === '/v2/a/one/manifests/1'));
    assert.ok(asked.some(({ path }) => path.startsWith('/v2/b/two/')));
  });
}

test.run();
