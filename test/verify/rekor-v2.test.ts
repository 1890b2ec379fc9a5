import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeBindingsWorld } from '../support/signed/bindings-world.ts';
import {
  type BundleOptions,
  ecKeys,
  makeSignerWorld,
  publicPem,
  type Signer,
  statement,
} from '../support/signed/signer.ts';
import { bundle, byKey, changed, DIGEST, keyless, OTHER } from '../support/signed/verdict.ts';

// The bindings to a log of Rekor's second version, each broken alone: its entries are other documents, it promises
// nothing, and only a timestamp authority tells a time. The table of docs/verify.md names these tests.

const test = suite('verify/rekor-v2');

const { world, foreign, keys, keySigner, signer, judge, withForeign } = await makeBindingsWorld();
const [firstLog, ownLog] = world.rootDocument.tlogs;
const [, otherLog] = foreign.rootDocument.tlogs;

/** The two kinds of entries. */
const KINDS = [{ loggedAsHash: true }, { loggedAsHash: false }] as const;
const logged = (options: BundleOptions = {}, by: Signer = signer, digest = DIGEST) =>
  world.bundle(by, statement(digest), { inLogV2: true, stamped: true, ...options });
const good = await logged();

type Document = ReturnType<typeof JSON.parse>;
const changedEntry = (change: (entry: Document) => void, bytes = good) =>
  changed(bytes, ({ verificationMaterial }) => change(verificationMaterial.tlogEntries[0]));
const changedCheckpoint = (change: (text: string) => string) =>
  changedEntry(({ inclusionProof }) => {
    const { checkpoint } = inclusionProof;
    const before = checkpoint.envelope;
    checkpoint.envelope = change(before);
    assert.is.not(checkpoint.envelope, before);
  });

test('signatures in which nothing is broken are good, in entries of both kinds', async () => {
  for (const kind of KINDS) {
    assert.is(judge(bundle(await logged(kind)), keyless()), 'good');
    assert.is(judge(bundle(await logged(kind, keySigner)), byKey(keys.publicKey)), 'good');
  }
  const [entry] = JSON.parse(good.toString('utf8')).verificationMaterial.tlogEntries;
  assert.equal(Object.keys(entry).toSorted(), [
    'canonicalizedBody',
    'inclusionProof',
    'kindVersion',
    'logId',
    'logIndex',
  ]);
  assert.ok(entry.inclusionProof.hashes.length > 1, 'the proof has something to prove');
});

test('signature: another key made it, and the log has it', async () => {
  for (const kind of KINDS) {
    const forged = { ...signer, privateKey: ecKeys().privateKey };
    assert.is(judge(bundle(await logged(kind, forged)), keyless()), 'signature');
    const byOther = { ...keySigner, privateKey: ecKeys().privateKey };
    assert.is(judge(bundle(await logged(kind, byOther)), byKey(keys.publicKey)), 'signature');
  }
});

test('log entry: that of another signature of the same payload', async () => {
  for (const kind of KINDS) {
    const again = JSON.parse((await logged(kind)).toString('utf8'));
    const lent = changedEntry(
      (entry) => Object.assign(entry, again.verificationMaterial.tlogEntries[0]),
      await logged(kind),
    );
    assert.is(judge(lent, keyless()), 'log-entry');
  }
});

test('log entry: that of another payload', async () => {
  for (const kind of KINDS) {
    const other = await logged({ ...kind, entry: { payload: statement(OTHER) } });
    assert.is(judge(bundle(other), keyless()), 'log-entry');
  }
});

test('log entry: another kind or version than the bundle says, and a version that nobody knows', async () => {
  for (const kindVersion of [
    { kind: 'hashedrekord', version: '0.0.2' },
    { kind: 'dsse', version: '0.0.1' },
  ]) {
    const told = changedEntry((entry) => Object.assign(entry, { kindVersion }));
    assert.is(judge(told, keyless()), 'log-entry', JSON.stringify(kindVersion));
  }
  const later = changedEntry((entry) => {
    const body = JSON.parse(Buffer.from(entry.canonicalizedBody, 'base64').toString('utf8'));
    Object.assign(entry, world.logV2.add({ ...body, apiVersion: '0.0.3' }));
  });
  assert.is(judge(later, keyless()), 'log-entry');
});

test('log key: the entry was made for another key or certificate', async () => {
  for (const kind of KINDS) {
    const { verifier } = await world.certified();
    assert.is(judge(bundle(await logged({ ...kind, entry: { verifier } })), keyless()), 'log-key');
    const other = publicPem(ecKeys().publicKey);
    assert.is(judge(bundle(await logged({ ...kind, entry: { verifier: other } })), keyless()), 'log-key');
    const byOther = await logged({ ...kind, entry: { verifier: other } }, keySigner);
    assert.is(judge(bundle(byOther), byKey(keys.publicKey)), 'log-key');
  }
});

test('log: the trusted root does not know it, though it knows another one', () => {
  assert.is(judge(bundle(good), keyless(), { root: withForeign('tlogs') }), 'log');
  assert.is(judge(bundle(good), keyless(), { root: { ...world.rootDocument, tlogs: [firstLog] } }), 'log');
  assert.is(judge(bundle(good), keyless(), { root: { ...world.rootDocument, tlogs: [ownLog] } }), 'good');
});

