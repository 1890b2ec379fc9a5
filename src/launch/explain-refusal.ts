import { errnoOf, TsimgError } from '../errors.ts';
import { type HostConditions, missingCall, type Refusal, refusedMount, refusedNamespace } from './host-conditions.ts';

/** System calls of a launch that a host may refuse to the caller: what they are about is the caller's own business. */
const MOUNTING = new Set(['mount', 'mount_setattr', 'open_tree', 'move_mount', 'pivot_root', 'umount2']);

function refusalOf(error: TsimgError, conditions: HostConditions): Refusal | undefined {
  const errno = errnoOf(error);
  const { call } = error.facts;
  if (typeof call !== 'string') return undefined;
  if (errno === 'ENOSYS') return missingCall(call, conditions);
  if (errno !== 'EPERM' && errno !== 'EACCES') return undefined;
  if (call.startsWith('unshare')) return refusedNamespace(conditions);
  return MOUNTING.has(call) ? refusedMount(error.where ?? '', conditions) : undefined;
}

/** An error of the stage that is the host's doing, told with cause and remedy; undefined where it is not. */
export function explainRefusal(error: TsimgError, conditions: HostConditions): TsimgError | undefined {
  const refusal = error.code === 'SYSTEM_CALL' ? refusalOf(error, conditions) : undefined;
  if (refusal === undefined) return undefined;
  const { cause: why, remedy: hint } = refusal;
  const what = `this host refuses ${String(error.facts.call)}`;
  return new TsimgError('HOST_UNSUPPORTED', what, { where: error.where, why, hint, facts: error.facts, cause: error });
}

/** A launch that ended before its stage began, by what unshare complained of. */
export function explainComplaint(complaint: string, conditions: HostConditions): TsimgError {
  const refused = /unshare failed: (Operation not permitted|No space left on device|Permission denied)/.test(complaint);
  const refusal = refused ? refusedNamespace(conditions) : undefined;
  if (refusal === undefined) {
    return new TsimgError('LAUNCH_FAILED', 'the container could not be started', {
      why: complaint,
      hint: 'tsimg doctor says what this host can do',
    });
  }
  const { cause: why, remedy: hint } = refusal;
  return new TsimgError('HOST_UNSUPPORTED', 'this host refuses namespaces', { why, hint, facts: { complaint } });
}
