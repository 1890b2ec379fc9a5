import { TsimgError } from '../../errors.ts';
import type { ProcessPlan } from '../../launch/launch-plan.ts';
import { compileSeccomp, encodeFilter } from '../../linux/seccomp/seccomp-compile.ts';
import { defaultPolicy } from '../../linux/seccomp/seccomp-policy.ts';

/**
 * Compiles a command's system call filter for this machine; undefined for none. @throws HOST_UNSUPPORTED,
 * LIMIT_EXCEEDED
 */
export function compileFilter({ seccomp, capabilities }: ProcessPlan): Uint8Array | undefined {
  if (seccomp === 'unconfined') return undefined;
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    throw new TsimgError('HOST_UNSUPPORTED', 'no system call filter for this machine', { where: process.arch });
  }
  const policy = seccomp === 'default' ? defaultPolicy(capabilities) : seccomp;
  return encodeFilter(compileSeccomp(policy, process.arch));
}