test('log proof: another place, other hashes, the proof of another entry, or none', async () => {
  for (const place of [-1, 1]) {
    const moved = changedEntry(({ inclusionProof }) => {
      inclusionProof.logIndex = String(Number(inclusionProof.logIndex) + place);
    });
    assert.is(judge(moved, keyless()), 'log-proof', `${place}`);
  }
  const count = JSON.parse(good.toString('utf8')).verificationMaterial.tlogEntries[0].inclusionProof.hashes.length;
  for (let at = 0; at < count; at += 1) {
    const hashes = changedEntry(({ inclusionProof }) => {
      inclusionProof.hashes[at] = Buffer.alloc(32, 7).toString('base64');
    });
    assert.is(judge(hashes, keyless()), 'log-proof', `hash ${at}`);
  }
  const fewer = changedEntry(({ inclusionProof }) => inclusionProof.hashes.pop());
  assert.is(judge(fewer, keyless()), 'log-proof');
  const another = JSON.parse((await logged()).toString('utf8')).verificationMaterial.tlogEntries[0].inclusionProof;
  assert.is(
    judge(
      changedEntry((entry) => Object.assign(entry, { inclusionProof: another })),
      keyless(),
    ),
    'log-proof',
  );
  const none = changedEntry((entry) => {
    delete entry.inclusionProof;
  });
  assert.is(judge(none, keyless()), 'format', 'a bundle has one');
});

test('log proof: a checkpoint that its log did not sign', async () => {
  assert.is(
    judge(
      changedCheckpoint((text) => text.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`)),
      keyless(),
    ),
    'log-proof',
    'another size',
  );
  const hash = Buffer.alloc(32, 7).toString('base64');
  assert.is(
    judge(
      changedCheckpoint((text) => text.replace(/^(.*\n.*\n).*/, (_, head) => `${head}${hash}`)),
      keyless(),
    ),
    'log-proof',
    'another hash',
  );
  const own = /\u2014 log2026-1\S* \S+\n/;
  assert.is(
    judge(
      changedCheckpoint((text) => text.replace(own, '')),
      keyless(),
    ),
    'log-proof',
    'by a witness alone',
  );
  const changedByte = changedCheckpoint((text) =>
    text.replace(own, (line) => {
      const [dash, name, base64 = ''] = line.trim().split(' ');
      const bytes = Buffer.from(base64, 'base64');
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      return `${dash} ${name} ${bytes.toString('base64')}\n`;
    }),
  );
  assert.is(judge(changedByte, keyless()), 'log-proof', 'a changed signature');
  const foreignRoot = { ...world.rootDocument, tlogs: [...world.rootDocument.tlogs, otherLog] };
  const moved = changedEntry((entry) => Object.assign(entry, { logId: (otherLog as Document).logId }));
  assert.is(judge(moved, keyless(), { root: foreignRoot }), 'log-proof', 'of another log that is known');
  const first = changedEntry((entry) => Object.assign(entry, { logId: (firstLog as Document).logId }));
  assert.is(judge(first, keyless()), 'log-proof', 'of the log that promises');
});

test('time: a certificate needs one, and neither the entry’s word nor a made-up promise is one', async () => {
  for (const kind of KINDS) {
    const untimed = await logged({ ...kind, stamped: false });
    assert.is(judge(bundle(untimed), keyless()), 'time');
    assert.is(judge(bundle(await logged({ ...kind, stamped: false }, keySigner)), byKey(keys.publicKey)), 'good');
    const told = { integratedTime: String(Math.floor(Date.now() / 1000)) };
    assert.is(
      judge(
        changedEntry((entry) => Object.assign(entry, told), untimed),
        keyless(),
      ),
      'time',
    );
    const promised = { ...told, inclusionPromise: { signedEntryTimestamp: Buffer.alloc(64, 7).toString('base64') } };
    assert.is(
      judge(
        changedEntry((entry) => Object.assign(entry, promised), untimed),
        keyless(),
      ),
      'log-proof',
    );
  }
});

test('time: the authority’s time is outside of the certificate’s', async () => {
  for (const valid of [
    [-20, -10],
    [10, 20],
  ] as const) {
    const untimely = await world.certified({ valid });
    for (const kind of KINDS) assert.is(judge(bundle(await logged(kind, untimely)), keyless()), 'time');
  }
  const expired = await makeSignerWorld([-60, -1]);
  const late = await expired.bundle(await expired.certified(), statement(DIGEST), { inLogV2: true, stamped: true });
  assert.is(judge(bundle(late), keyless(), { root: expired.rootDocument }), 'time');
});

test('timestamp: that of another signature, and that of an unknown authority', async () => {
  for (const kind of KINDS) {
    const stamped = Buffer.from('another signature');
    assert.is(judge(bundle(await logged({ ...kind, stamped })), keyless()), 'timestamp');
    const root = withForeign('timestampAuthorities');
    assert.is(judge(bundle(await logged(kind)), keyless(), { root }), 'timestamp');
    const none = { ...world.rootDocument, timestampAuthorities: [] };
    assert.is(judge(bundle(await logged(kind)), keyless(), { root: none }), 'timestamp');
  }
});

test.run();
