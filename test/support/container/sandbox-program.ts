import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TsimgError } from '../../../src/errors.ts';
import { createSandbox } from '../../../src/library/sandbox/create-sandbox.ts';
import type { EgressDecision } from '../../../src/library/sandbox/egress/egress-proxy.ts';
import { createSandboxPool } from '../../../src/library/sandbox/pool.ts';
import type { Sandbox } from '../../../src/library/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../../src/library/sandbox/sandbox-options.ts';
import { boxesToWatch, watchInAll } from './sandbox-watches.ts';

// A program that uses sandboxes as scenarios say, as whichever user it runs as: as the one of its argument, or as each
// line of its input, one after the other. It prints what each found, in a line of JSON. Its argument is JSON too.

export interface SandboxProgram {
  readonly source: string;
  readonly options: SandboxOptions;
  /** Undefined for those of the input. */
  readonly scenario?: string | undefined;
}

const [argument] = process.argv.slice(2);
const { source, options, scenario }: SandboxProgram = JSON.parse(argument ?? '{"options":{}}');
const make = (more: SandboxOptions = {}) => createSandbox(source, { ...options, ...more });
const sh = async (box: Sandbox, script: string) => (await box.run(['sh', '-c', script])).stdout.trim();
const codeOf = async (action: Promise<unknown>): Promise<string> => {
  try {
    await action;
    return 'no error';
  } catch (error) {
    return error instanceof TsimgError ? error.code : String(error);
  }
};
/** The folders of containers that are left. */
const left = () =>
  readdirSync(join(options.root ?? '', 'containers')).filter((name) => name !== 'names' && !name.endsWith('.lock'));
