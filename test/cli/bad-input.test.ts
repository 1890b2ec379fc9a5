import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_ARCHIVE, EXAMPLE_IMAGE } from '../support/checkout.ts';
import type { CallResult } from '../support/command/resident-command.ts';
import { tsimg, tsimgEach } from '../support/command/tsimg.ts';
import { makeImage } from '../support/image/image.ts';
import { named, writeLayout } from '../support/image/layout.ts';
import { file, tarOf } from '../support/image/tar.ts';
import { tempDir } from '../support/temp-dir.ts';

// A wrong call has its documented exit status and prints one line that helps, without a stack trace. It changes
// nothing.

const test = suite('cli/bad-input');
const folder = tempDir();
const env = { TSIMG_ROOT: join(folder, 'store') };
const image = gunzipSync(readFileSync(EXAMPLE_ARCHIVE));

function checkFailed(result: CallResult, status: number, pattern: RegExp, args: readonly string[]): void {
  assert.is(result.status, status, `${args.join(' ')}: ${result.stderr}`);
  const lines = result.stderr.trimEnd().split('\n');
  assert.is(lines.length, 1, result.stderr);
  assert.match(lines[0] ?? '', pattern);
  assert.ok(lines[0]?.startsWith('tsimg: '));
  assert.is(result.stdout, '');
}

function fails(status: number, pattern: RegExp, args: readonly string[]): void {
  checkFailed(tsimg(args, { cwd: folder, env }), status, pattern, args);
}

/** As `fails` for each of these, in one process. */
function allFail(status: number, cases: readonly (readonly [pattern: RegExp, args: readonly string[]])[]): void {
  const calls = cases.map(([, args]) => args);
  for (const [index, result] of tsimgEach(calls, { cwd: folder, env }).entries()) {
    const [pattern, args] = cases[index] ?? [/^$/, []];
    checkFailed(result, status, pattern, args);
  }
}

test('an unknown command or option is status 2, and the error says what was meant and where help is', () => {
  fails(2, /unknown command 'unpak'; did you mean unpack\? tsimg help shows the commands/, ['unpak']);
  fails(2, /unknown option '--nope'; tsimg help unpack shows its operands and options/, ['unpack', '--nope', 'a', 'b']);
  fails(2, /operand <dest> is missing; tsimg help unpack shows/, ['unpack', 'a']);
  fails(2, /unknown command 'foo'; tsimg help shows the commands/, ['foo']);
  fails(2, /not a platform/, ['unpack', '--platform', 'a/b/c/d', EXAMPLE_IMAGE, 'x']);
  // Without a value they take the operand behind them, which must not be told as missing.
  for (const [verb, option] of [
    ['pull', '--tls-verify'],
    ['tags', '--tls-verify'],
    ['copy', '--dest-tls-verify'],
    ['attach', '--sig-proxy'],
    ['commit', '--pause'],
  ] as const) {
    fails(2, new RegExp(`${option} takes true or false \\(name\\); write ${option}=true`), [verb, option, 'name']);
  }
});

test('attach of a reference without files asks for the files, and not for a container', () => {
  allFail(2, [
    [/: the files to attach are missing \(r\.test\/app:1\): .*tsimg attach REFERENCE FILE/, ['attach', 'r.test/app:1']],
    [/: the files to attach are missing \(app:1\)/, ['attach', 'app:1']],
  ]);
  fails(3, /no such container \(app\)/, ['attach', 'app']);
});

test('inspect of nothing tells the place once', () => {
  fails(3, /: no container nothing, and no image nothing:latest in the store \([^()]*\); tsimg pull/, [
    'inspect',
    'nothing',
  ]);
});

test('a value that is none of the choices is refused with all of them', () => {
  allFail(2, [
    [/: the operand <action> cannot be foo; it is one of create, ls, inspect, rm, prune$/, ['network', 'foo']],
    [/: the operand <action> cannot be foo; it is one of check$/, ['store', 'foo']],
    [/: the option --type <type> cannot be pod; it is one of container, image$/, ['inspect', '--type', 'pod', 'x']],
  ]);
  for (const verb of ['connect', 'disconnect']) {
    fails(2, new RegExp(`there is no network ${verb}: .*--network.*several times`), ['network', verb, 'net', 'box']);
  }
});

