"""The entry point: reads the command line, runs one subcommand, turns errors into one line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import convlet
from convlet.cli import (
    bench,
    evaluate,
    export,
    info,
    predict,
    resuming,
    settings,
    show,
    summary,
    train,
)
from convlet.cli.arguments import Parser
from convlet.cli.errors import FAILED, INTERRUPTED, CommandError
from convlet.cli.output import complain

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXIT_CODES = """\
examples:
  convlet train                        a first network, on real digits if they are installed
  convlet COMMAND --help               the options of a command, with examples

exit codes: 0 done; 1 failed (a file, a loss that is not finite); 2 wrong use; 130 interrupted
"""


def build_parser() -> Parser:
    """Join the subcommands into one parser."""
    parser = Parser(
        prog="convlet",
        description="Train and run convolutional networks on the CPU.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"convlet {convlet.__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    for command in (train, evaluate, predict, show, export, summary, bench, info):
        command.add_parser(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    parser = build_parser()
    words = sys.argv[1:] if argv is None else argv
    for word in words:
        if word.startswith("--") and word.endswith("=--"):  # older argparse takes it for no value
            parser.error(f"argument {word[:-3]}: a value is wanted, got '--'")
    arguments = parser.parse_args(words)
    try:
        for source, read in (("config", settings.read), ("resume", resuming.read)):
            if getattr(arguments, source, None) is not None:
                options = arguments.parser.settings
                saved = read(getattr(arguments, source), options)
                arguments.parser.set_defaults(given=arguments, **saved)
                arguments = parser.parse_args(words)  # again: the command line overrides the file
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except CommandError as error:
        complain(f"convlet {arguments.command}: {error}")
        return error.code
    except KeyboardInterrupt:
        complain(f"convlet {arguments.command}: interrupted")
        return INTERRUPTED
    except MemoryError as error:
        complain(f"convlet {arguments.command}: not enough memory ({error})")
        return FAILED
    except BrokenPipeError:
        # The reader has gone (as in `convlet info | head -1`): not an error of ours. Standard output
        # is pointed elsewhere so that Python's own flush at exit finds an open file.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # such as a name that is too long for a file
        complain(f"convlet {arguments.command}: {' '.join(str(error).split())}")
        return FAILED
    return code


if __name__ == "__main__":
    sys.exit(main())
