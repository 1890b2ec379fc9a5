// The stub for arm64: it performs the system calls that it is told by descriptor 3, and nothing else. What is shipped is the table
// in code-arm64.data.ts; a test assembles this file and compares the two, byte for byte.
//
// layout.ts says how a request lies in memory. Registers (the kernel changes none of them in a system call; there is no stack):
//   x19  the descriptor that requests come from         x21  the memory
//   x20  the descriptor that answers go to              x22  how many bytes of a request are there
//   x23  the call at hand
// Arm's manual (DDI 0487), chapter C6; the calling convention is in syscall(2).

.set MEMORY, 0x10000000
.set MEMORY_SIZE, 0x400000

// Where the parts of a call are, in bytes from its beginning
.set NUMBER, 0
.set ARGUMENTS, 8
.set RESULT, 56
.set INPUT, 72
.set NEXT, 80
.set RANGES, 88

.globl _start
_start:
    // Before anything else nobody may look into it any more: execve(2) has made it a process like any other.
    movz x8, #167                   // prctl
    movz x0, #4                     // PR_SET_DUMPABLE
    movz x1, #0                     // not
    svc #0
    movz x19, #3                    // requests come from descriptor 3 at first
    movz x20, #3                    // and answers go there: it is a socket
    movz x21, #(MEMORY >> 16), lsl #16

next_request:
    movz x22, #0                    // nothing of it is there

more:
    mov x0, x19
    add x1, x21, x22                // behind what is there
    movz x2, #(MEMORY_SIZE >> 16), lsl #16
    sub x2, x2, x22                 // as much as there is room for
    movz x8, #63                    // read
    svc #0
    cmp x0, #0
    b.le end                        // the caller is gone
    add x22, x22, x0
    ldr x9, [x21]                   // a request begins with its own length
    cmp x22, x9
    b.lo more                       // a long one comes in pieces
    add x23, x21, #8                // the first call

perform:
    ldr x8, [x23, #NUMBER]
    ldp x0, x1, [x23, #ARGUMENTS]
    ldp x2, x3, [x23, #ARGUMENTS+16]
    ldp x4, x5, [x23, #ARGUMENTS+32]
    svc #0
    str x0, [x23, #RESULT]
    cbnz x0, judge
    // After 0 it goes on with the descriptors that the call names: so does the child of a clone, and it alone.
    ldp w19, w20, [x23, #INPUT]

judge:
    tbnz x0, #63, answer            // it failed: what follows is not performed
    ldr x9, [x23, #NEXT]
    cbz x9, answer                  // it was the last one
    mov x23, x9
    b perform

answer:
    mov x0, x20
    add x1, x23, #RANGES            // of two ranges, which the caller named
    movz x2, #2
    movz x8, #66                    // writev
    svc #0
    tbz x0, #63, next_request

end:
    movz x0, #0
    movz x8, #94                    // exit_group
    svc #0
