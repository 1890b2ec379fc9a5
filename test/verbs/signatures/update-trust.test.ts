import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Key, Metadata, MetaFile, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { updateTrust } from '../../../src/verbs/signatures/update-trust.ts';
import { findUpdatedRoot } from '../../../src/verbs/verify/trust-place.ts';
import { failureOf } from '../../support/failure-of.ts';
import { asIdentity } from '../../support/host/as-user.ts';
import { makeSignerWorld } from '../../support/signed/signer.ts';
import { tempDir } from '../../support/temp-dir.ts';

// A trusted root by The Update Framework, from a repository on loopback that the test signs.

const test = suite('verbs/signatures/update-trust');
const expires = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z');
const common = { version: 1, specVersion: '1.0.31', expires };

/** The files of a repository with one target, by their paths. */
function repository(target: Buffer): ReadonlyMap<string, Buffer> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const hex = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
  const keyID = createHash('sha256').update(hex).digest('hex');
  const key = new Key({ keyID, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: hex } });
  const seal = <T extends Root | Timestamp | Snapshot | Targets>(signed: T): Buffer => {
    const metadata = new Metadata(signed);
    metadata.sign((data) => new Signature({ keyID, sig: sign(null, data, privateKey).toString('hex') }));
    return Buffer.from(JSON.stringify(metadata.toJSON()));
  };
  const root = new Root({ ...common, consistentSnapshot: false });
  for (const role of ['root', 'timestamp', 'snapshot', 'targets']) root.addKey(key, role);
  const targets = new Targets(common);
  const sha256 = createHash('sha256').update(target).digest('hex');
  targets.addTarget(new TargetFile({ path: 'trusted_root.json', length: target.length, hashes: { sha256 } }));
  const snapshot = new Snapshot({ ...common, meta: { 'targets.json': new MetaFile({ version: 1 }) } });
  const timestamp = new Timestamp({ ...common, snapshotMeta: new MetaFile({ version: 1 }) });
  return new Map([
    ['/1.root.json', seal(root)],
    ['/timestamp.json', seal(timestamp)],
    ['/snapshot.json', seal(snapshot)],
    ['/targets.json', seal(targets)],
    ['/targets/trusted_root.json', target],
  ]);
}

async function withRepository(
  files: ReadonlyMap<string, Buffer>,
  use: (options: { readonly mirror: string; readonly tufRoot: string; readonly root: string }) => Promise<void>,
): Promise<void> {
  const server = createServer(({ url = '' }, response) => {
    const bytes = files.get(url);
    response.statusCode = bytes === undefined ? 404 : 200;
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const tufRoot = join(tempDir(), 'root.json');
  writeFileSync(tufRoot, files.get('/1.root.json') ?? '');
  try {
    await use({ mirror: `http://127.0.0.1:${port}`, tufRoot, root: join(tempDir(), 'store') });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('the trusted root of a repository is in the store afterwards, where verify finds it', async () => {
  const { trustedRoot } = await makeSignerWorld();
  const target = readFileSync(trustedRoot);
  await withRepository(repository(target), async (options) => {
    const { path, newestLog } = await updateTrust(options);
    assert.is(findUpdatedRoot(options), path);
    assert.ok(readFileSync(path).equals(target));
    assert.is(newestLog?.url, 'https://rekor.example.com');
  });
});

test('a user without a place for images has no trusted root there: what needs no store goes on', async () => {
  const places = ['TSIMG_ROOT', 'XDG_DATA_HOME', 'HOME'].map((name) => [name, process.env[name]] as const);
  for (const [name] of places) delete process.env[name];
  try {
    await asIdentity('ordinary user', () => assert.is(findUpdatedRoot({}), undefined));
  } finally {
    for (const [name, value] of places) if (value !== undefined) process.env[name] = value;
  }
});

test('a target that is not what was signed, and one that is no trusted root, leave what was there', async () => {
  const { trustedRoot } = await makeSignerWorld();
  const target = readFileSync(trustedRoot);
  const forged = new Map([...repository(target), ['/targets/trusted_root.json', Buffer.from('{}')]]);
  await withRepository(forged, async (options) => {
    assert.is((await failureOf(updateTrust(options))).code, 'TRUST_ROOT_INVALID');
    assert.not.ok(existsSync(join(options.root, 'trust', 'trusted_root.json')));
  });
  await withRepository(repository(Buffer.from('{"mediaType":"text/plain"}')), async (options) => {
    assert.is((await failureOf(updateTrust(options))).code, 'TRUST_ROOT_INVALID');
    assert.is(findUpdatedRoot(options), undefined);
  });
});

test.run();
