import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXAMPLE_IMAGE } from '../support/checkout.ts';
import { makeContainerCli } from '../support/command/container-cli.ts';
import { MAIN } from '../support/command/tsimg.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import { tempDir } from '../support/temp-dir.ts';

// Errors are in words that help: no errno, no system call, no sentence of a library.

const asRoot = suite('cli/plain-words as root');
const asUser = suite('cli/plain-words as an ordinary user');

const RAW = /\bE[A-Z]{3,}[0-9]*\b|unexpected error|\b[a-z_0-9]+ failed\b|nonoptional|Invalid input|uv_cwd|undefined/;

function checkWords(stderr: string, pattern: RegExp, what: string): void {
  const lines = stderr.trimEnd().split('\n');
  const told = lines.filter((line) => /^tsimg: (?!warning: )/.test(line));
  assert.is(told.length, 1, `${what}: ${stderr}`);
  assert.match(told[0] ?? '', pattern, what);
  assert.not.match(told[0] ?? '', RAW, what);
}

defineRuns(asRoot, asUser, (test, { rootfs, freshRootfs, user }) => {
  const cli = makeContainerCli(user);
  const folder = tempDir(0o755);
  const file = join(folder, 'file');
  writeFileSync(file, 'text');
  mkdirSync(join(folder, 'directory'));
  mkdirSync(join(folder, 'closed'), { mode: 0o700 });
  const spoilt = freshRootfs();
  mkdirSync(join(spoilt, 'etc', 'hosts'), { recursive: true });
  writeFileSync(join(spoilt, 'dev'), '');
  mkdirSync(join(spoilt, 'etc', 'passwd'));
  const network = ['--network', 'none', '--rm', '-q'];
  const run = (...args: readonly string[]) => ['run', ...network, ...args] as const;
  test.after(() => cli.clear());

  const calls: readonly (readonly [pattern: RegExp, status: number, ...args: string[]])[] = [
    [/working directory is not a directory \(\/bin\/busybox\).*-w/, 125, ...run('-w', '/bin/busybox', rootfs, 'true')],
    [/working directory is not a directory \(\/bin\/busybox\/x\)/, 125, ...run('-w', '/bin/busybox/x', rootfs, 'true')],
    [
      /\/bin\/busybox.*(another kind|a file is there)/,
      125,
      ...run('-v', `${folder}/directory:/bin/busybox`, rootfs, 'true'),
    ],
    [/\/bin\).*another kind/, 125, ...run('-v', `${file}:/bin`, rootfs, '/x')],
    [/\/bin\/busybox.*(another kind|a file is there)/, 125, ...run('--tmpfs', '/bin/busybox', rootfs, 'true')],
    [/\/dev.*(another kind|a file is there)/, 125, ...run(spoilt, 'true')],
    [/no such IDs \(3000000000:0\).*-u 0/, 125, ...(user === undefined ? [] : run('-u', '3000000000', rootfs, 'true'))],
    [/\(\/bin\): it is a directory/, 126, ...run(rootfs, '/bin')],
    [/seccomp profile cannot be read \(\/\): it is a directory/, 125, ...run('--security-opt', 'seccomp=/', rootfs)],
    [
      /seccomp profile.*field defaultAction is missing/,
      125,
      ...run('--security-opt', `seccomp=${folder}/empty.json`, rootfs),
    ],
    [/environment file.*\/: it is a directory|\(\/\): it is a directory/, 125, ...run('--env-file', '/', rootfs)],
    [/not a part|part of the path is not a directory/, 1, 'unpack', EXAMPLE_IMAGE, `${file}/x`],
    [/part of the path is not a directory/, 1, 'export', EXAMPLE_IMAGE, `${file}/x`],
    [/not a directory \(.*file\/\).*slash/, 1, 'cp', 'c:/bin/busybox', `${file}/`],
    [/container/, 125, 'exec', 'nobody', 'true'],
    [
      /working directory cannot be entered \(\/bin\/busybox\).*not a directory/,
      126,
      'exec',
      '-w',
      '/bin/busybox',
      'c',
      'true',
    ],
    [/no image|not an image store/, 1, '--root', `${file}/x`, 'images'],
    ...(user === undefined
      ? []
      : ([
          [/\/root\/x.*permission/, 1, 'unpack', EXAMPLE_IMAGE, '/root/x'],
          [/\/etc.*permission/, 1, 'unpack', EXAMPLE_IMAGE, '/etc/x'],
          [/\/etc\/x.*permission/, 1, 'export', EXAMPLE_IMAGE, '/etc/x'],
          [/closed\/x.*permission/, 125, ...run('--env-file', `${folder}/closed/x`, rootfs)],
          [/closed\/x.*permission/, 125, ...run('-v', `${folder}/closed/x:/x`, rootfs, 'true')],
          [/\/etc\/cid.*permission/, 125, ...run('--cidfile', '/etc/cid', rootfs, 'true')],
        ] as const)),
  ];

  test('every error is in plain words', () => {
    writeFileSync(join(folder, 'empty.json'), '{}');
    cli.ok('run', '-q', '-d', '--network', 'none', '--name', 'c', rootfs, 'sleep', '1000');
    const made = calls.filter(([, , ...args]) => args.length > 0);
    const words = made.map(([, , ...args]) => args);
    const results = [...words.slice(0, 2).map((args) => cli.run(...args)), ...cli.runEach(words.slice(2))];
    for (const [index, [pattern, expected, ...args]] of made.entries()) {
      const { status, stderr = '' } = results[index] ?? {};
      checkWords(stderr, pattern, args.join(' '));
      assert.is(status, expected, args.join(' '));
    }
  });

  test('a removed working directory does not matter to a call with absolute paths', () => {
    const gone = join(tempDir(0o777), 'gone');
    mkdirSync(gone);
    chmodSync(gone, 0o777);
    const inGone = (...args: readonly string[]) =>
      spawnSync(
        '/bin/sh',
        ['-c', 'cd "$1" && rmdir "$1"; shift; exec "$@"', 'sh', gone, process.execPath, '--', MAIN, ...args],
        {
          encoding: 'utf8',
          env: { PATH: process.env.PATH, TSIMG_ROOT: join(cli.folder, '..') },
          ...(user && { uid: user.uid, gid: user.gid }),
        },
      );
    const target = join(tempDir(0o777), 'x');
    const calls = [
      run(rootfs, 'true'),
      ['unpack', '-q', EXAMPLE_IMAGE, target],
      ['ps'],
      ['images'],
      ['inspect', EXAMPLE_IMAGE],
      run('-v', `${folder}/directory:/x`, rootfs, 'true'),
    ];
    for (const args of calls) {
      const { status, stderr } = inGone(...args);
      assert.is(status, 0, `${args.join(' ')}: ${stderr}`);
      mkdirSync(gone);
      chmodSync(gone, 0o777);
    }
    checkWords(inGone(...run('-v', './x:/x', rootfs, 'true')).stderr, /working directory was removed.*absolute/, '-v');
    mkdirSync(gone);
    chmodSync(gone, 0o777);
    checkWords(inGone('unpack', EXAMPLE_IMAGE, 'x').stderr, /working directory.*it was removed; cd /, 'unpack');
  });
});

asRoot.run();
asUser.run();
