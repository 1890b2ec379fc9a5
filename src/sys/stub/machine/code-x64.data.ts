/**
 * The stub’s program for x86-64, the bytes of one instruction each. Its source is stub-x64.s; a test assembles that and
 * compares.
 */
export const CODE_X64: readonly string[] = [
  // _start
  'b8 9d 00 00 00',
  'bf 04 00 00 00',
  '31 f6',
  '0f 05',
  '41 bc 03 00 00 00',
  '41 bd 03 00 00 00',
  '41 be 00 00 00 10',
  // next_request
  '45 31 ff',
  // more
  '31 c0',
  '44 89 e7',
  '4b 8d 34 3e',
  'ba 00 00 40 00',
  '4c 29 fa',
  '0f 05',
  '48 85 c0',
  '7e 62',
  '49 01 c7',
  '4d 3b 3e',
  '72 e0',
  '49 8d 5e 08',
  // perform
  '48 8b 03',
  '48 8b 7b 08',
  '48 8b 73 10',
  '48 8b 53 18',
  '4c 8b 53 20',
  '4c 8b 43 28',
  '4c 8b 4b 30',
  '0f 05',
  '48 89 43 38',
  '48 85 c0',
  '75 08',
  '44 8b 63 48',
  '44 8b 6b 4c',
  // judge
  '78 0e',
  '48 8b 4b 50',
  '48 85 c9',
  '74 05',
  '48 89 cb',
  'eb c2',
  // answer
  'b8 14 00 00 00',
  '44 89 ef',
  '48 8d 73 58',
  'ba 02 00 00 00',
  '0f 05',
  '48 85 c0',
  '79 83',
  // end
  '31 ff',
  'b8 e7 00 00 00',
  '0f 05',
];