test('an option that may be repeated takes one value at a time, and no operand', () => {
  fails(2, /Name:1/, ['pull', '--trust-realm', 'auth.example', '--trust-realm', 'two.example', 'r.example/Name:1']);
});

test('a token server that can be no host is refused before it is needed', () => {
  for (const wrong of ['', 'https://auth.example', 'auth.example/token', 'auth example', 'auth.example:x']) {
    fails(2, /--trust-realm <host>.*takes a host without https:\/\/, such as/, [
      'pull',
      '--trust-realm',
      wrong,
      'r.example/name:1',
    ]);
  }
});

test('an empty name of a file or directory is status 2, and the working directory is not changed', () => {
  fails(2, /has no name/, ['unpack', '-f', EXAMPLE_IMAGE, '']);
  const calls = [
    ['unpack', '--layers', EXAMPLE_IMAGE, ''],
    ['unpack', '--bundle', EXAMPLE_IMAGE, ''],
    ['unpack', '--ids', 'subuid', EXAMPLE_IMAGE, ''],
    ['export', EXAMPLE_IMAGE, ''],
    ...['docker-archive', 'oci-archive', 'oci-dir'].map((format) => [
      'save',
      '--format',
      format,
      EXAMPLE_IMAGE,
      '-o',
      '',
    ]),
  ];
  allFail(
    2,
    calls.map((args) => [/has no name/, args]),
  );
  assert.not(existsSync(join(folder, 'bin')));
});

test('a wrong call of run is status 125', () => {
  fails(125, /unknown option '--nope'/, ['run', '--nope', EXAMPLE_IMAGE]);
  fails(125, /./, ['run', './no-such-directory', 'true']);
  fails(125, /no image no-such-image-anywhere.* in the store/, [
    'run',
    '--pull',
    'never',
    'no-such-image-anywhere',
    'true',
  ]);
});

test('the arguments of run are checked before anything is pulled or unpacked', () => {
  const fresh = { TSIMG_ROOT: join(folder, 'fresh-store') };
  writeFileSync(join(folder, 'cid'), '');
  const calls: readonly (readonly [RegExp, ...string[]])[] = [
    [/not a volume .*unknown option nonsense; ro, rw, /, '-v', 'x:/x:nonsense'],
    [/not a tmpfs .*unknown option nonsense; ro, exec, /, '--tmpfs', '/x:nonsense'],
    [/not a device .*unknown access x; write letters of rwm/, '--device', '/dev/null:/dev/x:x'],
    [/not a device .*below \/dev only; \/dev\/null:\/dev\/NAME/, '--device', '/dev/null:/x'],
    [/\/nonexistent.*create it first/, '-v', '/nonexistent:/x'],
    [/\/nonexistent/, '--mount', 'type=bind,source=/nonexistent,target=/x'],
    [/\/dev\/nonexistent/, '--device', '/dev/nonexistent'],
    [/not a user/, '-u', 'a:b:c'],
    [/not a user ID/, '-u', '99999999999'],
    [/not a port/, '--network', 'pasta', '-p', '80:http'],
    [/not a network/, '--network', 'non/sense'],
    [/no such network/, '--network', 'nonsense'],
    [/ulimit/, '--ulimit', 'nonsense=1'],
    [/memory/, '--memory', 'much'],
    [/signal/, '--stop-signal', 'BOGUS'],
    [/host name/, '-h', 'a b'],
    [/host/, '--add-host', 'a'],
    [/container name/, '--name', '/'],
    [/cid.*exists already/, '--cidfile', 'cid'],
    [/capability|CAP/i, '--cap-add', 'NONSENSE'],
    [/terminal/, '-it'],
    [/restart/, '--restart', 'sometimes'],
    [/no container|such container/, '--network', 'container:nobody'],
  ];
  const whole = calls.map(([, ...args]) => {
    const network = args.includes('--network') ? [] : ['--network', 'none'];
    return ['run', ...network, ...args, EXAMPLE_IMAGE, 'true'];
  });
  const results = [
    ...whole.slice(0, 2).map((args) => tsimg(args, { cwd: folder, env: fresh })),
    ...tsimgEach(whole.slice(2), { cwd: folder, env: fresh }),
  ];
  for (const [index, { status, stderr }] of results.entries()) {
    const [pattern = /^$/, ...args] = calls[index] ?? [];
    assert.is(status, 125, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, pattern);
    assert.is(stderr.trimEnd().split('\n').length, 1, stderr);
  }
  assert.not(existsSync(join(fresh.TSIMG_ROOT, 'layers')));
});

