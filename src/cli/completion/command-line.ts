import { type Argument, type Command, Help, type Option } from 'commander';
import { operandKind, optionKind, type ValueKind } from './value-kind.ts';

const HELP = new Help();

/** An option as a shell completes it. */
export interface CompletedOption {
  /** `-e` and `--env`, or one of them. */
  readonly names: readonly string[];
  readonly description: string;
  /** Absent for an option without a value. */
  readonly value?: ValueKind;
  /** The value may be left out: it is one only behind `=`. */
  readonly isOptional: boolean;
  readonly isRepeatable: boolean;
}

/** An operand as a shell completes it. */
export interface CompletedOperand {
  readonly name: string;
  readonly kind: ValueKind;
  readonly isVariadic: boolean;
}

/** A verb as a shell completes it. */
export interface CompletedVerb {
  readonly name: string;
  readonly description: string;
  readonly options: readonly CompletedOption[];
  readonly operands: readonly CompletedOperand[];
  /** Whether all words after the first operand belong to a command. */
  readonly endsAtOperand: boolean;
}

/** All that a shell needs to complete the command line. */
export interface CommandLine {
  readonly options: readonly CompletedOption[];
  readonly verbs: readonly CompletedVerb[];
}

function completedOption(option: Option): CompletedOption {
  const names = [option.short, option.long].filter((name) => name != null);
  const [, placeholder] = /[<[](.*)[>\]]$/.exec(option.flags) ?? [];
  const common = {
    names,
    description: option.description,
    // To commander, `<name[=value]>` is both
    isOptional: option.optional && !option.required,
    isRepeatable: Array.isArray(option.defaultValue),
  };
  if (placeholder === undefined) return common;
  return { ...common, value: optionKind(option.long ?? '', placeholder, option.argChoices) };
}

function completedOperand(verb: string, argument: Argument): CompletedOperand {
  const kind = operandKind(verb, argument.name(), argument.argChoices);
  return { name: argument.name(), kind, isVariadic: argument.variadic };
}

function completedOptions(command: Command): readonly CompletedOption[] {
  return HELP.visibleOptions(command).map(completedOption);
}

function completedVerb(command: Command): CompletedVerb {
  const name = command.name();
  const operands = command.registeredArguments.map((argument) => completedOperand(name, argument));
  return {
    name,
    description: command.description(),
    options: completedOptions(command),
    operands,
    endsAtOperand: operands.some((operand) => operand.name === 'command' && operand.isVariadic),
  };
}

/** The program with all of its verbs, as shells see it. */
export function commandLineOf(program: Command): CommandLine {
  return { options: completedOptions(program), verbs: program.commands.map(completedVerb) };
}
