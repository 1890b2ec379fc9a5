import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
import { gpgPayload, makeGpgHome } from '../../support/signed/gpg.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

// Signatures by GnuPG, made by skopeo and by hand, in a directory and at a lookaside. skopeo judges the same.

const test = suite('verbs/verify/gpg');

type Requirement = Readonly<Record<string, unknown>>;

if (haveTools('docker-registry', 'skopeo', 'gpg', 'gpgv')) {
  const registry = await startDockerRegistry();
  const { host } = registry;
  const gpg = makeGpgHome();
  const [signer, other] = [gpg.key('signer'), gpg.key('other')];
  const home = tempDir();
  const lookaside = tempDir();
  const env = { HOME: home, XDG_RUNTIME_DIR: home, PATH: process.env.PATH, GNUPGHOME: gpg.folder };
  const registriesD = join(home, '.config', 'containers', 'registries.d');
  mkdirSync(registriesD, { recursive: true });
  const configure = (base: string | undefined) =>
    writeFileSync(
      join(registriesD, 'test.yaml'),
      base === undefined ? '' : `docker:\n  ${host}: { lookaside: "${base}" }\n`,
    );
  configure(`file://${lookaside}`);
  const root = join(tempDir(), 'store');
  test.after(async () => {
    gpg[Symbol.dispose]();
    await registry[Symbol.asyncDispose]();
  });

  /** A fresh image in a repository of its own; by skopeo signed for its name there, where a key is given. */
  const push = (name: string, options: { readonly signBy?: string; readonly identity?: string } = {}) => {
    const image = makeImage({ layers: [Buffer.alloc(1024, name)], gzip: true });
    const path = writeLayout(join(tempDir(), 'layout'), [named(image.descriptor, 'latest')], image.blobs);
    const { signBy, identity } = options;
    const sign = signBy === undefined ? [] : ['--sign-by', signBy];
    const as = identity === undefined ? [] : ['--sign-identity', identity];
    const flags = ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', ...sign, ...as];
    const copied = spawnSync('skopeo', [...flags, `oci:${path}:latest`, `docker://${host}/${name}:1`], { env });
    assert.is(copied.status, 0, String(copied.stderr));
    return {
      reference: `${host}/${name}:1`,
      digest: image.descriptor.digest,
      folder: folderOf(name, image.descriptor.digest),
    };
  };
  const folderOf = (name: string, digest: string) => join(lookaside, `${name}@${digest.replace(':', '=')}`);
  /** Lays signatures of one's own at the lookaside. */
  const lay = (folder: string, ...signatures: readonly Buffer[]) => {
    mkdirSync(folder, { recursive: true });
    for (const [index, bytes] of signatures.entries()) writeFileSync(join(folder, `signature-${index + 1}`), bytes);
  };
  const policyOf = (...requirements: readonly Requirement[]): string => {
    const file = join(tempDir(), 'policy.json');
    const list = requirements.map((each) => ({ type: 'signedBy', keyType: 'GPGKeys', ...each }));
    writeFileSync(
      file,
      JSON.stringify({ default: [{ type: 'reject' }], transports: { docker: { [host]: list }, dir: { '': list } } }),
    );
    return file;
  };
  /** Why an image is refused; undefined where it is let in. */
  const tsimg = async (policy: string, source: string): Promise<string | undefined> => {
    const options = { root, env, signaturePolicy: policy };
    try {
      if (source.startsWith('dir:')) await (await openImage(source, options)).close();
      else await pullToStore(parseReference(source), options);
      return undefined;
    } catch (error) {
      if (!(error instanceof TsimgError)) throw error;
      assert.not.match(error.message, /\n/);
      if (error.code !== 'IMAGE_REJECTED') return `${error.code}: ${error.message}`;
      const scope = source.startsWith('dir:') ? 'dir: ""' : `docker: ${host}`;
      const start = `${policy}, ${scope}: `;
      assert.ok(error.why?.startsWith(start), error.message);
      return error.why?.slice(start.length) ?? '';
    }
  };
  const skopeo = (policy: string, source: string): boolean => {
    const from = source.startsWith('dir:') ? source : `docker://${source}`;
    const args = ['--policy', policy, 'copy', '--quiet', '--remove-signatures', '--src-tls-verify=false', from];
    const { status, stderr } = spawnSync('skopeo', [...args, `dir:${join(tempDir(), 'out')}`], {
      env,
      timeout: 60_000,
    });
    assert.ok(status === 0 || /Source image rejected/.test(String(stderr)), String(stderr));
    return status === 0;
  };
  const accepted = async (source: string, ...requirements: readonly Requirement[]) => {
    const policy = policyOf(...requirements);
    assert.is(await tsimg(policy, source), undefined, JSON.stringify(requirements));
    assert.ok(skopeo(policy, source), `skopeo: ${JSON.stringify(requirements)}`);
  };
  const refused = async (source: string, why: RegExp, ...requirements: readonly Requirement[]) => {
    const policy = policyOf(...requirements);
    assert.match((await tsimg(policy, source)) ?? 'it is accepted', why);
    assert.not(skopeo(policy, source), `skopeo: ${JSON.stringify(requirements)}`);
  };
  const key = { keyPath: signer.binary };

  test('an image that skopeo signed is let in by the key of its signer alone, in whatever form the key is', async () => {
    const { reference } = push('signed', { signBy: signer.fingerprint });
    await accepted(reference, key);
    await accepted(reference, { keyPath: signer.armoured });
    await accepted(reference, { keyPaths: [other.armoured, signer.binary] });
    await accepted(reference, { keyPaths: [other.armoured, signer.armoured] });
    await accepted(reference, { keyData: readFileSync(signer.binary).toString('base64') });
    await accepted(reference, { keyData: readFileSync(signer.armoured).toString('base64') });
    await refused(reference, /signature: it was made with another key/, { keyPath: other.binary });
    await refused(reference, /signature: it was made with another key/, { keyPaths: [other.binary, other.armoured] });
  });

  test('armour with headers, several blocks, other line ends, and keys of several people in one file', async () => {
    const { reference } = push('armour', { signBy: signer.fingerprint });
    const [own, theirs] = [signer.armoured, other.armoured].map((path) => readFileSync(path, 'utf8'));
    const commented = own?.replace(/\n\n/, '\nComment: a key\nVersion: 1\n\n') ?? '';
    for (const text of [`${theirs}${own}`, commented, own?.replaceAll('\n', '\r\n') ?? '', `a key:\n${own}`]) {
      const keyPath = join(tempDir(), 'keys.asc');
      writeFileSync(keyPath, text);
      assert.is(await tsimg(policyOf({ keyPath }), reference), undefined, text);
    }
    const both = join(tempDir(), 'both.asc');
    writeFileSync(both, gpg.gpg(['--armor', '--export', other.fingerprint, signer.fingerprint]));
    await accepted(reference, { keyPath: both });
  });

  test('all requirements must hold', async () => {
    const { reference, digest, folder } = push('several');
    const payload = gpgPayload(digest, reference);
    lay(folder, gpg.sign(signer.fingerprint, payload));
    await refused(reference, /it was made with another key/, key, { keyPath: other.binary });
    lay(folder, gpg.sign(signer.fingerprint, payload), gpg.sign(other.fingerprint, payload));
    await accepted(reference, key, { keyPath: other.binary });
  });

  test('one good signature among bad ones is enough', async () => {
    const { reference, digest, folder } = push('mixed');
    const good = gpg.sign(signer.fingerprint, gpgPayload(digest, reference));
    const elsewhere = gpg.sign(signer.fingerprint, gpgPayload(digest, `${host}/elsewhere:1`));
    const notJson = gpg.sign(signer.fingerprint, 'no JSON');
    lay(folder, notJson.subarray(0, 30), notJson, elsewhere, good);
    await accepted(reference, key);
    // Here skopeo refuses the image, since the file is of no form that it knows: tsimg counts a bad signature
    lay(folder, Buffer.from('no OpenPGP'), good);
    assert.is(await tsimg(policyOf(key), reference), undefined);
  });

  test('a signature for another image is none for this one', async () => {
    const { reference, folder } = push('moved');
    const another = makeImage({ layers: [Buffer.alloc(1024, 'another')] }).descriptor.digest;
    lay(folder, gpg.sign(signer.fingerprint, gpgPayload(another, reference)));
    await refused(reference, new RegExp(`payload-digest: signed for ${another}`), key);
  });

  test('a signature must name the reference, as the policy has it', async () => {
    const vendor = 'vendor.example/space/app:1';
    const { reference, digest } = push('identity/app', { signBy: signer.fingerprint, identity: vendor });
    const by = (signedIdentity: object) => ({ ...key, signedIdentity });
    await refused(reference, /docker-reference: signed as vendor\.example\/space\/app:1/, key);
    await refused(reference, /docker-reference/, by({ type: 'matchRepository' }));
    await accepted(reference, by({ type: 'exactReference', dockerReference: vendor }));
    await refused(
      reference,
      /docker-reference/,
      by({ type: 'exactReference', dockerReference: 'vendor.example/space/app:2' }),
    );
    await accepted(reference, by({ type: 'exactRepository', dockerRepository: 'vendor.example/space/app' }));
    const remapped = { type: 'remapIdentity', prefix: `${host}/identity`, signedPrefix: 'vendor.example/space' };
    await accepted(reference, by(remapped));
    await refused(reference, /docker-reference/, by({ ...remapped, signedPrefix: 'vendor.example' }));
    await accepted(`${host}/identity/app@${digest}`, by(remapped));
  });

  test('a tag is not let in by the signature of another tag, and a digest by any of its repository', async () => {
    const { reference, digest } = push('tags', { signBy: signer.fingerprint, identity: `${host}/tags:2` });
    await refused(reference, /docker-reference: signed as .*tags:2/, key);
    await accepted(`${host}/tags@${digest}`, key);
    await accepted(reference, { ...key, signedIdentity: { type: 'matchRepository' } });
    await refused(`${host}/tags@${digest}`, /docker-reference/, { ...key, signedIdentity: { type: 'matchExact' } });
  });

  test('a payload that is not the one for images is refused', async () => {
    const { reference, digest, folder } = push('payload');
    const whole = JSON.parse(gpgPayload(digest, reference));
    const { optional, ...bare } = whole;
    const text = JSON.stringify(whole);
    for (const payload of [
      gpgPayload(digest, reference, { type: 'cosign container image signature' }),
      JSON.stringify({ ...whole, more: 1 }),
      JSON.stringify(bare),
      gpgPayload(digest, reference, { more: 1 }),
      gpgPayload(digest, reference, { image: { 'docker-manifest-digest': digest, more: 1 } }),
      text.replace('"type":', '"type":"odd","type":'),
      `${text}${text}`,
    ]) {
      lay(folder, gpg.sign(signer.fingerprint, payload));
      await refused(reference, /format: |payload-type: /, key);
    }
    assert.ok(optional);
  });

  test('a signature that has expired, by a key that has expired or was revoked, is refused', async () => {
    const brief = gpg.key('brief', { madeAt: '20240101T000000', expires: '20240201T000000' });
    const revoked = gpg.key('revoked');
    const { reference, digest, folder } = push('expired');
    const payload = gpgPayload(digest, reference);
    const past = ['--faked-system-time', '20240115T000000!'];
    lay(folder, gpg.sign(brief.fingerprint, payload, ...past));
    await refused(reference, /signature: the key has expired/, { keyPath: brief.binary });

    const old = gpg.key('old', { madeAt: '20240101T000000' });
    lay(folder, gpg.sign(old.fingerprint, payload, ...past, '--default-sig-expire', '20240120T000000'));
    await refused(reference, /signature: the signature has expired/, { keyPath: old.binary });
    lay(folder, gpg.sign(old.fingerprint, payload, ...past));
    await accepted(reference, { keyPath: old.binary });

    lay(folder, gpg.sign(revoked.fingerprint, payload));
    await accepted(reference, { keyPath: revoked.binary });
    gpg.revoke(revoked.fingerprint);
    await refused(reference, /signature: the key was revoked/, { keyPath: gpg.exported(revoked.fingerprint).armoured });
  });

  test('changed bytes, a message that nobody signed, and one in front of a signed one are refused', async () => {
    const { reference, digest, folder } = push('forged');
    const payload = gpgPayload(digest, reference);
    const another = gpgPayload(makeImage({ layers: [Buffer.alloc(1024, 'x')] }).descriptor.digest, reference);
    const good = gpg.sign(signer.fingerprint, payload, '--compress-algo', 'none');
    const place = good.indexOf('docker-reference');
    const changed = Buffer.from(good);
    changed.write('D', place);
    const unsigned = gpg.gpg(['--store', '--compress-algo', 'none'], payload);
    const signedElse = gpg.sign(signer.fingerprint, another, '--compress-algo', 'none');
    for (const bytes of [
      changed,
      unsigned,
      Buffer.concat([unsigned, signedElse]),
      Buffer.concat([signedElse, unsigned]),
      good.subarray(0, good.length - 20),
      gpg.gpg(['--local-user', signer.fingerprint, '--detach-sign'], payload),
      Buffer.alloc(0),
    ]) {
      lay(folder, bytes);
      await refused(reference, /signature: |payload-digest: |format: /, key);
    }
  });

  test('a message that grows without end when it is unpacked is refused', async () => {
    const { reference, folder } = push('bomb');
    lay(folder, gpg.sign(signer.fingerprint, Buffer.alloc(64 * 1024 * 1024), '--compress-algo', 'zip'));
    assert.match((await tsimg(policyOf(key), reference)) ?? '', /limit: a program writes too much/);
  });

  test('an image without a signature is refused, with the place that was asked', async () => {
    const { reference } = push('unsigned');
    await refused(reference, new RegExp(`the image has no GPG signature at file://${lookaside}$`), key);
  });

  test('a key file that is missing, or holds no key, refuses the image and says so', async () => {
    const { reference } = push('keyless', { signBy: signer.fingerprint });
    assert.match(
      (await tsimg(policyOf({ keyPath: '/nonexistent/key.gpg' }), reference)) ?? '',
      /\/nonexistent\/key\.gpg/,
    );
    const empty = join(tempDir(), 'empty.gpg');
    writeFileSync(empty, '');
    await refused(reference, /signature: /, { keyPath: empty });
    await refused(reference, /signature: /, { keyData: Buffer.from('nonsense').toString('base64') });
    await refused(reference, /keys of the type signedByGPGKeys are not supported/, {
      ...key,
      keyType: 'signedByGPGKeys',
    });
  });

  test('signatures in a dir: are read beside the image, and fit what the policy names alone', async () => {
    const { reference } = push('directory', { signBy: signer.fingerprint });
    const dir = `dir:${join(tempDir(), 'image')}`;
    const copied = spawnSync(
      'skopeo',
      ['--insecure-policy', 'copy', '-q', '--src-tls-verify=false', `docker://${reference}`, dir],
      { env },
    );
    assert.is(copied.status, 0, String(copied.stderr));
    const exactly = { ...key, signedIdentity: { type: 'exactReference', dockerReference: reference } };
    await accepted(dir, exactly);
    await refused(dir, /docker-reference/, key);
    await refused(dir, /made with another key/, { ...exactly, keyPath: other.binary });
    lay(dir.slice(4), Buffer.from('\0other-format\n{}'));
    await refused(dir, /no signature/, exactly);
  });

  test('a lookaside of HTTP is asked for signatures, from 1 on until there is none', async () => {
    const { reference, digest } = push('http');
    const good = gpg.sign(signer.fingerprint, gpgPayload(digest, reference));
    const asked: string[] = [];
    let status = 200;
    const server = createServer(({ url = '' }, response) => {
      asked.push(url);
      const found = url.endsWith('signature-1')
        ? gpg.sign(other.fingerprint, 'x')
        : url.endsWith('signature-2')
          ? good
          : undefined;
      response.writeHead(found === undefined ? 404 : status).end(status === 200 ? found : '');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    try {
      const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      configure(`${base}/sigs/`);
      assert.is(await tsimg(policyOf(key), reference), undefined);
      const place = `/sigs/http@${digest.replace(':', '=')}`;
      assert.equal(
        asked,
        [1, 2, 3].map((number) => `${place}/signature-${number}`),
      );
      status = 500;
      assert.match(
        (await tsimg(policyOf(key), reference)) ?? '',
        /^REGISTRY_ERROR: /,
        'a server that fails has no "none"',
      );
    } finally {
      await new Promise((done) => server.close(done));
    }
    assert.match((await tsimg(policyOf(key), reference)) ?? '', /^REGISTRY_UNREACHABLE: /);
    configure(`file://${lookaside}`);
  });

  test('a lookaside that is no place of files or of HTTP is refused', async () => {
    const { reference } = push('places', { signBy: signer.fingerprint });
    for (const base of [lookaside, 'ftp://127.0.0.1/a', `file://elsewhere.example${lookaside}`, 'data:,a']) {
      configure(base);
      assert.match(
        (await tsimg(policyOf(key), reference)) ?? 'it is accepted',
        /^POLICY_INVALID: .*a lookaside is a URL/,
        base,
      );
    }
    configure(`file://${lookaside}`);
    assert.is(await tsimg(policyOf(key), reference), undefined);
  });

  test('where no lookaside is configured, the refusal says where one would be', async () => {
    const { reference } = push('nowhere');
    configure(undefined);
    try {
      assert.match(
        (await tsimg(policyOf(key), reference)) ?? '',
        /the image has no GPG signature at file:\/\/\/.*containers\/sigstore$/,
      );
    } finally {
      configure(`file://${lookaside}`);
    }
  });
} else {
  test('skipped: needs docker-registry, skopeo, gpg and gpgv', () =>
    console.log('skipped: needs docker-registry, skopeo, gpg and gpgv'));
}

test.run();
