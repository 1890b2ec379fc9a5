/**
 * `long start(call *calls, long flags)`: clones with `flags`; the child makes one system call of the list after the other, from
 * registers alone, for it shares its parent's memory and stack. A call is eight words: number, five arguments, the errno values
 * that it may fail with (bit n for n), and its result, which is written there. Another failure ends the child with status 127.
 * One line an instruction, so that it can be held against a disassembler's.
 */
const X64 = [
  '4989f9', // mov r9, rdi
  '4889f7', // mov rdi, rsi
  '31f6', // xor esi, esi
  '31d2', // xor edx, edx
  '4531d2', // xor r10d, r10d
  '4531c0', // xor r8d, r8d
  'b838000000', // mov eax, 56 (clone)
  '0f05', // syscall
  '4885c0', // test rax, rax
  '7401', // je child
  'c3', // ret
  '4c89cb', // child: mov rbx, r9
  '488b03', // next: mov rax, [rbx]
  '488b7b08', // mov rdi, [rbx+8]
  '488b7310', // mov rsi, [rbx+16]
  '488b5318', // mov rdx, [rbx+24]
  '4c8b5320', // mov r10, [rbx+32]
  '4c8b4328', // mov r8, [rbx+40]
  '0f05', // syscall
  '48894338', // mov [rbx+56], rax
  '4885c0', // test rax, rax
  '790d', // jns done
  '48f7d8', // neg rax
  '488b4b30', // mov rcx, [rbx+48]
  '480fa3c1', // bt rcx, rax
  '7306', // jnc fail
  '4883c340', // done: add rbx, 64
  'ebcb', // jmp next
  'bf7f000000', // fail: mov edi, 127
  'b8e7000000', // mov eax, 231 (exit_group)
  '0f05', // syscall
];

const ARM64 = [
  'e90300aa', // mov x9, x0
  'e00301aa', // mov x0, x1
  'e1031faa', // mov x1, xzr
  'e2031faa', // mov x2, xzr
  'e3031faa', // mov x3, xzr
  'e4031faa', // mov x4, xzr
  '881b80d2', // mov x8, #220 (clone)
  '010000d4', // svc #0
  '400000b4', // cbz x0, child
  'c0035fd6', // ret
  'f30309aa', // child: mov x19, x9
  '680240f9', // next: ldr x8, [x19]
  '608640a9', // ldp x0, x1, [x19, #8]
  '628e41a9', // ldp x2, x3, [x19, #24]
  '641640f9', // ldr x4, [x19, #40]
  '010000d4', // svc #0
  '601e00f9', // str x0, [x19, #56]
  'a000f8b6', // tbz x0, #63, done
  'e00300cb', // neg x0, x0
  '611a40f9', // ldr x1, [x19, #48]
  '2124c09a', // lsr x1, x1, x0
  '61000036', // tbz w1, #0, fail
  '73020191', // done: add x19, x19, #64
  'f4ffff17', // b next
  'e00f80d2', // fail: mov x0, #127
  'c80b80d2', // mov x8, #94 (exit_group)
  '010000d4', // svc #0
];

/** For this machine; position-independent. */
export const CHILD_CODE = Buffer.from((process.arch === 'arm64' ? ARM64 : X64).join(''), 'hex');
