import { errnoOf } from '../../errors.ts';
import { callError, type Hand } from './hand.ts';

const MFD = { cloexec: 1, allowSealing: 2, exec: 16 };
const F_ADD_SEALS = 1033;
/** Of seals, shrinking, growing and writing. */
const ALL_SEALS = 0xf;
const AT_EMPTY_PATH = 0x1000;

/** Memory that can be executed, by descriptor. memfd_create(2): before Linux 6.3 that need not be told, nor can it be. */
function makeMemory(hand: Hand): number {
  const create = (flags: number) => hand.call('memfd_create', ['hand', flags], 'vm.memfd_noexec');
  const flags = MFD.cloexec | MFD.allowSealing;
  try {
    return create(flags | MFD.exec);
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL') throw error;
    return create(flags);
  }
}

/**
 * Has a hand become a hand anew, from memory that nobody can ever write to. What it is told by closes; it reads from descriptor
 * 3 again. fcntl(2), "File Sealing". @throws SYSTEM_CALL
 */
export function becomeSealed(hand: Hand, program: Uint8Array): void {
  const memory = makeMemory(hand);
  const outcome = hand.attempt([
    { name: 'write', args: [memory, program, program.length] },
    { name: 'fcntl', args: [memory, F_ADD_SEALS, ALL_SEALS] },
    { name: 'execveat', args: [memory, '', ['hand', null], [null], AT_EMPTY_PATH] },
  ]);
  if (outcome !== undefined) throw callError('execveat', outcome.result, 'the hand’s program in memory');
}
