import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RegistryOptions } from '../../registry/session.ts';
import type { PolicySubject } from '../../verify/policy/scope.ts';
import type { SignedImage } from './verify-image.ts';

/** Where a policy is looked for. */
export interface PolicyPlace {
  /** Instead of the user's policy.json and the system's. */
  readonly signaturePolicy?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** How the policy is found, and how registries are asked for signatures. */
export interface PolicyOptions extends RegistryOptions, PolicyPlace {
  readonly env?: RegistryOptions['env'];
}

/** An image that a policy is asked about. */
export interface PolicyImage extends SignedImage {
  readonly subject: PolicySubject;
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
