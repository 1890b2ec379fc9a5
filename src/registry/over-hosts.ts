import { TsimgError } from '../errors.ts';
import type { Session } from './session.ts';

/** A host that was asked in vain. */
export interface Failure {
  readonly registry: string;
  readonly why: string;
}

/** The reason of an error, in a few words. */
function whyOf({ what, why }: TsimgError): string {
  return why ?? what;
}

/** Returns an error that tells of the hosts, too, that were asked before. */
export function withFailures(error: TsimgError, session: Session, failures: readonly Failure[]): TsimgError {
  if (failures.length === 0 || error.code === 'REGISTRIES_INVALID') return error;
  const { code, what, where, hint, facts, cause } = error;
  const all = [...failures, { registry: session.registry, why: whyOf(error) }];
  const why = all.map((failure) => `${failure.registry}: ${failure.why}`).join('; ');
  const hosts = all.map(({ registry }) => registry);
  return new TsimgError(code, what, { where, why, hint, facts: { ...facts, hosts }, cause });
}

/**
 * Tells that the next host is asked. A host that is out of reach is then left out for a while.
 * @throws REGISTRIES_INVALID: this fault of the user's own file is not a host's answer, and the user may not want the
 * next host to be asked
 */
export function goOn(session: Session, next: Session, what: string, error: TsimgError | undefined): Failure {
  if (error?.code === 'REGISTRIES_INVALID') throw error;
  if (error?.code === 'REGISTRY_UNREACHABLE') session.avoid();
  const why = error === undefined ? 'it has none' : whyOf(error);
  const message = `${session.registry} does not give ${what}: ${why}; ${next.registry} is asked`;
  session.context.onEvent?.({ kind: 'detail', message });
  return { registry: session.registry, why };
}

/** The hosts without those that were out of reach a moment ago; the last one is always among them. */
export function reachable(sessions: readonly Session[]): readonly [Session, ...Session[]] {
  const last = sessions.at(-1);
  if (last === undefined) throw new TsimgError('REGISTRY_ERROR', 'no host may be asked');
  const [first = last, ...others] = [...sessions.slice(0, -1).filter((session) => !session.isAvoided), last];
  return [first, ...others];
}

/** What hosts are asked for: its name in events, and the way to ask one of them; undefined where that one has none. */
export interface Asked<T> {
  readonly what: string;
  ask(session: Session, failures: readonly Failure[]): Promise<T | undefined>;
}

/**
 * Asks hosts in their order, until one has what is wanted. What is undefined at a mirror may be at the next host; the
 * last host's answer counts.
 * @throws the last host's error, with the reasons of the others
 */
export async function askInOrder<T>(sessions: readonly Session[], { what, ask }: Asked<T>): Promise<T | undefined> {
  const hosts = reachable(sessions);
  const failures: Failure[] = [];
  for (const [index, session] of hosts.entries()) {
    const next = hosts[index + 1];
    try {
      const found = await ask(session, failures);
      if (found !== undefined || next === undefined) return found;
      failures.push(goOn(session, next, what, undefined));
    } catch (error) {
      session.context.signal?.throwIfAborted();
      if (!(error instanceof TsimgError)) throw error;
      if (next === undefined) throw withFailures(error, session, failures);
      failures.push(goOn(session, next, what, error));
    }
  }
  return undefined;
}
