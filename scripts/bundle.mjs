// Joins modules into few scripts and compiles each once and for all: NAME.cjs is the script, NAME.cache what V8 made of it, which
// V8 itself refuses where its version or flags are others. Reading one file instead of hundreds and not compiling it is what it is
// for; nothing is renamed or shortened.
// The command has three scripts: what every run loads, what all that reads images loads besides, and what is left. Each of their
// modules becomes a stub that exports from there, so that all others still import it by its own name and there is one of each.
// Programs that run in a thread or a process of their own have a script each, with all that they ever load.
// It knows the forms that tsc writes for this code (named exports at the beginning of a line, imports on one line, no cycles,
// nothing exported that changes later) and stops where it meets another.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const root = resolve(process.argv[2] ?? join(dirname(import.meta.dirname), 'dist', 'src'));
/** Packages that are joined too; they consist of CommonJS files. */
const PACKAGES = new Set(['commander', 'zod']);
const MAIN = 'cli/program.js';
/** Of the command, with what each begins; what they import goes to the first that needs it. The last takes all that is left. */
const SCRIPTS = {
  hot: [MAIN, 'cli/run.js', 'verbs/run-source.js'],
  images: ['cli/unpack.js', 'cli/pull.js', 'verbs/unpack-source.js', 'verbs/pull-to-store.js', 'verbs/image-root.js'],
  others: [],
};
const PROGRAMS = [
  'disk/layer-worker.js',
  'host/monitor.js',
  'verbs/inside.js',
  'verbs/remove-inside.js',
  'verbs/unpack-inside.js',
];

const IMPORT = /^import (?:(\{[^}]*\})|\* as (\w+)|(\w+)) from '([^']+)';$/gm;
const LATE_IMPORT = /\bimport\('([^']+)'\)/g;
const EXPORT = /^export (?:(async )?(function\*?|class|const) )(\w+)/gm;

function specifierFrom(folder, path) {
  const specifier = relative(folder, path);
  return specifier.startsWith('.') ? specifier : `./${specifier}`;
}

/** The module that an import means, or undefined where it is not one of ours. */
function importedBy(path, specifier) {
  return specifier.startsWith('.') ? resolve(dirname(path), specifier) : undefined;
}

function specifiers(text, pattern) {
  return [...text.matchAll(pattern)].map((match) => match.at(-1));
}

/** Modules reachable by imports from these, without those that are known. @param late whether by late imports as well */
function reachable(entries, known, late) {
  const found = new Map();
  const visit = (path) => {
    if (found.has(path) || known.has(path)) return;
    const text = readFileSync(path, 'utf8');
    found.set(path, text);
    for (const specifier of [...specifiers(text, IMPORT), ...(late ? specifiers(text, LATE_IMPORT) : [])]) {
      const imported = importedBy(path, specifier);
      if (imported !== undefined) visit(imported);
    }
  };
  for (const entry of entries) visit(resolve(root, entry));
  return found;
}

/** `{ a, b as c }` of an import as a pattern to take apart. */
function pattern(names) {
  return names.replaceAll(' as ', ': ');
}

/**
 * A package of CommonJS files as an expression: what its main file exports. It is joined too, and so is there several times: in
 * each script, and once for modules that are not joined. They hand each other plain objects of it, and never ask of which class
 * one is.
 */
function packaged(specifier) {
  const files = [];
  const numbers = new Map();
  const add = (path) => {
    if (!numbers.has(path)) {
      numbers.set(path, files.push('') - 1);
      const inner = createRequire(path);
      const text = readFileSync(path, 'utf8').replace(/\brequire\(['"](\.[^'"]+)['"]\)/g, (_, name) => {
        return `include(${add(inner.resolve(name))})`;
      });
      files[numbers.get(path)] = `(module, exports, include) => {\n${text}\n}`;
    }
    return numbers.get(path);
  };
  add(createRequire(join(root, 'main.js')).resolve(specifier));
  return `((files, made = []) => {
    const include = (number) => {
      if (made[number] === undefined) {
        made[number] = { exports: {} };
        files[number](made[number], made[number].exports, include);
      }
      return made[number].exports;
    };
    return include(0);
  })([\n${files.join(',\n')}\n])`;
}

