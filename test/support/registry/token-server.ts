import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificate.ts';
import { ACCOUNT } from './docker-registry.ts';

/** A token server for docker-registry, by distribution's token specification. */
export interface TokenServer extends AsyncDisposable {
  readonly realm: string;
  readonly issuer: string;
  /** The scopes that were asked for, in order. */
  readonly scopes: readonly string[];
}

const base64 = (value: object | Buffer) =>
  (Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value))).toString('base64url');

/** Starts it: who has the password of `ACCOUNT` may do all that is asked for, others nothing. */
export async function startTokenServer(certificate: Certificate): Promise<TokenServer> {
  const issuer = 'tsimg-test';
  const scopes: string[] = [];
  const key = createPrivateKey(certificate.key);
  const x5c = [new X509Certificate(certificate.cert).raw.toString('base64')];
  const basic = `Basic ${Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')}`;

  const tokenFor = (asked: readonly string[]): string => {
    const access = asked.map((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',') };
    });
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: 'me',
      aud: 'test',
      iat: now,
      nbf: now - 10,
      exp: now + 300,
      jti: randomUUID(),
      access,
    };
    const signed = `${base64({ typ: 'JWT', alg: 'ES256', x5c })}.${base64(claims)}`;
    return `${signed}.${base64(sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }))}`;
  };

  const server = createServer((request, response) => {
    const asked = new URL(request.url ?? '/', 'http://server').searchParams.getAll('scope');
    scopes.push(...asked);
    if (request.headers.authorization !== basic) {
      response.writeHead(401).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ token: tokenFor(asked.flatMap((text) => text.split(' '))), expires_in: 300 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    issuer,
    scopes,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
