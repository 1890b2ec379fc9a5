/**
 * The hand's program for x86-64: bytes of an instruction, and what it does. r12 and r13 are the descriptors that requests come
 * from and answers go to, r14 the memory, r15 how much of a request is there, rbx the call at hand (layout.ts says where what is).
 * A system call leaves all of these alone; there is no stack. Intel's manual, volume 2; the kernel's entry_64.S.
 */
export const CODE_X64: readonly (readonly [bytes: string, what: string])[] = [
  ['41 bc 03 00 00 00', 'mov r12d, 3          requests come from descriptor 3 at first'],
  ['41 bd 03 00 00 00', 'mov r13d, 3          and answers go there: it is a socket'],
  ['41 be 00 00 00 10', 'mov r14d, MEMORY'],
  // next: a request
  ['45 31 ff', 'xor r15d, r15d       nothing of it is there'],
  // more:
  ['31 c0', 'xor eax, eax         read'],
  ['44 89 e7', 'mov edi, r12d'],
  ['4b 8d 34 3e', 'lea rsi, [r14+r15]   behind what is there'],
  ['ba 00 00 40 00', 'mov edx, SIZE'],
  ['4c 29 fa', 'sub rdx, r15         as much as there is room'],
  ['0f 05', 'syscall'],
  ['48 85 c0', 'test rax, rax'],
  ['7e 62', 'jle end              the caller is gone'],
  ['49 01 c7', 'add r15, rax'],
  ['4d 3b 3e', 'cmp r15, [r14]       the length of the whole'],
  ['72 e0', 'jb more'],
  ['49 8d 5e 08', 'lea rbx, [r14+8]     the first call'],
  // call:
  ['48 8b 03', 'mov rax, [rbx]       its number'],
  ['48 8b 7b 08', 'mov rdi, [rbx+8]     its six arguments'],
  ['48 8b 73 10', 'mov rsi, [rbx+16]'],
  ['48 8b 53 18', 'mov rdx, [rbx+24]'],
  ['4c 8b 53 20', 'mov r10, [rbx+32]'],
  ['4c 8b 43 28', 'mov r8, [rbx+40]'],
  ['4c 8b 4b 30', 'mov r9, [rbx+48]'],
  ['0f 05', 'syscall'],
  ['48 89 43 38', 'mov [rbx+56], rax    the result'],
  ['48 85 c0', 'test rax, rax'],
  ['75 08', 'jne judge'],
  ['44 8b 63 48', 'mov r12d, [rbx+72]   after 0, also that of the child of a clone, it goes on with'],
  ['44 8b 6b 4c', 'mov r13d, [rbx+76]   these descriptors'],
  // judge: the flags are still those of the result
  ['78 0e', 'js answer            it failed'],
  ['48 8b 4b 50', 'mov rcx, [rbx+80]    the call after this one'],
  ['48 85 c9', 'test rcx, rcx'],
  ['74 05', 'jz answer            there is none'],
  ['48 89 cb', 'mov rbx, rcx'],
  ['eb c2', 'jmp call'],
  // answer:
  ['b8 14 00 00 00', 'mov eax, 20          writev'],
  ['44 89 ef', 'mov edi, r13d'],
  ['48 8d 73 58', 'lea rsi, [rbx+88]    of two ranges, which the caller named'],
  ['ba 02 00 00 00', 'mov edx, 2'],
  ['0f 05', 'syscall'],
  ['48 85 c0', 'test rax, rax'],
  ['79 83', 'jns next'],
  // end:
  ['31 ff', 'xor edi, edi'],
  ['b8 e7 00 00 00', 'mov eax, 231         exit_group'],
  ['0f 05', 'syscall'],
];
