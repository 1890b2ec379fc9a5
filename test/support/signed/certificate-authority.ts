// @peculiar/x509 needs it to be there first
import 'reflect-metadata';
import { createHash, type KeyObject, type KeyPairKeyObjectResult, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { initializeCTLog } from '@sigstore/mock';

// A CA that issues what a real one never would: certificates in which exactly one thing is wrong.

type CTLog = Awaited<ReturnType<typeof initializeCTLog>>;

const MINUTE = 60_000;
const ALGORITHM = { name: 'ECDSA', hash: 'SHA-384', namedCurve: 'P-384' } as const;

const OID = {
  subjectAltName: '2.5.29.17',
  extendedKeyUsage: '2.5.29.37',
  sct: '1.3.6.1.4.1.11129.2.4.2',
  issuer: '1.3.6.1.4.1.57264.1.1',
  issuerV2: '1.3.6.1.4.1.57264.1.8',
} as const;

export const EKU = { codeSigning: '1.3.6.1.5.5.7.3.3', tlsServer: '1.3.6.1.5.5.7.3.1' } as const;

/** DER, X.690: a tag, the length, the content. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

/** Names of a certificate: GeneralName of RFC 5280, 4.2.1.6, with its bytes as they are to stand there. */
export interface Name {
  readonly type: 'email' | 'dns' | 'uri';
  readonly bytes: Uint8Array | string;
}

const NAME_TAGS = { email: 0x81, dns: 0x82, uri: 0x86 } as const;

function namesExtension(names: readonly Name[]): x509.Extension {
  const list = names.map(({ type, bytes }) => der(NAME_TAGS[type], Buffer.from(bytes)));
  return new x509.Extension(OID.subjectAltName, true, der(0x30, ...list));
}

/** What stands in a certificate; where absent, what Fulcio writes. */
export interface CertificateOptions {
  readonly identity?: string;
  readonly names?: readonly Name[];
  readonly issuer?: string;
  /** The second extension for the issuer, where it is to differ from the first. */
  readonly issuerV2?: string;
  readonly usages?: readonly string[];
  readonly isCa?: boolean;
  /** Whether its key may sign certificates. */
  readonly signsCertificates?: boolean;
  /** The certificate log's answer: for this certificate, for another one, or none. */
  readonly sct?: 'own' | 'of another' | 'none';
  readonly keys: KeyPairKeyObjectResult;
  /** Minutes from now between which it is valid; from a minute ago for ten minutes when absent. */
  readonly valid?: readonly [number, number];
}

export interface CertificateAuthority {
  /** DER, for a trusted root: the issuing certificate first, the root last. */
  readonly chain: readonly Buffer[];
  /** DER of a certificate. */
  issue(options: CertificateOptions): Promise<Buffer>;
}

async function webKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const curve = key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256';
  const algorithm = { name: 'ECDSA', namedCurve: curve };
  const usages = key.type === 'private' ? (['sign'] as const) : (['verify'] as const);
  return webcrypto.subtle.importKey('jwk', key.export({ format: 'jwk' }), algorithm, true, [...usages]);
}

function caExtensions(): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
  ];
}

/**
 * A CA with a root and an issuing certificate.
 * @param issuingValid minutes from now between which the issuing certificate is valid; its root is valid for longer
 */
export async function makeAuthority(
  { root, issuing, ctLog }: { root: KeyPairKeyObjectResult; issuing: KeyPairKeyObjectResult; ctLog: CTLog },
  issuingValid: readonly [number, number] = [-30, 60],
): Promise<CertificateAuthority> {
  x509.cryptoProvider.set(webcrypto);
  const now = Date.now();
  const [rootKey, rootPublic] = await Promise.all([webKey(root.privateKey), webKey(root.publicKey)]);
  const [issuingKey, issuingPublic] = await Promise.all([webKey(issuing.privateKey), webKey(issuing.publicKey)]);
  const rootCertificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=root,O=example',
    notBefore: new Date(now - 1000 * MINUTE),
    notAfter: new Date(now + 1000 * MINUTE),
    signingAlgorithm: ALGORITHM,
    keys: { privateKey: rootKey, publicKey: rootPublic },
    extensions: caExtensions(),
  });
  const issuingCertificate = await x509.X509CertificateGenerator.create({
    serialNumber: '02',
    subject: 'CN=issuing,O=example',
    issuer: rootCertificate.subject,
    notBefore: new Date(now + issuingValid[0] * MINUTE),
    notAfter: new Date(now + issuingValid[1] * MINUTE),
    signingAlgorithm: ALGORITHM,
    publicKey: issuingPublic,
    signingKey: rootKey,
    extensions: caExtensions(),
  });
  const spki = issuing.publicKey.export({ type: 'spki', format: 'der' });
  const issuerId = createHash('sha256').update(spki).digest();
  const create = (
    publicKey: webcrypto.CryptoKey,
    serialNumber: string,
    extensions: x509.Extension[],
    [from, to]: readonly [number, number] = [-1, 10],
  ) =>
    x509.X509CertificateGenerator.create({
      serialNumber,
      subject: '',
      issuer: issuingCertificate.subject,
      notBefore: new Date(now + from * MINUTE),
      notAfter: new Date(now + to * MINUTE),
      signingAlgorithm: ALGORITHM,
      publicKey,
      signingKey: issuingKey,
      extensions,
    });
  const sctExtension = async (precertificate: x509.X509Certificate) => {
    const sct = Buffer.from(await ctLog.log(precertificate.rawData, new Uint8Array(issuerId).buffer));
    const list = Buffer.concat([Buffer.from([0, sct.length]), sct]);
    return new x509.Extension(OID.sct, false, der(0x04, list));
  };

  return {
    chain: [issuingCertificate, rootCertificate].map(({ rawData }) => Buffer.from(rawData)),
    async issue({ identity = '', issuer, issuerV2 = issuer, isCa = false, sct = 'own', keys, ...rest }) {
      const {
        names = [{ type: 'uri', bytes: identity }],
        usages = [EKU.codeSigning],
        signsCertificates = false,
        valid,
      } = rest;
      const { digitalSignature, keyCertSign } = x509.KeyUsageFlags;
      const publicKey = await webKey(keys.publicKey);
      const extensions = [
        new x509.KeyUsagesExtension(signsCertificates ? digitalSignature | keyCertSign : digitalSignature, true),
        ...(isCa ? [new x509.BasicConstraintsExtension(true, undefined, true)] : []),
        ...(usages.length > 0 ? [new x509.ExtendedKeyUsageExtension([...usages])] : []),
        ...(names.length > 0 ? [namesExtension(names)] : []),
        ...(issuer === undefined ? [] : [new x509.Extension(OID.issuer, false, Buffer.from(issuer))]),
        ...(issuerV2 === undefined ? [] : [new x509.Extension(OID.issuerV2, false, der(0x0c, Buffer.from(issuerV2)))]),
      ];
      if (sct === 'none') return Buffer.from((await create(publicKey, '03', extensions, valid)).rawData);
      const logged = await create(publicKey, sct === 'own' ? '03' : '04', extensions, valid);
      extensions.push(await sctExtension(logged));
      return Buffer.from((await create(publicKey, '03', extensions, valid)).rawData);
    },
  };
}
