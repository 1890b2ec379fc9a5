# The stub for x86-64: it performs the system calls that it is told by descriptor 3, and nothing else. What is shipped is the table
# in code-x64.data.ts; a test assembles this file and compares the two, byte for byte.
#
# layout.ts says how a request lies in memory. Registers (the kernel changes none of them in a system call; there is no stack):
#   r12d  the descriptor that requests come from        r14  the memory
#   r13d  the descriptor that answers go to             r15  how many bytes of a request are there
#   rbx   the call at hand
# Intel's manual, volume 2; the calling convention is in the kernel's arch/x86/entry/entry_64.S.

.intel_syntax noprefix
.set MEMORY, 0x10000000
.set MEMORY_SIZE, 0x400000

# Where the parts of a call are, in bytes from its beginning
.set NUMBER, 0
.set ARGUMENTS, 8
.set RESULT, 56
.set INPUT, 72
.set OUTPUT, 76
.set NEXT, 80
.set RANGES, 88

.globl _start
_start:
    # Before anything else nobody may look into it any more: execve(2) has made it a process like any other.
    mov eax, 157                    # prctl
    mov edi, 4                      # PR_SET_DUMPABLE
    xor esi, esi                    # not
    syscall
    mov r12d, 3                     # requests come from descriptor 3 at first
    mov r13d, 3                     # and answers go there: it is a socket
    mov r14d, MEMORY

next_request:
    xor r15d, r15d                  # nothing of it is there

more:
    xor eax, eax                    # read
    mov edi, r12d
    lea rsi, [r14+r15]              # behind what is there
    mov edx, MEMORY_SIZE
    sub rdx, r15                    # as much as there is room for
    syscall
    test rax, rax
    jle end                         # the caller is gone
    add r15, rax
    cmp r15, [r14]                  # a request begins with its own length
    jb more                         # a long one comes in pieces
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
    test rax, rax
    jne judge
    # After 0 it goes on with the descriptors that the call names: so does the child of a clone, and it alone.
    mov r12d, [rbx+INPUT]
    mov r13d, [rbx+OUTPUT]

judge:
    # The flags are still those of the result: mov changes none.
    js answer                       # it failed: what follows is not performed
    mov rcx, [rbx+NEXT]
    test rcx, rcx
    jz answer                       # it was the last one
    mov rbx, rcx
    jmp perform

answer:
    mov eax, 20                     # writev
    mov edi, r13d
    lea rsi, [rbx+RANGES]           # of two ranges, which the caller named
    mov edx, 2
    syscall
    test rax, rax
    jns next_request

end:
    xor edi, edi
    mov eax, 231                    # exit_group
    syscall
