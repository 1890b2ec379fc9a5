#!/usr/bin/env -S node --
import { runProgram } from './cli/program.ts';

// `--` above: Node 20 looks for its own --env-file in all arguments, and would take NODE_OPTIONS from a file that was
// meant for a container.
process.exitCode = await runProgram(process.argv.slice(2));
