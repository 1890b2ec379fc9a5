import { MEMORY, MEMORY_SIZE } from '../layout.ts';
import { CODE_ARM64 } from './code-arm64.data.ts';
import { CODE_X64 } from './code-x64.data.ts';

/** The architectures with a stub, as Node names them. */
export type StubMachine = 'x64' | 'arm64';

const EM = { x64: 62, arm64: 183 } as const;
const ET_EXEC = 2;
const [PT_LOAD, PT_GNU_STACK] = [1, 0x6474_e551];
const [PF_X, PF_W, PF_R] = [1, 2, 4];
const ELF_HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
/** The address that the file is loaded at. */
const TEXT = 0x40_0000;
/** The largest page size of arm64; addresses must be multiples of it. */
const ALIGNMENT = 0x1_0000;

function codeOf(machine: StubMachine): Buffer {
  if (machine === 'x64') return Buffer.from(CODE_X64.join('').replaceAll(' ', ''), 'hex');
  const code = Buffer.alloc(CODE_ARM64.length * 4);
  CODE_ARM64.forEach((instruction, index) => {
    code.writeUInt32LE(instruction, index * 4);
  });
  return code;
}

interface Segment {
  readonly type: number;
  readonly flags: number;
  readonly address: number;
  readonly inFile: number;
  readonly inMemory: number;
}

function programHeader({ type, flags, address, inFile, inMemory }: Segment): Buffer {
  const header = Buffer.alloc(PROGRAM_HEADER_SIZE);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(flags, 4);
  header.writeBigUInt64LE(BigInt(address), 16);
  header.writeBigUInt64LE(BigInt(address), 24);
  header.writeBigUInt64LE(BigInt(inFile), 32);
  header.writeBigUInt64LE(BigInt(inMemory), 40);
  header.writeBigUInt64LE(BigInt(type === PT_LOAD ? ALIGNMENT : 16), 48);
  return header;
}

function elfHeader(machine: StubMachine, segments: number): Buffer {
  const header = Buffer.alloc(ELF_HEADER_SIZE);
  // 64 bits, little-endian, version 1.
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header);
  header.writeUInt16LE(ET_EXEC, 16);
  header.writeUInt16LE(EM[machine], 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(TEXT + ELF_HEADER_SIZE + segments * PROGRAM_HEADER_SIZE), 24);
  header.writeBigUInt64LE(BigInt(ELF_HEADER_SIZE), 32);
  header.writeUInt16LE(ELF_HEADER_SIZE, 52);
  header.writeUInt16LE(PROGRAM_HEADER_SIZE, 54);
  header.writeUInt16LE(segments, 56);
  return header;
}

/**
 * Builds the stub: a static program of about 450 bytes that performs the system calls that it reads from descriptor 3,
 * and exits at the end of its input. elf(5)
 */
export function makeStubProgram(machine: StubMachine): Buffer {
  const code = codeOf(machine);
  const size = ELF_HEADER_SIZE + 3 * PROGRAM_HEADER_SIZE + code.length;
  const segments: readonly Segment[] = [
    { type: PT_LOAD, flags: PF_R | PF_X, address: TEXT, inFile: size, inMemory: size },
    { type: PT_LOAD, flags: PF_R | PF_W, address: MEMORY, inFile: 0, inMemory: MEMORY_SIZE },
    { type: PT_GNU_STACK, flags: PF_R | PF_W, address: 0, inFile: 0, inMemory: 0 },
  ];
  return Buffer.concat([elfHeader(machine, segments.length), ...segments.map(programHeader), code]);
}
