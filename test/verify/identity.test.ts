import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkIdentity } from '../../src/verify/identity.ts';

const test = suite('verify/identity');

test('a pattern that remembers where it was finds the same name again', () => {
  const issuer = Buffer.from('https://issuer.test');
  const names = [{ type: 'uri', bytes: Buffer.from('me@issuer.test') }] as const;
  const wanted = { identity: { pattern: /me@/g }, issuer: { pattern: /issuer/g } };
  for (let time = 0; time < 3; time += 1) {
    const certificate = Object({ names, issuer, issuersAgree: true });
    assert.is(checkIdentity(certificate, wanted).type, 'uri');
  }
  assert.throws(() =>
    checkIdentity(Object({ names, issuer, issuersAgree: true }), { ...wanted, issuer: { pattern: /you/g } }),
  );
});

test.run();
