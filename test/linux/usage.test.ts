import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  parseBlkio,
  parseCount,
  parseIoStat,
  parseNetworkDevices,
  parseProcessIo,
  parseProcessorTime,
  parseProcessStatus,
  parseTotalMemory,
} from '../../src/linux/usage.ts';

const test = suite('linux/usage');

test('the processor time of a process is its own and that of its children, whatever its program is called', () => {
  const stat = '42 (a) R 1 (b) S 1 42 42 0 -1 4194304 90 8 0 0 150 25 300 25 20 0 1 0 9000 1000 100';
  assert.is(parseProcessorTime(stat), 5);
});

test('threads and resident memory are read; a zombie has no memory', () => {
  assert.equal(parseProcessStatus('Name:\tsh\nVmRSS:\t     940 kB\nThreads:\t3\n'), {
    threads: 3,
    resident: 940 * 1024,
  });
  assert.equal(parseProcessStatus('Name:\tsh\nState:\tZ (zombie)\nThreads:\t1\n'), { threads: 1, resident: 0 });
  assert.equal(parseProcessStatus(''), { threads: 0, resident: 0 });
});

test('bytes read from disks are counted, not those read from the cache', () => {
  const io = 'rchar: 9\nwchar: 8\nsyscr: 7\nsyscw: 6\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 1\n';
  assert.equal(parseProcessIo(io), { read: 4096, written: 8192 });
});

test('devices of the network are summed, without the loopback', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     500       5    0    0    0     0          0         0      500       5    0    0    0     0       0          0
  eth0:    1000      10    0    0    0     0          0         0       70       1    0    0    0     0       0          0
tap12345678901:7 1    0    0    0     0          0         0       3       1    0    0    0     0       0          0
`;
  assert.equal(parseNetworkDevices(text), { read: 1007, written: 73 });
});

test('block I/O of both versions of cgroups is summed over the devices', () => {
  const unified =
    '8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n8:0 rbytes=1 wbytes=2 rios=3\n';
  assert.equal(parseIoStat(unified), { read: 1459201, written: 314773506 });
  const legacy = '8:0 Read 100\n8:0 Write 20\n8:0 Sync 120\n8:16 Read 3\n8:16 Write 4\nTotal 127\n';
  assert.equal(parseBlkio(legacy), { read: 103, written: 24 });
  assert.equal(parseIoStat(''), { read: 0, written: 0 });
});

test('no limit is no number', () => {
  assert.is(parseCount('max\n'), undefined);
  assert.is(parseCount(''), undefined);
  assert.is(parseCount('16777216\n'), 16777216);
});

test('the host’s memory is in bytes', () => {
  assert.is(parseTotalMemory('MemTotal:       16384 kB\nMemFree:  1 kB\n'), 16384 * 1024);
  assert.is(parseTotalMemory(''), undefined);
});

test.run();
