import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TsimgError } from '../src/errors.ts';
import { LIBRARY_NAMES } from '../src/option-names.data.ts';
import { nameOptionsOfLibrary } from '../src/option-words.ts';
import { ROOT } from './support/checkout.ts';

const test = suite('option-words');

/** Options that tsimg gives to other programs, or of which it speaks as of theirs. */
const FOREIGN = new Set(
  `add-subgids add-subuids api-socket bundle cgroup-manager config-net configure ctstate debug disable-host-loopback
  dns-forward dport dst-type enable-sandbox enable-seccomp exit-fd format help homedir keyring map-gw map-root-user
  max-semi-space-size mtu net no-map-gw noflush pid quiet ready-fd repair scope security-opt sparse status-fd
  to-destination v8-pool-size version`.split(/\s+/),
);

test('each option of the command that is named below it has a name in the library', () => {
  const unknown: string[] = [];
  for (const path of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
    // The command itself, and texts that only the command prints
    if (!path.endsWith('.ts') || /^(cli|launch\/show)\//.test(path)) continue;
    const code = readFileSync(join(ROOT, 'src', path), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    for (const [option, name = ''] of code.matchAll(/(?<![\w-])--([A-Za-z][\w…-]*)/g)) {
      if (!Object.hasOwn(LIBRARY_NAMES, option) && !FOREIGN.has(name) && name !== 'health-')
        unknown.push(`${path}: ${option}`);
    }
  }
  assert.equal(unknown, []);
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
    // Commands for a shell
    'systemd-run --user --scope -p Delegate=yes, or --privileged':
      'systemd-run --user --scope -p Delegate=yes, or privileged',
    'usermod --add-subuids 1-2 USER; or use --ids single': 'usermod --add-subuids 1-2 USER; or use ids single',
    'tsimg rm --force abc removes it, or --root': 'tsimg rm --force abc removes it, or root',
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
