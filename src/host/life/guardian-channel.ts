import { either, fields, isFlag, isText, oneOf } from '../state/document-shape.ts';

/** The descriptor by which a guardian is told what to guard. Its end means that the guarded process is gone. */
export const GUARDIAN_INPUT = 3;

/** A message to a guardian, one a line. */
export type GuardianMessage =
  /** From here on the container is to be cleaned up; told before anything is made for it. */
  | { readonly kind: 'guard'; readonly folder: string; readonly id: string; readonly remove: boolean }
  /** The record of a network is to be removed, after all containers. */
  | { readonly kind: 'guard-network'; readonly folder: string; readonly id: string; readonly name: string }
  /** The container has been cleaned up, or the network removed. */
  | { readonly kind: 'done'; readonly id: string };

const isMessage = either(
  fields({ kind: oneOf('guard'), folder: isText, id: isText, remove: isFlag }),
  either(
    fields({ kind: oneOf('guard-network'), folder: isText, id: isText, name: isText }),
    fields({ kind: oneOf('done'), id: isText }),
  ),
);

/** Whether a value from another process is a guardian's message. */
export function isGuardianMessage(value: unknown): value is GuardianMessage {
  return isMessage(value);
}
