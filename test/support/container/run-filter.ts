import type { Instruction } from '../../../src/linux/seccomp/seccomp-compile.ts';

/** Runs a BPF program as the kernel's interpreter does. Returns the program's value. */
export function runFilter(
  program: readonly Instruction[],
  architecture: number,
  number: number,
  args: readonly bigint[] = [],
): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, architecture, true);
  args.forEach((value, index) => {
    data.setBigUint64(16 + 8 * index, value, true);
  });
  let accumulator = 0;
  for (let at = 0; ; at += 1) {
    const instruction = program[at];
    if (instruction === undefined) throw new Error(`the program runs off its end at ${at}`);
    const { code, jt, jf, k } = instruction;
    if (jt < 0 || jf < 0 || jt > 255 || jf > 255) throw new Error(`a jump too far at ${at}`);
    if (code === 0x20) accumulator = data.getUint32(k, true);
    else if (code === 0x05) at += k;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x35) at += accumulator >= k ? jt : jf;
    else if (code === 0x45) at += (accumulator & k) !== 0 ? jt : jf;
    else if (code === 0x25) at += accumulator > k ? jt : jf;
    else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x06) return k;
    else throw new Error(`unknown instruction ${code}`);
  }
}
