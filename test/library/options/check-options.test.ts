import { Readable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../../../src/errors.ts';
import { Container } from '../../../src/library/container/container.ts';
import { runContainer } from '../../../src/library/container/run-container.ts';
import { startContainer } from '../../../src/library/container/start-container.ts';
import { afterTime } from '../../../src/library/options/check-number.ts';
import { createSandbox } from '../../../src/library/sandbox/create-sandbox.ts';
import { createSandboxPool } from '../../../src/library/sandbox/pool.ts';
import { containerFixture, useContainer, withContainer } from '../../../src/library/testing/fixture.ts';
import { ready } from '../../../src/library/testing/ready.ts';
import { failureOf } from '../../support/failure-of.ts';
import { tempDir } from '../../support/temp-dir.ts';

// Programs without types: nothing of what they get wrong reaches a container. Nothing is started here.

const test = suite('library/options/check-options');

/** Calls a function of JavaScript, for which there are no types. */
function call(of: (...given: never[]) => unknown, ...given: readonly unknown[]): Promise<unknown> {
  return (async () => await Reflect.apply(of, undefined, given))();
}

async function usage(promise: Promise<unknown>): Promise<string> {
  return (await failureOf(promise, 'USAGE')).message;
}

test('an argument or an option of a wrong kind is told by its name', async () => {
  const wrong: readonly [options: unknown, name: string][] = [
    [null, 'the options of runContainer: null'],
    [{ env: { A: null } }, 'env: an object'],
    [{ env: 'A=1' }, 'env: "A=1"'],
    [{ encoding: 'latin1' }, 'encoding: "latin1"'],
    [{ stdin: 42 }, 'stdin: 42'],
    [{ stdin: (async function* () {})() }, 'stdin: an object'],
    [{ stdout: 'file' }, 'stdout: "file"'],
    [{ signal: {} }, 'signal: an object'],
    [{ onEvent: true }, 'onEvent: true'],
    [{ privileged: 'false' }, 'privileged: "false"'],
    [{ volumes: [{ source: '/x' }] }, 'volumes[0].target: undefined'],
    [{ volumes: ['/x:/x', { source: '/x', target: 'y' }] }, 'volumes[1].target: "y"'],
    [{ ports: [80, Number.NaN] }, 'ports[1]: NaN'],
    [{ ports: [{ host: 1 }] }, 'ports[0].container: null'],
    [{ ports: [{ container: 80, host: 65_536 }] }, 'ports[0].host: 65536'],
    [{ ports: ['127.0.0.1::x'] }, 'ports[0] 127.0.0.1::x'],
    [{ ports: [null] }, 'ports[0]: null'],
    [{ ports: [{ container: 80, protocol: 'sctp' }] }, 'ports[0].protocol: "sctp"'],
    [{ volumes: [5] }, 'volumes[0]: 5'],
    [{ volumes: [{ source: '/x', target: '/y', readOnly: 'no' }] }, 'volumes[0].readOnly: "no"'],
    [{ ulimits: { nofile: '10' } }, 'ulimits.nofile: 10'],
    [{ ulimits: { nofile: { soft: 10 } } }, 'ulimits.nofile.hard: null'],
    [{ ulimits: { nofile: -2 } }, 'ulimits.nofile: -2'],
    [{ health: { command: ['true'] } }, 'health.command: a list'],
    [{ health: { command: 'true', interval: 30 } }, 'health.interval: 30'],
    [{ health: { command: 'true', retries: 0.5 } }, 'health.retries: 0.5'],
    [{ health: { none: 'yes' } }, 'health.none: "yes"'],
    [{ seccomp: 'unconfind' }, 'seccomp: "unconfind"'],
    [{ seccomp: {} }, '(seccomp): field defaultAction is missing'],
    [{ seccomp: { defaultAction: 'SCMP_ACT_DENY' } }, '(seccomp): field defaultAction is "SCMP_ACT_DENY"'],
    [{ seccomp: { defaultAction: 'SCMP_ACT_ALLOW', sysccalls: [] } }, '(seccomp): field sysccalls'],
    [{ ipc: 'hots' }, 'ipc: "hots"'],
    [{ imageVolume: 'none' }, 'imageVolume: "none"'],
    [{ platform: { os: 'linux', arch: 'amd64' } }, 'not an option of platform (arch)'],
    [{ memory: 'abc' }, 'memory: "abc"'],
    [{ memory: 1.5e6 + 0.5 }, 'memory: 1500000.5'],
    [{ memorySwap: -2 }, 'memorySwap: -2'],
    [{ shmSize: Number.NaN }, 'shmSize: NaN'],
    [{ cpus: 0 }, 'cpus: 0'],
    [{ pids: 1.5 }, 'pids: 1.5'],
    [{ stopTimeout: Number.POSITIVE_INFINITY }, 'stopTimeout: Infinity'],
    [{ timeout: Number.NaN }, 'timeout: NaN'],
    [{ timeout: '5s' }, 'timeout: 5s'],
    [{ maxOutput: -1 }, 'maxOutput: -1'],
  ];
  for (const [options, name] of wrong)
    assert.ok((await usage(call(runContainer, 'x', [], options))).includes(name), name);
  // What does not go together is told by the names of the options, too.
  assert.match(await usage(runContainer('x', [], { replace: true })), 'replace needs a name');
  assert.match(await usage(runContainer('x', [], { memorySwap: -1 })), 'memorySwap needs memory');
  assert.match(await usage(startContainer('x', { restart: 'always' })), 'restart is for detached containers');
  assert.match(await usage(call(runContainer, 'x', 'echo hi')), 'command: "echo hi"');
  assert.match(await usage(call(runContainer, 'x', ['echo', 5])), 'command[1]: 5');
  assert.match(await usage(call(runContainer, undefined)), 'source: undefined');
  assert.match(await usage(call(startContainer, 'x', { command: 'sleep 1' })), 'command: "sleep 1"');
  assert.match(await usage(call(startContainer, 'x', { readyTimeout: -1 })), 'readyTimeout: -1');
  assert.match(await usage(call(withContainer, 'x', { logLines: 0.5 })), 'logLines: 0.5');
  assert.match(await usage(call(withContainer, 'x', null)), 'the options of withContainer: null');
  assert.match(await usage(call(withContainer, 'x', {}, 'x')), 'use: "x"');
  assert.match(await usage(call(createSandbox, 'x', { network: { alow: [] } })), 'not an option of network (alow)');
  assert.match(await usage(call(createSandbox, 'x', { network: { allow: 'x' } })), 'network.allow: "x"');
  assert.match(await usage(call(createSandbox, 'x', { files: { a: 5 } })), 'files["a"]: 5');
  assert.match(await usage(call(createSandboxPool, 'x', { memory: 5 })), 'memory: 5');
  assert.match(await usage(call(createSandboxPool, 'x', {}, { size: 0 })), 'size: 0');
  assert.match(await usage(call(createSandboxPool, 'x', {}, { sise: 4 })), 'not an option of createSandboxPool (sise)');
});

test('an option that does not exist is refused, and the one that was meant is named', async () => {
  const meant = async (name: string, of: (...given: never[]) => unknown = runContainer) => {
    const given = of === runContainer ? ['x', [], { [name]: 1 }] : ['x', { [name]: 1 }];
    const { message, hint } = await failureOf(call(of, ...given), 'USAGE');
    assert.match(message, `not an option of ${of.name} (${name})`);
    return hint;
  };
  assert.is(await meant('enviroment'), 'did you mean env?');
  assert.is(await meant('volume'), 'did you mean volumes?');
  assert.is(await meant('readonly'), 'did you mean readOnly?');
  assert.is(await meant('timout'), 'did you mean timeout?');
  assert.is(await meant('readyTimout', startContainer), 'did you mean readyTimeout?');
  assert.is(await meant('cgroupParent'), undefined);
  // One in an object, which would otherwise do what its user did not want.
  const within: readonly [options: unknown, of: string, hint: string][] = [
    [{ volumes: [{ source: '/x', target: '/y', readonly: true }] }, 'volumes[0] (readonly)', 'readOnly'],
    [{ ports: [{ container: 80, adress: '::1' }] }, 'ports[0] (adress)', 'address'],
    [{ ulimits: { core: { soft: 0, hrd: 0 } } }, 'ulimits.core (hrd)', 'hard'],
    [{ health: { command: 'true', retrie: 3 } }, 'health (retrie)', 'retries'],
  ];
  for (const [options, of, hint] of within) {
    const error = await failureOf(call(runContainer, 'x', [], options), 'USAGE');
    assert.equal([error.message, error.hint], [`not an option of ${of}`, `did you mean ${hint}?`]);
  }
});

test('the methods and the checks of readiness look at their numbers first', async () => {
  const root = tempDir();
  const container = new Container({ id: '0'.repeat(64), name: 'gone', place: { stateRoot: root, root }, keep: true });
  assert.match(await usage(container.stop({ timeout: Number.NaN })), 'timeout: NaN');
  assert.match(await usage(call(async () => container.stop(Object({ time: 'x' })))), 'not an option of stop (time)');
  assert.match(await usage(container.restart({ timeout: -1 })), 'timeout: -1');
  const arguments_: Readonly<Record<string, readonly unknown[]>> = {
    attach: [{}],
    commit: ['x'],
    copyIn: ['x', '/y'],
    copyOut: ['/x', 'y'],
    diff: [],
    exec: [['x']],
    logs: [],
    pause: [],
    remove: [],
    restart: [],
    spawn: [['x']],
    start: [],
    stats: [],
    stop: [],
    unpause: [],
    wait: [],
    waitFor: ['healthy'],
    watchStats: [],
  };
  const ask = async (method: string, ...given: readonly unknown[]): Promise<string> =>
    await usage((async () => await Reflect.apply(Reflect.get(container, method), container, given))());
  for (const [method, given] of Object.entries(arguments_)) {
    const of = method === 'stats' ? 'watchStats' : method;
    assert.match(await ask(method, ...given, { tme: 1 }), `not an option of ${of} (tme)`);
    assert.match(await ask(method, ...given, null), `the options of ${of}: null`);
  }
  assert.match(await ask('waitFor', 'helthy'), 'conditions[0]: "helthy"');
  assert.match(await ask('waitFor', 5), 'conditions: 5');
  assert.match(await ask('waitFor', []), 'conditions: a list');
  assert.match(await ask('attach', { stream: {} }), 'not an option of attach (stream)');
  assert.match(await ask('kill', {}), 'signal: an object');
  assert.match(await ask('rename', 5), 'name: 5');
  assert.match(await ask('top', 'aux'), 'options: "aux"');
  assert.match(await ask('copyIn', 5, '/y'), 'source: 5');
  assert.match(await ask('copyIn', 'x', 5), 'path: 5');
  assert.match(await ask('copyOut', '/x', {}), 'destination: an object');
  assert.match(await ask('commit', 5), 'reference: 5');
  assert.match(await ask('logs', { since: '5m' }), 'since: "5m"');
  for (const method of ['port', 'endpoint']) {
    assert.match(await ask(method, 'a'), 'port: a');
    assert.match(await ask(method), 'port: null');
    assert.match(await ask(method, 0), 'port: 0');
    assert.match(await ask(method, 80, 'TCP'), 'protocol: "TCP"');
  }
  assert.match(await usage(container.exec([])), 'the command is empty');
  assert.match(await usage(call(async () => container.spawn(['x']).kill('FOO'))), 'FOO');
  assert.match(await usage(call(async () => container.logs({ tail: -1 }))), 'tail: -1');
  for (const make of [
    () => ready.port(0),
    () => ready.port(80, { interval: Number.POSITIVE_INFINITY }),
    () => ready.http(Number.NaN),
    () => ready.log('x', { times: 0 }),
    () => ready.log(Object(5)),
    () => ready.healthy({ interval: -1 }),
    () => ready.command(['x'], { interval: Number.NaN }),
    () => ready.command([]),
    () => ready.command(['x'], Object({ workDir: '/' })),
    () => ready.port(80, Object({ intervall: 5 })),
    () => ready.log('x', Object({ time: 2 })),
    () => ready.http(80, Object({ status: 200 })),
    () => ready.http(80, '/', { status: 20 }),
    () => ready.http(80, '/', Object({ body: 5 })),
    () => ready.all(ready.port(80), Object('ready')),
    () => useContainer(Object({ beforeAll() {} }), 'x'),
    () => useContainer({ before() {}, after() {} }, 'x', Object({ logLine: 5 })),
    () => containerFixture(''),
  ]) {
    assert.throws(make, (error: unknown) => error instanceof TsimgError && error.code === 'USAGE', String(make));
  }
  // Of a container that is gone, every question has one answer, and its removal is no failure.
  for (const ask of [() => container.ports, () => container.host, () => container.port(80)]) {
    assert.throws(ask, (error: unknown) => error instanceof TsimgError && error.code === 'CONTAINER_NOT_FOUND');
  }
  await container.remove();
  await container.remove();
});

test('no time and endless time are no limit, and a long time is not over at once', async () => {
  const over: number[] = [];
  const ends = [0, Number.POSITIVE_INFINITY, 2 ** 40].map((time) => afterTime(time, () => over.push(time)));
  await new Promise<void>((resolve) => void afterTime(20, resolve));
  for (const end of ends) end();
  assert.equal(over, []);
});

test('a stream of the web is given back where another option is wrong', async () => {
  const { writable, readable } = new TransformStream<Uint8Array, Uint8Array>();
  const locked = new TransformStream<Uint8Array, Uint8Array>().writable;
  locked.getWriter();
  const options = { stdin: readable, stdout: writable, stderr: locked };
  assert.match(await usage(runContainer('x', ['true'], options)), 'the stream is locked (standard error)');
  assert.equal([writable.locked, readable.locked], [false, false]);
  const taken = { stdin: readable, stdout: writable };
  readable.getReader();
  assert.match(await usage(runContainer('x', ['true'], taken)), 'the stream is locked (stdin)');
  assert.is(writable.locked, false);
  // What is no stream of this class, but has its methods, is one.
  const own = Object.create(Readable.from(['x']));
  await failureOf(runContainer('/no-such-file.tar', ['true'], { stdin: own, root: tempDir() }), 'SOURCE_NOT_FOUND');
});

test.run();
