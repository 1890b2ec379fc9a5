import { createRequire } from 'node:module';
import type koffi from 'koffi';
import { TsimgError } from '../errors.ts';

let loaded: typeof koffi | undefined;

function load(): typeof koffi {
  const require = createRequire(import.meta.url);
  try {
    return require(`@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`);
  } catch {
    // On musl, or where koffi was built from source, the package finds its native part
  }
  try {
    return require('koffi');
  } catch (cause) {
    throw new TsimgError('HOST_UNSUPPORTED', 'the module that calls the kernel cannot be loaded', {
      where: 'koffi',
      why: `its native part for ${process.arch} is not installed, or cannot be loaded`,
      hint: `install tsimg with its optional dependencies, or npm install @koromix/koffi-linux-${process.arch}`,
      cause,
    });
  }
}

/**
 * Loads koffi when it is first needed. Only its native part is loaded where possible: the package takes five times as
 * long (it resolves `exports`, and reads the ELF header of Node), and its additions are deprecated.
 * @throws HOST_UNSUPPORTED where its native part, an optional dependency, is absent
 */
export function loadKoffi(): typeof koffi {
  loaded ??= load();
  return loaded;
}
