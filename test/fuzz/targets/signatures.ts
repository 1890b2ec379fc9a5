import { parsePolicy } from '../../../src/verify/policy/document.ts';
import { bindingOf } from '../../../src/verify/refuse.ts';
import { checkStatement } from '../../../src/verify/statement.ts';
import { parseTrustRoot, type TrustRoot } from '../../../src/verify/trust-root.ts';
import { type AttachedBytes, verifyAttached } from '../../../src/verify/verify-attached.ts';
import { statement } from '../../support/signed/signer.ts';
import { endingOf, fault } from '../ending.ts';
import { mutateSome } from '../mutate/mutate-bytes.ts';
import { jsonOf, mutateJson } from '../mutate/mutate-json.ts';
import {
  annotatedSeeds,
  bundleSeed,
  certificates,
  IN_TOTO,
  REQUIREMENTS,
  SIGNED,
  trustedRoot,
  WANTED,
} from '../signed-seeds.ts';
import { bytesTarget, type Target } from '../target.ts';

// Signatures that are good, but of an image that nobody asked for: whatever is changed in them, they must be refused.

/** Milliseconds of the processor that one input may take. */
const LIMIT = 1000;

/** How an action ended, which must not take long. */
function timely(action: () => string): string {
  const before = process.cpuUsage();
  const ending = action();
  const { user, system } = process.cpuUsage(before);
  const milliseconds = (user + system) / 1000;
  if (milliseconds > LIMIT) throw fault(`it took ${milliseconds} ms of the processor`);
  return ending;
}

let root: TrustRoot | undefined;

function trust(): TrustRoot {
  root ??= parseTrustRoot(Buffer.from(JSON.stringify(trustedRoot())), 'trusted_root.json');
  return root;
}

/** `agreed` where all held but the image; else the binding that did not. Throws where a signature was accepted. */
function verdict(attached: AttachedBytes, trusted: TrustRoot, requirements = REQUIREMENTS): string {
  const endings = requirements.map((requirement) => {
    try {
      verifyAttached(attached, { digests: [WANTED] }, { requirement, trust: trusted });
    } catch (error) {
      const binding = bindingOf(error);
      if (binding === undefined) throw error;
      return binding === 'payload-digest' || binding === 'subject' ? 'agreed' : binding;
    }
    throw fault('a signature of another image was accepted');
  });
  return endings.includes('agreed') ? 'agreed' : (endings[0] ?? '');
}

function annotationsOf(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === 'string'));
}

const annotationsTarget = bytesTarget({
  name: 'signature-annotations',
  rule: 'a signature in annotations is refused by a binding, and soon, whatever stands in them',
  seeds: annotatedSeeds,
  mutate(seed, other, random) {
    const document = jsonOf(seed);
    const annotations = typeof document === 'object' && document !== null ? Reflect.get(document, 'annotations') : {};
    const names = Object.keys(annotationsOf(annotations));
    if (names.length === 0 || random.once(3)) return mutateJson(seed, other, random);
    // Inside of one annotation, which is JSON or PEM itself
    const name = random.pick(names);
    const text = Buffer.from(String(Reflect.get(annotations, name)));
    const mutated = random.once(2) ? mutateJson(text, text, random) : mutateSome(text, text, random);
    Reflect.set(annotations, name, mutated.toString('latin1'));
    return Buffer.from(JSON.stringify(document));
  },
  run: (input) => {
    const document = jsonOf(input);
    const field = (name: string): unknown =>
      typeof document === 'object' && document !== null ? Reflect.get(document, name) : undefined;
    const bytes = Buffer.from(String(field('payload')), 'base64');
    const annotations = annotationsOf(field('annotations'));
    return timely(() => verdict({ kind: 'payload', form: 'cosign-tag', bytes, annotations }, trust()));
  },
});

const bundleTarget = bytesTarget({
  name: 'bundle',
  rule: 'a bundle of another image is refused by a binding, and soon',
  seeds: () => [bundleSeed(), ...certificates().map(bundleWithCertificate)],
  mutate: mutateJson,
  run: (bytes) => timely(() => verdict({ kind: 'bundle', bytes }, trust())),
});

