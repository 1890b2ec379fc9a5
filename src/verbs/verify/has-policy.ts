import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a policy is looked for. */
export interface PolicyPlace {
  /** Instead of the user's policy.json and the system's. */
  readonly signaturePolicy?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The places of policy.json, the first that is there counts. containers-policy.json(5), "FILES" */
export function policyPlaces({ signaturePolicy, env = process.env }: PolicyPlace): readonly string[] {
  if (signaturePolicy !== undefined) return [signaturePolicy];
  return [join(env.HOME || homedir(), '.config', 'containers', 'policy.json'), '/etc/containers/policy.json'];
}

/** Returns whether there is a policy, or one was named. */
export function hasPolicy(place: PolicyPlace): boolean {
  return place.signaturePolicy !== undefined || policyPlaces(place).some((path) => existsSync(path));
}
