// Joins the modules of src into the published files by esbuild, with source maps: the command, our programs and the
// library become scripts of CommonJS. Plain JavaScript, because the build itself uses it.
//
// All entries of the library, and both forms of each (import and require), are views of one script: a class is the same
// one wherever it comes from.
//
// The command has five scripts: modules that every run loads, further modules of verbs that read images, those of verbs
// that look after containers, those of verbs about the store's images, and all others. Each module is in one of them and
// runs when it is first required; modules of another script get it by `modules` of its script. A program that runs in
// its own thread or process has one script with all its modules.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { build } from 'esbuild';

const MAIN = 'cli/program.ts';
/**
 * The scripts of the command, with their first modules. An imported module goes into the first script that needs it;
 * all others go into the last script.
 */
const SCRIPTS = {
  hot: [MAIN, 'cli/verb/container/run.ts', 'verbs/run/run-source.ts', 'cli/verb/unpack.ts', 'cli/verb/image/pull.ts'],
  images: [
    'verbs/rootfs/unpack.ts',
    'verbs/image/pull-to-store.ts',
    'verbs/layers/image-root.ts',
    'verbs/verify/policy.ts',
    'registry/mirrors/hosts-toml.ts',
    'registry/mirrors/registries-conf.ts',
  ],
  containers: [
    ...['exec', 'kill', 'logs', 'ps', 'rm', 'start', 'stop', 'wait'].map((verb) => `cli/verb/container/${verb}.ts`),
    'verbs/life/await-condition.ts',
    'verbs/life/remove-container.ts',
    'verbs/life/signal-container.ts',
    'verbs/look/container-logs.ts',
    'verbs/look/list-containers.ts',
    'verbs/run/exec-container.ts',
    'verbs/run/restart-container.ts',
  ],
  store: [
    ...['images', 'inspect', 'load', 'rmi', 'save', 'tag'].map((verb) => `cli/verb/image/${verb}.ts`),
    ...['image-filter', 'images', 'inspect', 'load', 'remove-image', 'save', 'tag'].map(
      (module) => `verbs/image/${module}.ts`,
    ),
    'verbs/look/inspect-container.ts',
  ],
  others: [],
};
/** Modules that programs of tests ask for, besides other scripts (test/support/command/program-module.ts). */
const ASKED = [
  MAIN,
  'errors.ts',
  'host/stdio/signal-source.ts',
  'launch/plan/run-request.ts',
  'launch/show/exit-status.ts',
  'verbs/run/run-source.ts',
];
const PROGRAMS = [
  'disk/read/layer-worker.ts',
  'host/life/guardian.ts',
  'host/life/monitor.ts',
  'verbs/helper/file-helper.ts',
  'verbs/helper/remove-helper.ts',
  'verbs/helper/unpack-helper.ts',
];
/** The entries of the library: modules of src, of which those that exist are joined. */
const ENTRIES = ['api', 'testing', 'sandbox'];
/** The folder of the declarations for `require`: TypeScript tells by the package.json of a folder what a file is. */
const COMMONJS_TYPES = 'commonjs';
/**
 * How the command begins: for a shell a call of Node, for Node a text and a comment. `--`, because Node 20 looks for its
 * own --env-file in all arguments, and would take NODE_OPTIONS from a file that was meant for a container. By a shell,
 * because env(1) of busybox, which Alpine has, and of older coreutils passes one word only.
 */
const COMMAND_START = `#!/bin/sh
':' //; exec node -- "$0" "$@"`;
/** Said at the start of the library and of the command: later, something else would fail, and say less. */
const NODE_ONLY = `{
  const { bun, deno, node } = process.versions;
  const other = bun !== undefined ? 'Bun ' + bun : deno !== undefined ? 'Deno ' + deno : undefined;
  if (other !== undefined || Number(node.split('.')[0]) < 20) {
    throw new Error('tsimg needs Node.js 20 or newer, and this is ' + (other ?? 'Node.js ' + node) + ': run it with node');
  }
}`;
/**
 * The symbols of Node by which it disposes what it makes. On Node 20, a realm of a test runner does not have them:
 * there the library gets them from a class of Node's.
 */