test('the error for an invalid environment file has its line, and a file without an end is not read on', () => {
  writeFileSync(join(folder, 'latin1.env'), Buffer.from('A=1\nB=\xe4\nC=2\n', 'latin1'));
  writeFileSync(join(folder, 'blank.env'), 'A=1\nB C=2\n');
  for (const [file, pattern] of [
    ['latin1.env', /latin1\.env.*line 2 is not UTF-8/],
    ['blank.env', /blanks.*line 2/],
    ['/dev/zero', /\/dev\/zero.*longer than/],
    ['/nonexistent', /\/nonexistent/],
    ['.', /directory/],
  ] as const) {
    fails(125, pattern, ['run', '--env-file', file, EXAMPLE_IMAGE, 'true']);
  }
});

test('an image with an invalid stop signal is refused, and another signal can be chosen', () => {
  const { descriptor, blobs } = makeImage({ config: { config: { Cmd: ['/x'], StopSignal: 'BOGUS' } } });
  const layout = `oci:${writeLayout(join(folder, 'signal'), [named(descriptor, 'x')], blobs)}`;
  fails(125, /StopSignal is no signal \(BOGUS\).*--stop-signal/, ['run', '--network', 'none', layout]);
  fails(127, /\/x/, ['run', '-q', '--rm', '--network', 'none', '--stop-signal', 'INT', layout]);
});

test('an invalid reference is status 2', () => {
  fails(2, /not an image reference \(UPPER\)/, ['pull', 'UPPER']);
  fails(2, /not an image reference/, ['pull', 'a\u001b[2J']);
});

test('a file that does not exist is status 3, and nothing is made', () => {
  fails(3, /no-such-file\.tar/, ['unpack', './no-such-file.tar', 'dest-a']);
  fails(3, /./, ['unpack', 'docker-archive:nothing.tar', 'dest-a']);
  fails(3, /pull/, ['unpack', 'not-pulled-yet', 'dest-a']);
  allFail(3, [
    [/no such file or directory \(x\.tar\); tsimg load -i FILE reads an archive/, ['load', 'x.tar']],
    [/no such file or directory \(.*\/x\.tar\); check the path/, ['load', '-i', 'x.tar']],
  ]);
  assert.not(existsSync(join(folder, 'dest-a')));
});

test('a truncated archive is an error wherever it is cut, and DEST stays absent', () => {
  for (const [index, share] of [0.001, 0.3, 0.9, 0.9985].entries()) {
    const name = `cut-${index}.tar`;
    writeFileSync(join(folder, name), image.subarray(0, Math.floor(image.length * share)));
    fails(1, new RegExp(name), ['unpack', name, 'dest-cut']);
    assert.not(existsSync(join(folder, 'dest-cut')), `cut at ${share}`);
  }
  writeFileSync(join(folder, 'cut.tar.gz'), readFileSync(EXAMPLE_ARCHIVE).subarray(0, 500_000));
  fails(1, /cut\.tar\.gz/, ['unpack', 'cut.tar.gz', 'dest-cut']);
  assert.not(existsSync(join(folder, 'dest-cut')));
});

test('a layer whose bytes were changed is status 5, and DEST stays absent', () => {
  const damaged = Buffer.from(image);
  const at = damaged.indexOf('This text is hidden by the layer above.');
  damaged.write('THIS', at);
  writeFileSync(join(folder, 'damaged.tar'), damaged);
  fails(5, /sha256:/, ['unpack', 'damaged.tar', 'dest-damaged']);
  assert.not(existsSync(join(folder, 'dest-damaged')));
});

test('a platform that the image does not have is status 3, and the error lists the platforms that it has', () => {
  fails(3, /linux\/amd64/, ['unpack', '--platform', 'linux/s390x', EXAMPLE_IMAGE, 'dest-platform']);
});

test('a DEST that is not empty stays as it was, and the error names --force', () => {
  mkdirSync(join(folder, 'full'));
  writeFileSync(join(folder, 'full', 'mine'), 'mine');
  fails(1, /full.*--force/, ['unpack', EXAMPLE_IMAGE, 'full']);
  assert.equal(readdirSync(join(folder, 'full')), ['mine']);
  writeFileSync(join(folder, 'a-file'), 'mine');
  fails(1, /a-file/, ['unpack', EXAMPLE_IMAGE, 'a-file']);
  assert.is(readFileSync(join(folder, 'a-file'), 'utf8'), 'mine');
});

