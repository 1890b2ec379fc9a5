import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ociSeccomp } from '../../src/launch/oci/oci-seccomp.ts';
import { type Capability, DEFAULT_CAPABILITIES } from '../../src/linux/capabilities.ts';
import { resolveSeccomp } from '../../src/linux/seccomp/resolve-seccomp.ts';
import { compileSeccomp, type Instruction } from '../../src/linux/seccomp/seccomp-compile.ts';
import { defaultPolicy } from '../../src/linux/seccomp/seccomp-policy.ts';
import { parseSeccompProfile, type SeccompProfile } from '../../src/linux/seccomp/seccomp-profile.ts';
import { runFilter } from '../support/container/run-filter.ts';
import { haveTools } from '../support/tools.ts';

// Compares our filters with those that runc makes of the same profile with libseccomp, which gets the rules as below.

const test = suite('linux/seccomp-libseccomp');

/** Architectures as libseccomp and the kernel know them. */
const ARCHITECTURES = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
} as const;
type ArchitectureName = keyof typeof ARCHITECTURES;

const [ALLOW, ENOSYS, DENIED] = [0x7fff0000, 0x00050026, 0x00050001];
const X32_BIT = 0x4000_0000;
/** A number above those of all tables, except x32's. */
const END = 600;

/**
 * Reads profiles, one a line, and prints for each the filter, the names of numbers, and the rules that libseccomp
 * refuses.
 */
const EXPORT = `
import ctypes, json, sys, tempfile
lib = ctypes.CDLL('libseccomp.so.2')
class Condition(ctypes.Structure):
    _fields_ = [('argument', ctypes.c_uint), ('operator', ctypes.c_int), ('a', ctypes.c_uint64), ('b', ctypes.c_uint64)]
context = ctypes.c_void_p
lib.seccomp_arch_native.restype = ctypes.c_uint32
lib.seccomp_init.restype, lib.seccomp_init.argtypes = context, [ctypes.c_uint32]
lib.seccomp_rule_add_array.argtypes = [context, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
lib.seccomp_export_bpf.argtypes = [context, ctypes.c_int]
lib.seccomp_arch_add.argtypes = lib.seccomp_arch_remove.argtypes = [context, ctypes.c_uint32]
lib.seccomp_syscall_resolve_num_arch.restype = ctypes.c_char_p
lib.seccomp_syscall_resolve_num_arch.argtypes = [ctypes.c_uint32, ctypes.c_int]
for line in sys.stdin:
    asked = json.loads(line)
    filter = lib.seccomp_init(asked['otherwise'])
    own = lib.seccomp_arch_native()
    for each in asked['architectures']: lib.seccomp_arch_add(filter, each)
    if own not in asked['architectures']: lib.seccomp_arch_remove(filter, own)
    refused = []
    for name, action, conditions in asked['rules']:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number == -1: continue
        array = (Condition * max(1, len(conditions)))(*[Condition(*each) for each in conditions])
        if lib.seccomp_rule_add_array(filter, action, number, len(conditions), array): refused.append(name)
    names = {each: [(lambda name: name and name.decode())(lib.seccomp_syscall_resolve_num_arch(each, number))
        for number in range(asked['end'])] for each in asked['architectures']}
    with tempfile.TemporaryFile() as file:
        lib.seccomp_export_bpf(filter, file.fileno())
        file.seek(0)
        print(json.dumps({'filter': file.read().hex(), 'names': names, 'refused': refused}))
`;

const ACTIONS: Readonly<Record<SeccompProfile['defaultAction'], number>> = {
  SCMP_ACT_ALLOW: ALLOW,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
};
const OPERATORS = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

function actionOf(action: SeccompProfile['defaultAction'], errno: number | null | undefined): number {
  return (ACTIONS[action] | (action === 'SCMP_ACT_ERRNO' ? (errno ?? 1) : 0)) >>> 0;
}

type Conditions = readonly (readonly [argument: number, operator: number, a: number, b: number])[];

/**
 * The rules that runc gives to libseccomp: none with the default action; of two conditions on one argument, one rule
 * for each.
 */
