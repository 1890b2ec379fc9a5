import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { RegistryOptions } from '../../registry/session.ts';
import type { PolicySubject } from '../../verify/policy/subject.ts';
import type { SignedImage } from './verify-image.ts';

/** The places where a policy is looked for. */
export interface PolicyPlace {
  /** A file to use instead of the user's and the system's policy.json. */
  readonly signaturePolicy?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The place of the policy, and the way to registries, which have the signatures. */
export interface PolicyOptions extends RegistryOptions, PolicyPlace {
  readonly env?: RegistryOptions['env'];
}

/** An image that a policy decides on. */
export interface PolicyImage extends SignedImage {
  readonly subject: PolicySubject;
}

/** Returns the paths of policy.json; the first one that exists counts. containers-policy.json(5), "FILES" */
export function policyPlaces({ signaturePolicy, env = process.env }: PolicyPlace): readonly string[] {
  if (signaturePolicy !== undefined) return [signaturePolicy];
  return [join(env.HOME || homedir(), '.config', 'containers', 'policy.json'), '/etc/containers/policy.json'];
}

/** Returns whether a policy was named or exists. */
export function hasPolicy(place: PolicyPlace): boolean {
  return place.signaturePolicy !== undefined || policyPlaces(place).some((path) => existsSync(path));
}