test('a registry that cannot be reached is status 1 and one line', () => {
  fails(1, /127\.0\.0\.1:1\b/, ['pull', '127.0.0.1:1/app:1']);
});

test('where a file system takes no files, no directory is asked for that is there', () => {
  const taking = 'is on a file system that takes no';
  allFail(1, [
    [new RegExp(`\\(/proc/x\\.tar\\): /proc ${taking} files`), ['save', '-o', '/proc/x.tar', EXAMPLE_IMAGE]],
    [new RegExp(`\\(/proc\\): it ${taking} directories`), ['unpack', '-q', EXAMPLE_IMAGE, '/proc/x']],
    [/no such directory \(.*gone\); make it first: mkdir -p /, ['save', '-o', 'gone/x.tar', EXAMPLE_IMAGE]],
    [/does not exist; make it first: mkdir -p /, ['unpack', '-q', EXAMPLE_IMAGE, 'gone/x']],
  ]);
  const [{ why = '', hint = '' } = {}] = [
    JSON.parse(tsimg(['unpack', '--json', EXAMPLE_IMAGE, '/dev/null/x'], { cwd: folder, env }).stderr).error,
  ];
  assert.not.match(`${why} ${hint}`, 'mkdir');
});

test('a file or folder of an option that does not exist is status 2', () => {
  fails(2, /no such directory \(--cert-dir \/nonexistent\)/, [
    'pull',
    '--cert-dir',
    '/nonexistent',
    '127.0.0.1:1/app:1',
  ]);
  fails(2, /no such file \(--authfile \/nonexistent\)/, ['pull', '--authfile', '/nonexistent', '127.0.0.1:1/app:1']);
});

test('for a word that is a reference and a directory, a warning says how to write the directory', () => {
  mkdirSync(join(folder, 'rootfs'));
  fails(3, /tsimg pull rootfs.*\.\/rootfs is the directory/, ['unpack', 'rootfs', 'dest-word']);
  mkdirSync(join(folder, '127.0.0.1:1/app'), { recursive: true });
  const run = tsimg(['run', '127.0.0.1:1/app', 'true'], { cwd: folder, env });
  assert.is(run.status, 125);
  assert.match(run.stderr, /write \.\/127\.0\.0\.1:1\/app for the directory/);
});

test('a file that is no image does not hide an image of its name, and a warning says which was taken', () => {
  const place = join(folder, 'shadow');
  mkdirSync(place);
  const call = (...args: readonly string[]) => tsimg(args, { cwd: place, env });
  writeFileSync(join(place, 'app'), 'a script, say');
  const without = call('ls', 'app');
  assert.is(without.status, 1);
  assert.match(without.stderr, /not an archive \(app\).*tsimg pull app/);
  assert.is(call('load', '-q', '-i', EXAMPLE_IMAGE).status, 0);
  assert.is(call('tag', 'tsimg/example', 'app').status, 0);
  const stored = call('ls', '-q', 'app');
  assert.is(stored.status, 0, stored.stderr);
  assert.match(
    stored.stderr,
    /warning: the file app is not an image: the image of the store is used; write \.\/app for the file/,
  );
  assert.match(stored.stdout, /^\/bin\/busybox$/m);
  assert.is(call('ls', './app').status, 1);
  writeFileSync(join(place, 'app'), tarOf(file('mine', '')));
  const own = call('ls', '-q', 'app');
  assert.is(own.stdout, '/\n/mine\n');
  assert.match(own.stderr, /warning: the file app is used, not the image of that name in the store; write store:app/);
  assert.match(call('ls', '-q', 'store:app').stdout, /^\/bin\/busybox$/m);
  // The name is one of a registry, so run looks there.
  mkdirSync(join(place, '127.0.0.1:1'));
  writeFileSync(join(place, '127.0.0.1:1', 'app'), 'text');
  const run = call('run', '--network', 'none', '127.0.0.1:1/app', 'true');
  assert.is(run.status, 125);
  assert.match(
    run.stderr,
    /taken as a reference; write \.\/127\.0\.0\.1:1\/app for the file[\s\S]*no answer from the registry/,
  );
  assert.not.match(call('run', '--pull', 'never', '127.0.0.1:1/app', 'true').stderr, /registry/);
});

