import { TsimgError } from '../errors.ts';
import { pathText } from './path.ts';
import { type Policy, TOLERANCES, type Tolerance } from './policy.ts';

/** The counts of tolerated deviations, and the policy that tolerates them. */
export interface Tolerated {
  readonly policy: Policy;
  readonly counts: Map<Tolerance, number>;
}

export function newTolerated(policy: Policy): Tolerated {
  return { policy, counts: new Map() };
}

/**
 * Counts one deviation from the image.
 * @param path bytes (latin1)
 * @throws POLICY_VIOLATED where the policy is strict about it
 */
export function tolerate(tolerated: Tolerated, tolerance: Tolerance, path: string): void {
  const severity = tolerated.policy[tolerance];
  if (severity === 'strict') {
    throw new TsimgError('POLICY_VIOLATED', `strict about ${tolerance}`, {
      where: pathText(path),
      why: TOLERANCES[tolerance],
      hint: `--policy ${tolerance}=warn lets it pass`,
      facts: { policy: tolerance },
    });
  }
  if (severity === 'warn') tolerated.counts.set(tolerance, (tolerated.counts.get(tolerance) ?? 0) + 1);
}
