// Runs commands that are not trusted: sandbox.ts SOURCE
import { createSandbox } from 'tsimg/sandbox';

const [source = 'alpine:3.20'] = process.argv.slice(2);
await using box = await createSandbox(source, {
  files: { 'count.sh': 'wc -w < "$1" > result; echo counted\n', 'text.txt': 'one two three\n' },
  time: 5000,
  output: 10_000,
  // Where this user may make no cgroups, weaker bounds are accepted; box.limits tells which hold.
  weakLimits: true,
});

const { exitCode, stdout } = await box.run(['sh', 'count.sh', 'text.txt']);
console.log(`status ${exitCode}: ${stdout.trim()}, ${(await box.readFile('result')).toString().trim()} words`);

// What it does to its files can be taken back, or tried in a copy.
const before = await box.snapshot();
await box.run(['rm', 'text.txt', 'count.sh']);
await box.restore(before);
await using copy = await box.fork();
console.log(`files: ${(await copy.run(['ls'])).stdout.trim().split('\n').join(' ')}`);

// A limit that is reached is no error.
const endless = await box.run(['sh', '-c', 'while :; do echo y; done']);
console.log(`too much output: ${endless.outputExceeded}`);
const outside = await box.run(['wget', '-q', '-O-', 'http://example.com/']);
console.log(`a way out: ${outside.exitCode === 0}`);
