/**
 * The places where something is mounted, as bytes (latin1), from the text of /proc/self/mountinfo read as latin1.
 * proc_pid_mountinfo(5): the fifth field, in which space, tab, newline and backslash are octal.
 */
export function mountPoints(mountinfo: string): readonly string[] {
  return mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((field) => field !== undefined)
    .map((field) =>
      field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
    );
}
