import type { Fate, Passed } from './cutting-proxy.ts';

/** The account that the gate's token server takes, as tsimg and as HTTP write it. */
export const GATE_ACCOUNT = { kind: 'basic', username: 'me', password: 'sesame' } as const;
export const GATE_BASIC = `Basic ${Buffer.from('me:sesame').toString('base64')}`;

/** A gate before a registry without authentication: a request needs a token, which ends when the test wants it. */
export function tokenGate(origin: () => string) {
  let current = 1;
  return {
    expire: () => {
      current += 1;
    },
    /** What happens to a request by its token; undefined where it is let through. */
    judge({ path, headers }: Passed): Fate | undefined {
      if (path.startsWith('/token')) {
        if (headers.authorization !== GATE_BASIC) return 401;
        return { status: 200, headers: {}, body: JSON.stringify({ token: `t${current}`, expires_in: 300 }) };
      }
      if (headers.authorization === `Bearer t${current}`) return undefined;
      return { status: 401, headers: { 'www-authenticate': `Bearer realm="${origin()}/token",service="test"` } };
    },
  };
}