test('the error for a file that is no archive says so', () => {
  writeFileSync(join(folder, 'text.tar'), 'this is a text, not an archive\n'.repeat(100));
  fails(1, /text\.tar/, ['unpack', 'text.tar', 'dest-text']);
  writeFileSync(join(folder, 'empty.tar'), '');
  fails(1, /empty\.tar/, ['unpack', 'empty.tar', 'dest-text']);
  assert.not(existsSync(join(folder, 'dest-text')));
});

test('endless input that is no archive is refused by its first bytes, from a device and from standard input', () => {
  const options = { cwd: folder, env, input: Buffer.alloc(64 * 1024 * 1024) };
  fails(1, /\/dev\/zero.*begins with its end/, ['unpack', '/dev/zero', 'dest-endless']);
  fails(1, /\/dev\/urandom.*neither a tar archive/, ['unpack', '/dev/urandom', 'dest-endless']);
  const fed = tsimg(['unpack', '-', 'dest-endless'], options);
  assert.is(fed.status, 1);
  assert.match(fed.stderr, /standard input.*begins with its end/);
  assert.not(existsSync(join(folder, 'dest-endless')));
});

test('a blob with one changed byte is status 5, and the error names it with its source', () => {
  const made = makeImage({ layers: [tarOf(file('a', 'what a file holds'.repeat(1000)))], gzip: true });
  const [digest, blob] = [...made.blobs].find(([, bytes]) => bytes.readUInt16BE(0) === 0x1f8b) ?? [];
  assert.ok(digest !== undefined && blob !== undefined);
  const cases = [0, 3, 12, 40, blob.length - 30, blob.length - 6, blob.length - 1].map((at) => {
    const changed = Buffer.from(blob);
    changed.writeUInt8(changed.readUInt8(at) ^ 0x04, at);
    const path = join(folder, `changed-${at}`);
    writeLayout(path, [named(made.descriptor, 'x')], made.blobs, new Map([[digest, changed]]));
    const pattern = new RegExp(`changed-${at} ${digest}.*expected ${digest}`);
    return [pattern, ['unpack', `oci:${path}:x`, 'dest-changed']] as const;
  });
  allFail(5, cases);
});

test('nothing incomplete is left under any name', () => {
  const left = readdirSync(folder).filter((name) => name.startsWith('.tsimg') || name.startsWith('dest'));
  assert.equal(left, []);
});

test('--json prints the code, --debug the stack', () => {
  const json = tsimg(['unpack', '--json', './no-such-file.tar', 'dest-a'], { cwd: folder, env });
  assert.is(JSON.parse(json.stderr).error.code, 'SOURCE_NOT_FOUND');
  const debug = tsimg(['unpack', '--debug', './no-such-file.tar', 'dest-a'], { cwd: folder, env });
  assert.match(debug.stderr, /\n\s+at /);
});

test('help for an unknown command is status 2, and says so', () => {
  fails(2, /no such command \(nonsense\)/, ['help', 'nonsense']);
});

test('-h is an option of run, and of a command in a container', () => {
  fails(125, /has no value/, ['run', '-h']);
  const plan = tsimg(['run', '--dry-run', '--json', '-h', 'somename', EXAMPLE_IMAGE, 'ls', '-h'], { env });
  assert.is(plan.status, 0, plan.stderr);
  assert.match(plan.stdout, /somename/);
  assert.match(plan.stdout, /"ls",\s*"-h"/);
});

test('help has the choices of options, and no empty list as a default', () => {
  const { stdout } = tsimg(['run', '--help']);
  assert.not.match(stdout, /\[\]\)/);
  assert.match(tsimg(['unpack', '--help']).stdout.replace(/\s+/g, ' '), /choices: "root", "single", "subuid"/);
});

test('help goes to stdout with status 0', () => {
  for (const args of [
    ['--help'],
    ['-h'],
    ['help'],
    ['help', 'unpack'],
    ['unpack', '--help'],
    ['pull', '-h'],
    ['run', '--help'],
  ]) {
    const result = tsimg(args);
    assert.is(result.status, 0, args.join(' '));
    assert.match(result.stdout, /Usage: tsimg/);
    assert.is(result.stderr, '');
  }
  assert.match(tsimg(['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
});

test.run();
