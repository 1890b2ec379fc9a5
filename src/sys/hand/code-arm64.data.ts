/**
 * The hand's program for arm64: an instruction as a number, and what it does. x19 and x20 are the descriptors that requests come
 * from and answers go to, x21 the memory, x22 how much of a request is there, x23 the call at hand (layout.ts says where what
 * is). A system call leaves all of these alone; there is no stack. Arm's manual (DDI 0487), chapter C6.
 */
export const CODE_ARM64: readonly (readonly [instruction: number, what: string])[] = [
  [0xd2800073, 'movz x19, #3              requests come from descriptor 3 at first'],
  [0xd2800074, 'movz x20, #3              and answers go there: it is a socket'],
  [0xd2a20015, 'movz x21, #MEMORY'],
  // next: a request
  [0xd2800016, 'movz x22, #0              nothing of it is there'],
  // more:
  [0xaa1303e0, 'mov x0, x19'],
  [0x8b1602a1, 'add x1, x21, x22          behind what is there'],
  [0xd2a00802, 'movz x2, #SIZE'],
  [0xcb160042, 'sub x2, x2, x22           as much as there is room'],
  [0xd28007e8, 'movz x8, #63              read'],
  [0xd4000001, 'svc #0'],
  [0xf100001f, 'cmp x0, #0'],
  [0x5400032d, 'b.le end                  the caller is gone'],
  [0x8b0002d6, 'add x22, x22, x0'],
  [0xf94002a9, 'ldr x9, [x21]             the length of the whole'],
  [0xeb0902df, 'cmp x22, x9'],
  [0x54fffea3, 'b.lo more'],
  [0x910022b7, 'add x23, x21, #8          the first call'],
  // call:
  [0xf94002e8, 'ldr x8, [x23]             its number'],
  [0xa94086e0, 'ldp x0, x1, [x23, #8]     its six arguments'],
  [0xa9418ee2, 'ldp x2, x3, [x23, #24]'],
  [0xa94296e4, 'ldp x4, x5, [x23, #40]'],
  [0xd4000001, 'svc #0'],
  [0xf9001ee0, 'str x0, [x23, #56]        the result'],
  [0xb5000040, 'cbnz x0, judge'],
  [
    0x294952f3,
    'ldp w19, w20, [x23, #72]  after 0, also that of the child of a clone, it goes on with these descriptors',
  ],
  // judge:
  [0xb7f800a0, 'tbnz x0, #63, answer      it failed'],
  [0xf9402ae9, 'ldr x9, [x23, #80]        the call after this one'],
  [0xb4000069, 'cbz x9, answer            there is none'],
  [0xaa0903f7, 'mov x23, x9'],
  [0x17fffff4, 'b call'],
  // answer:
  [0xaa1403e0, 'mov x0, x20'],
  [0x910162e1, 'add x1, x23, #88          of two ranges, which the caller named'],
  [0xd2800042, 'movz x2, #2'],
  [0xd2800848, 'movz x8, #66              writev'],
  [0xd4000001, 'svc #0'],
  [0xb6fffc00, 'tbz x0, #63, next'],
  // end:
  [0xd2800000, 'movz x0, #0'],
  [0xd2800bc8, 'movz x8, #94              exit_group'],
  [0xd4000001, 'svc #0'],
];