const NODE_SYMBOLS = `const Symbol = globalThis.Symbol.asyncDispose !== undefined ? globalThis.Symbol : (() => {
  const symbolOf = (prototype, name) =>
    Object.getOwnPropertySymbols(prototype).find(({ description = '' }) => description.endsWith('.' + name));
  const own = {
    asyncDispose: symbolOf(require('node:stream').Readable.prototype, 'asyncDispose'),
    dispose: symbolOf(require('node:child_process').ChildProcess.prototype, 'dispose'),
  };
  return new Proxy(globalThis.Symbol, { get: (target, name) => own[name] ?? target[name] });
})();`;
/**
 * Packages that are joined too; the others are loaded from node_modules. Of a package that only one script imports,
 * only what is used is joined: so `schema/zod.ts` alone imports zod.
 */
const PACKAGES = new Set(['commander', 'zod', '@sigstore/core/dist/crypto.js']);
/**
 * Packages that few runs need. Each becomes a script of its own, with the packages that it needs; the value is the text
 * of that script. `import()` of a CommonJS package has its exports as the default.
 */
const LATE_PACKAGES = new Map([
  ['got', "export * from 'got';"],
  ['gunzip-maybe', "module.exports = require('gunzip-maybe'); module.exports.default = module.exports;"],
]);
/**
 * Modules of Node's that are loaded when something of them is first used: of most runs, nothing is. They take a
 * millisecond each.
 */
const LATE_BUILTINS = new Set(['child_process', 'http', 'https', 'net', 'readline', 'tls', 'worker_threads']);
/**
 * Packages that are left out of joined packages: got uses http2-wrapper for HTTP/2 alone, which tsimg never requests.
 * Loading it makes a TLS socket, which parses all of Node's certificates.
 */
const LEFT_OUT = new Set(['http2-wrapper']);

/**
 * Objects that joined packages make while they are loaded, though tsimg seldom or never uses them. Here they are made
 * when they are used. A list formatter, for messages, loads the tables of all languages: 14 ms. commander starts
 * programs for commands that are files of their own: its module of Node's takes 3 ms.
 */
const MADE_LATE = [
  {
    file: /@sindresorhus[\\/]is[\\/]distribution[\\/]index\.js$/,
    made: /= (new Intl\.ListFormat\(.*\));$/gm,
    late: '= { format: (list) => $1.format(list) };',
  },
  {
    file: /commander[\\/]lib[\\/]command\.js$/,
    made: /= (require\('node:child_process'\));$/gm,
    late: '= { spawn: (...words) => $1.spawn(...words) };',
  },
];

const nameOf = (path) => path.replace(/^.*\//, '').replace(/\.ts$/, '');

/** Returns the expression that imports a package late; undefined where the written one stays. */
function lateImport(name, isScript) {
  if (!isScript) return LATE_PACKAGES.has(name) ? `import('./scripts/${name}.cjs')` : undefined;
  return LATE_PACKAGES.has(name) ? `Promise.resolve(require('./${name}.cjs'))` : `importOutside('${name}')`;
}

/**
 * Replaces `import.meta.url` with the URL of the module in src, because the script lies elsewhere. Replaces imports of
 * npm packages in scripts, because a script that the loader for Node 20 has loaded cannot import. Writes the version of
 * package.json into the module that would read it at every start.
 * @param urlOf returns an expression
 */
function adapted(source, urlOf, isScript) {
  const { version } = JSON.parse(readFileSync(join(source, '..', 'package.json'), 'utf8'));
  return {
    name: 'adapted',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]src[\\/]version\.ts$/, namespace: 'file' }, () => ({
        contents: `export const version = ${JSON.stringify(version)};`,
        loader: 'js',
      }));
      onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path }) => {
        const own = relative(source, path).replace(/\.ts$/, '.js');
        const text = readFileSync(path, 'utf8').replaceAll('import.meta.url', urlOf(own));
        const contents = text.replace(/\bimport\('([^.'][^']*)'\)/g, (as, name) => lateImport(name, isScript) ?? as);
        return { contents, loader: 'ts', resolveDir: dirname(path) };
      });
    },
  };
}

