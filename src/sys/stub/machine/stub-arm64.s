// The stub for arm64: it performs the system calls that it reads from descriptor 3. The package contains the table in
// code-arm64.data.ts; a test assembles this file and compares both, byte for byte.
//
// layout.ts has the layout of a request. Registers (system calls change none of them, and there is no stack):
//   x19  the descriptor for requests                    x21  the memory
//   x20  the descriptor for answers                     x22  the bytes of the request read so far
//   x23  the current call
// Arm's manual (DDI 0487), chapter C6; the calling convention is in syscall(2).

.set MEMORY, 0x10000000
.set MEMORY_SIZE, 0x400000

// The offsets of a call's parts: bytes
.set NUMBER, 0
.set ARGUMENTS, 8
.set RESULT, 56
.set INPUT, 72
.set NEXT, 80
.set RANGES, 88
.set STORES, 136
.set EXPECTED, 144
.set OTHERWISE, 152

.globl _start
_start:
    // First it hides from other processes: execve(2) has made it dumpable.
    movz x8, #167                   // prctl
    movz x0, #4                     // PR_SET_DUMPABLE
    movz x1, #0                     // not dumpable
    svc #0
    movz x19, #3                    // descriptor 3 for requests at first
    movz x20, #3                    // and for answers: it is a socket
    movz x21, #(MEMORY >> 16), lsl #16

next_request:
    movz x22, #0                    // nothing is read yet

more:
    mov x0, x19
    add x1, x21, x22                // after the bytes so far
    movz x2, #(MEMORY_SIZE >> 16), lsl #16
    sub x2, x2, x22                 // up to the end of the memory
    movz x8, #63                    // read
    svc #0
    cmp x0, #0
    b.le end                        // the caller is gone
    add x22, x22, x0
    ldr x9, [x21]                   // a request begins with its own length
    cmp x22, x9
    b.lo more                       // a long request comes in pieces
    add x23, x21, #8                // the first call

perform:
    ldr x8, [x23, #NUMBER]
    ldp x0, x1, [x23, #ARGUMENTS]
    ldp x2, x3, [x23, #ARGUMENTS+16]
    ldp x4, x5, [x23, #ARGUMENTS+32]
    svc #0
    str x0, [x23, #RESULT]
    ldr x9, [x23, #STORES]          // a list of addresses, or none
    cbz x9, switch

store:
    // Arguments of later calls are among them.
    ldr x10, [x9], #8
    cbz x10, switch                 // the end of the list
    str x0, [x10]
    b store

switch:
    cbnz x0, judge
    // After 0 it uses the call's descriptors. After a clone, this is true for the child only.
    ldp w19, w20, [x23, #INPUT]

judge:
    ldr x9, [x23, #OTHERWISE]
    ldr x10, [x23, #EXPECTED]
    cmp x0, x10
    b.eq go_on                      // the caller expected this result, be it an error
    tbnz x0, #63, answer            // it failed: the later calls are not made
    ldr x9, [x23, #NEXT]

go_on:
    cbz x9, answer                  // it was the last one
    mov x23, x9
    b perform

answer:
    mov x0, x20
    add x1, x23, #RANGES            // three ranges, given by the caller
    movz x2, #3
    movz x8, #66                    // writev
    svc #0
    tbz x0, #63, next_request

end:
    movz x0, #0
    movz x8, #94                    // exit_group
    svc #0
