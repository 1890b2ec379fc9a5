/** Files whose path holds one of the patterns; all without one. */
export function choose(files: readonly string[], patterns: readonly string[]): readonly string[] {
  return files.filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)));
}

/**
 * The one file that is named: by its path, that of its source, or as much of it as only one has.
 * @throws Error where there is none, or several
 */
export function chooseOne(files: readonly string[], name: string | undefined): string {
  if (name === undefined) throw new Error('name a test file, such as rootfs/fold/apply');
  const wanted = name.replace(/^(\.\/)?((dist\/)?test\/)?/, '').replace(/(\.test)?\.[jt]s$/, '');
  const tests = files.map((file) => ({ file, path: file.replace(/\.test\.js$/, '') }));
  const [exact] = tests.filter(({ path }) => path === wanted);
  const ending = tests.filter(({ path }) => path.endsWith(`/${wanted}`));
  const found =
    exact !== undefined ? [exact] : ending.length > 0 ? ending : tests.filter(({ path }) => path.includes(wanted));
  const [only, ...others] = found;
  if (only === undefined) throw new Error(`no test file has ${wanted} in its path`);
  if (others.length > 0) throw new Error(`several test files are meant: ${found.map(({ path }) => path).join(', ')}`);
  return only.file;
}
