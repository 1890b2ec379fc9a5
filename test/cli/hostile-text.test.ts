import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeContainerCli, until } from '../support/command/container-cli.ts';
import { defineRuns } from '../support/container/define-runs.ts';
import { makeImage } from '../support/image/image.ts';
import { named, writeLayout } from '../support/image/layout.ts';
import { dir, file, symlink, tarOf } from '../support/image/tar.ts';
import { tempDir } from '../support/temp-dir.ts';
import { findTool } from '../support/tools.ts';

// Texts of images and containers are escaped before any verb prints them to a terminal.

const asRoot = suite('cli/hostile-text as root');
const asUser = suite('cli/hostile-text as an ordinary user');

/**
 * A text that moves the cursor (ESC, CSI), deletes, reverses letters, breaks lines, hides, and has half a character.
 */
const EVIL = 'a\u001b[2J\u009b31m\u007f\u202eb\u2066c\u2028d\u200be\ufefff\u{e0041}g\r\nh';
/** The same without line feed and NUL. */
const EVIL_NAME = EVIL.replace(/\r\n/, '');
const WAIT = ['sh', '-c', 'sleep 1000', EVIL];
const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function hostileLayout(): string {
  const busybox = readFileSync(findTool('busybox') ?? 'busybox');
  const layer = tarOf(
    dir('bin'),
    file('bin/busybox', busybox, { mode: 0o755 }),
    ...['sh', 'sleep', 'touch'].map((name) => symlink(`bin/${name}`, 'busybox')),
    file(`name-${EVIL_NAME}`, 'x'),
    symlink('link', EVIL_NAME),
  );
  const text = { created: '2020-01-01T00:00:00Z', created_by: EVIL, author: EVIL, comment: EVIL };
  const config = { Env: [`EVIL=${EVIL}`], Labels: { [EVIL]: EVIL }, Cmd: ['sleep', EVIL], StopSignal: 'SIGKILL' };
  const { descriptor, blobs } = makeImage({
    layers: [layer],
    config: { author: EVIL, config: { ...config, ExposedPorts: { [EVIL]: {} } }, history: [text] },
  });
  return writeLayout(join(tempDir(0o755), 'image'), [named(descriptor, 'evil:1')], blobs);
}

defineRuns(asRoot, asUser, (test, { user }) => {
  const cli = makeContainerCli(user);
  const image = `oci:${hostileLayout()}`;
  test.after(() => cli.clear());

  test('no verb prints characters that a terminal would obey', async () => {
    const network = ['--network', 'none'];
    cli.ok('load', image);
    cli.ok('run', '-q', '-d', ...network, '-l', `x=${EVIL}`, '--name', 'evil', 'evil:1', ...WAIT);
    cli.ok('exec', 'evil', 'touch', `/new-${EVIL_NAME}`);
    await until('the container runs', () => cli.field('evil', '.State.Running') === 'true');
    const calls: readonly (readonly string[])[] = [
      ['inspect', 'evil'],
      ['inspect', '--type', 'image', 'evil:1'],
      ['inspect', '--type', 'image', '-f', '{{.Config.Labels}} {{.Config.Env}} {{json .Author}}', 'evil:1'],
      ...[[], ['--json'], ['--format', 'json'], ['--format', '{{.Command}} {{.Labels}}'], ['--no-trunc']].map((how) => [
        'ps',
        ...how,
      ]),
      ...[[], ['--json'], ['--no-trunc']].map((how) => ['history', ...how, 'evil:1']),
      ...[[], ['-l'], ['--json']].map((how) => ['ls', ...how, 'evil:1']),
      ...[[], ['--json'], ['--explain']].map((how) => ['run', '--dry-run', ...network, ...how, '-l', EVIL, 'evil:1']),
      ...[[], ['--json']].map((how) => ['exec', '--dry-run', ...how, '-e', `A=${EVIL}`, 'evil', EVIL]),
      ...[[], ['--json']].map((how) => ['diff', ...how, 'evil']),
      ...[[], ['--json'], ['--format', 'json']].map((how) => ['stats', '--no-stream', ...how]),
      ...[[], ['--json'], ['--digests']].map((how) => ['images', ...how]),
      ['load', '--json', image],
      ['commit', '--json', '-m', EVIL, '-c', `LABEL x="${EVIL_NAME}"`, 'evil', 'other:1'],
      ['history', '--no-trunc', 'other:1'],
      ['save', '--progress', 'json', 'evil:1', '-o', join(tempDir(0o777), 'out')],
    ];
    for (const [index, { status, stdout, stderr }] of cli.runEach(calls).entries()) {
      const args = calls[index] ?? [];
      assert.is(status, 0, `${args[0]}: ${stderr}`);
      assert.not.match(stdout + stderr, UNSAFE, args.join(' '));
    }
    const wrong = [
      ['inspect', EVIL],
      ['run', '--network', EVIL, 'evil:1'],
      ['run', ...network, 'evil:1', EVIL],
      ['exec', 'evil', EVIL],
      ['unpack', EVIL, EVIL],
      ['cp', `evil:/${EVIL_NAME}`, '-'],
      ['rm', EVIL],
      [EVIL],
    ].flatMap((args) => [[], ['--json'], ['--debug']].map((how) => [...args.slice(0, 1), ...how, ...args.slice(1)]));
    for (const [index, { status, stdout, stderr }] of cli.runEach(wrong).entries()) {
      const args = wrong[index] ?? [];
      assert.is.not(status, 0, args.join(' '));
      assert.not.match(stdout + stderr, UNSAFE, args.join(' '));
      // Texts reach the processes that look for them, and come back in their errors, as they are
      assert.not.match(stderr, 'between two processes of tsimg', args.join(' '));
    }
  });

  test('in JSON the text keeps its value', () => {
    const [found] = JSON.parse(cli.ok('inspect', '--type', 'image', 'evil:1'));
    assert.equal(found.Config.Labels, { [EVIL]: EVIL });
    const [container] = JSON.parse(cli.ok('ps', '--json'));
    assert.is(container.labels.x, EVIL);
    assert.is(container.command.at(-1), EVIL);
  });
});

asRoot.run();
asUser.run();