/** Returns the name in `PACKAGES` of what an import names: a package, or one module of it. */
function joinedName(specifier) {
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return [name, specifier].find((each) => PACKAGES.has(each));
}

/**
 * Leaves npm packages outside, and gets modules of other scripts from there.
 * @param own the script that is joined; undefined for one that has all its modules
 * @param scripts the script of each module, by its path
 * @param exported the names that modules export. With them, imports become variables: of a module without known names,
 * esbuild would make an object with a getter for each name in each importer.
 */
function outside(source, own, scripts = new Map(), exported = new Map()) {
  return {
    name: 'outside',
    setup({ onResolve, onLoad, resolve: resolvePackage }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind, resolveDir }) => {
        const name = joinedName(path);
        if (name === undefined) return { path, external: true };
        const script = scripts.get(name);
        if (script !== own) return { path: `${script}:${path}`, namespace: 'script' };
        // All importers get the same form of a package: with require() a second form would be joined too.
        return kind === 'require-call' ? resolvePackage(path, { kind: 'import-statement', resolveDir }) : undefined;
      });
      onResolve({ filter: /^\.\.?\/.*\.ts$/ }, ({ path, resolveDir, namespace }) => {
        if (namespace !== 'file') return undefined;
        const module = relative(source, resolve(resolveDir, path));
        const script = scripts.get(module);
        return script === own ? undefined : { path: `${script}:${module}`, namespace: 'script' };
      });
      // Only from our own scripts: packages have files of such names too.
      onResolve({ filter: /^\.\/(?:scripts\/)?[\w-]+\.cjs$/ }, ({ path, namespace, resolveDir }) =>
        namespace === 'script' || resolveDir.startsWith(source) ? { path, external: true } : undefined,
      );
      onLoad({ filter: /.*/, namespace: 'script' }, ({ path }) => {
        const [script, module] = path.split(':');
        const got = `require('./${script}.cjs').modules['${module}']()`;
        const names = exported.get(module);
        const contents = names ? `export const { ${names.join(', ')} } = ${got};` : `module.exports = ${got};`;
        return { contents, loader: 'js' };
      });
    },
  };
}

/** Leaves packages of `LEFT_OUT` out of the packages that import them. */
const leavingOut = {
  name: 'leaving-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ path }) => (LEFT_OUT.has(path) ? { path, namespace: 'left-out' } : undefined));
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};

/** Has objects of `MADE_LATE` made when they are used. Each must be in one script at least: a file may be renamed. */
const madeLate = new Set();
const makingLate = {
  name: 'making-late',
  setup({ onLoad }) {
    for (const each of MADE_LATE) {
      const { file, made, late } = each;
      onLoad({ filter: file }, ({ path }) => {
        madeLate.add(each);
        const text = readFileSync(path, 'utf8');
        if (text.search(made) < 0) throw new Error(`${path} has nothing any more that is made late: ${made}`);
        return { contents: text.replace(made, late), loader: 'js' };
      });
    }
  },
};

/**
 * Gives the joined zod a configuration of its own. Zod keeps it in globals, where a program's own zod would change what
 * tsimg checks, and how it says what is wrong.
 */
const withOwnGlobals = {
  name: 'with-own-globals',
  setup({ onLoad }) {
    onLoad({ filter: /zod[\\/]v4[\\/]core[\\/](core|registries)\.js$/ }, ({ path }) => ({
      contents: `const ownGlobals = {};\n${readFileSync(path, 'utf8').replaceAll('globalThis', 'ownGlobals')}`,
      loader: 'js',
    }));
  },
};

/**
 * Returns the script of each module or package, and those that other scripts import. Only these get an object of
 * exports, which takes a getter for each name at every start.
 */