/** A package that is imported late: one of CommonJS files is required, for which Node's loader of ES modules is not needed. */
function lateImport(specifier) {
  let folder = dirname(createRequire(join(root, 'main.js')).resolve(specifier));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  const { type } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return type === 'module' ? `load('${specifier}')` : `(async () => ({ default: require('${specifier}') }))()`;
}

/** Other characters as escapes, which they are equal to in texts and patterns: V8 takes a script of one-byte characters as it is. */
function ascii(text) {
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function exportsOf(text) {
  return [...text.matchAll(EXPORT)].map(([, , , name]) => name);
}

/**
 * Modules as one script: a function that adds to `modules` one function for each, and for each package that is joined with them,
 * which runs it when it is first called and answers its exports.
 * @param idOf the name of such a function, for modules of this script and of others
 * @param packages those that are joined with others, by name; to which are added those of this script
 */
function joined(modules, idOf, folder, packages = []) {
  const outside = new Map();
  const outsideName = (specifier) => {
    if (packages.includes(specifier)) return `modules['${specifier}']`;
    if (!outside.has(specifier))
      outside.set(specifier, PACKAGES.has(specifier) ? `modules['${specifier}']` : `x${outside.size}`);
    return outside.get(specifier);
  };
  const blocks = [...modules].map(([path, text]) => {
    const body = text
      .replace(/^#!.*\n/, '')
      .replace(/^\/\/# sourceMappingURL.*$/gm, '')
      .replace(/^export \{\};$/gm, '')
      .replace(IMPORT, (_, names, namespace, standard, specifier) => {
        const from = importedBy(path, specifier);
        const source = from === undefined ? outsideName(specifier) : `modules.${idOf(from)}`;
        if (from !== undefined && idOf(from) === undefined) throw new Error(`${path}: ${specifier} is in no script`);
        return `const ${names === undefined ? (namespace ?? standard) : pattern(names)} = ${source}();`;
      })
      .replace(EXPORT, (_, async = '', kind, name) => `${async}${kind} ${name}`)
      .replace(LATE_IMPORT, (_, specifier) => {
        const from = importedBy(path, specifier);
        return from === undefined ? lateImport(specifier) : `late('${idOf(from)}')`;
      })
      .replace(/new URL\('([^']+)', import\.meta\.url\)/g, (_, name) => {
        const path_ = resolve(dirname(path), name);
        const isProgram = PROGRAMS.some((program) => join(root, program) === path_);
        return `new URL('${specifierFrom(folder, isProgram ? path_.replace(/\.js$/, '.cjs') : path_)}', here)`;
      })
      .replaceAll('import.meta.url', `new URL('${specifierFrom(folder, path)}', here).href`);
    if (/^\s*(import|export)\b|import\.meta/m.test(body))
      throw new Error(`${path}: an import or export of unknown form`);
    // What has no exports is a program, which may wait in its own body
    const names = exportsOf(text);
    const kind = names.length === 0 ? 'async ' : '';
    return `modules.${idOf(path)} = once(${kind}() => {\n'use strict';\n${body}\nreturn { ${names.join(', ')} };\n});\n`;
  });
  const requires = [...outside].map(([specifier, name]) => {
    if (!PACKAGES.has(specifier)) return `const ${name} = once(() => require('${specifier}'));\n`;
    packages.push(specifier);
    return `${name} = once(() => ${packaged(specifier)});\n`;
  });
  return ascii(`(function (modules, { once, late, load, require, here }) {\n${requires.join('')}${blocks.join('')}})`);
}

/** Writes a script, and what V8 makes of it when it compiles all of it, not only what is called at once. */
function write(path, text) {
  writeFileSync(path, text);
  setFlagsFromString('--no-lazy');
  const script = new Script(text, { filename: path });
  setFlagsFromString('--lazy');
  writeFileSync(path.replace(/\.cjs$/, '.cache'), script.createCachedData());
}

/**
 * What runs the scripts, for whoever requires it: the command, which so needs no ES module, programs and stubs. `begin(NAME)` loads
 * a script and answers `modules`; a module of one that is not loaded loads it.
 */
const LOADER = `const { readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

/** By script: the names of its modules. */
const SCRIPTS = {};
const modules = {};

function once(make) {
  let made;
  return () => (made ??= make());
}

function begin(name) {
  const filename = \`\${__dirname}/\${name}.cjs\`;
  const cachedData = readFileSync(\`\${__dirname}/\${name}.cache\`);
  const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData });
  const here = pathToFileURL(filename).href;
  const load = (specifier) => import(specifier);
  const late = async (id) => modules[id]();
  script.runInThisContext()(modules, { once, late, load, require: createRequire(filename), here });
  return modules;
}

for (const [name, ids] of Object.entries(SCRIPTS)) {
  for (const id of ids) modules[id] = () => begin(name)[id]();
}
module.exports = { begin, modules };
`;

function bundleCommand() {
  const ids = new Map();
  const idOf = (path) => ids.get(path);
  const scripts = Object.entries(SCRIPTS).map(([name, entries]) => {
    const isLast = name === Object.keys(SCRIPTS).at(-1);
    const modules = reachable(isLast ? [MAIN] : entries, isLast ? new Map() : ids, isLast);
    for (const path of [...modules.keys()]) {
      if (ids.has(path)) modules.delete(path);
    }
    for (const path of modules.keys()) ids.set(path, `m${ids.size}`);
    return { name, modules };
  });
  const packages = [];
  const names = {};
  for (const { name, modules } of scripts) {
    const before = packages.length;
    write(join(root, `${name}.cjs`), joined(modules, idOf, root, packages));
    names[name] = [...[...modules.keys()].map(idOf), ...packages.slice(before)];
  }
  writeFileSync(join(root, 'load.cjs'), LOADER.replace('SCRIPTS = {}', `SCRIPTS = ${JSON.stringify(names)}`));
  writeFileSync(
    join(root, 'modules.js'),
    "import { createRequire } from 'node:module';\nexport const { modules } = createRequire(import.meta.url)('./load.cjs');\n",
  );
  for (const { modules } of scripts) {
    for (const [path, text] of modules) {
      const names = exportsOf(text);
      const from = specifierFrom(dirname(path), join(root, 'modules.js'));
      const stub =
        names.length === 0 ? 'export {};' : `export const { ${names.join(', ')} } = modules.${idOf(path)}();`;
      writeFileSync(path, `import { modules } from '${from}';\n${stub}\n`);
    }
  }
  writeFileSync(
    join(root, 'tsimg.cjs'),
    `#!/usr/bin/env -S node --
// What Node exits with where a module waits in vain
process.exitCode = 13;
require('./load.cjs').begin('hot').${idOf(join(root, MAIN))}().runProgram(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
`,
  );
}

/** A program's script and what starts it, a CommonJS file beside it, read before any of its modules becomes a stub. */
function bundleProgram(program) {
  const modules = reachable([program], new Map(), true);
  const ids = new Map([...modules.keys()].map((path, number) => [path, `m${number}`]));
  const folder = dirname(join(root, program));
  const name = basename(program, '.js');
  write(
    join(folder, `${name}.joined.cjs`),
    joined(modules, (path) => ids.get(path), folder),
  );
  const loader = specifierFrom(folder, join(root, 'load.cjs'));
  const script = relative(root, join(folder, `${name}.joined`));
  writeFileSync(
    join(folder, `${name}.cjs`),
    `process.exitCode = 13;
require('${loader}').begin('${script}').${ids.get(join(root, program))}().then(() => {
  if (process.exitCode === 13) process.exitCode = undefined;
});
`,
  );
}

if (existsSync(join(root, 'modules.js'))) throw new Error('it is joined already: build it anew');
for (const program of PROGRAMS) bundleProgram(program);
bundleCommand();
