import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { apiReport, ENTRIES } from './api-report.ts';

// docs/api/: the pages that TypeDoc makes of src/api.ts. TypeDoc takes seconds, so it runs again only if a file that it
// reads, or a page, has changed since they agreed.

const ROOT = dirname(dirname(dirname(import.meta.dirname)));
const TYPEDOC = join(ROOT, 'scripts', 'api-docs');
/** Below the checkout: where the pages lie. */
export const API_FOLDER = 'docs/api';
const COMPILED = join(ROOT, 'dist', 'src');
const AGREED = join(ROOT, 'node_modules', '.cache', 'tsimg', 'api-docs');
const IMPORT = /\b(?:from|import\()\s*['"](\.[^'"]+)['"]/g;

function filesBelow(folder: string): readonly string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/**
 * The pages, by path in the checkout.
 * @throws an Error with TypeDoc's complaints: an export without a docstring, a link that leads nowhere
 */
export function makeApiPages(): ReadonlyMap<string, string> {
  const made = mkdtempSync(join(tmpdir(), 'tsimg-api-'));
  try {
    const typedoc = join(TYPEDOC, 'node_modules', 'typedoc', 'bin', 'typedoc');
    if (!existsSync(typedoc)) throw new Error('a package is missing: run `npm ci` first');
    const args = [typedoc, '--options', join(TYPEDOC, 'typedoc.json'), '--out', made, '--logLevel', 'Warn'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: TYPEDOC, encoding: 'utf8' });
    if (status !== 0) throw new Error(`TypeDoc refuses src/api.ts:\n${stdout}${stderr}`);
    return new Map([
      ...filesBelow(made).map((path) => [`${API_FOLDER}/${relative(made, path)}`, readFileSync(path, 'utf8')] as const),
      [`${API_FOLDER}/declarations.md`, apiReport(COMPILED)],
    ]);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** The declarations that the entries of the library reach, docstrings among them. */
function declarations(): readonly string[] {
  const found = new Set<string>();
  const visit = (path: string) => {
    if (found.has(path)) return;
    found.add(path);
    for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(IMPORT)) {
      visit(resolve(dirname(path), specifier.replace(/\.[jt]s$/, '.d.ts')));
    }
  };
  for (const entry of ENTRIES.map((name) => join(COMPILED, `${name}.d.ts`))) if (existsSync(entry)) visit(entry);
  return [...found].sort();
}

/** Returns a digest of all files that TypeDoc reads, and of the existing pages. */
function fingerprint(): string {
  const hash = createHash('sha256');
  const settings = readdirSync(TYPEDOC, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(TYPEDOC, entry.name));
  for (const path of [...declarations(), ...settings, ...filesBelow(join(ROOT, API_FOLDER))]) {
    hash
      .update(`${relative(ROOT, path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex');
}

/** Remembers that the pages agree with the files that TypeDoc reads, as both are now. */
export function rememberAgreement(): void {
  mkdirSync(dirname(AGREED), { recursive: true });
  writeFileSync(AGREED, fingerprint());
}

/** Whether nothing changed since they agreed. */
export function doAgree(): boolean {
  try {
    return readFileSync(AGREED, 'utf8') === fingerprint();
  } catch (error) {
    // Never remembered, or there are no pages yet
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