async function modulesOf(source, root, options) {
  const { metafile } = await build({ ...options, entryPoints: [join(source, MAIN)], write: false });
  const nameOfInput = (path) => {
    const module = relative(source, resolve(root, path));
    const specifier = /node_modules\/(.*)$/.exec(module)?.[1];
    return specifier === undefined ? module : (joinedName(specifier) ?? specifier);
  };
  const imports = new Map();
  for (const [path, input] of Object.entries(metafile.inputs)) {
    const known = imports.get(nameOfInput(path)) ?? [];
    imports.set(nameOfInput(path), [...known, ...input.imports.filter((each) => !each.external)]);
  }
  const taken = new Map();
  const take = (module, script, late) => {
    if (taken.has(module) || !imports.has(module)) return;
    taken.set(module, script);
    for (const { path, kind } of imports.get(module)) {
      if (late || kind !== 'dynamic-import') take(nameOfInput(path), script, late);
    }
  };
  for (const [script, entries] of Object.entries(SCRIPTS)) for (const entry of entries) take(entry, script, false);
  const last = Object.keys(SCRIPTS).at(-1);
  for (const module of imports.keys()) take(module, last, true);
  const asked = new Set(ASKED);
  for (const [module, own] of imports) {
    for (const name of own.map(({ path }) => nameOfInput(path))) {
      if (taken.get(name) !== taken.get(module)) asked.add(name);
    }
  }
  return { scripts: taken, asked };
}

/** Returns the names that modules of tsimg export, by the module. */
async function exportsOf(source, modules) {
  const entryPoints = [...modules].filter((module) => !PACKAGES.has(module)).map((module) => join(source, module));
  const options = { entryPoints, outbase: source, outdir: source, format: 'esm', write: false, metafile: true };
  const { metafile } = await build({ ...options, absWorkingDir: source, logLevel: 'silent' });
  const outputs = Object.entries(metafile.outputs);
  return new Map(outputs.map(([path, { exports: names }]) => [path.replace(/js$/, 'ts'), names]));
}

/**
 * Makes a script start sooner. esbuild copies a module, name by name, where a namespace of it is needed: Node's own
 * modules and the objects that other scripts ask for serve as they are. Modules of `LATE_BUILTINS` are loaded when they
 * are used. No line is added, so that the map stays right.
 */
function lighten(file) {
  const text = readFileSync(file, 'utf8')
    .replaceAll(/__toESM\((require\("node:[\w/]+"\)), 1\)/g, '$1')
    .replaceAll(/ = require\("(node:(\w+))"\);/g, (as, path, name) =>
      LATE_BUILTINS.has(name) ? ` = late("${path}");` : as,
    )
    .replaceAll(/\((init_\w+\(\)), __toCommonJS\((\w+)\)\),$/gm, '($1, $2),');
  writeFileSync(file, text);
}

/**
 * Returns the digest by which the loader for Node 20 knows a script. The loader reads scripts as Latin-1, in a fraction
 * of the time. @throws Error for a script that is not ASCII: esbuild escapes texts, but neither regular expressions nor
 * templates with a tag, in which `\u2026` must be written
 */
function digestOf(file) {
  const text = readFileSync(file, 'utf8');
  const other = /^.*[\u0080-\uffff].*$/m.exec(text);
  if (other !== null) throw new Error(`${file} is not ASCII: ${other[0].trim()}`);
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Writes Sigstore's public trusted root, from a dev dependency, beside the scripts. */
function writeTrustedRoot(folder) {
  const seeds = createRequire(import.meta.url)('@sigstore/tuf/seeds.json');
  const { targets } = seeds['https://tuf-repo-cdn.sigstore.dev'];
  writeFileSync(join(folder, 'public-good.trusted-root.json'), Buffer.from(targets['trusted_root.json'], 'base64'));
}

/** All declarations that the entries reach, from `made`. */
function declarationsOf(made, entries) {
  const found = new Set();
  const visit = (path) => {
    if (found.has(path)) return;
    found.add(path);
    for (const [, name] of readFileSync(join(made, path), 'utf8').matchAll(
      /\b(?:from|import\() ?'(\.[^']+)\.[jt]s'/g,
    )) {
      visit(`${join(dirname(path), name)}.d.ts`);
    }
  };
  for (const entry of entries) visit(`${entry}.d.ts`);
  return found;
}

