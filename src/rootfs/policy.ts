/**
 * The deviations from an image that tsimg tolerates. Each has a name: the report counts by it, and `--strict` makes an
 * error of it.
 */
export const TOLERANCES = {
  'aufs-metadata': "aufs' own files in a layer were left out",
  'climbing-names': 'names with .. were read as relative to the root',
  devices: 'devices were made as empty files, because only root can make them',
  'duplicate-names': 'entries were replaced by a later one of the same name in the same layer',
  'edited-configs': 'configs of an archive were used although their names give other digests',
  modes: 'files and directories were made accessible to their owner',
  'overlay-attributes': "overlayfs' own attributes in a layer were left out",
  owners: 'owners were recorded, not set, because only root can give files away',
  'repeated-members': 'documents that an archive has more than once were used, the last of each',
  'selinux-labels': 'SELinux labels were left out, because they belong to the policy of the host that built the layer',
  setuid: 'setuid and setgid bits were recorded, not set, because they would act as the caller',
  'trailing-bytes': 'bytes behind the end of a compressed layer were left out',
  'unmapped-owners':
    'files were given to root and their owners recorded, because the user namespace does not have their IDs',
  xattrs: 'extended attributes were refused by the file system',
} as const;

export type Tolerance = keyof typeof TOLERANCES;

/** `warn` counts the deviation, `ignore` does not, `strict` makes it the error POLICY_VIOLATED. */
export type Severity = 'strict' | 'warn' | 'ignore';

export type Policy = Readonly<Record<Tolerance, Severity>>;

/** Returns a policy with one severity for all names but the exceptions. */
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
 * Returns the default policy: everything is tolerated but owners that a user namespace does not have, because a user
 * who asks for a tree with shifted IDs expects all of them.
 */
export function defaultPolicy(exceptions: Readonly<Partial<Policy>> = {}): Policy {
  return policyOf('warn', { 'unmapped-owners': 'strict', ...exceptions });
}

export function isTolerance(name: string): name is Tolerance {
  return Object.hasOwn(TOLERANCES, name);
}
