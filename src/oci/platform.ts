import { TsimgError } from '../errors.ts';

/** OCI image spec, image-index.md, `platform`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  /** What a host must have for it; absent where that is nothing. */
  readonly osFeatures?: readonly string[] | undefined;
}

/** What other tools call it → GOARCH, with the variant that the name implies. */
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

/** Go's names of architectures on Linux: what a word alone must be, so that a typing error is not taken for one. */
const GOARCH: ReadonlySet<string> = new Set([
  ...['386', 'amd64', 'arm', 'arm64', 'loong64', 'mips', 'mips64', 'mips64le', 'mipsle'],
  ...['ppc64', 'ppc64le', 'riscv64', 's390x'],
]);

/** Canonical form: GOARCH names; arm64 has no `v8`, arm without a variant is v7, amd64 has no `v1` (containerd/platforms). */
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
 * `os/arch[/variant]`, `os`'s default being linux (`arm64` alone is `linux/arm64`), as docker's `--platform` takes it.
 * @throws PLATFORM_INVALID
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

/** `linux/arm/v7` */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter(Boolean).join('/');
}

/** The platform of a Node process: `process.arch` → `linux/…`. Pure: the caller passes the name. */
export function platformOfNodeArch(arch: string): Platform {
  return normalizePlatform({ os: 'linux', architecture: arch });
}

/** Variants that a machine of this variant also runs, best first: an ARMv7 runs v6 and v5; amd64 v3 runs v2 and the base. */
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
 * How well a candidate serves the wanted platform: 0 is exact, larger is worse, undefined is not at all.
 * An amd64/v3 image is never chosen for a plain amd64 machine; any arm64 variant is taken last for plain arm64.
 */
export function platformRank(wanted: Platform, candidate: Platform): number | undefined {
  const w = normalizePlatform(wanted);
  const c = normalizePlatform(candidate);
  if (w.os !== c.os || w.architecture !== c.architecture) return undefined;
  const rank = runnableVariants(w).indexOf(c.variant);
  return rank === -1 ? undefined : rank;
}
