import { TsimgError } from '../errors.ts';
import { pathText } from './path.ts';
import { type Policy, TOLERANCES, type Tolerance } from './policy.ts';

/** How often what was tolerated, with the policy that allows it. */
export interface Tally {
  readonly policy: Policy;
  readonly counts: Map<Tolerance, number>;
}

export function newTally(policy: Policy): Tally {
  return { policy, counts: new Map() };
}

/**
 * Counts one deviation from what the image says. `path`: bytes (latin1).
 * @throws POLICY_VIOLATED where the policy is strict about it
 */
export function tolerate(tally: Tally, tolerance: Tolerance, path: string): void {
  const severity = tally.policy[tolerance];
  if (severity === 'strict') {
    throw new TsimgError('POLICY_VIOLATED', `strict about ${tolerance}`, {
      where: pathText(path),
      why: TOLERANCES[tolerance],
      hint: `--policy ${tolerance}=warn lets it pass`,
      facts: { policy: tolerance },
    });
  }
  if (severity === 'warn') tally.counts.set(tolerance, (tally.counts.get(tolerance) ?? 0) + 1);
}
