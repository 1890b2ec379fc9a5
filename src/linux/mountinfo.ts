/** Decodes the octal escapes of a field: space, tab, newline and backslash are written `\040` and so on. */
export function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * Parses /proc/self/mountinfo, read as latin1: the mount points as bytes (latin1), in order. proc_pid_mountinfo(5): the
 * fifth field.
 */
export function mountPoints(mountinfo: string): readonly string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((field) => field !== undefined)
    .map(unescapeField);
}
