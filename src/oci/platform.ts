import { TsimgError } from '../errors.ts';

/** The kind of machine that an image is for. OCI image spec, image-index.md, `platform`. */
export interface Platform {
  /** `linux` */
  readonly os: string;
  /** GOARCH: `amd64`, `arm64`, `arm`. */
  readonly architecture: string;
  /** `v7` of arm, `v3` of amd64. */
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  /** Features that the image needs of its host; absent where it needs none. */
  readonly osFeatures?: readonly string[] | undefined;
}

/** Names that other tools use → GOARCH, with the variant that the name implies. */
const ARCHITECTURE: ReadonlyMap<string, readonly [architecture: string, variant?: string]> = new Map([
  ['x86_64', ['amd64']],
  ['x86-64', ['amd64']],
  ['x64', ['amd64']],
  ['aarch64', ['arm64']],
  ['armhf', ['arm', 'v7']],
  ['armel', ['arm', 'v6']],
  ['i386', ['386']],
  ['i686', ['386']],
  ['ia32', ['386']],
  ['ppc64el', ['ppc64le']],
]);

/** Go's names of architectures on Linux. A word alone must be one of them, so that a typing error is refused. */
const GOARCH: ReadonlySet<string> = new Set([
  ...['386', 'amd64', 'arm', 'arm64', 'loong64', 'mips', 'mips64', 'mips64le', 'mipsle'],
  ...['ppc64', 'ppc64le', 'riscv64', 's390x'],
]);

/**
 * Returns the canonical form: GOARCH names; arm64 has no `v8`, arm without a variant is v7, amd64 has no `v1`
 * (containerd/platforms).
 */
export function normalizePlatform(platform: Platform): Platform {
  const [architecture, implied] = ARCHITECTURE.get(platform.architecture) ?? [platform.architecture];
  let variant = platform.variant || implied;
  if (architecture === 'arm64' && (variant === 'v8' || variant === '8')) variant = undefined;
  if (architecture === 'amd64' && variant === 'v1') variant = undefined;
  if (architecture === 'arm')
    variant = variant === undefined ? 'v7' : variant.startsWith('v') ? variant : `v${variant}`;
  return { os: platform.os.toLowerCase(), architecture, variant, osVersion: platform.osVersion || undefined };
}

/**
 * Parses `OS/ARCH[/VARIANT]` or `ARCH`, which means `linux/ARCH`, as docker's `--platform` does. Other tools' names
 * become GOARCH: `x86_64` is `amd64`.
 * @throws PLATFORM_INVALID
 * @example
 * parsePlatform('aarch64'); // { os: 'linux', architecture: 'arm64', … }
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/');
  const valid = parts.length <= 3 && parts.every((part) => /^[A-Za-z0-9_.-]{1,32}$/.test(part));
  const [first, second, third] = parts;
  if (!valid || first === undefined) throw platformInvalid(text);
  if (second === undefined) {
    const platform = normalizePlatform({ os: 'linux', architecture: first });
    if (!GOARCH.has(platform.architecture)) throw platformInvalid(text);
    return platform;
  }
  return normalizePlatform({ os: first, architecture: second, variant: third });
}

function platformInvalid(text: string): TsimgError {
  return new TsimgError('PLATFORM_INVALID', 'not a platform', {
    where: text.slice(0, 100),
    hint: 'write OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64 or linux/arm/v7',
  });
}

/** Returns `OS/ARCH[/VARIANT]`: `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
}

/** The platform of a Node process. @param arch `process.arch` */
export function platformOfNodeArch(arch: string): Platform {
  return normalizePlatform({ os: 'linux', architecture: arch });
}

/** The variants that a machine runs, best first: an ARMv7 runs v6 and v5; amd64 v3 runs v2 and the base. */
function runnableVariants(platform: Platform): readonly (string | undefined)[] {
  const { architecture, variant } = platform;
  const level = Number(variant?.slice(1));
  if (architecture !== 'arm' && architecture !== 'amd64') return [variant];
  if (variant === undefined || !Number.isInteger(level)) return [variant];
  const lowest = architecture === 'arm' ? 5 : 2;
  const variants: (string | undefined)[] = [];
  for (let v = level; v >= lowest; v--) variants.push(`v${v}`);
  return architecture === 'amd64' ? [...variants, undefined] : variants;
}

/**
 * Ranks a candidate for the wanted platform: 0 is exact, a larger rank is worse, undefined means that the machine
 * cannot run it. An amd64/v3 image never serves a plain amd64 machine.
 */
export function platformRank(wanted: Platform, candidate: Platform): number | undefined {
  const w = normalizePlatform(wanted);
  const c = normalizePlatform(candidate);
  if (w.os !== c.os || w.architecture !== c.architecture) return undefined;
  const rank = runnableVariants(w).indexOf(c.variant);
  return rank === -1 ? undefined : rank;
}
