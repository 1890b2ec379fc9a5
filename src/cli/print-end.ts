import type { AttachEnd } from '../host/stdio/attach-to.ts';
import type { Session } from './session.ts';

/** Says how an attachment ended where the container goes on. Returns the exit status of the verb. */
export function printEnd(end: AttachEnd, { note }: Session): number {
  if (end.kind === 'ended') return end.exitCode;
  note(end.kind === 'detached' ? 'detached: the container goes on' : 'the attachment has ended: the container goes on');
  return end.kind === 'detached' ? 0 : 1;
}