const listeners = () => process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`);
const listenersBefore = listeners();
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

const SCENARIOS: Readonly<Record<string, () => Promise<unknown>>> = {
  /** What the inside of a sandbox is like. */
  async inside() {
    await using box = await make();
    return {
      status: lines(await sh(box, "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr -s '\\t ' ' '")),
      id: await sh(box, 'id -u'),
      isMapped: (await sh(box, "head -n 1 /proc/self/uid_map | tr -s ' '")) !== '0 0 4294967295',
      network: lines(await sh(box, 'ls /sys/class/net')),
      writable: await sh(
        box,
        'for d in / /bin /etc /proc/sys/kernel /sys /run /var; do touch $d/x 2>/dev/null && echo $d; done; echo none',
      ),
      environment: lines(await sh(box, 'env | grep -v ^PATH= | sort')),
      place: await sh(box, 'pwd'),
      processes: lines(await sh(box, 'ls /proc | grep -E "^[0-9]+$"')).length,
      mount: (await box.run(['sh', '-c', 'mount -t tmpfs x /tmp || unshare -U true'])).exitCode,
      host: await sh(box, 'hostname'),
      watches: await sh(box, 'cat /proc/sys/user/max_inotify_instances /proc/sys/user/max_fanotify_groups'),
    };
  },
  /** Files stay, processes do not. */
  async files() {
    await using box = await make({ files: { 'a/in.txt': 'given', '/tmp/b': new Uint8Array([0, 255]) } });
    await box.run(['sh', '-c', 'cat a/in.txt > out; sleep 1000 & echo $$ > /tmp/pid']);
    await box.prepare();
    await box.writeFile('/tmp/program', '#!/bin/sh\necho ran', 0o755);
    const ran = await sh(box, '/tmp/program');
    const first = {
      out: (await box.readFile('/sandbox/out')).toString(),
      bytes: [...(await box.readFile('/tmp/b'))],
      names: (await box.listFiles()).map(({ name, kind }) => `${kind} ${name}`),
      sleeping: await sh(box, 'ps | grep -c "[s]leep"'),
      ran,
    };
    const snapshot = await box.snapshot();
    await box.run(['sh', '-c', 'echo changed > out; echo new > more']);
    await using other = await box.fork();
    await box.restore(snapshot);
    const restored = await sh(box, 'cat out; ls');
    await box.dropSnapshot(snapshot);
    return {
      ...first,
      restored: lines(restored),
      forked: lines(await sh(other, 'cat out; ls; echo in fork > only')),
      apart: await codeOf(box.readFile('only')),
      dropped: await codeOf(box.restore(snapshot)),
      none: await codeOf(box.restore(JSON.parse('null'))),
      input: (await other.run(['cat'], { stdin: 'to stdin', env: { A: 1 }, workdir: '/tmp' })).stdout,
      inTmp: (await other.run(['sh', '-c', 'pwd; echo $A'], { env: { A: 1 }, workdir: '/tmp' })).stdout,
    };
  },
  /** Places and links that lead out. */
  async escapes() {
    await using box = await make();
    await box.run([
      'sh',
      '-c',
      'ln -s /etc/passwd abs; ln -s ../../../../etc/passwd rel; ln -s / root; ln -s /proc/self/fd/1 magic; ln -s /tmp/ok in; echo fine > /tmp/ok; ln -s loop loop; mkdir d; busybox mkfifo fifo',
    ]);
    const read = (path: string) => codeOf(box.readFile(path));
    return {
      abs: await read('abs'),
      rel: await read('rel'),
      root: await read('root/etc/passwd'),
      magic: await read('magic'),
      loop: await read('loop'),
      fifo: await read('fifo'),
      directory: await read('d'),
      inside: (await box.readFile('in')).toString(),
      outside: [await read('/etc/passwd'), await read('../etc/passwd'), await read('/sandbox/../proc/1/environ')],
      writeLink: await codeOf(box.writeFile('abs', 'x')),
      writeFifo: await codeOf(box.writeFile('fifo', 'x')),
      writeThrough: await codeOf(box.writeFile('root/escaped', 'x')),
      hostHasIt: existsSync('/escaped'),
      large: await codeOf(box.readFile('/tmp/ok', { limit: 2 })),
      many: await codeOf(box.listFiles('/sandbox', { limit: 3 })),
      mistakes: [
        await codeOf(box.listFiles('/sandbox', { limit: Number.NaN })),
        await codeOf(box.readFile('in', { limit: Number.NaN })),
        await codeOf(box.writeFile('x', JSON.parse('5'))),
      ],
      named: [
        await sh(box, 'mkdir /tmp/n; cd /tmp/n; touch "$(printf \'bad\\377\')"'),
        ...(await box.listFiles('/tmp/n')).map(({ name, kind }) => `${kind} ${name}`),
      ],
    };
  },
  /** Each limit. */
  async limits() {
    await using box = await make({ disk: '4m', pids: 24, memory: '48m', diskFiles: 100 });
    const held = box.limits;
    const timed = await box.run(['sleep', '1000'], { time: 150 });
    const flood = await box.run(['sh', '-c', 'while :; do echo 0123456789; done'], { output: 1000 });
    const fork = await box.run(['sh', '-c', 'n=0; while [ $n -lt 60 ]; do sleep 5 & n=$((n+1)); done'], { time: 4000 });
    const disk = await box.run([
      'sh',
      '-c',
      'head -c 9000000 /dev/zero > f; n=0; while [ $n -lt 200 ]; do echo > f$n; n=$((n+1)); done',
    ]);
    const size = (await box.listFiles()).reduce((sum, each) => sum + each.size, 0);
    const full = await codeOf(box.writeFile('g', new Uint8Array(5_000_000)));
    const memory = await box.run(['sh', '-c', 'tail /dev/zero']);
    const reason = new RangeError('enough');
    const abort = new AbortController();
    setTimeout(() => abort.abort(reason), 100);
    const aborted = await box.run(['sleep', '1000'], { signal: abort.signal }).catch((error) => error === reason);
    return {
      held,
      timed: [timed.timedOut, timed.exitCode, timed.signal],
      flood: [flood.outputExceeded, flood.stdout.length],
      forks: fork.stderr.includes('fork') || fork.exitCode !== 0,
      disk: [disk.stderr !== '', size <= 4 * 1024 * 1024, (await box.listFiles()).length <= 100],
      full,
      memory: [memory.exitCode !== 0, memory.outOfMemory],
      aborted,
      after: (await box.run(['echo', 'lives'])).stdout,
    };
  },
  /** Copies of files that cannot be made, or not in time. */
  async copies() {
    await using box = await make();
    const reason = new RangeError('enough');
    const isReason = (action: Promise<unknown>) => action.then(() => false).catch((error) => error === reason);
    const abort = new AbortController();
    await box.writeFile('a', 'kept');
    const kept = await box.snapshot();
    // More files than a program copies in a millisecond.
    await box.run(['sh', '-c', 'n=0; while [ $n -lt 3000 ]; do echo > f$n; n=$((n+1)); done']);
    const late = [await codeOf(box.snapshot({ time: 1 })), await codeOf(box.fork({ time: 1 }))];
    const ended = isReason(box.snapshot({ signal: abort.signal }));
    setImmediate(() => abort.abort(reason));
    const aborted = [await ended, await isReason(box.fork({ signal: abort.signal }))];
    const name = 'd'.repeat(200);
    await box.run([
      'sh',
      '-c',
      `n=0; while [ $n -lt 40 ]; do mkdir ${name}; cd ${name}; n=$((n+1)); done; echo x > deep`,
    ]);
    const deep = [await codeOf(box.snapshot()), await codeOf(box.fork())];
    const refused = await codeOf(box.restore(kept, { signal: abort.signal }));
    await box.restore(kept, { time: 60_000 });
    const after = lines(await sh(box, 'ls; cat a'));
    const mistake = await codeOf(box.snapshot(JSON.parse('{ "timeout": 5 }')));
    const snapshots = readdirSync(join(options.root ?? '', 'containers', box.id, 'snapshots'));
    const closing = codeOf(box.snapshot());
    await Promise.all([box.remove(), box.close()]);
    return { late, aborted, deep, refused, after, mistake, snapshots, closing: await closing, left: left() };
  },
  /** Programs that watch files in several sandboxes, and this one. */
  async watches() {
    const { count, most } = boxesToWatch();
    if (count > 10) return { skipped: 'needs a limit of at most 300 inotify instances for each user' };
    const boxes = await Promise.all(Array.from({ length: count }, () => make({ time: 110_000 })));
    const granted = await watchInAll(boxes);
    await Promise.all(boxes.map((box) => box.close()));
    return { granted, most };
  },
  /** Mistakes. */
  async errors() {
    const box = await make();
    const found = {
      command: await codeOf(box.run(['/no/such'])),
      empty: await codeOf(box.run([])),
      workdir: await codeOf(box.run(['true'], { workdir: 'relative' })),
      user: await codeOf(box.run(['true'], { user: 'nobody-there' })),
      time: await codeOf(box.run(['true'], { time: 0 })),
      limit: await codeOf(make({ memory: 'much' })),
      network: await codeOf(make({ network: { allow: ['http://x'] } })),
      zero: await codeOf(box.run(['true'], { env: { A: 'a\0b' } })),
      // A program without types
      misspelt: await codeOf(make(JSON.parse('{ "memmory": "64m" }'))),
      allowed: await codeOf(make(JSON.parse('{ "network": { "allow": "example.com" } }'))),
      line: await codeOf(box.run(JSON.parse('"echo hi"'))),
      option: await codeOf(box.run(['true'], JSON.parse('{ "timeout": 5 }'))),
      after: (await box.run(['echo', 'fine'])).stdout,
    };
    const running = codeOf(box.run(['sleep', '1000']));
    // While it runs: a mistake, and the abort of what waits for its turn
    const waiting = [
      await codeOf(box.run(['true'], JSON.parse('{ "timeout": 5 }'))),
      await codeOf(box.snapshot(JSON.parse('{ "timeout": 5 }'))),
      await codeOf(box.run(['true'], { signal: AbortSignal.timeout(50) })),
      await codeOf(box.snapshot({ signal: AbortSignal.abort(new Error('enough')) })),
    ];
    await Promise.all([box.close(), box.close()]);
    return {
      ...found,
      waiting,
      running: await running,
      closed: await codeOf(box.run(['true'])),
      read: await codeOf(box.readFile('x')),
    };
  },
  /** A way out by names, and the ways around it. */
  async egress() {
    const server = createServer((_, to) => to.end('from the host'));
    const abstract = createNetServer();
    server.listen(0, '127.0.0.1');
    abstract.listen(`\0tsimg-test-${process.pid}`);
    await Promise.all([once(server, 'listening'), once(abstract, 'listening')]);
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const decisions: EgressDecision[] = [];
    const network = { allow: [`127.0.0.1:${port}`], onRequest: (each: EgressDecision) => decisions.push(each) };
    await using box = await make({ network });
    const say = (script: string) => sh(box, `(${script}) 2>&1; echo " status $?"`);
    // The client holds its side open, as browsers do: Node's servers answer no other.
    const request = (url: string) =>
      `{ printf 'GET ${url} HTTP/1.0\\r\\n\\r\\n'; until [ -e /tmp/answered ]; do sleep 0.1; done; }`;
    const client = '{ busybox nc -w 20 127.0.0.1 3128; touch /tmp/answered; }';
    const ask = (url: string) =>
      sh(box, `rm -f /tmp/answered; ${request(url)} | ${client} | busybox sed -n '1s/HTTP.1.1 //p;$p'`);
    const found = {
      allowed: await ask(`http://127.0.0.1:${port}/`),
      again: await ask(`http://127.0.0.1:${port}/`),
      other: await ask('http://example.com/'),
      direct: await say(`busybox nc -w 2 127.0.0.1 ${port} < /dev/null`),
      outside: await say('busybox nc -w 2 1.1.1.1 80 < /dev/null'),
      ping: await say('busybox ping -c 1 -W 1 1.1.1.1'),
      resolver: await say('busybox nslookup localhost 1.1.1.1'),
      route: await say('ip route add default via 127.0.0.1'),
      abstract: await say(`grep -c tsimg-test-${process.pid} /proc/net/unix`),
      listening: await say('grep -c :0C38 /proc/net/tcp'),
      decisions: decisions.map(({ host, allowed }) => [host, allowed]),
    };
    server.close();
    abstract.close();
    return found;
  },
  /** Many at once, and a pool. */
  async many() {
    const boxes = await Promise.all(Array.from({ length: 12 }, () => make()));
    const out = await Promise.all(boxes.map(async (box, n) => (await box.run(['echo', String(n)])).stdout.trim()));
    await Promise.all(boxes.map((box) => box.close()));
    await using pool = await createSandboxPool(source, options, { size: 3 });
    const taken = await Promise.all([pool.take(), pool.take(), pool.take(), pool.take()]);
    const pooled = await Promise.all(taken.map(async (box) => (await box.run(['echo', 'pooled'])).stdout.trim()));
    await Promise.all(taken.map((box) => box.close()));
    await pool.fill();
    const { ready } = pool;
    await pool.close();
    return { out, pooled, ready, left: left(), listeners: listeners(), listenersBefore };
  },
  /** Until it is killed; says a word for each sandbox. */
  async endless() {
    const made = async (box: Promise<Sandbox>) => {
      const result = await box;
      console.log('box');
      return result;
    };
    const pool = await createSandboxPool(source, options, { size: 2 });
    for (let round = 0; ; round += 1) {
      const network = { allow: ['example.com'] };
      const box = await made(round % 2 === 0 ? pool.take() : make({ files: { a: 'b' }, network }));
      await box.run(['sh', '-c', 'echo x > f']);
      const other = round % 3 === 0 ? await made(box.fork()) : undefined;
      if (round % 5 === 4) void box.run(['sleep', '1000']).catch(() => {});
      else await box.snapshot();
      await other?.close();
      if (round % 5 !== 4) await box.close();
    }
  },
  /** As many runs as the environment says, some at a time: half of them in new sandboxes. */
  async runs() {
    const count = Number(process.env.TSIMG_RUNS);
    const descriptors = () => readdirSync('/proc/self/fd').length;
    let done = 0;
    const worker = async () => {
      while (done < count) {
        await using box = await make();
        for (let turn = 0; turn < 2 && done < count; turn += 1) {
          done += 1;
          if ((await box.run(['true'])).exitCode !== 0) throw new Error('true failed');
        }
      }
    };
    // What is loaded and opened once is there after the first.
    await (await make()).close();
    const first = descriptors();
    await Promise.all(Array.from({ length: 4 }, worker));
    return { first, last: descriptors(), done };
  },
};

async function perform(name: string): Promise<void> {
  const run = SCENARIOS[name];
  if (run === undefined) throw new Error(name);
  console.log(JSON.stringify(await run()));
}

if (scenario !== undefined) await perform(scenario);
else if (argument !== undefined)
  for await (const line of createInterface({ input: process.stdin })) await perform(line);
