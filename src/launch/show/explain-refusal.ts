import { errnoOf, TsimgError } from '../../errors.ts';
import {
  type HostConditions,
  missingCall,
  type Refusal,
  refusedMount,
  refusedNamespace,
} from '../facts/host-conditions.ts';

/** System calls on the container's own mounts: a refusal is the host's doing. */
const MOUNTING = new Set(['mount', 'mount_setattr', 'open_tree', 'move_mount', 'pivot_root', 'umount2']);

function refusalOf(error: TsimgError, conditions: HostConditions): Refusal | undefined {
  const errno = errnoOf(error);
  const { call } = error.facts;
  if (typeof call !== 'string') return undefined;
  if (errno === 'ENOSYS') return missingCall(call, conditions);
  // ENOSPC: the limit of namespaces is reached.
  if (call.startsWith('unshare') && errno === 'ENOSPC') return refusedNamespace(conditions);
  if (errno !== 'EPERM' && errno !== 'EACCES') return undefined;
  if (call.startsWith('unshare')) return refusedNamespace(conditions);
  return MOUNTING.has(call) ? refusedMount(error.where ?? '', conditions) : undefined;
}

/** Explains an error of a launch that the host caused, with cause and remedy; undefined for any other error. */
export function explainRefusal(error: TsimgError, conditions: HostConditions): TsimgError | undefined {
  const refusal = error.code === 'SYSTEM_CALL' ? refusalOf(error, conditions) : undefined;
  if (refusal === undefined) return undefined;
  const { cause: why, remedy: hint } = refusal;
  const call = String(error.facts.call);
  const what = `this host refuses ${call.startsWith('unshare') ? 'namespaces' : call}`;
  return new TsimgError('HOST_UNSUPPORTED', what, { where: error.where, why, hint, facts: error.facts, cause: error });
}
