import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { parseReference } from '../../../src/oci/reference.ts';
import { openImage } from '../../../src/verbs/image/open-image.ts';
import { pullToStore } from '../../../src/verbs/image/pull-to-store.ts';
import { makeImage } from '../../support/image/image.ts';
import { named, writeLayout } from '../../support/image/layout.ts';
import { startDockerRegistry } from '../../support/registry/docker-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Policies that skopeo and tsimg are both asked about, with the same images: what they answer must be the same.

const test = suite('verbs/verify/policy-compared');

type Outcome = 'accepted' | 'rejected' | 'invalid';

const ACCEPT = [{ type: 'insecureAcceptAnything' }];
const REJECT = [{ type: 'reject' }];

if (haveTools('docker-registry', 'skopeo')) {
  const registry = await startDockerRegistry();
  const { host } = registry;
  const home = tempDir();
  const env = { HOME: home, XDG_RUNTIME_DIR: home, PATH: process.env.PATH };
  const root = join(tempDir(), 'store');
  const made = makeImage({ layers: [Buffer.alloc(1024, 'policy')], gzip: true });
  const files = tempDir();
  const layout = writeLayout(join(files, 'layout'), [named(made.descriptor, 'latest')], made.blobs);
  const dir = join(files, 'images', 'one');
  mkdirSync(join(files, 'images'));
  for (const name of ['a/b:t', 'ab/c:t']) registry.fill(`oci:${layout}:latest`, name);
  const byDigest = `a/b@${made.descriptor.digest}`;
  test.after(async () => {
    await registry[Symbol.asyncDispose]();
  });

  const skopeo = (policy: string, source: string): Outcome => {
    const args = [
      '--policy',
      policy,
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      source,
      `dir:${join(tempDir(), 'out')}`,
    ];
    const { status, stderr } = spawnSync('skopeo', args, { env, encoding: 'utf8', timeout: 60_000 });
    if (status === 0) return 'accepted';
    if (/Error loading trust policy/.test(stderr)) return 'invalid';
    if (/Source image rejected|no such file or directory/.test(stderr)) return 'rejected';
    throw new Error(`skopeo: ${stderr}`);
  };
  const tsimg = async (signaturePolicy: string, source: string): Promise<Outcome> => {
    const options = { root, env, signaturePolicy };
    try {
      if (source.startsWith('docker://')) await pullToStore(parseReference(source.slice(9)), options);
      else await (await openImage(source, options)).close();
      return 'accepted';
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
      assert.not.match(error.message, /\n/);
      if (error.code === 'POLICY_INVALID' || error.code === 'SOURCE_NOT_FOUND') return 'invalid';
      if (error.code === 'IMAGE_REJECTED') return 'rejected';
      throw error;
    }
  };
  const both = async (policy: unknown, source: string, expected: Outcome) => {
    const file = join(tempDir(), 'policy.json');
    const text = typeof policy === 'string' ? policy : JSON.stringify(policy);
    writeFileSync(file, text);
    assert.is(skopeo(file, source), expected, `skopeo, ${source}: ${text}`);
    assert.is(await tsimg(file, source), expected, `tsimg, ${source}: ${text}`);
  };
  const docker = (scopes: object, standard: unknown = REJECT) => ({
    default: standard,
    transports: { docker: scopes },
  });
  const url = (name: string) => `docker://${host}/${name}`;

  const scopes: readonly [title: string, policy: object, name: string, expected: Outcome][] = [
    ['what is accepted by default', { default: ACCEPT }, 'a/b:t', 'accepted'],
    ['what is rejected by default', { default: REJECT }, 'a/b:t', 'rejected'],
    ['a tag', docker({ [`${host}/a/b:t`]: ACCEPT }), 'a/b:t', 'accepted'],
    ['another tag', docker({ [`${host}/a/b:u`]: ACCEPT }), 'a/b:t', 'rejected'],
    ['a tag, where a digest is asked for', docker({ [`${host}/a/b:t`]: ACCEPT }), byDigest, 'rejected'],
    ['a digest', docker({ [`${host}/${byDigest}`]: ACCEPT }), byDigest, 'accepted'],
    ['a digest, where a tag is asked for', docker({ [`${host}/${byDigest}`]: ACCEPT }), 'a/b:t', 'rejected'],
    ['a repository', docker({ [`${host}/a/b`]: ACCEPT }), 'a/b:t', 'accepted'],
    ['a namespace', docker({ [`${host}/a`]: ACCEPT }), byDigest, 'accepted'],
    ['a namespace that only begins so', docker({ [`${host}/a`]: ACCEPT }), 'ab/c:t', 'rejected'],
    ['a host with its port', docker({ [host]: ACCEPT }), 'a/b:t', 'accepted'],
    ['a host without its port', docker({ '127.0.0.1': ACCEPT }), 'a/b:t', 'rejected'],
    ['the nearest domain', docker({ '*.0.0.1': ACCEPT, '*.1': REJECT }), 'a/b:t', 'accepted'],
    ['a domain above', docker({ '*.1': ACCEPT }), 'a/b:t', 'accepted'],
    ['a domain with a port', docker({ [`*.0.0.1:${host.split(':')[1]}`]: ACCEPT }), 'a/b:t', 'rejected'],
    ['all of the transport', docker({ '': ACCEPT }), 'a/b:t', 'accepted'],
    ['all of another transport', { default: REJECT, transports: { dir: { '': ACCEPT } } }, 'a/b:t', 'rejected'],
    [
      'a repository in a namespace',
      docker({ [`${host}/a/b`]: REJECT, [`${host}/a`]: ACCEPT }, ACCEPT),
      'a/b:t',
      'rejected',
    ],
    ['two requirements that exclude each other', docker({ [host]: [...ACCEPT, ...REJECT] }), 'a/b:t', 'rejected'],
  ];
  for (const [title, policy, name, expected] of scopes) {
    test(`the scope: ${title}`, () => both(policy, url(name), expected));
  }

  const key = Buffer.from('a key').toString('base64');
  const accept = JSON.stringify(ACCEPT);
  const signedBy = { type: 'signedBy', keyType: 'GPGKeys', keyPath: '/nonexistent/key.gpg' };
  const withIdentity = (signedIdentity: object) =>
    docker({ 'other.example': [{ ...signedBy, signedIdentity }] }, ACCEPT);
  const parsing: readonly [title: string, policy: unknown, expected: Outcome][] = [
    ['an unknown key at the top', { default: ACCEPT, comment: 'x' }, 'invalid'],
    ['an unknown key of a requirement', { default: [{ ...ACCEPT[0], comment: 'x' }] }, 'invalid'],
    ['a key that stands twice', `{"default":${accept},"default":${accept}}`, 'invalid'],
    [
      'a scope that stands twice',
      `{"default":${accept},"transports":{"docker":{"a":${accept},"a":${accept}}}}`,
      'invalid',
    ],
    ['an unknown type', { default: [{ type: 'accept' }] }, 'invalid'],
    [
      'an unknown type in a scope that is not asked for',
      docker({ 'a.example': [{ type: 'accept' }] }, ACCEPT),
      'invalid',
    ],
    ['an empty list', { default: [] }, 'invalid'],
    ['an empty list of a scope', docker({ 'a.example': [] }, ACCEPT), 'invalid'],
    ['no default', { transports: { docker: { '': ACCEPT } } }, 'invalid'],
    ['two sources of keys', { default: [{ ...signedBy, keyData: key }] }, 'invalid'],
    ['no source of keys', { default: [{ type: 'signedBy', keyType: 'GPGKeys' }] }, 'invalid'],
    ['empty data of a key', { default: [{ type: 'signedBy', keyType: 'GPGKeys', keyData: '' }] }, 'rejected'],
    ['the root of all paths', { default: ACCEPT, transports: { dir: { '/': ACCEPT } } }, 'invalid'],
    ['a path that is not absolute', { default: ACCEPT, transports: { oci: { 'a/b': ACCEPT } } }, 'invalid'],
    ['a path that is not clean', { default: ACCEPT, transports: { dir: { '/a/../b': ACCEPT } } }, 'invalid'],
    [
      'a scope of docker’s archives',
      { default: ACCEPT, transports: { 'docker-archive': { '/a': ACCEPT } } },
      'invalid',
    ],
    ['a trailing comma', `{"default":${accept},}`, 'invalid'],
    ['a comment', `{"default":${accept}} // all`, 'invalid'],
    ['an unknown transport', { default: ACCEPT, transports: { 'unheard-of': { a: REJECT } } }, 'accepted'],
    [
      'an exact reference without a tag',
      withIdentity({ type: 'exactReference', dockerReference: 'a.example/b' }),
      'invalid',
    ],
    [
      'a prefix with a tag',
      withIdentity({ type: 'remapIdentity', prefix: 'a.example/b:t', signedPrefix: 'b' }),
      'invalid',
    ],
    ['a prefix', withIdentity({ type: 'remapIdentity', prefix: 'a.example', signedPrefix: 'b.example/c' }), 'accepted'],
    ['a file that is missing and not needed', docker({ 'other.example': [signedBy] }, ACCEPT), 'accepted'],
    ['a file that is missing and needed', docker({ [host]: [signedBy] }, ACCEPT), 'rejected'],
  ];
  for (const [title, policy, expected] of parsing) {
    test(`what is written: ${title}`, () => both(policy, url('a/b:t'), expected));
  }

  test('a policy that is named and not there lets nothing in', async () => {
    const file = join(tempDir(), 'missing.json');
    assert.is(skopeo(file, url('a/b:t')), 'invalid');
    assert.is(await tsimg(file, url('a/b:t')), 'invalid');
  });

  const copied = spawnSync('skopeo', ['--insecure-policy', 'copy', '--quiet', `oci:${layout}:latest`, `dir:${dir}`]);
  assert.is(copied.status, 0, String(copied.stderr));
  const paths: readonly [title: string, transport: string, scope: string, source: string, expected: Outcome][] = [
    ['a directory', 'dir', dir, `dir:${dir}`, 'accepted'],
    ['a directory above', 'dir', files, `dir:${dir}`, 'accepted'],
    ['a directory that only begins so', 'dir', `${files}/im`, `dir:${dir}`, 'rejected'],
    ['a directory that is asked for through a link', 'dir', `${files}/images`, `dir:${files}/link/one`, 'accepted'],
    ['the link to a directory', 'dir', `${files}/link`, `dir:${files}/link/one`, 'rejected'],
    ['a layout', 'oci', layout, `oci:${layout}:latest`, 'accepted'],
    ['one image of a layout', 'oci', `${layout}:latest`, `oci:${layout}:latest`, 'rejected'],
    ['a layout, as another form', 'dir', layout, `oci:${layout}:latest`, 'rejected'],
  ];
  symlinkSync('images', join(files, 'link'));
  for (const [title, transport, scope, source, expected] of paths) {
    const policy = { default: REJECT, transports: { [transport]: { [scope]: ACCEPT } } };
    test(`the path: ${title}`, () => both(policy, source, expected));
  }
} else {
  test('skipped: needs docker-registry and skopeo', () => console.log('skipped: needs docker-registry and skopeo'));
}

test.run();
