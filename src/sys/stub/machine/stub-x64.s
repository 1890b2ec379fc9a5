# The stub for x86-64: it performs the system calls that it reads from descriptor 3. The package contains the table in
# code-x64.data.ts; a test assembles this file and compares both, byte for byte.
#
# layout.ts has the layout of a request. Registers (system calls change none of them, and there is no stack):
#   r12d  the descriptor for requests                   r14  the memory
#   r13d  the descriptor for answers                    r15  the bytes of the request read so far
#   rbx   the current call
# Intel's manual, volume 2; the calling convention is in the kernel's arch/x86/entry/entry_64.S.

.intel_syntax noprefix
.set MEMORY, 0x10000000
.set MEMORY_SIZE, 0x400000

# The offsets of a call's parts: bytes
.set NUMBER, 0
.set ARGUMENTS, 8
.set RESULT, 56
.set INPUT, 72
.set OUTPUT, 76
.set NEXT, 80
.set RANGES, 88
.set STORES, 136
.set EXPECTED, 144
.set OTHERWISE, 152

.globl _start
_start:
    # First it hides from other processes: execve(2) has made it dumpable.
    mov eax, 157                    # prctl
    mov edi, 4                      # PR_SET_DUMPABLE
    xor esi, esi                    # not dumpable
    syscall
    mov r12d, 3                     # descriptor 3 for requests at first
    mov r13d, 3                     # and for answers: it is a socket
    mov r14d, MEMORY

next_request:
    xor r15d, r15d                  # nothing is read yet

more:
    xor eax, eax                    # read
    mov edi, r12d
    lea rsi, [r14+r15]              # after the bytes so far
    mov edx, MEMORY_SIZE
    sub rdx, r15                    # up to the end of the memory
    syscall
    test rax, rax
    jle end                         # the caller is gone
    add r15, rax
    cmp r15, [r14]                  # a request begins with its own length
    jb more                         # a long request comes in pieces
    lea rbx, [r14+8]                # the first call

perform:
    mov rax, [rbx+NUMBER]
    mov rdi, [rbx+ARGUMENTS]
    mov rsi, [rbx+ARGUMENTS+8]
    mov rdx, [rbx+ARGUMENTS+16]
    mov r10, [rbx+ARGUMENTS+24]
    mov r8, [rbx+ARGUMENTS+32]
    mov r9, [rbx+ARGUMENTS+40]
    syscall
    mov [rbx+RESULT], rax
    mov rcx, [rbx+STORES]           # a list of addresses, or none
    test rcx, rcx
    jz switch

store:
    # Arguments of later calls are among them.
    mov rdx, [rcx]
    test rdx, rdx
    jz switch                       # the end of the list
    mov [rdx], rax
    add rcx, 8
    jmp store

switch:
    test rax, rax
    jne judge
    # After 0 it uses the call's descriptors. After a clone, this is true for the child only.
    mov r12d, [rbx+INPUT]
    mov r13d, [rbx+OUTPUT]

judge:
    mov rcx, [rbx+OTHERWISE]
    cmp rax, [rbx+EXPECTED]
    je go_on                        # the caller expected this result, be it an error
    test rax, rax
    js answer                       # it failed: the later calls are not made
    mov rcx, [rbx+NEXT]

go_on:
    test rcx, rcx
    jz answer                       # it was the last one
    mov rbx, rcx
    jmp perform

answer:
    mov eax, 20                     # writev
    mov edi, r13d
    lea rsi, [rbx+RANGES]           # three ranges, given by the caller
    mov edx, 3
    syscall
    test rax, rax
    jns next_request

end:
    xor edi, edi
    mov eax, 231                    # exit_group
    syscall