/** Writes both forms of each entry of the library, and the declarations for `require`. */
async function writeEntries(source, made, entries) {
  for (const entry of entries) {
    const entryPoints = [join(source, `${entry}.ts`)];
    const { metafile } = await build({ entryPoints, format: 'esm', outdir: made, write: false, metafile: true });
    const [{ exports: names }] = Object.values(metafile.outputs);
    const module = `import library from './${entry}.cjs';\nexport const { ${names.join(', ')} } = library;\n`;
    writeFileSync(join(made, `${entry}.js`), module);
    // For an import, Node looks for names of exports in what a script hands on by `module.exports = require(…)`, too: in
    // the library that takes longer than to run it
    const script = `const { ${entry} } = require('./library.cjs');\nmodule.exports = ${entry};\n`;
    writeFileSync(join(made, `${entry}.cjs`), script);
  }
  for (const path of declarationsOf(made, entries)) {
    mkdirSync(join(made, COMMONJS_TYPES, dirname(path)), { recursive: true });
    copyFileSync(join(made, path), join(made, COMMONJS_TYPES, path));
  }
  writeFileSync(join(made, COMMONJS_TYPES, 'package.json'), '{ "type": "commonjs" }\n');
}

/** Has the maps beside scripts name sources from where the scripts will be: dist takes the place of .build/dist. */
function relocateMaps(folder) {
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.map'))) {
    const map = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const sources = map.sources.map((source) => source.replace(/^\.\.\//, ''));
    writeFileSync(join(folder, name), JSON.stringify({ ...map, sources }));
  }
}

/** Returns a package's license: its file, or what its README says of it. */
function licenseIn(folder) {
  const files = readdirSync(folder);
  const read = (pattern) => {
    const file = files.find((each) => pattern.test(each));
    return file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
  };
  return read(/^licen[cs]e/i) || /^#+ *licen[cs]e\b.*/ims.exec(read(/^readme/i))?.[0];
}

/** Writes the licenses of all packages of which something was joined. @param inputs paths of modules, below `root` */
function writeLicenses(root, inputs, file) {
  const packages = [...inputs].map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean);
  const texts = [...new Set(packages)].sort().map((path) => {
    const { name, version } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const license = licenseIn(join(root, path));
    if (license === undefined) throw new Error(`${name} has no license, which must go with what is joined of it`);
    return `## ${name} ${version}\n\n${license}\n`;
  });
  writeFileSync(file, `# Licenses of what the scripts hold of other packages\n\n${texts.join('\n')}`);
}

/**
 * Adds the published files to the compiled modules.
 * @param root the checkout
 * @param made the folder with the compiled `src`
 */
