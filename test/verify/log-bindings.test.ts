import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTrustRoot } from '../../src/verify/trust-root.ts';
import type { Requirement } from '../../src/verify/verify-candidate.ts';
import { makeBindingsWorld } from '../support/signed/bindings-world.ts';
import { ecKeys, makeSignerWorld, publicPem, simpleSigning, statement } from '../support/signed/signer.ts';
import { bundle, byKey, changed, DIGEST, keyless, legacy, OTHER } from '../support/signed/verdict.ts';

// The bindings to logs, times and sizes, each broken alone. The table of docs/verify.md names these tests.

const test = suite('verify/log-bindings');

const samples = await makeBindingsWorld();
const { world, foreign, keys, payload, keySigner, signer, judge, withForeign } = samples;
const { goodByKey, goodKeyless, goodBundle } = samples;

test('time: a certificate that issued the signer’s had expired', async () => {
  const expired = await makeSignerWorld([-60, -1]);
  const signed = await expired.legacy(await expired.certified(), payload);
  assert.is(judge(legacy(payload, signed), keyless(), { root: expired.rootDocument }), 'time');
  const early = await makeSignerWorld([1, 60]);
  const before = await early.legacy(await early.certified(), payload);
  assert.is(judge(legacy(payload, before), keyless(), { root: early.rootDocument }), 'time');
});

test('log entry: that of another signature, with a promise of the log', async () => {
  const again = await world.legacy(keySigner, payload);
  const name = 'dev.sigstore.cosign/bundle';
  const lent = { ...goodByKey, [name]: again[name] ?? '' };
  assert.is(judge(legacy(payload, lent), byKey(keys.publicKey)), 'log-entry');
});

test('log entry: that of another payload', async () => {
  const entry = { payload: simpleSigning(OTHER, 'registry.example/app') };
  assert.is(
    judge(legacy(payload, await world.legacy(keySigner, payload, { entry })), byKey(keys.publicKey)),
    'log-entry',
  );
  const stated = { payload: statement(OTHER) };
  const bytes = await world.bundle(signer, statement(DIGEST), { entry: stated });
  assert.is(judge(bundle(bytes), keyless()), 'log-entry');
});

test('log key: the entry was made for another key or certificate', async () => {
  const verifier = publicPem(ecKeys().publicKey);
  assert.is(
    judge(legacy(payload, await world.legacy(keySigner, payload, { entry: { verifier } })), byKey(keys.publicKey)),
    'log-key',
  );
  const entry = { verifier: (await world.certified()).verifier };
  assert.is(judge(legacy(payload, await world.legacy(signer, payload, { entry })), keyless()), 'log-key');
  assert.is(judge(bundle(await world.bundle(signer, statement(DIGEST), { entry })), keyless()), 'log-key');
});

test('log: the signature is in none', async () => {
  const unlogged = await world.legacy(keySigner, payload, { logged: false });
  assert.is(judge(legacy(payload, unlogged), byKey(keys.publicKey)), 'log');
  const stamped = await world.legacy(signer, payload, { logged: false, stamped: true });
  assert.is(judge(legacy(payload, stamped), keyless()), 'log');
});

test('log: the trusted root does not know it, and nothing is asked of it where logs are ignored', () => {
  assert.is(judge(legacy(payload, goodByKey), byKey(keys.publicKey), { root: withForeign('tlogs') }), 'log');
  assert.is(judge(legacy(payload, goodKeyless), keyless(), { root: withForeign('tlogs') }), 'log');
  assert.is(judge(legacy(payload, goodByKey), byKey(keys.publicKey, true), { root: withForeign('tlogs') }), 'good');
});

test('log: an ID that is not that of the key makes the trusted root invalid', () => {
  const [own] = world.rootDocument.tlogs as readonly { publicKey: object; logId: object }[];
  const [other] = foreign.rootDocument.tlogs as readonly { publicKey: object; logId: object }[];
  const tlogs = [{ ...own, publicKey: other?.publicKey }];
  const root = Buffer.from(JSON.stringify({ ...world.rootDocument, tlogs }));
  assert.throws(() => parseTrustRoot(root, 'root'), /the ID of a log is not that of its key/);
});

test('log: the checkpoint of a known log does not prove an entry of another one', async () => {
  const root = { ...world.rootDocument, tlogs: [...world.rootDocument.tlogs, ...foreign.rootDocument.tlogs] };
  const stamped = await world.bundle(signer, statement(DIGEST), { withoutPromise: true, stamped: true });
  assert.is(judge(bundle(stamped), keyless(), { root }), 'good');
  const [other] = foreign.rootDocument.tlogs as readonly { logId: object }[];
  const moved = changed(stamped, ({ verificationMaterial }) => {
    verificationMaterial.tlogEntries[0].logId = other?.logId;
  });
  assert.is(judge(moved, keyless(), { root }), 'log-proof');
});

