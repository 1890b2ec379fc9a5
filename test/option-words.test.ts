import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../src/errors.ts';
import { LIBRARY_CALLS, LIBRARY_NAMES } from '../src/option-names.data.ts';
import { nameOptionsOfLibrary } from '../src/option-words.ts';
import { ROOT } from './support/checkout.ts';

const test = suite('option-words');

/** Options that tsimg gives to other programs, or of which it speaks as of theirs. */
const FOREIGN = new Set(
  `add-subgids add-subuids api-socket bundle cgroup-manager config-net configure ctstate debug disable-host-loopback
  dns-forward dport dst-type enable-sandbox enable-seccomp exit-fd format help homedir keyring map-gw map-root-user
  mtu net no-map-gw noflush pid quiet ready-fd repair scope security-opt semi-space-growth-factor sparse status-fd
  to-destination v8-pool-size version`.split(/\s+/),
);

/** The texts of errors and warnings: the sources without comments, and without what only the command prints. */
function* texts(): Generator<readonly [path: string, code: string]> {
  for (const path of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || /^(cli|launch\/show)\//.test(path) || path.endsWith('names.data.ts')) continue;
    yield [path, readFileSync(join(ROOT, 'src', path), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')];
  }
}

test('each option of the command that is named below it has a name in the library', () => {
  const unknown: string[] = [];
  for (const [path, code] of texts()) {
    for (const [option, name = ''] of code.matchAll(/(?<![\w-])--([A-Za-z][\w…-]*)/g)) {
      if (!Object.hasOwn(LIBRARY_NAMES, option) && !FOREIGN.has(name) && name !== 'health-')
        unknown.push(`${path}: ${option}`);
    }
  }
  assert.equal(unknown, []);
});

/** Words behind `tsimg` in a sentence of which it is the subject, and a verb that is for a shell alone. */
const NO_CALL = new Set(
  `append can cannot config did does gpg has in is knows killed made make makes mounts of pack port process reads runs sets starts
  still that unshare uses was with`.split(/\s+/),
);
/** Files with commands for a shell, and with texts that the library does not show: scripts, history, `port`. */
const FOR_SHELLS = /^(main|start-script|version)\.ts$|^verbs\/look\/container-ports\.ts$/;

test('each verb of the command that is named below it has a name in the library', () => {
  const calls = Object.keys(LIBRARY_CALLS);
  const unknown: string[] = [];
  const seen = new Set<string>();
  for (const [path, code] of texts()) {
    if (FOR_SHELLS.test(path)) continue;
    for (const [begin, verb = '', rest = ''] of code.matchAll(/\btsimg ([a-z]+)(?=([^\n]*))/g)) {
      const said = begin + rest;
      const call = calls.filter(
        (each) => said === each || (said.startsWith(each) && !/[\w-]/.test(said[each.length] ?? '')),
      );
      for (const each of call) seen.add(each);
      if (call.length === 0 && !NO_CALL.has(verb)) unknown.push(`${path}: ${said.slice(0, 60)}`);
    }
  }
  assert.equal(unknown, []);
  assert.equal(
    calls.filter((call) => !seen.has(call)),
    [],
    'names that no text needs',
  );
});

test('what the library is told to call is exported by it', async () => {
  const api: Readonly<Record<string, unknown>> = await import('../src/api.ts');
  const types = new Set(['ImageSettings']);
  for (const [call, name] of Object.entries(LIBRARY_CALLS)) {
    const [, path = ''] = /^([\w.]+)/.exec(name) ?? [];
    const [first = '', method] = path.split('.');
    const value = api[first];
    if (types.has(first)) continue;
    assert.type(value, 'function', `${call}: ${name}`);
    if (method !== undefined)
      assert.type(Reflect.get(Reflect.get(Object(value), 'prototype'), method), 'function', name);
  }
});

test('an error names options as its caller gives them, and leaves other texts as they are', () => {
  const make = (where: string, hint: string) => {
    const error = new TsimgError('USAGE', '--restart and --rm exclude each other', { where, why: 'EPERM', hint });
    return [error.where, error.hint, error.what];
  };
  const ofCommand = make('--mount type=x', 'say --memory too');
  assert.equal(ofCommand, ['--mount type=x', 'say --memory too', '--restart and --rm exclude each other']);
  nameOptionsOfLibrary();
  const cases = {
    'say --memory too': 'say memory too',
    'or give up checking with --tls-verify=false': 'or give up checking with tlsVerify: false',
    'leave out -p and -P': 'leave out ports and publishAll',
    // Verbs
    'tsimg images lists the images of the store': 'listImages lists the images of the store',
    'tsimg tags localhost/x lists the tags': 'listTags localhost/x lists the tags',
    'stop it first (tsimg stop), or remove it with --force': 'stop it first (Container.stop), or remove it with force',
    'tsimg rm --force abc removes it, or --root': 'Container.remove abc removes it, or root',
    'tsimg rmi removes it': 'removeImages removes it',
    'tsimg ps -a shows its state; see tsimg ps': 'listContainers with all shows its state; see listContainers',
    'let tsimg store check --repair make it again': 'let checkStore with repair make it again',
    'give one after the image: tsimg run IMAGE COMMAND': 'give one after the image: runContainer(IMAGE, COMMAND)',
    'tsimg runs in a container: leave out -t or -i': 'tsimg runs in a container: leave out terminal or interactive',
    // Commands for a shell
    'make it first: mkdir -p /a/b': 'make it first: mkdir -p /a/b',
    'look at ulimit -a, or leave out -v': 'look at ulimit -a, or leave out volumes',
    'mount it (mount -t cgroup -o cpu cgroup X), or mount it by -v':
      'mount it (mount -t cgroup -o cpu cgroup X), or mount it by volumes',
    'call this by tsimg unshare --x': 'call this by tsimg unshare --x',
    'systemd-run --user --scope -p Delegate=yes, or --privileged':
      'systemd-run --user --scope -p Delegate=yes, or privileged',
    'usermod --add-subuids 1-2 USER; or use --ids single': 'usermod --add-subuids 1-2 USER; or use ids single',
    'start the outer container with --privileged': 'start the outer container with --privileged',
  };
  for (const [given, named] of Object.entries(cases)) assert.is(make('x', given)[1], named);
  assert.equal(make('--mount type=x,--memory\n', '')[0], 'mounts: type=x,--memory\n');
  assert.is(make('a --memory', '')[0], 'a --memory');
  assert.is(make('--network', '')[0], 'network');
  assert.is(make('x', '')[2], 'restart and keep: false exclude each other');
  assert.equal(new TsimgError('USAGE', 'x', { facts: { option: '--max-size' } }).facts, { option: 'limits.maxSize' });
});

test.run();
