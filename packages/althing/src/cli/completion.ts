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

function firstWords(commands: readonly Completed[]): string[] {
  return [...new Set(commands.map((command) => command.name.split(" ")[0]!))];
}

function bash(commands: readonly Completed[]): string {
  const cases = commands.map((command) => {
    const words = command.options.map((option) => `--${option.name}`).join(" ");
    return `    "${command.name}"*) words="${words}" ;;`;
  });
  const valueCases = commands.flatMap((command) =>
    command.options
      .filter((option) => option.choices.length > 0)
      .map((option) => {
        const words = option.choices.join(" ");
        return `    "${command.name}"*" --${option.name}") words="${words}" ;;`;
      }),
  );
  const nested = commands.filter((command) => command.name.includes(" "));
  const nestedCases = nested.map((command) => {
    const [first, second] = command.name.split(" ");
    return `    "${first}") words="${second}" ;;`;
  });
  return `# bash completion for althing
_althing() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  local line="\${COMP_WORDS[*]:1:COMP_CWORD-1}"
  case "$line" in
    "") words="${[...firstWords(commands), "help"].join(" ")}" ;;
${nestedCases.join("\n")}
    "completion") words="bash zsh fish" ;;
${valueCases.join("\n")}
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _althing althing
`;
}

function zsh(commands: readonly Completed[]): string {
  const quote = (text: string) => text.replaceAll("'", "'\\''").replaceAll(":", "\\:");
  const tops = commands.map((command) => {
    const [first, second] = command.name.split(" ");
    return `    '${first}:${quote(second === undefined ? command.summary : `${first} ${second}`)}'`;
  });
  const cases = commands.map((command) => {
    const [first, second] = command.name.split(" ");
    const options = command.options.map((option) => {
      const help = option.help.replace(/[[\]']/g, "");
      const values = option.choices.length > 0 ? `:value:(${option.choices.join(" ")})` : "";
      return `'--${option.name}[${help}]${values}'`;
    });
    const words = second === undefined ? "" : ` '1:command:(${second})'`;
    const shell = command.name === "completion" ? " '1:shell:(bash zsh fish)'" : "";
    return `    ${first}) _arguments${words}${shell} ${options.join(" ")} '*:file:_files' ;;`;
  });
  return `#compdef althing
_althing() {
  local -a commands
  commands=(
${tops.join("\n")}
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
  for (const command of commands) {
    const [first, second] = command.name.split(" ");
    lines.push(
      `complete -c althing -n __fish_use_subcommand -a ${first} -d '${quote(command.summary)}'`,
    );
    const within = `'__fish_seen_subcommand_from ${first}'`;
    if (second !== undefined) lines.push(`complete -c althing -n ${within} -a ${second}`);
    if (first === "completion") {
      lines.push(`complete -c althing -n ${within} -a 'bash zsh fish'`);
    }
    for (const option of command.options) {
      const values = option.choices.length > 0 ? ` -x -a '${option.choices.join(" ")}'` : "";
      lines.push(
        `complete -c althing -n ${within} -l ${option.name} -d '${quote(option.help)}'${values}`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}