test('log proof: the log’s promise, its proof and its checkpoint', async () => {
  const name = 'dev.sigstore.cosign/bundle';
  const later = JSON.parse(goodByKey[name] ?? '');
  later.Payload.integratedTime += 1;
  assert.is(
    judge(legacy(payload, { ...goodByKey, [name]: JSON.stringify(later) }), byKey(keys.publicKey)),
    'log-proof',
    'time',
  );
  const elsewhere = JSON.parse(goodByKey[name] ?? '');
  elsewhere.Payload.logIndex += 1;
  assert.is(
    judge(legacy(payload, { ...goodByKey, [name]: JSON.stringify(elsewhere) }), byKey(keys.publicKey)),
    'log-proof',
    'index',
  );
  const other = Buffer.alloc(32, 7).toString('base64');
  const unpromised = { withoutPromise: true, stamped: true };
  const [proved, another] = [
    await world.bundle(signer, statement(DIGEST), unpromised),
    JSON.parse((await world.bundle(signer, statement(OTHER), unpromised)).toString('utf8')),
  ];
  assert.is(judge(bundle(proved), keyless()), 'good');
  const lent = changed(proved, ({ verificationMaterial }) => {
    verificationMaterial.tlogEntries[0].inclusionProof = another.verificationMaterial.tlogEntries[0].inclusionProof;
  });
  assert.is(judge(lent, keyless()), 'log-proof', 'the proof of another entry');
  const hashes = changed(goodBundle, ({ verificationMaterial }) => {
    verificationMaterial.tlogEntries[0].inclusionProof.hashes = [other];
  });
  assert.is(judge(hashes, keyless()), 'log-proof', 'hashes');
  const checkpoint = changed(goodBundle, ({ verificationMaterial }) => {
    const proof = verificationMaterial.tlogEntries[0].inclusionProof;
    proof.checkpoint.envelope = proof.checkpoint.envelope.replace('\n1\n', '\n2\n');
  });
  assert.is(judge(checkpoint, keyless()), 'log-proof', 'checkpoint');
});

test('log proof: a checkpoint that would block the process is refused at once', () => {
  for (const name of ['((.+)+)+!', '(', '.*', '((r|e|k|o|.)+)+$']) {
    const hostile = changed(goodBundle, ({ verificationMaterial }) => {
      const proof = verificationMaterial.tlogEntries[0].inclusionProof;
      proof.checkpoint.envelope = proof.checkpoint.envelope.replace(/\u2014 \S+/, () => `\u2014 ${name}`);
    });
    const start = process.cpuUsage();
    assert.is(judge(hostile, keyless()), 'log-proof', name);
    const { user } = process.cpuUsage(start);
    assert.ok(user < 5_000_000, `${name} took ${user} µs`);
  }
});

test('time: the log’s time is outside of the certificate’s', async () => {
  const hour = 3_600_000;
  for (const loggedAt of [new Date(Date.now() - hour), new Date(Date.now() + hour)]) {
    const signed = legacy(payload, await world.legacy(signer, payload, { loggedAt }));
    assert.is(judge(signed, keyless()), 'time');
    assert.is(judge(signed, { ...keyless(), ignoresSct: true } as Requirement), 'time', 'without an SCT, too');
  }
});

test('time: a certificate needs one that a log or an authority signed', async () => {
  const untimed = await world.bundle(signer, statement(DIGEST), { withoutPromise: true });
  assert.is(judge(bundle(untimed), keyless()), 'time', 'an entry’s own word does not count');
  const none = changed(untimed, ({ verificationMaterial }) => {
    verificationMaterial.tlogEntries[0].integratedTime = '0';
  });
  assert.is(judge(none, keyless()), 'time');
  const byPlainKey = await world.bundle(keySigner, statement(DIGEST), { withoutPromise: true });
  assert.is(judge(bundle(byPlainKey), byKey(keys.publicKey)), 'good', 'a key needs none');
});

test('timestamp: that of other bytes, and that of an unknown authority', async () => {
  const other = await world.legacy(signer, payload, { stamped: Buffer.from('other') });
  assert.is(judge(legacy(payload, other), keyless()), 'timestamp');
  const bytes = await world.bundle(signer, statement(DIGEST), { stamped: Buffer.from('other') });
  assert.is(judge(bundle(bytes), keyless()), 'timestamp');
  const root = withForeign('timestampAuthorities');
  assert.is(judge(legacy(payload, goodKeyless), keyless(), { root }), 'timestamp');
});

test('limit: more log entries and timestamps than anybody makes', () => {
  const many = changed(goodBundle, ({ verificationMaterial }) => {
    verificationMaterial.tlogEntries = Array(17).fill(verificationMaterial.tlogEntries[0]);
  });
  assert.is(judge(many, keyless()), 'limit');
  const long = changed(goodBundle, ({ verificationMaterial }) => {
    verificationMaterial.tlogEntries[0].inclusionProof.checkpoint.envelope += 'x'.repeat(16 * 1024);
  });
  assert.is(judge(long, keyless()), 'limit');
});

test('limit: more certificates than a chain has', () => {
  const chain = `-----BEGIN CERTIFICATE-----\n${signer.certificate?.toString('base64')}\n-----END CERTIFICATE-----\n`;
  const annotations = { ...goodByKey, 'dev.sigstore.cosign/chain': chain.repeat(17) };
  assert.is(judge(legacy(payload, annotations), byKey(keys.publicKey)), 'limit');
});

test('format: what cannot be read is refused, whatever a parser throws', () => {
  const bad = ['', '{', 'null', '[]', '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'];
  for (const text of bad) assert.is(judge(bundle(Buffer.from(text)), keyless()), 'format', text);
  const old = changed(goodBundle, (document) => {
    document.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
  });
  assert.is(judge(old, keyless()), 'format', 'an older bundle');
  for (const value of ['{', 'null', '{"Payload":{}}', '{"SignedEntryTimestamp":1}']) {
    const annotations = { ...goodByKey, 'dev.sigstore.cosign/bundle': value };
    assert.is(judge(legacy(payload, annotations), byKey(keys.publicKey)), 'format', value);
  }
});

test.run();