export async function joinScripts(root, made) {
  const source = join(root, 'src');
  const folder = join(made, 'scripts');
  mkdirSync(folder, { recursive: true });
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: 'silent',
  };
  const script = { ...common, format: 'cjs' };
  const banner = {
    js: `const { importOutside } = require('./start-script.cjs');
const ownUrl = (path) => require('node:url').pathToFileURL(\`\${__dirname}/../\${path}\`).href;
const late = (path) => new Proxy({}, { get: (_, name) => require(path)[name] });`,
  };
  const scriptUrls = adapted(source, (own) => `ownUrl('${own}')`, true);
  const alone = { ...script, banner, plugins: [scriptUrls, outside(source)] };

  const entries = ENTRIES.filter((entry) => existsSync(join(source, `${entry}.ts`)));
  const library = build({
    ...script,
    banner: {
      js: `${NODE_ONLY}
${NODE_SYMBOLS}
const ownUrl = (path) => require('node:url').pathToFileURL(\`\${__dirname}/\${path}\`).href;`,
    },
    // Test runners such as Jest have no import() in what they load by require()
    supported: { 'dynamic-import': false },
    stdin: {
      contents: entries.map((entry) => `export * as ${entry} from './${entry}.ts';`).join('\n'),
      resolveDir: source,
      sourcefile: 'library.js',
    },
    outfile: join(made, 'library.cjs'),
    plugins: [adapted(source, (own) => `ownUrl('${own}')`, false), outside(source), withOwnGlobals],
  });
  const programs = PROGRAMS.map((program) =>
    build({ ...alone, entryPoints: [join(source, program)], outfile: join(folder, `${nameOf(program)}.cjs`) }),
  );
  const { scripts, asked } = await modulesOf(source, root, { ...alone, sourcemap: false });
  const exported = await exportsOf(source, asked);
  const parts = Object.keys(SCRIPTS).map((name) => {
    const own = [...asked].filter((module) => scripts.get(module) === name);
    const entries = own.map((module) => `'${module}': () => require('${PACKAGES.has(module) ? '' : './'}${module}'),`);
    return build({
      ...script,
      banner,
      stdin: {
        contents: `exports.modules = {\n${entries.join('\n')}\n};`,
        resolveDir: source,
        sourcefile: `${name}.js`,
      },
      outfile: join(folder, `${name}.cjs`),
      plugins: [scriptUrls, outside(source, name, scripts, exported), makingLate],
    });
  });
  const packages = [...LATE_PACKAGES].map(([name, contents]) =>
    build({
      ...script,
      stdin: { contents, resolveDir: source, sourcefile: `${name}.js` },
      outfile: join(folder, `${name}.cjs`),
      plugins: [leavingOut, makingLate],
    }),
  );
  const joined = await Promise.all([library, ...programs, ...parts, ...packages]);
  for (const each of MADE_LATE) if (!madeLate.has(each)) throw new Error(`no script has ${each.file}`);
  await writeEntries(source, made, entries);
  const inputs = joined.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  writeLicenses(root, inputs, join(folder, 'licenses.md'));
  writeTrustedRoot(folder);

  const own = [...Object.keys(SCRIPTS), ...PROGRAMS.map(nameOf)];
  for (const name of own) lighten(join(folder, `${name}.cjs`));
  const digests = [...own, ...LATE_PACKAGES.keys()].map((name) => [name, digestOf(join(folder, `${name}.cjs`))]);
  await build({
    ...script,
    entryPoints: [join(source, 'start-script.ts')],
    outfile: join(folder, 'start-script.cjs'),
    define: { SCRIPT_DIGESTS: JSON.stringify(Object.fromEntries(digests)) },
  });
  lighten(join(folder, 'start-script.cjs'));
  relocateMaps(made);
  relocateMaps(folder);
  writeFileSync(
    join(made, 'tsimg.cjs'),
    `${COMMAND_START}
${NODE_ONLY}
// Node's exit status when a promise never settles
process.exitCode = 13;
const args = process.argv.slice(2);
const { modules } = require('./scripts/start-script.cjs').startScript('hot', args);
modules['${MAIN}']().runProgram(args).then((status) => {
  process.exitCode = status;
  // All is done. What is left to do by itself would take the heap apart, which takes some milliseconds.
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
});
`,
    { mode: 0o755 },
  );
  mkdirSync(join(made, 'programs'));
  for (const name of PROGRAMS.map(nameOf)) {
    writeFileSync(
      join(made, 'programs', `${name}.cjs`),
      `process.exitCode = 13;
Promise.resolve(require('../scripts/start-script.cjs').startScript('${name}', ['${name}']).done).then(() => {
  if (process.exitCode === 13) process.exitCode = undefined;
});
`,
    );
  }
  for (const name of ['tsimg.cjs', ...entries.flatMap((entry) => [`${entry}.js`, `${entry}.cjs`, `${entry}.d.ts`])]) {
    if (!existsSync(join(made, name))) throw new Error(`${name} was not made`);
  }
}
