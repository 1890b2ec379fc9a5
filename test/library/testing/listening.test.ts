import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listeningIn } from '../../../src/library/testing/listening.ts';

const test = suite('library/testing/listening');

const HEADER = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (local: string, state: string) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n`;

test('a port counts where a socket listens on it, on the loopback alone or elsewhere too', () => {
  const anyAddress = line('00000000:1538', '0A');
  const loopback = line('0100007F:1538', '0A');
  const loopback6 = line('00000000000000000000000001000000:1538', '0A').replace(
    ' 00000000:0000 ',
    ` ${'0'.repeat(32)}:0000 `,
  );
  const any6 = line(`${'0'.repeat(32)}:1538`, '0A').replace(' 00000000:0000 ', ` ${'0'.repeat(32)}:0000 `);
  for (const [tables, expected] of [
    ['', 'no'],
    [line('00000000:1539', '0A'), 'no'],
    // A connection, and not a listener
    [line('00000000:1538', '01'), 'no'],
    [anyAddress, 'yes'],
    [any6, 'yes'],
    [loopback, 'loopback'],
    [loopback6, 'loopback'],
    [`${loopback}${HEADER}${loopback6}`, 'loopback'],
    [`${loopback}${HEADER}${any6}`, 'yes'],
  ] as const) {
    assert.is(listeningIn(HEADER + tables, 5432), expected, tables);
  }
});

test.run();