function rulesOf({ syscalls, defaultAction, defaultErrnoRet }: SeccompProfile) {
  const otherwise = actionOf(defaultAction, defaultErrnoRet);
  const rules = (syscalls ?? []).flatMap(({ names, action, errnoRet, args }) => {
    const does = actionOf(action, errnoRet);
    const conditions: Conditions = (args ?? []).map((arg) => [
      arg.index,
      OPERATORS[arg.op],
      arg.value,
      arg.valueTwo ?? 0,
    ]);
    const isSplit = new Set(conditions.map(([argument]) => argument)).size < conditions.length;
    const each = isSplit ? conditions.map((condition) => [condition]) : [conditions];
    return does === otherwise ? [] : (names ?? []).flatMap((name) => each.map((some) => [name, does, some] as const));
  });
  return { otherwise, rules };
}

function decode(hex: string): readonly Instruction[] {
  const bytes = Buffer.from(hex, 'hex');
  return Array.from({ length: bytes.length / 8 }, (_, index) => ({
    code: bytes.readUInt16LE(index * 8),
    jt: bytes.readUInt8(index * 8 + 2),
    jf: bytes.readUInt8(index * 8 + 3),
    k: bytes.readUInt32LE(index * 8 + 4),
  }));
}

interface Theirs {
  readonly filter: readonly Instruction[];
  /** libseccomp's name of each number, by architecture. */
  readonly names: Readonly<Record<string, readonly (string | null)[]>>;
}

function libseccomp(profile: SeccompProfile, architectures: readonly ArchitectureName[]): Theirs | undefined {
  const asked = { ...rulesOf(profile), architectures: architectures.map((name) => ARCHITECTURES[name]), end: END };
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-I', '-c', EXPORT], {
    input: `${JSON.stringify(asked)}\n`,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (stderr.includes('libseccomp.so.2')) return void console.log('skipped: needs libseccomp2');
  assert.is(status, 0, stderr);
  const { filter, names, refused } = JSON.parse(stdout);
  assert.equal(refused, []);
  return { filter: decode(filter), names };
}

/** Arguments of a call around all values that a profile compares them with, each position by itself and all at once. */
function argumentsFor({ syscalls }: SeccompProfile, name: string, wide: boolean): readonly (readonly bigint[])[] {
  const all = (syscalls ?? []).filter(({ names }) => names?.includes(name)).flatMap(({ args }) => args ?? []);
  const compared = all.flatMap(({ value, valueTwo = 0 }) =>
    [value, valueTwo].flatMap((each) => [each - 1, each, each + 1]),
  );
  const calls = ['socketcall', 'ipc'].includes(name) ? Array.from({ length: 26 }, (_, index) => index) : [];
  const values = [...new Set([...compared, ...calls])].filter((value) => value >= 0).map(BigInt);
  const around = wide ? values.flatMap((value) => [value, value + (1n << 32n), value + (1n << 63n)]) : values;
  const positions = [...new Set(all.map(({ index }) => index))];
  const few = around.slice(0, 24);
  return [
    [],
    ...around.map((value) => Array.from({ length: 6 }, () => value)),
    ...positions.flatMap((position) =>
      around.flatMap((value) =>
        few.map((other) => Array.from({ length: 6 }, (_, at) => (at === position ? value : other))),
      ),
    ),
  ].filter((args) => wide || args.every((value) => value < 1n << 32n));
}

/** Verdicts that refuse a call, in whichever way. */
const isRefused = (result: number) => result === ENOSYS || result === DENIED;

/** Compares two filters for all numbers that libseccomp knows, and reports the numbers that it does not know. */
function compare(
  title: string,
  machine: 'x64' | 'arm64',
  ours: readonly Instruction[],
  theirs: Theirs,
  profile: SeccompProfile,
  stricter: (name: string, args: readonly bigint[]) => boolean = () => false,
): void {
  const compared: readonly ArchitectureName[] =
    machine === 'x64' ? ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'] : ['SCMP_ARCH_AARCH64'];
  const { otherwise } = rulesOf(profile);
  for (const architecture of compared.filter((name) => ARCHITECTURES[name] in theirs.names)) {
    const number = ARCHITECTURES[architecture];
    for (let call = 0; call < END; call += 1) {
      const name = theirs.names[number]?.[call] ?? undefined;
      if (name === undefined) continue;
      for (const args of argumentsFor(profile, name, architecture !== 'SCMP_ARCH_X86')) {
        const [our, their] = [ours, theirs.filter].map((filter) => runFilter(filter, number, call, args));
        if (our === their) continue;
        const verdicts = `${our?.toString(16)}, ${their?.toString(16)}`;
        const where = `${title}: ${architecture} ${name} (${args.join(', ')}): ${verdicts}`;
        assert.ok(stricter(name, args) && our !== ALLOW, where);
      }
    }
    // -1 is no call.
    assert.ok([otherwise, ENOSYS].includes(runFilter(ours, number, 0xffff_ffff)), title);
  }
}

