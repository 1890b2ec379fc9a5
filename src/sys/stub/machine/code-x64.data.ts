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
  '0f 8e 96 00 00 00',
  '49 01 c7',
  '4d 3b 3e',
  '72 dc',
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
  '48 8b 8b 88 00 00 00',
  '48 85 c9',
  '74 11',
  // store
  '48 8b 11',
  '48 85 d2',
  '74 09',
  '48 89 02',
  '48 83 c1 08',
  'eb ef',
  // switch
  '48 85 c0',
  '75 08',
  '44 8b 63 48',
  '44 8b 6b 4c',
  // judge
  '48 8b 8b 98 00 00 00',
  '48 3b 83 90 00 00 00',
  '74 09',
  '48 85 c0',
  '78 0e',
  '48 8b 4b 50',
  // go_on
  '48 85 c9',
  '74 05',
  '48 89 cb',
  'eb 92',
  // answer
  'b8 14 00 00 00',
  '44 89 ef',
  '48 8d 73 58',
  'ba 03 00 00 00',
  '0f 05',
  '48 85 c0',
  '0f 89 4b ff ff ff',
  // end
  '31 ff',
  'b8 e7 00 00 00',
  '0f 05',
];
