import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digestOf } from '../../../src/crypto/digest.ts';
import { TsimgError } from '../../../src/errors.ts';
import { openRegistryClient } from '../../../src/registry/client.ts';
import { certificateFolders, loadCertificates } from '../../../src/registry/http/certificates.ts';
import { failureOf } from '../../support/failure-of.ts';
import { makeCertificate } from '../../support/registry/certificate.ts';
import { startFakeRegistry } from '../../support/registry/fake-registry.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { haveTools } from '../../support/tools.ts';

const test = suite('registry/http/certificates');

function refuses(load: () => unknown, why: string): void {
  assert.throws(
    load,
    (error: unknown) => error instanceof TsimgError && `${error.message} ${error.hint}`.includes(why),
  );
}

test('a registry’s certificates are in certs.d, under its host and port; --cert-dir replaces that', () => {
  assert.equal(certificateFolders('r.test:5000', { HOME: '/h' }), [
    '/h/.config/containers/certs.d/r.test:5000',
    '/etc/containers/certs.d/r.test:5000',
    '/etc/docker/certs.d/r.test:5000',
  ]);
  assert.equal(certificateFolders('r.test', { HOME: '/h' }, '/given'), ['/given']);
  // The port of TLS may be left out on either side.
  const spelled = certificateFolders('r.test', { HOME: '/h' }).slice(0, 2);
  assert.equal(spelled, ['/h/.config/containers/certs.d/r.test', '/h/.config/containers/certs.d/r.test:443']);
  assert.ok(certificateFolders('r.test:443', { HOME: '/h' }).includes('/etc/docker/certs.d/r.test'));
});

test('missing folders are empty', () => {
  assert.ok(loadCertificates(['/nonexistent/certs'], {}));
});

test('a client’s certificate needs its key', () => {
  if (!haveTools('openssl')) return;
  const { certFile, keyFile } = makeCertificate('DNS:me');
  const folder = tempDir();
  copyFileSync(certFile, join(folder, 'me.cert'));
  refuses(() => loadCertificates([folder], {}), 'put me.key beside it');
  copyFileSync(keyFile, join(folder, 'me.key'));
  assert.ok(loadCertificates([folder], {}));
});

test('$SSL_CERT_DIR adds the authorities of its folders, whatever else lies there', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('IP:127.0.0.1');
  await using registry = await startFakeRegistry([{ path: '/v2/a/tags/list', body: '{"tags":["1"]}' }], tls);
  const folder = tempDir();
  const repository = { registry: registry.host, repository: 'a' };
  const tags = async (SSL_CERT_DIR: string) => {
    const options = { env: { SSL_CERT_DIR }, requests: { retries: 0, retryDelay: 1 }, tlsVerify: true };
    const client = openRegistryClient(repository, options);
    return client.tags().finally(() => client.close());
  };
  writeFileSync(join(folder, 'README'), 'no certificate');
  await failureOf(tags(folder), 'REGISTRY_UNREACHABLE');
  copyFileSync(tls.certFile, join(folder, 'own.pem'));
  assert.equal(await tags(`/nonexistent:${folder}`), ['1']);
});

test('a missing or invalid file of certificates is an error', () => {
  refuses(() => loadCertificates([], { SSL_CERT_FILE: '/nonexistent.pem' }), '/nonexistent.pem');
  const folder = tempDir();
  writeFileSync(join(folder, 'x.cert'), 'nonsense');
  writeFileSync(join(folder, 'x.key'), 'nonsense');
  refuses(() => loadCertificates([folder], {}), folder);
});

test('where certificates are not verified, the host’s authorities are not read', () => {
  assert.ok(loadCertificates([], { SSL_CERT_FILE: '/nonexistent.pem' }, false));
});

test('authorities in certs.d are trusted for their registry alone, not behind its redirects', async () => {
  if (!haveTools('openssl')) return;
  const tls = makeCertificate('IP:127.0.0.1');
  const digest = digestOf('blob');
  const certDir = tempDir();
  copyFileSync(tls.certFile, join(certDir, 'ca.crt'));
  await using elsewhere = await startFakeRegistry([{ path: '/blob', body: 'blob' }], tls);
  const headers = { location: `${elsewhere.origin}/blob` };
  await using registry = await startFakeRegistry([{ path: `/v2/a/blobs/${digest}`, status: 307, headers }], tls);
  const client = openRegistryClient({ registry: registry.host, repository: 'a' }, { env: {}, certDir });
  const error = await failureOf(client.blob({ mediaType: '', digest, size: 4 }), 'REGISTRY_UNREACHABLE');
  assert.match(error.where ?? '', elsewhere.host);
  assert.match(error.why ?? '', 'not trusted');
  client.close();
});

test.run();
