import { createRequire } from 'node:module';
import type koffi from 'koffi';

let loaded: typeof koffi | undefined;

function load(): typeof koffi {
  const require = createRequire(import.meta.url);
  try {
    return require(`@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`);
  } catch {
    // On musl, or where koffi was built from source, the package finds its native part
    return require('koffi');
  }
}

/**
 * Loads koffi when it is first needed. Only its native part is loaded where possible: the package takes five times as
 * long (it resolves `exports`, and reads the ELF header of Node), and its additions are deprecated.
 */
export function loadKoffi(): typeof koffi {
  loaded ??= load();
  return loaded;
}
