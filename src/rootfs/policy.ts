/**
 * What tsimg does otherwise than the image says, and goes on: each kind has a name, by which it is counted in the
 * report and made an error by `--strict`.
 */
export const TOLERANCES = {
  'aufs-metadata': "aufs' own files in a layer were left out",
  'climbing-names': 'names with .. were taken as beginning at the root',
  devices: 'devices were made as empty files, for only root can make them',
  'duplicate-names': 'entries were replaced by a later one of the same name in the same layer',
  'edited-configs': 'configs of an archive were taken that are not what their names say',
  modes: 'files and directories were made accessible to their owner',
  'overlay-attributes': "overlayfs' own attributes in a layer were left out",
  owners: 'owners were recorded in place of being set, for only root can give files away',
  'repeated-members': 'documents of an archive were taken that stand in it more than once, the last of each',
  'selinux-labels': 'SELinux labels were left out, for they are of the policy of the host that built the layer',
  setuid: 'setuid and setgid bits were recorded in place of being set, for they would act as the caller',
  'trailing-bytes': 'bytes behind the end of a compressed layer were left out',
  'unmapped-owners': 'files were left to root and their owners recorded, for the user namespace has no such ids',
  xattrs: 'extended attributes were refused by the file system',
} as const;

export type Tolerance = keyof typeof TOLERANCES;

/** `warn` counts it, `ignore` says nothing, `strict` makes it POLICY_VIOLATED. */
export type Severity = 'strict' | 'warn' | 'ignore';

export type Policy = Readonly<Record<Tolerance, Severity>>;

/** The same severity for everything but what `exceptions` names. */
export function policyOf(severity: Severity, exceptions: Readonly<Partial<Policy>> = {}): Policy {
  return {
    'aufs-metadata': severity,
    'climbing-names': severity,
    devices: severity,
    'duplicate-names': severity,
    'edited-configs': severity,
    modes: severity,
    'overlay-attributes': severity,
    owners: severity,
    'repeated-members': severity,
    'selinux-labels': severity,
    setuid: severity,
    'trailing-bytes': severity,
    'unmapped-owners': severity,
    xattrs: severity,
    ...exceptions,
  };
}

/**
 * What is tolerated unless a policy is named: all but owners that a user namespace does not have, for whoever asks for a tree
 * of shifted ids expects each to be there.
 */
export function defaultPolicy(exceptions: Readonly<Partial<Policy>> = {}): Policy {
  return policyOf('warn', { 'unmapped-owners': 'strict', ...exceptions });
}

export function isTolerance(name: string): name is Tolerance {
  return Object.hasOwn(TOLERANCES, name);
}
