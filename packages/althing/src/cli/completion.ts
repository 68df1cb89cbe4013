// `althing completion`: scripts for bash, zsh and fish, written from the commands themselves, so that
// they never lag behind.

import { flags } from "@althing/server/flags";
import { type Command, type Option, parseOptions, usageError } from "./command.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

const helpOption: Option = { name: "help", short: "h", kind: "boolean", help: "This text" };

/** What it completes are the commands, of which it is one itself: hence a function. */
export const completionOf = (commands: () => readonly Command[]): Command => ({
  name: "completion",
  summary: "Print a completion script for your shell",
  usage: "completion bash|zsh|fish",
  about: "Prints a script that lets the shell complete commands and options of althing.",
  options: [helpOption],
  examples: [
    { command: "source <(althing completion bash)", what: "bash, for this session" },
    { command: "althing completion zsh > ~/.zfunc/_althing", what: "zsh, for good" },
    {
      command: "althing completion fish > ~/.config/fish/completions/althing.fish",
      what: "fish, for good",
    },
  ],
  async run(args) {
    const parsed = parseOptions(this, args);
    const [shell, ...more] = parsed.words;
    if (!shells.includes(shell as Shell) || more.length > 0) {
      throw usageError(this, "which shell: bash, zsh or fish?");
    }
    process.stdout.write(writeCompletion(shell as Shell, commands()));
    return 0;
  },
});

interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly {
    readonly name: string;
    readonly help: string;
    readonly choices: readonly string[];
  }[];
}

export function writeCompletion(shell: Shell, commands: readonly Command[]): string {
  const completed = commands.map(
    (command): Completed => ({
      name: command.name,
      summary: command.summary,
      options: optionsOf(command),
    }),
  );
  return { bash, zsh, fish }[shell](completed);
}

function optionsOf(command: Command): Completed["options"] {
  const own =
    command.name === "start" ? flags.filter((flag) => flag.effect === "acts") : command.options;
  return own.map((option) => ({
    name: option.name,
    help: option.help,
    choices: option.choices ?? [],
  }));
}

/** `member` with `list`, `add` and so on below it; `get` with itself alone. */
interface Top {
  readonly word: string;
  readonly summary: string;
  /** By their second word. Empty for a command of one word. */
  readonly below: ReadonlyMap<string, Completed>;
  readonly own: Completed | undefined;
}

function topsOf(commands: readonly Completed[]): Top[] {
  const words = [...new Set(commands.map((command) => command.name.split(" ")[0]!))];
  return words.map((word) => {
    const own = commands.find((command) => command.name === word);
    const below = new Map(
      commands
        .filter((command) => command.name.startsWith(`${word} `))
        .map((command) => [command.name.slice(word.length + 1), command]),
    );
    return { word, summary: own?.summary ?? [...below.keys()].join(", "), below, own };
  });
}

function bash(commands: readonly Completed[]): string {
  const tops = topsOf(commands);
  const nested = tops.filter(({ below }) => below.size > 0);
  const line = (pattern: string, words: Iterable<string>) =>
    `    ${pattern}) words="${[...words].join(" ")}" ;;`;
  const cases = [
    line('""', [...tops.map(({ word }) => word), "help"]),
    line(
      '"help"',
      tops.map(({ word }) => word),
    ),
    ...nested.map(({ word, below }) => line(`"${word}"|"help ${word}"`, below.keys())),
    line('"completion"', shells),
    ...commands.flatMap(({ name, options }) =>
      options
        .filter(({ choices }) => choices.length > 0)
        .map((option) => line(`"${name}"*" --${option.name}"`, option.choices)),
    ),
    ...commands.map(({ name, options }) =>
      line(
        `"${name}"|"${name} "*`,
        options.map((option) => `--${option.name}`),
      ),
    ),
  ];
  return `# bash completion for althing
_althing() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  local line="\${COMP_WORDS[*]:1:COMP_CWORD-1}"
  case "$line" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _althing althing
`;
}

function zsh(commands: readonly Completed[]): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replaceAll(":", "\\:");
  const entry = (word: string, summary: string) => `'${word}:${quote(summary)}'`;
  const tops = topsOf(commands);
  const argumentsOf = (command: Completed) => {
    const options = command.options.map((option) => {
      const help = option.help.replace(/[[\]']/g, "");
      const values = option.choices.length > 0 ? `:value:(${option.choices.join(" ")})` : "";
      return `'--${option.name}[${help}]${values}'`;
    });
    const shell = command.name === "completion" ? ` '1:shell:(${shells.join(" ")})'` : "";
    return `_arguments${shell} ${options.join(" ")} '*:file:_files'`;
  };
  const cases = tops.map(({ word, below, own }) => {
    if (own !== undefined) return `    ${word}) ${argumentsOf(own)} ;;`;
    const words = [...below].map(([second, { summary }]) => entry(second, summary));
    const seconds = [...below].map(([second, one]) => `        ${second}) ${argumentsOf(one)} ;;`);
    return `    ${word})
      if (( CURRENT == 2 )); then
        commands=(${words.join(" ")})
        _describe 'command' commands
        return
      fi
      command="\${words[2]}"
      shift words
      (( CURRENT-- ))
      case "$command" in
${seconds.join("\n")}
      esac ;;`;
  });
  return `#compdef althing
_althing() {
  local -a commands
  commands=(
${tops.map(({ word, summary }) => `    ${entry(word, summary)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_althing" ]; then _althing "$@"; else compdef _althing althing; fi
`;
}

function fish(commands: readonly Completed[]): string {
  const quote = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  const lines = ["# fish completion for althing", "complete -c althing -f"];
  for (const { word, summary, below, own } of topsOf(commands)) {
    lines.push(`complete -c althing -n __fish_use_subcommand -a ${word} -d '${quote(summary)}'`);
    const within = `__fish_seen_subcommand_from ${word}`;
    const seconds = [...below.keys()].join(" ");
    for (const [second, command] of below) {
      const first = `'${within}; and not __fish_seen_subcommand_from ${seconds}'`;
      lines.push(`complete -c althing -n ${first} -a ${second} -d '${quote(command.summary)}'`);
      const both = `'${within}; and __fish_seen_subcommand_from ${second}'`;
      lines.push(...optionLines(both, command, quote));
    }
    if (own === undefined) continue;
    if (word === "completion") {
      lines.push(`complete -c althing -n '${within}' -a '${shells.join(" ")}'`);
    }
    lines.push(...optionLines(`'${within}'`, own, quote));
  }
  return `${lines.join("\n")}\n`;
}

function optionLines(
  within: string,
  command: Completed,
  quote: (text: string) => string,
): string[] {
  return command.options.map((option) => {
    const values = option.choices.length > 0 ? ` -x -a '${option.choices.join(" ")}'` : "";
    return `complete -c althing -n ${within} -l ${option.name} -d '${quote(option.help)}'${values}`;
  });
}
