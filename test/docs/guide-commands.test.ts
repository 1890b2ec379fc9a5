import { suite } from 'uvu';
import { defineCommands } from './support/define-commands.ts';

const test = suite('docs/guide-commands');
defineCommands(test, /^docs\/guides\//);
test.run();