const parse = (document: object) => parseSeccompProfile(JSON.stringify(document), 'test');
const deny = (names: string, fields: object = {}) => ({ names: names.split(' '), action: 'SCMP_ACT_ERRNO', ...fields });
const allow = (names: string, fields: object = {}) => ({
  names: names.split(' '),
  action: 'SCMP_ACT_ALLOW',
  ...fields,
});
const when = (index: number, op: string, value: number, valueTwo = 0) => ({ index, op, value, valueTwo });
const ALL_X86 = {
  archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] }],
};
const SOCKETS = 'socket connect bind sendto recvfrom sendmsg recvmsg listen accept4 shutdown';

/** A caller's profiles: what each tests, and the calls of 32-bit x86 that ours refuses and libseccomp's allows. */
const PROFILES: Readonly<Record<string, { readonly document: object; readonly stricter?: readonly string[] }>> = {
  'allowed by default, some denied': {
    document: {
      defaultAction: 'SCMP_ACT_ALLOW',
      ...ALL_X86,
      syscalls: [deny('mount umount2 ptrace execveat socket shmat semget'), deny('keyctl', { errnoRet: 38 })],
    },
  },
  'allowed by default, denied under conditions': {
    document: {
      defaultAction: 'SCMP_ACT_ALLOW',
      ...ALL_X86,
      syscalls: [
        deny('socket', { args: [when(0, 'SCMP_CMP_EQ', 40)] }),
        deny('clone unshare', { args: [when(0, 'SCMP_CMP_MASKED_EQ', 0x10000000, 0x10000000)], errnoRet: 13 }),
        deny('ioctl', { args: [when(1, 'SCMP_CMP_GE', 0x5412), when(2, 'SCMP_CMP_NE', 7)] }),
      ],
    },
  },
  'denied by default, sockets of some families': {
    document: {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 13,
      ...ALL_X86,
      syscalls: [
        allow(`read write close exit_group rt_sigreturn openat semop semget ${SOCKETS.replace('socket ', '')}`),
        allow('socket', { args: [when(0, 'SCMP_CMP_LE', 2)] }),
        allow('shmat', { args: [when(2, 'SCMP_CMP_LT', 8), when(1, 'SCMP_CMP_GT', 1)] }),
        allow('personality', { args: [when(0, 'SCMP_CMP_EQ', 0), when(0, 'SCMP_CMP_EQ', 8)] }),
      ],
    },
    // Allowed under a condition that a multiplexer hides: libseccomp allows it then, whatever the arguments.
    stricter: ['socketcall', 'ipc'],
  },
  'its own verdict on the multiplexer': {
    document: {
      defaultAction: 'SCMP_ACT_ERRNO',
      ...ALL_X86,
      syscalls: [
        allow(`socketcall ${SOCKETS.replace('socket ', '')}`),
        allow('socket', { args: [when(0, 'SCMP_CMP_NE', 40)] }),
      ],
    },
  },
  'rules without and with conditions': {
    document: {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      ...ALL_X86,
      syscalls: [
        allow('read write openat fcntl prctl'),
        deny('prctl', { args: [when(0, 'SCMP_CMP_EQ', 4)] }),
        deny('ioctl', { args: [when(1, 'SCMP_CMP_EQ', 0x5412)] }),
        allow('ioctl'),
        deny('openat', { errnoRet: 2 }),
      ],
    },
  },
  'what is done anyway, and other actions': {
    document: {
      defaultAction: 'SCMP_ACT_LOG',
      ...ALL_X86,
      syscalls: [
        { names: ['mount'], action: 'SCMP_ACT_LOG' },
        deny('mount', { args: [when(3, 'SCMP_CMP_MASKED_EQ', 0x1000, 0x1000)] }),
        { names: ['ptrace'], action: 'SCMP_ACT_KILL' },
        { names: ['reboot'], action: 'SCMP_ACT_KILL_PROCESS' },
        { names: ['swapon'], action: 'SCMP_ACT_TRAP' },
        { names: ['swapoff'], action: 'SCMP_ACT_TRACE' },
        { names: ['acct'], action: 'SCMP_ACT_KILL_THREAD' },
        { names: ['chroot'], action: 'SCMP_ACT_ALLOW' },
      ],
    },
  },
  'of one architecture': {
    document: { defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86_64'], syscalls: [allow('read write')] },
  },
};

function architecturesOf({ architectures, archMap }: SeccompProfile): readonly ArchitectureName[] {
  const names = architectures ?? ['SCMP_ARCH_X86_64', ...(archMap?.[0]?.subArchitectures ?? [])];
  return names.filter((name): name is ArchitectureName => name in ARCHITECTURES);
}

if (haveTools('python3')) {
  for (const [title, { document, stricter = [] }] of Object.entries(PROFILES)) {
    test(`a caller’s profile gives libseccomp’s verdicts: ${title}`, () => {
      const profile = parse(document);
      const around = { capabilities: [], kernel: '6.1.0' };
      for (const machine of ['x64', 'arm64'] as const) {
        const listed = machine === 'x64' ? architecturesOf(profile) : (['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'] as const);
        const theirs = libseccomp(profile, listed);
        if (theirs === undefined) return;
        const ours = compileSeccomp(resolveSeccomp(profile, { ...around, machine }), machine);
        compare(title, machine, ours, theirs, profile, (name) => stricter.includes(name));
      }
    });
  }

  for (const capabilities of [
    DEFAULT_CAPABILITIES,
    ['SYS_ADMIN'],
    [],
  ] as const satisfies readonly (readonly Capability[])[]) {
    test(`docker’s policy for ${capabilities.length} capabilities gives libseccomp’s verdicts for a runtime`, () => {
      for (const [machine, processor] of [
        ['x64', 'amd64'],
        ['arm64', 'arm64'],
      ] as const) {
        const profile = parse(ociSeccomp(capabilities, processor));
        const theirs = libseccomp(profile, architecturesOf(profile));
        if (theirs === undefined) return;
        const policy = defaultPolicy(capabilities);
        compare(processor, machine, compileSeccomp(policy, machine), theirs, profile);
      }
    });
  }
}

test('32-bit x86 has no other way to a socket: socketcall is denied whatever it is asked for', () => {
  const filter = compileSeccomp(defaultPolicy(DEFAULT_CAPABILITIES), 'x64');
  for (const call of [0n, 1n, 3n, 8n, 16n, 21n, 0xffff_ffffn]) {
    assert.is(runFilter(filter, ARCHITECTURES.SCMP_ARCH_X86, 102, [call]), ENOSYS);
  }
  for (const [family, expected] of [
    [1n, ALLOW],
    [2n, ALLOW],
    [38n, DENIED],
    [40n, DENIED],
  ] as const) {
    assert.is(runFilter(filter, ARCHITECTURES.SCMP_ARCH_X86, 359, [family]), expected);
  }
});

test('a System V call that is denied is denied in all versions of its multiplexer', () => {
  const profile = parse(PROFILES['allowed by default, some denied']?.document ?? {});
  const filter = compileSeccomp(resolveSeccomp(profile, { capabilities: [], kernel: '6.1.0', machine: 'x64' }), 'x64');
  for (const version of [0n, 1n, 2n, 0xffffn]) {
    assert.is(runFilter(filter, ARCHITECTURES.SCMP_ARCH_X86, 117, [(version << 16n) | 21n]), DENIED);
    assert.is(runFilter(filter, ARCHITECTURES.SCMP_ARCH_X86, 117, [(version << 16n) | 22n]), ALLOW);
  }
});

test('x32’s numbers, old ones too, are no calls under any profile', () => {
  for (const { document } of Object.values(PROFILES)) {
    const profile = parse(document);
    const filter = compileSeccomp(
      resolveSeccomp(profile, { capabilities: [], kernel: '6.1.0', machine: 'x64' }),
      'x64',
    );
    for (let call = 0; call < END; call += 1) {
      assert.ok(isRefused(runFilter(filter, ARCHITECTURES.SCMP_ARCH_X86_64, X32_BIT + call)), String(call));
    }
    for (const call of [512, 520, 545, 547, 0x7fff_ffff, 0x8000_0000, 0xc000_0000, 0xffff_fffe]) {
      assert.ok(isRefused(runFilter(filter, ARCHITECTURES.SCMP_ARCH_X86_64, call)), String(call));
    }
    assert.is(runFilter(filter, ARCHITECTURES.SCMP_ARCH_X32, 0), 0x80000000);
  }
});

test.run();