function bundleWithCertificate(pem: string): Buffer {
  const document = JSON.parse(bundleSeed().toString('utf8'));
  const { tlogEntries } = document.verificationMaterial;
  const rawBytes = pem.split('\n')[1];
  return Buffer.from(JSON.stringify({ ...document, verificationMaterial: { tlogEntries, certificate: { rawBytes } } }));
}

function checkpointSeeds(): readonly Buffer[] {
  let own = '';
  bundleSeed((text) => {
    own = text;
    return text;
  });
  const hostile = ['((.+)+)+!', '(', '.*', 'rekor.example.com'].map((name) =>
    own.replace(/\u2014 \S+/, `\u2014 ${name}`),
  );
  return [own, `${own}\u2014 witness.example.com AAAAAAAA\n`, ...hostile].map((text) => Buffer.from(text));
}

const checkpointTarget = bytesTarget({
  name: 'checkpoint',
  rule: 'a checkpoint never makes a signature of another image good, and never takes long',
  seeds: checkpointSeeds,
  mutate: mutateSome,
  run: (input) =>
    timely(() => {
      const bytes = bundleSeed(() => input.toString('utf8'));
      return verdict({ kind: 'bundle', bytes }, trust(), REQUIREMENTS.slice(0, 1));
    }),
});

const statementTarget = bytesTarget({
  name: 'statement',
  rule: 'a statement about another image is refused by an error of tsimg',
  seeds: () => [
    statement(SIGNED),
    statement(SIGNED, { subject: [{ digest: { sha512: '0' } }, { digest: {}, annotations: { a: 'b' } }] }),
  ],
  mutate: mutateJson,
  run: (payload) =>
    timely(() => {
      const wanted = { digests: [WANTED], predicateType: 'https://sigstore.dev/cosign/sign/v1' };
      let binding: string | undefined;
      const ending = endingOf(() => {
        try {
          checkStatement({ payloadType: IN_TOTO, payload, signature: Buffer.alloc(0) }, wanted);
        } catch (error) {
          binding = bindingOf(error);
          throw error;
        }
      });
      if (ending === 'accepted') throw fault('a statement about another image was accepted');
      return binding === 'subject' ? 'agreed' : (binding ?? ending);
    }),
});

const POLICIES: readonly object[] = [
  { default: [{ type: 'reject' }] },
  {
    default: [{ type: 'insecureAcceptAnything' }],
    transports: {
      docker: {
        'registry.example/team': [
          { type: 'sigstoreSigned', keyPath: '/k', signedIdentity: { type: 'matchRepository' } },
          { type: 'signedBy', keyType: 'GPGKeys', keyPath: '/g', signedIdentity: { type: 'matchExact' } },
        ],
        '*.example.com': [{ type: 'reject' }],
      },
      dir: { '/srv/images': [{ type: 'reject' }], '': [{ type: 'insecureAcceptAnything' }] },
    },
  },
];

const policyTarget = bytesTarget({
  name: 'policy',
  rule: 'a policy is refused by an error of tsimg, or has a requirement for every image',
  seeds: () => POLICIES.map((policy) => Buffer.from(JSON.stringify(policy))),
  mutate: mutateJson,
  run: (input) =>
    timely(() =>
      endingOf(() => {
        const policy = parsePolicy(input.toString('utf8'), 'policy.json');
        if (policy.default.length === 0) throw fault('a default that demands nothing');
      }),
    ),
});

const trustedRootTarget = bytesTarget({
  name: 'trusted-root',
  rule: 'a trusted root is refused by an error of tsimg, and none makes a signature of another image good',
  seeds: () => [Buffer.from(JSON.stringify(trustedRoot()))],
  mutate: mutateJson,
  run: (input) =>
    timely(() =>
      endingOf(() => {
        const trusted = parseTrustRoot(input, 'trusted_root.json');
        verdict({ kind: 'bundle', bytes: bundleSeed() }, trusted);
      }),
    ),
});

export const SIGNATURE_TARGETS: readonly Target[] = [
  annotationsTarget,
  bundleTarget,
  checkpointTarget,
  statementTarget,
  policyTarget,
  trustedRootTarget,
];
